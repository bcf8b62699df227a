"""Stored lights: periods of days in which nothing that is said of a promise or of a pilot changes.

They hold what `pilots/periods.py` computes from the records. `pilots/stored_lights.py` alone writes them, in the
transaction of each write; they have no history and no editor. The periods of one item follow each other without a gap,
from the first day to the last: after the last year that a record names, no rule has anything left to change.
"""

from datetime import date
from typing import Any

from django.db import models
from django.db.models import F, Q

from core.records.models import choices_constraint
from pilots.lights import LIGHT_CHOICES, RULES, Colour, LightReason, ReportState
from pilots.metrics import CoControl, Stage
from pilots.models.indicator import Indicator, Target
from pilots.models.pilot import Pilot
from pilots.models.planned import Milestone
from pilots.models.reading import Reading

ALWAYS, FOREVER = date.min, date.max
"""The first day of the first period, and the end of the last: no column that is compared is ever empty."""


def on_day(day: date, prefix: str = "") -> Q:
    """Return the condition of the period that holds a day; `prefix` leads to it."""
    return Q(**{f"{prefix}since__lte": day, f"{prefix}until__gt": day})


def part_of(to: Any, related_name: str = "+", **options: Any) -> Any:
    """Return a field of what a period is of, or names: it goes with that."""
    return models.ForeignKey(to, models.CASCADE, related_name=related_name, **options)


class PeriodModel(models.Model):
    """Abstract model of a period: from `since` to the day before `until`."""

    COMPUTED = RULES  # from the records: a snapshot computes its own

    since = models.DateField()
    until = models.DateField()

    class Meta:
        abstract = True


class ItemLight(PeriodModel):
    """The light of a target or milestone in a period, with its reason."""

    target = part_of(Target, "lights", null=True, db_index=False)
    milestone = part_of(Milestone, "lights", null=True, db_index=False)
    colour = models.CharField(max_length=6, choices=Colour.choices)
    why = models.CharField(max_length=20, choices=LightReason.choices)

    class Meta:
        ordering = ["target", "milestone", "since"]
        constraints = [
            models.UniqueConstraint(fields=["target", "since"], name="itemlight_target_unique"),
            models.UniqueConstraint(fields=["milestone", "since"], name="itemlight_milestone_unique"),
            models.CheckConstraint(
                condition=Q(target__isnull=True, milestone__isnull=False)
                | Q(target__isnull=False, milestone__isnull=True),
                name="itemlight_of_one",
            ),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="itemlight_in_order"),
            choices_constraint("colour", Colour, "itemlight_colour_known"),
        ]


class PilotLight(PeriodModel):
    """What is said of a pilot in a period: its light, stage, values for the last year due, targets and milestones.

    `colour` is the one shown, `computed` that of the rules: they differ only where the light is set by hand (`why` says
    so). `target` or `milestone` is the worst one of the computed light, `reading` the value that it was judged by.
    `colour_since` is the first day of the colour, `ALWAYS` where it has never been different. `values_due` counts the
    indicators of binding targets whose values of the last year due are owed, `values_due_on` is the first of their due
    days, `outstanding` where they are held up. Targets are those that count: binding, in force, not followed by a later
    one. Milestones are those in force.
    """

    pilot = part_of(Pilot, "lights", db_index=False)
    rank = models.PositiveSmallIntegerField()
    colour = models.CharField(max_length=6, choices=LIGHT_CHOICES)
    computed = models.CharField(max_length=6, choices=LIGHT_CHOICES)
    why = models.CharField(max_length=20, choices=LightReason.choices)
    target = part_of(Target, null=True)
    milestone = part_of(Milestone, null=True)
    reading = part_of(Reading, null=True)
    colour_since = models.DateField()
    stage = models.CharField(max_length=12, choices=Stage.choices, blank=True)
    stage_since = models.DateField(null=True)
    reached = models.CharField(max_length=12, choices=Stage.choices, blank=True)
    values_due = models.PositiveSmallIntegerField()
    values_accepted = models.PositiveSmallIntegerField()
    values_due_on = models.DateField(null=True)
    outstanding = models.CharField(max_length=8, choices=ReportState.choices, blank=True)
    targets_binding = models.PositiveSmallIntegerField()
    targets_rated = models.PositiveSmallIntegerField()
    targets_on_path = models.PositiveSmallIntegerField()
    milestones = models.PositiveSmallIntegerField()
    milestones_due = models.PositiveSmallIntegerField()
    milestones_completed = models.PositiveSmallIntegerField()
    milestones_late = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["pilot", "since"]
        constraints = [
            models.UniqueConstraint(fields=["pilot", "since"], name="pilotlight_unique"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="pilotlight_in_order"),
            models.CheckConstraint(
                condition=Q(colour__in=[colour for colour, _label in LIGHT_CHOICES]), name="pilotlight_colour_known"
            ),
        ]
        indexes = [  # read alone for filters, order and counts
            models.Index(
                fields=["until", "since", "rank", "colour", "colour_since", "pilot", "computed", "why"],
                name="pilotlight_on_a_day",
            )
        ]


class PilotClass(PeriodModel):
    """The class of a pilot's joint reduction between its base year and a year, as known in a period.

    There is a row wherever carbon has an accepted value of the year. `why` says what keeps the pilot out, `kind` is
    empty then, and for an intensity. Rates are fractions, positive = reduced; `carbon_tonnes` and `equivalents` (in
    thousands) are what was reduced, empty where it is not known or no total.
    """

    pilot = part_of(Pilot, "classes", db_index=False)
    year = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=30, choices=CoControl.choices, blank=True)
    why = models.CharField(max_length=15, blank=True)
    basis = models.CharField(max_length=10, blank=True)
    base_year = models.PositiveSmallIntegerField(null=True)
    carbon = part_of(Indicator, null=True)
    carbon_rate = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    pollution_rate = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    carbon_tonnes = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    equivalents = models.DecimalField(max_digits=28, decimal_places=10, null=True)

    class Meta:
        ordering = ["pilot", "year", "since"]
        constraints = [
            models.UniqueConstraint(fields=["pilot", "year", "since"], name="pilotclass_unique"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="pilotclass_in_order"),
            choices_constraint("kind", CoControl, "pilotclass_kind_known", blank=True),
        ]
        indexes = [models.Index(fields=["year", "until", "since", "kind", "pilot"], name="pilotclass_on_a_day")]


class StaleLight(models.Model):
    """A pilot whose stored lights wait to be computed anew by a job: a request changed too many at once."""

    pilot = models.OneToOneField(Pilot, models.CASCADE, related_name="+")
    since = models.DateTimeField(auto_now_add=True)


class LightRules(models.Model):
    """The version of the rules by which the stored lights were computed: one row."""

    version = models.CharField(max_length=100)

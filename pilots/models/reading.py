"""Readings: their model, the ledger that records them, and the newest accepted version on a day, as queryset and as
list: the one definition for all numbers.

For each pilot, indicator and period the newest version accepted by the day counts, also while it is disputed; versions
that were never accepted are ignored.
`tests/pilots/test_readings.py` holds the two forms to each other.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, Value, When
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.days import today
from core.history.diffs import author_name, format_datetime
from core.records import writing
from core.records.models import FieldNames, check_not_ahead, choices_constraint, link_field
from core.text import format_number, join_sentences, number_with_unit, to_percent
from pilots.metrics import implausible_change, last_day_of_period
from pilots.models.due import ACCEPT_PERMISSION, HandedInModel, NotGiven, ReadingState, state_on
from pilots.models.indicator import NOT_NEGATIVE, PERIOD, Indicator, RollUp, format_exact
from pilots.models.pilot import Pilot
from policies.models import Confidence, SourcedModel

SAME_CODE = "same"
CONFLICT_CODE, JUMP_CODE = "overtaken", "jump"  # the two faults that the editor may overrule, knowingly
DOUBTED = (ReadingState.RETURNED, ReadingState.DISPUTED)
ReadingKey = tuple[int, str]
"""Indicator and period of a reading."""


class ValueStatus(models.TextChoices):
    FLASH = "flash", _("flash")
    PRELIMINARY = "preliminary", _("preliminary")
    FINAL = "final", _("final")


class Reading(HandedInModel, SourcedModel):
    """A value of an indicator for a period. A correction is a new version; no version is overwritten."""

    pilot = link_field(Pilot, _("pilot"), "readings", _("The pilot that reported it."))
    indicator = link_field(Indicator, _("indicator"), "readings", _("Search by code or name, for example SO2."))
    period = models.CharField(_("period"), max_length=7, help_text=_("A year or a quarter: 2025 or 2025-Q3."))
    value = models.DecimalField(
        _("value"),
        max_digits=20,
        decimal_places=6,
        help_text=_(
            "In the indicator’s unit, for example 12,345.6. It is never overwritten, only followed by another."
        ),
    )
    value_status = models.CharField(
        _("value status"),
        max_length=11,
        choices=ValueStatus.choices,
        default=ValueStatus.PRELIMINARY,
        help_text=_("How final the report itself calls the value."),
    )
    version = models.PositiveSmallIntegerField(_("version"), default=1, editable=False)
    reported_on = models.DateField(
        _("reported on"), validators=[check_not_ahead], help_text=_("Day on which the pilot handed it in.")
    )
    accepted_on = models.DateField(
        _("accepted on"),
        null=True,
        blank=True,
        validators=[check_not_ahead],
        help_text=_("From this day on it feeds the numbers. Only an import of old records gives it."),
    )
    disputed_on = models.DateField(
        _("disputed on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Accepted before: it counts until another one is accepted."),
    )

    skip_immutable_check = False  # True where it is known already that nothing fixed differs from the record
    IMMUTABLE_FIELDS = ("pilot_id", "indicator_id", "period", "value", "value_status", "version")
    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {"version_unique": ()}
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {ACCEPT_PERMISSION: ("accepted_on", "answer_by")}
    JUDGED = ("accepted_on", "returned_on", "disputed_on")
    ACCEPTED_FIELDS = ("reported_on", "confidence", "sources", "note_en", "note_zh")

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        ordering = ["pilot", "indicator", "period", "version"]
        permissions = [("accept_reading", "Can accept and dispute readings")]
        constraints = [
            choices_constraint("value_status", ValueStatus, "reading_status_known"),
            models.UniqueConstraint(fields=["pilot", "indicator", "period", "version"], name="reading_version_unique"),
            models.CheckConstraint(
                condition=Q(period__regex=PERIOD),
                name="reading_period_known",
                violation_error_message=_("Write the period as 2025 or 2025-Q3."),
            ),
            models.CheckConstraint(
                condition=Q(accepted_on__isnull=True) | Q(accepted_on__gte=F("reported_on")),
                name="reading_accepted_after_report",
                violation_error_message=_("Accepted before it was reported. Check both days."),
            ),
            models.CheckConstraint(
                condition=Q(accepted_on__isnull=True) | Q(returned_on__isnull=True),
                name="reading_accepted_or_returned",
                violation_error_message=_("A value is accepted or returned, not both."),
            ),
            models.CheckConstraint(
                condition=Q(disputed_on__isnull=True) | Q(accepted_on__lte=F("disputed_on")),
                name="reading_disputed_after_acceptance",
                violation_error_message=_("Only an accepted value is disputed."),
            ),
            choices_constraint("confidence", Confidence, "reading_confidence_known"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.period}: {self.value.normalize():f}"

    def restricted_now(self) -> FieldNames:
        """On what it was accepted is the ministry's to change."""
        return {ACCEPT_PERMISSION: self.ACCEPTED_FIELDS} if self.pk and self.accepted_on else {}

    @property
    def year(self) -> int:
        return int(self.period[:4])

    @property
    def key(self) -> ReadingKey:
        return self.indicator_id, self.period

    @property
    def value_text(self) -> str:
        """The exact value with thousands separators."""
        return format_exact(self.value)

    @property
    def value_with_unit(self) -> str:
        return number_with_unit(self.value_text, self.indicator.unit_text)

    def settle(self, stored: Any, by: Any) -> None:
        """A province hands in today: a day before would make a late value one in time."""
        pilot: Any = self.pilot_id
        if by is None or pilot is None or not re.fullmatch(PERIOD, self.period):  # of which full_clean will tell
            return
        super().settle(stored, by)
        before: date | None = stored.reported_on if stored else today()
        if self.reported_on in (before, None) or self.is_old or by.has_perm(ACCEPT_PERMISSION):
            return
        text = _("It is handed in today. Only the ministry enters an earlier day, for what it received then.")
        raise ValidationError({"reported_on": ValidationError(text, code="past")})

    def clean(self) -> None:
        """Reject overwriting a value (a correction is a new version), and values of the future."""
        super().clean()
        reported: date | None = self.reported_on  # None while a form has none
        if reported and re.fullmatch(PERIOD, self.period) and last_day_of_period(self.period) > reported:
            raise ValidationError({"period": _("This period had not ended on the day of report.")})
        value: Decimal | None = self.value
        if value is not None and value < 0 and self.indicator_id and not self.indicator.signed:
            raise ValidationError({"value": NOT_NEGATIVE})
        if self.skip_immutable_check or not self.pk:
            return
        stored = type(self).objects.filter(pk=self.pk).values(*self.IMMUTABLE_FIELDS).first()
        if stored and any(stored[name] != getattr(self, name) for name in self.IMMUTABLE_FIELDS):
            text = _("A reading is never overwritten. Enter the correction as a new version.")
            raise ValidationError({"value": ValidationError(text, code="fixed")})


# -- versions ----------------------------------------------------------------------------------------------


class ReadingLedger:
    """A pilot's recorded values: the newest version of every reading, and the base value of every target."""

    def __init__(self, pilot: Pilot, *, lock: bool = False) -> None:
        """`lock`: nobody else records a value of the pilot until the transaction ends."""
        if lock:
            writing.locked(Pilot, pilot.pk)  # so that versions are numbered one after the other
        readings = pilot.readings.order_by("period", "version")
        self.newest: dict[ReadingKey, Reading] = {(item.indicator_id, item.period): item for item in readings}
        bases = pilot.targets.filter(base_year__isnull=False)
        self.bases: dict[ReadingKey, Decimal] = {
            (indicator, str(year)): value
            for indicator, year, value in bases.values_list("indicator_id", "base_year", "base_value")
            if value is not None
        }
        used = Reading.history.filter(pilot_id=pilot.pk).order_by().values_list("indicator_id", "period")
        self.used_versions: dict[ReadingKey, int] = {
            (indicator, period): version for indicator, period, version in used.annotate(Max("version"))
        }

    def next_version(self, key: ReadingKey) -> int:
        """Return one more than the highest version ever used, deleted ones included."""
        newest = self.newest.get(key)
        return max(self.used_versions.get(key, 0), newest.version if newest else 0) + 1

    def differs(self, value: Reading) -> bool:
        """Whether the value differs from the newest version; one that was returned or disputed may be right."""
        newest = self.newest.get(value.key)
        if newest is None or newest.state in DOUBTED:
            return True
        return (newest.value, newest.value_status) != (value.value, value.value_status)

    def check(self, value: Reading, seen: int | None, beside: Iterable[Reading] = ()) -> ValidationError | None:
        """Return the error of a value, given the newest version that the editor saw and the other values entered with
        it; None if there is none: it is on record already, another was entered since, or it is too far from others.
        """
        newest = self.newest.get(value.key)
        if newest and not self.differs(value):
            text = gettext("Version %(version)d says this already. Enter what is different.")
            return ValidationError(text % {"version": newest.version}, code=SAME_CODE)
        if newest and newest.pk != seen:
            return conflict_error(newest)
        if value.note.strip():
            return None
        found = jumps(value, self.known(value, beside))
        if not found:
            return None
        remedy = gettext("Correct the value, or say why in the note (remark).")
        return ValidationError(join_sentences(jump_text(value.value, *found[0]), remedy), code=JUMP_CODE)

    def known(self, value: Reading, beside: Iterable[Reading]) -> dict[ReadingKey, Decimal]:
        """Return the values by which one is judged. A doubted value is compared only with the version after it."""
        stored = [item for item in self.newest.values() if item.state not in DOUBTED or item.key == value.key]
        others = [item for item in beside if item.key != value.key]
        return self.bases | {item.key: item.value for item in [*stored, *others]}

    def record(
        self,
        reading: Reading,
        seen: int | None,
        lists: writing.Lists | None = None,
        *,
        beside: Iterable[Reading] = (),
        by: Any,
        reason: str = "",
    ) -> None:
        """Write an unsaved reading as the next version. Raises ValidationError as `check`, and as every record."""
        fault = self.check(reading, seen, beside)
        if fault:
            raise fault
        reading.version = self.next_version(reading.key)  # under the pilot's lock
        writing.write(reading, lists=lists, by=by, reason=reason)
        self.newest[reading.key], self.used_versions[reading.key] = reading, reading.version


class Comparison(NamedTuple):
    """A value that another is compared with, and its period; of the year that a quarter is a part of, `whole`."""

    period: str
    value: Decimal
    whole: bool = False

    @property
    def value_text(self) -> str:
        return format_exact(self.value)


def comparisons(reading: Reading, known: Mapping[ReadingKey, Decimal]) -> list[Comparison]:
    """Return what a value is compared with, of the `known` values of its pilot.

    The same quarter of an earlier year, else the quarter before, else the last year; the year before; without any, the
    version it follows. A year also with the sum of its quarters, if the indicator is one of amounts that add up.
    """
    period, yearly = reading.period, is_yearly(reading.period)
    own = {other: value for (indicator, other), value in known.items() if indicator == reading.indicator_id}
    earlier = [other for other in own if len(other) == len(period) and other < period]
    nearest = max([other for other in earlier if other[4:] == period[4:]] or earlier, default=period)
    years = [other for other in own if is_yearly(other) and other <= period[:4]]
    found = [Comparison(nearest, own[nearest])] if nearest in own else []
    if not found and not yearly and years:
        found.append(Comparison(max(years), own[max(years)], whole=True))
    quarters = [value for other, value in own.items() if other.startswith(f"{period}-Q")]
    if yearly and reading.indicator.rollup == RollUp.SUM and len(quarters) == 4:
        total = sum(quarters, Decimal(0))
        found.append(Comparison(gettext("the four quarters of %(year)s") % {"year": period}, total))
    return found


def jumps(reading: Reading, known: Mapping[ReadingKey, Decimal]) -> list[tuple[Comparison, Decimal]]:
    """Return those of the comparisons that are implausible, with the relative change; a quarter may be any part of a
    year.
    """
    found = [(other, implausible_change(other.value, reading.value)) for other in comparisons(reading, known)]
    return [(other, far) for other, far in found if far is not None and (far > 0 or not other.whole)]


def conflict_error(newest: Reading) -> ValidationError:
    """Return the conflict error: another version was entered after the editor looked."""
    entry: Any = newest.history.order_by("history_id").first()
    message = gettext(
        "%(user)s entered %(value)s (%(status)s, version %(version)d) here on %(when)s, after you had opened the page. "
        "Yours is not saved yet. Save again to record it as the next version."
    )
    params = {
        "user": author_name(entry) if entry else gettext("the system"),
        "value": newest.value_text,
        "status": newest.get_value_status_display(),
        "version": newest.version,
        "when": format_datetime(entry.history_date) if entry else newest.reported_on,
        "known": newest.pk,
    }
    return ValidationError(message, code=CONFLICT_CODE, params=params)


def jump_text(value: Decimal, other: Comparison, far: Decimal) -> str:
    """Return by how much a value differs from what it is compared with: both, and the change in percent."""
    above = gettext("%(value)s is %(percent)s %% above the %(before)s of %(period)s.")
    below = gettext("%(value)s is %(percent)s %% below the %(before)s of %(period)s.")
    return (above if far > 0 else below) % {
        "value": format_exact(value),
        "percent": format_number(to_percent(abs(far)), 1),
        "before": other.value_text,
        "period": other.period,
    }


# -- newest accepted version ----------------------------------------------------------------------------


VALUE_KEY_FIELDS = ("pilot", "indicator", "period")
"""What all versions of one value have in common."""

YEARLY = ~Q(period__contains="-")
"""Condition of readings of a whole year; a quarter is written 2025-Q3."""


def is_yearly(period: str) -> bool:
    """Return whether a period is a whole year: YEARLY for rows in memory."""
    return "-" not in period


def newest_accepted(as_of: date, readings: QuerySet[Reading]) -> QuerySet[Reading]:
    """Filter readings to those that count on the day, as a queryset: also while they are disputed."""
    later = later_versions().filter(accepted_on__lte=as_of)
    return readings.filter(~Exists(later), accepted_on__lte=as_of)


def newest_accepted_in(readings: Iterable[Reading], as_of: date) -> list[Reading]:
    """Return the same from readings in memory, as a list; they must include all versions of each value."""
    return newest_versions(item for item in readings if item.accepted_on and item.accepted_on <= as_of)


def state_expression(as_of: date) -> Case:
    """Return `state_on` of readings as a query expression."""
    return Case(
        When(disputed_on__lte=as_of, then=Value(ReadingState.DISPUTED.value)),
        When(accepted_on__lte=as_of, then=Value(ReadingState.ACCEPTED.value)),
        When(returned_on__lte=as_of, then=Value(ReadingState.RETURNED.value)),
        default=Value(ReadingState.REPORTED.value),
        output_field=models.CharField(),
    )


def newest_reported(as_of: date) -> Q:
    """Return the condition that no later version was reported by the day, in whatever state."""
    return ~Q(Exists(later_versions().filter(reported_on__lte=as_of)))


def newest_reported_in(readings: Iterable[Reading], as_of: date) -> list[Reading]:
    """Return the newest version of each value reported by the day, in whatever state, from readings in memory."""
    return newest_versions(item for item in readings if item.reported_on <= as_of)


def later_versions() -> QuerySet[Reading]:
    """Return a subquery of the later versions of the outer reading's value."""
    same = {name: OuterRef(name) for name in VALUE_KEY_FIELDS}
    return Reading.objects.filter(**same, version__gt=OuterRef("version"))


def waiting_readings(as_of: date) -> QuerySet[Reading]:
    """Return the values that wait on the day to be accepted or disputed: not a version that a later one follows."""
    rows = Reading.objects.annotate(state_then=state_expression(as_of))
    return rows.filter(newest_reported(as_of), state_then=ReadingState.REPORTED, reported_on__lte=as_of)


def waiting_readings_in(readings: Iterable[Reading], as_of: date) -> list[Reading]:
    """Return the same from readings in memory."""
    return [item for item in newest_reported_in(readings, as_of) if state_on(item, as_of) == ReadingState.REPORTED]


def newest_versions(readings: Iterable[Reading]) -> list[Reading]:
    """Return the highest version of each value, in order of first occurrence."""
    newest: dict[tuple[int, int, str], Reading] = {}
    for item in readings:
        key = (item.pilot_id, item.indicator_id, item.period)
        held = newest.get(key)
        if held is None or held.version < item.version:
            newest[key] = item
    return list(newest.values())


# -- accepting and disputing -------------------------------------------------------------------------------


JUDGED_ON = {
    ReadingState.ACCEPTED: "accepted_on",
    ReadingState.RETURNED: "returned_on",
    ReadingState.DISPUTED: "disputed_on",
}
"""The day that each judgement sets."""


@transaction.atomic
def judge_readings(
    records: Iterable[Reading | NotGiven],
    state: ReadingState,
    *,
    by: User,
    reason: str = "",
    answer_by: date | None = None,
) -> int:
    """Accept values, or reasons why there is none, from today on; return them with the day by which they are to be
    answered; or dispute accepted values. Return how many changed.

    Raises PermissionDenied without the permission, and ValidationError as `HandedInModel.settle` and without a reason.
    """
    if not by.has_perm(ACCEPT_PERMISSION):
        raise PermissionDenied
    name, changed = JUDGED_ON[state], 0
    keys: dict[Any, list[int]] = defaultdict(list)
    for record in records:
        keys[type(record)].append(record.pk)
    with writing.many({model: [(key, {}) for key in own] for model, own in keys.items()}):
        for model, own in keys.items():
            for row in model.objects.select_for_update(no_key=True).order_by("pk").filter(pk__in=own):
                if row.state != state:
                    values = {name: today()} | ({"answer_by": answer_by} if state == ReadingState.RETURNED else {})
                    changed += writing.write(row, values, by=by, reason=reason, allowed=True)
    return changed

"""Model of replans: another planned day of a key milestone or planned stage, asked for and decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.http.as_of import today
from core.records.constraints import check_constraint, unique_constraint
from core.records.fields import link_field, text_field
from core.records.history_model import FieldNames, HistoryModel
from core.records.validators import check_not_ahead
from core.text.bilingual import TranslatedText


class ReplanState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    ACCEPTED = "accepted", pgettext_lazy("replan", "accepted")
    REFUSED = "refused", _("refused")


def planned_day(model: Any, as_of: date) -> Coalesce:
    """Return the expression of the planned day of milestones or stages in force on the day."""
    accepted = Replan.objects.filter(**{model.REPLAN_FIELD: OuterRef("pk")}, accepted=True, decided_on__lte=as_of)
    newest = Subquery(accepted.order_by("-decided_on", "-pk").values("day")[:1])
    return Coalesce(newest, F("planned_on"))


def with_planned_day(records: Any, as_of: date) -> Any:
    """Add `planned_then` to milestones or stages: the planned day in force on the day."""
    return records.annotate(planned_then=planned_day(records.model, as_of))


class PlannedDayQuerySet(QuerySet[Any]):
    def with_planned_day(self, as_of: date) -> Any:
        return with_planned_day(self, as_of)


class PlannedDayModel(models.Model):
    """Abstract model of what is planned for a day. The column `planned_on` keeps the first day; accepted replans hold
    from the day on which they were decided.
    """

    objects = PlannedDayQuerySet.as_manager()

    REPLAN_FIELD: ClassVar[str]  # by which a replan names the record
    PROMISED_FIELDS: ClassVar[tuple[str, ...]]  # what the ministry alone changes once the planned day is fixed

    class Meta:
        abstract = True

    @property
    def all_replans(self) -> list[Replan]:
        """Its replans in the order in which they were asked for; from those of its pilot where they are prefetched."""
        pilot = self._state.fields_cache.get("pilot")
        found: list[Replan] | None = vars(pilot).get("prefetched_replans") if pilot else None
        if found is None:
            return list(self.replans.all())  # type: ignore[attr-defined]
        return [item for item in found if getattr(item, f"{self.REPLAN_FIELD}_id") == self.pk]

    def accepted_replans(self, as_of: date) -> list[Replan]:
        """Return the replans accepted by the day, the one in force last."""
        found = self.all_replans
        if found:
            found = [item for item in found if item.accepted and item.decided_on and item.decided_on <= as_of]
            found.sort(key=lambda item: (item.decided_on, item.pk))
        return found

    def planned_by(self, as_of: date) -> date | None:
        """Return the planned day in force on the day."""
        accepted = self.accepted_replans(as_of)
        return accepted[-1].day if accepted else self.planned_on  # type: ignore[attr-defined]

    @property
    def planned_today(self) -> date | None:
        """The planned day in force today, which files hold."""
        return self.planned_by(today())

    def waiting_replan(self, as_of: date) -> Replan | None:
        """Return the request that waits on the day, or None."""
        waiting = (item for item in self.all_replans if item.state_on(as_of) == ReplanState.WAITING)
        return next(waiting, None)

    def refused_replan(self, as_of: date) -> Replan | None:
        """Return the newest request where it was refused by the day; None where another followed."""
        newest = max(
            (item for item in self.all_replans if item.asked_on <= as_of), key=lambda item: item.pk, default=None
        )
        return newest if newest and newest.state_on(as_of) == ReplanState.REFUSED else None

    @property
    def has_fixed_day(self) -> bool:
        """Whether the planned day of the stored record changes by replans alone."""
        raise NotImplementedError

    def entry_url(self, page: str = "") -> str:
        """Return the address of the form of another planned day, or with "-answer" of the answer to it."""
        kind: Any = self._meta.get_field("pilot").remote_field  # milestones or stages
        return reverse(f"planned-day{page}", args=[self.pilot.slug, kind.related_name, self.pk])  # type: ignore[attr-defined]


class Replan(HistoryModel):
    """Another planned day of a key milestone or planned stage: asked for, and accepted or refused by the ministry."""

    pilot = link_field("pilots.Pilot", _("pilot"), "replans", _("The pilot of the milestone or stage."), editable=False)
    milestone = models.ForeignKey(
        "pilots.Milestone",
        verbose_name=_("milestone"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replans",
        help_text=_("The key milestone for which another day is asked for; or name a planned stage."),
    )
    stage_entry = models.ForeignKey(
        "pilots.StageEntry",
        verbose_name=_("stage entry"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replans",
        help_text=_("The planned stage for which another day is asked for; or name a key milestone."),
    )
    day = models.DateField(_("day asked for"), help_text=_("The day by which it is to be done instead."))
    reason_en = text_field(
        _("reason in English"),
        300,
        _("Why, for example “the approval of the site took longer”: it is shown beside the light."),
        blank=True,
    )
    reason_zh = text_field(
        _("reason in Chinese"),
        300,
        _("The same in Chinese. Where one is empty, readers of its language see the other."),
        blank=True,
    )
    reason = TranslatedText("reason")
    asked_by = link_field(settings.AUTH_USER_MODEL, _("asked for by"), "+", optional=True, editable=False)
    asked_on = models.DateField(
        _("asked for on"),
        default=today,
        editable=False,
        validators=[check_not_ahead],
        help_text=_("Day on which it was asked for."),
    )
    decided_by = link_field(settings.AUTH_USER_MODEL, _("decided by"), "+", optional=True, editable=False)
    decided_on = models.DateField(
        _("decided on"), null=True, blank=True, editable=False, help_text=_("An accepted day holds from this day on.")
    )
    accepted = models.BooleanField(
        pgettext_lazy("replan", "accepted"),
        null=True,
        blank=True,
        help_text=_("Empty while the request waits; the ministry decides it."),
    )
    remark = text_field(_("remark"), 300, _("Why it was refused: it is shown beside the light."), blank=True)

    CONSTRAINT_FIELDS: ClassVar[FieldNames] = {
        "one_item": ("milestone",),
        "decided_on_a_day": (),
        "has_reason": ("reason_en",),
    }
    FIXED_FIELDS: ClassVar[Mapping[str, Any]] = dict.fromkeys(
        ("milestone", "stage_entry", "day", "reason_en", "reason_zh"),
        _("A request stays as it was made. Withdraw it, or ask for another day: that replaces it."),
    )
    PROVINCE_PATH = "pilot.province_id"
    OWNER = "pilot"
    RESTRICTED_FIELDS: ClassVar[FieldNames] = {"pilots.place_pilot": ("accepted", "remark")}
    NAME_RELATIONS = ("milestone", "stage_entry")

    class Meta:
        verbose_name = _("replan")
        verbose_name_plural = _("replans")
        ordering = ["pk"]
        constraints = [
            check_constraint(
                "replan_one_item",
                Q(milestone__isnull=False, stage_entry__isnull=True)
                | Q(milestone__isnull=True, stage_entry__isnull=False),
                _("Name a key milestone or a planned stage, and not both."),
            ),
            check_constraint(
                "replan_has_reason",
                ~Q(reason_en="") | ~Q(reason_zh=""),
                _("Say why another day is asked for: it is shown beside the light."),
            ),
            check_constraint(
                "replan_decided_on_a_day",
                Q(accepted__isnull=True, decided_on__isnull=True) | Q(accepted__isnull=False, decided_on__isnull=False),
            ),
            check_constraint(
                "replan_refusal_has_remark",
                Q(accepted__isnull=True) | Q(accepted=True) | ~Q(remark=""),
                _("Say why it is refused: the remark is shown beside the light."),
            ),
            unique_constraint(
                "replan_milestone_waits_once",
                ["milestone"],
                _("A request for this milestone waits already."),
                Q(accepted__isnull=True),
            ),
            unique_constraint(
                "replan_stage_waits_once",
                ["stage_entry"],
                _("A request for this stage waits already."),
                Q(accepted__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.day}"

    @property
    def item(self) -> Any:
        """The milestone or stage entry that it is about."""
        return self.milestone if self.milestone_id else self.stage_entry

    @property
    def state(self) -> ReplanState:
        """State as stored."""
        if self.accepted is None:
            return ReplanState.WAITING
        return ReplanState.ACCEPTED if self.accepted else ReplanState.REFUSED

    def state_on(self, as_of: date) -> ReplanState | None:
        """Return the state on a day; None before it was asked for."""
        if self.asked_on > as_of:
            return None
        return self.state if self.decided_on and self.decided_on <= as_of else ReplanState.WAITING

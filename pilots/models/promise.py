"""What targets and milestones have in common: they are promised, fixed from then on, and amended by decisions."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.days import today
from core.records.models import HistoryModel
from core.records.writing import NOT_YOURS

if TYPE_CHECKING:
    from pilots.models.planned import Amendment

PLACE_PERMISSION = "pilots.place_pilot"
STAYS = _("It stays with its pilot. Delete it, and enter it for the other one.")
PROMISED = _("This was promised, and stays on record. Ask for an amendment instead, with the reason.")
MINISTRY_ALONE = _("This is part of what was promised, and only the ministry changes it. Leave it as it is.")


def may_decide(user: Any) -> bool:
    """Whether the user decides about promises; None stands for the product, which may."""
    return user is None or bool(user.has_perm(PLACE_PERMISSION))


class AmendmentState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    ACCEPTED = "accepted", pgettext_lazy("amendment", "accepted")
    REFUSED = "refused", _("refused")


class PromiseState(models.TextChoices):
    """State of a milestone or target on a day."""

    NOT_PROMISED = "not_promised", _("not promised yet")
    PROMISED = "promised", _("promised")
    DROPPED = "dropped", _("dropped")


class PromiseModel(HistoryModel):
    """Abstract model of what a pilot promises: its columns keep what was promised first, and amendments hold from the
    day of their decision. It is promised from `promised_on` on; None while the ministry has not accepted it.
    """

    promised_on = models.DateField(
        _("promised on"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("From this day on it is judged. Empty: the ministry has not accepted it yet."),
    )

    WEIGHT_FIELD: ClassVar[str]  # the field that says whether the ministry has to accept it
    MINISTRYS_FIELDS: ClassVar[tuple[str, ...]] = ()  # besides the fixed ones, of a promise that it has accepted

    class Meta:
        abstract = True

    @property
    def is_ministrys(self) -> bool:
        """Whether the ministry has to accept it: a binding target, or a key milestone."""
        return bool(getattr(self, self.WEIGHT_FIELD))

    def settle(self, stored: Any, by: Any) -> None:
        """Say from when on it is promised. The province corrects no promise that the ministry has accepted."""
        if by is None:
            if stored is None and self.promised_on is None and self.pilot_id:  # type: ignore[attr-defined]
                self.promised_on = self.pilot.starts_on or self.pilot.batch.known_by  # type: ignore[attr-defined]
            return
        decides = may_decide(by)
        accepts = decides and stored and stored.promised_on is None and self.promised_on == today()
        self.promised_on = today() if accepts else stored.promised_on if stored else None
        if stored and stored.promised_on and not decides:
            if stored.is_ministrys:
                self.refuse_changes(stored)
            elif self.is_ministrys:  # on the day of its entry
                self.promised_on = None
        elif self.promised_on is None and (not self.is_ministrys or (stored is None and decides)):
            self.promised_on = today()

    def refuse_changes(self, stored: Any) -> None:
        fields: Any = [self._meta.get_field(name) for name in (*self.FIXED_FIELDS, *self.MINISTRYS_FIELDS)]
        changed = [field.name for field in fields if getattr(self, field.attname) != getattr(stored, field.attname)]
        codes = {name: "fixed" if name in self.FIXED_FIELDS else NOT_YOURS for name in changed}
        if codes:
            texts = {**dict.fromkeys(changed, MINISTRY_ALONE), **self.FIXED_FIELDS}
            raise ValidationError({name: ValidationError(texts[name], code=code) for name, code in codes.items()})

    def fixed_fields(self) -> Any:
        """Of a request, and of what was entered today, all but the pilot is corrected in place."""
        return self.FIXED_FIELDS if self.is_fixed else {"pilot": STAYS}

    @property
    def is_fixed(self) -> bool:
        """Whether what it promises is only amended."""
        return bool(self.promised_on and not self.is_entered_today)

    def is_corrected_by(self, user: Any) -> bool:
        """Whether the user corrects what the stored record promises in place; else an amendment is asked for."""
        return not self.is_fixed and not (self.promised_on and self.is_ministrys and not may_decide(user))

    def deletion_error(self, together: Any = ()) -> str:
        """A request may be deleted, a promise only on the day of its entry."""
        text = _("A promise is kept. Drop it by an amendment instead, with the reason.")
        return str(text) if self.is_fixed else ""

    @property
    def all_amendments(self) -> list[Amendment]:
        """Its amendments in the order in which they were asked for; from those of its pilot where prefetched."""
        pilot = self._state.fields_cache.get("pilot")
        amendments: list[Amendment] | None = vars(pilot).get("prefetched_amendments") if pilot else None
        if amendments is None:
            return list(self.amendments.all())  # type: ignore[attr-defined]
        name = str(self._meta.model_name)
        own = [item for item in amendments if getattr(item, f"{name}_id") == self.pk]
        for item in own:
            setattr(item, name, self)  # no query for what it amends
        return own

    def accepted_amendments(self, as_of: date) -> list[Amendment]:
        """Return the amendments accepted by the day, the newest last."""
        accepted = [
            item for item in self.all_amendments if item.accepted and item.decided_on and item.decided_on <= as_of
        ]
        return sorted(accepted, key=lambda item: (item.decided_on, item.pk))

    def waiting_amendment(self, as_of: date) -> Amendment | None:
        """Return the request that waits on the day, or None."""
        waiting = (item for item in self.all_amendments if item.state_on(as_of) == AmendmentState.WAITING)
        return next(waiting, None)

    def refused_amendment(self, as_of: date) -> Amendment | None:
        """Return the newest request where it was refused by the day; None where another followed."""
        asked = [item for item in self.all_amendments if item.asked_on <= as_of]
        newest = max(asked, key=lambda item: item.pk, default=None)
        return newest if newest and newest.state_on(as_of) == AmendmentState.REFUSED else None

    def dropped_by(self, as_of: date) -> bool:
        """Whether the ministry had dropped it by the day."""
        return any(item.drop for item in self.accepted_amendments(as_of))

    @property
    def is_entered_today(self) -> bool:
        """Whether the stored record was entered today and not amended: a change now corrects a typing error."""
        first = self.history.order_by("history_id").values_list("history_date", flat=True).first()
        is_of_today = first and timezone.localdate(first) == timezone.localdate()  # both by the clock, as histories are
        return bool(is_of_today and not self.all_amendments)

    def entry_url(self, page: str = "") -> str:
        """Return the address of the form of an amendment, or with "-answer" of the answer to one."""
        kind: Any = self._meta.get_field("pilot").remote_field  # milestones or targets
        return reverse(f"amendment{page}", args=[self.pilot.slug, kind.related_name, self.pk])  # type: ignore[attr-defined]

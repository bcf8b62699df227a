"""Admin of indicators, targets and readings."""

from collections.abc import Iterable
from datetime import date
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin.record_admin import RecordAdmin, VersionedRowInline, admin_url
from core.admin.record_form import RecordForm
from core.days import today
from core.history.entries import LabelledUrl
from core.http import parse_key
from pilots.admin.acts import act_page, typed
from pilots.admin.forms import IndicatorField, PromiseFormSet
from pilots.admin.series import SeriesForm
from pilots.admin.stages_and_milestones import (
    AMOUNT_OVERRIDES,
    PILOT_SEARCH,
    AmendmentInline,
    PilotPartAdmin,
    PromiseAdmin,
)
from pilots.forms.entry import format_steps
from pilots.models import Indicator, Reading, ReadingLedger, ReadingState, Target
from pilots.models.due import ACCEPT_PERMISSION
from pilots.models.reading import CONFLICT_CODE, JUMP_CODE, SAME_CODE, state_expression
from policies.admin import NAME_FIELDSET, SOURCE_FIELDSET

FIXED_FIELDS = {"version": "version_number", "value": "value_and_unit"}  # "version" is the form's own word
WAY = ["state_now", "accepted_on", "returned_on", "answer_by", "disputed_on"]  # judging says when
MAX_JUDGED = 200  # readings that the form of the site shows at once
INDICATOR_SEARCH = [f"indicator__{name}" for name in ("code", "name_zh", "name_en")]


@admin.register(Indicator)
class IndicatorAdmin(RecordAdmin):
    list_display = ["code", "__str__", "unit", "direction", "kind", "rollup", "may_enter_synergy"]
    list_filter = ["kind", "rollup", "may_enter_synergy"]
    search_fields = ["code", "name_zh", "name_en"]
    formfield_overrides = AMOUNT_OVERRIDES
    autocomplete_fields = ["replaces"]
    fieldsets = [
        (NAME_FIELDSET[0], {"fields": ["code", "name_zh", "name_en"]}),
        (_("What is counted"), {"fields": ["kind", ("unit", "unit_zh"), "direction", "signed"]}),
        (_("How it may be combined"), {"fields": ["rollup", "equivalent_kg", "may_enter_synergy"]}),
        (_("When, and after which"), {"fields": ["report_due", "replaces"]}),
        (None, {"fields": ["note_en", "note_zh"]}),
    ]


# -- targets ---------------------------------------------------------------------------------------------


class TargetFields:
    """What the form and the row of a target have in common."""

    formfield_overrides = AMOUNT_OVERRIDES
    readonly_fields: Any = ["steps_text"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the steps as files write them to those who may not change them; the stock page has JSON."""
        sections, admin_of = cast(Any, super()).get_fieldsets(request, obj), cast(Any, self)
        may = admin_of.has_change_permission(request, obj) and "steps" not in admin_of.get_readonly_fields(request, obj)
        if obj is None or may:
            return sections
        return [
            (title, {**shown, "fields": ["steps_text" if name == "steps" else name for name in shown["fields"]]})
            for title, shown in sections
        ]

    @admin.display(description=_("steps"))
    def steps_text(self, target: Target) -> str:
        return format_steps(target.steps)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "indicator":
            kwargs["form_class"] = IndicatorField
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]  # the admin's


class TargetInline(TargetFields, VersionedRowInline):
    model = Target
    formset = PromiseFormSet
    fields = ["indicator", "kind", "base_year", "base_value", "target_year", "target_value", "steps", "binding"]
    autocomplete_fields = ["indicator"]
    name_relations = ("pilot",)


@admin.register(Target)
class TargetAdmin(TargetFields, PromiseAdmin):
    list_display = [
        *["indicator_and_unit", "pilot", "kind", "base_value", "target_year", "target_value", "binding", "promised_on"],
    ]
    list_select_related = ["pilot", "indicator"]
    list_filter = [
        *["kind", "binding", ("promised_on", admin.EmptyFieldListFilter), "confidence", "indicator", "pilot__province"]
    ]
    search_fields = [*PILOT_SEARCH, *INDICATOR_SEARCH]
    autocomplete_fields = ["pilot", "indicator", "sources"]
    inlines = [AmendmentInline]
    fieldsets = [
        (_("Who promised what"), {"fields": ["pilot", "indicator", "kind", "binding", "promised_on"]}),
        (
            _("From where to where"),
            {
                "fields": [("base_year", "base_value"), ("target_year", "target_value"), "steps"],
                "description": _(
                    "Values that the document names for years in between are steps. What is promised stands here as it "
                    "was promised first; amendments follow below."
                ),
            },
        ),
        SOURCE_FIELDSET,
    ]

    @admin.display(description=_("indicator"), ordering="indicator")
    def indicator_and_unit(self, target: Target) -> str:
        return str(target.indicator.with_unit)


# -- readings --------------------------------------------------------------------------------------------


class ReadingForm(RecordForm):
    """Form of a reading, with the version that it was opened on. A new one is the next version for its period."""

    known = forms.CharField(label=_("version"), required=False, widget=forms.HiddenInput)

    def full_clean(self) -> None:
        """Let the same value pass when it is saved again, where another version was entered since."""
        super().full_clean()
        refused: Any = self.refused.get(self.prefix)
        if getattr(refused, "code", "") == CONFLICT_CODE:
            self.data = self.data.copy()
            self.data["known"] = str(refused.params["known"])


class StateFilter(admin.SimpleListFilter):
    """Filter: the state of today."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> Any:
        return ReadingState.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        states = queryset.annotate(state_then=state_expression(date.max))
        return states.filter(state_then=self.value()) if self.value() in ReadingState.values else queryset


@admin.register(Reading)
class ReadingAdmin(PilotPartAdmin):
    form = ReadingForm
    list_display = [
        *["indicator", "pilot", "period", "value_and_unit", "value_status", "version", "state_now"],
        *["reported_on", "accepted_on"],
    ]
    list_select_related = ["pilot", "indicator"]
    list_filter = [StateFilter, "value_status", "period", "indicator", "pilot__province"]
    search_fields = [*PILOT_SEARCH, *INDICATOR_SEARCH, "period"]
    date_hierarchy = "reported_on"
    autocomplete_fields = ["pilot", "indicator", "sources"]
    actions = ["judge", "revise"]
    formfield_overrides = AMOUNT_OVERRIDES

    @admin.display(description=_("state"))
    def state_now(self, reading: Reading) -> Any:
        return reading.state.label

    @admin.display(description=_("version"))
    def version_number(self, reading: Reading) -> int:
        return reading.version

    @admin.display(description=_("value"), ordering="value")
    def value_and_unit(self, reading: Reading) -> str:
        return f"{reading.value_text} {reading.indicator.unit_text}"

    # -- the form: what was read is fixed once it is recorded ----------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = (
            _("A reading is never overwritten. If it is wrong, enter a correction: the button is above.")
            if obj
            else _("A second value for the same period is recorded as the next version; the first one stays.")
        )
        last = "version_number" if obj else "known"
        return [
            (_("What was read"), {"fields": ["pilot", "indicator", "period"], "description": fixed}),
            (_("The value"), {"fields": ["value_and_unit" if obj else "value", "value_status", last]}),
            (_("Its way"), {"fields": ["reported_on", *(WAY if obj else [])]}),
            SOURCE_FIELDSET,
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if not obj:
            return []
        fixed = [FIXED_FIELDS.get(name, name.removesuffix("_id")) for name in Reading.IMMUTABLE_FIELDS]
        return [*fixed, *WAY, *super().get_readonly_fields(request, obj)]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Preset a correction with the reading it corrects."""
        initial: dict[str, Any] = {"reported_on": today(), **super().get_changeform_initial_data(request)}
        corrected = initial.pop("corrects", "")
        reading = Reading.objects.filter(pk=parse_key(corrected) or 0).first()
        if reading:
            names = ("pilot", "indicator", "value", "value_status", "period")
            same = Reading.objects.filter(pilot=reading.pilot_id, indicator=reading.indicator_id, period=reading.period)
            initial |= {name: getattr(reading, name) for name in names} | {"known": same.latest("version").pk}
        return initial

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Record a new value as the next version."""
        if change:
            return super().write_record(request, form, lists, reason, change=change)
        reading, ledger = form.instance, ReadingLedger(form.instance.pilot, lock=True)
        try:
            ledger.record(reading, parse_key(form.cleaned_data["known"]), lists, by=request.user, reason=reason)
        except ValidationError as exc:
            field = {SAME_CODE: "value", JUMP_CODE: Reading.note.active_field}.get(getattr(exc, "code", ""))
            if field:
                raise ValidationError({field: exc}) from exc
            raise
        return True

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        ways: list[LabelledUrl] = []
        if request.user.has_perm("pilots.add_reading", record):
            ways.append((_("Enter a correction"), admin_url(Reading, "add", corrects=record.pk)))
        if request.user.has_perm(ACCEPT_PERMISSION, record):
            ways.append((_("Accept, return or dispute it"), judge_url([record.pk])))
        return ways

    # -- deleting: what has fed numbers stays ---------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version that was ever accepted has been published: it is corrected, not deleted."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.accepted_on is None)

    # -- accepting, returning, disputing ----------------------------------------------------------------------

    def has_judge_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(ACCEPT_PERMISSION)

    @admin.action(description=_("Accept, return or dispute selected readings"), permissions=["judge"])
    def judge(self, request: HttpRequest, queryset: QuerySet[Reading]) -> HttpResponse:
        return HttpResponseRedirect(judge_url(queryset.values_list("pk", flat=True)[:MAX_JUDGED]))

    @admin.action(description=_("Revise a series: accept them and amend the base"), permissions=["judge"])
    def revise(self, request: HttpRequest, queryset: QuerySet[Reading]) -> HttpResponse | None:
        rows = list(queryset.order_by("period", "version"))
        if len({(reading.pilot_id, reading.indicator_id) for reading in rows}) > 1:
            two = _("A series is of one pilot and one indicator. Choose values of one alone.")
            self.message_user(request, two, messages.ERROR)
            return None
        form = SeriesForm(typed(request), readings=rows)
        if form.is_bound and (count := form.done(request.user)) is not None:
            text = ngettext("%(count)d reading accepted.", "%(count)d readings accepted.", count)
            self.message_user(request, text % {"count": count}, messages.SUCCESS)
            return None
        about = _("The values are accepted and the bases amended today, together: before today all stays as it was.")
        return act_page(self, request, rows, form, title=_("Revise a series"), about=about)


def judge_url(keys: Iterable[int]) -> str:
    """Return the address of the form that accepts, returns or disputes these readings."""
    return f"{reverse('readings-judge')}?reading={','.join(map(str, keys))}"

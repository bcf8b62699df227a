"""Admin of stage entries, milestones, their completions, amendments and light overrides."""

from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin.history_admin import posted_reason
from core.admin.record_admin import ReadOnlyMixin, RecordAdmin, VersionedRowInline, admin_url
from core.admin.record_form import DATE_FIELD_OVERRIDES
from core.days import today
from core.history.entries import LabelledUrl
from core.history.recording import unit
from core.permissions import editor_province
from core.text import format_date, join_clauses, label_value
from pilots.admin.forms import (
    AmendmentForm,
    MilestoneForm,
    MilestoneFormSet,
    MilestoneRowForm,
    StageForm,
    StageFormSet,
)
from pilots.amendments import (
    accept_promise,
    complete,
    decide_amendment,
    object_to,
    save_amendment,
    withdraw_amendment,
    write_milestone,
)
from pilots.forms.entry import AmountField, StepsField, format_steps
from pilots.models import Amendment, Completion, LightOverride, Milestone, StageEntry
from pilots.models.planned import planned_day
from pilots.models.promise import may_decide
from policies.admin import SOURCE_FIELDSET, TITLE_FIELDSET

PILOT_SEARCH = ["pilot__name_zh", "pilot__name_en", "pilot__slug"]
AMOUNT_OVERRIDES: Any = DATE_FIELD_OVERRIDES | {
    models.DecimalField: {"form_class": AmountField},
    models.JSONField: {"form_class": StepsField},
}


class StageInline(VersionedRowInline):
    model = StageEntry
    form = StageForm
    formset = StageFormSet
    fields = ["stage", "entered_on", "result", "evidence", "reason_en", "reason_zh"]
    ordering = ["entered_on", "pk"]


class MilestoneInline(VersionedRowInline):
    model = Milestone
    form = MilestoneRowForm
    formset = MilestoneFormSet
    fields = ["title_zh", "title_en", "facet", "owner", "planned_on", "is_key", "stage", "indicator"]
    autocomplete_fields = ["indicator"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        return super().get_queryset(request).prefetch_related("amendments")


def tell_amendment(model_admin: Any, request: HttpRequest, amendment: Amendment) -> None:
    """Tell the user what became of an amendment."""
    if amendment.accepted:
        text = _("“%(name)s” is amended from today on. Days before today keep their lights.")
    else:
        text = _("“%(name)s”: the amendment is asked of the ministry. All stays as it is until it decides.")
    model_admin.message_user(request, text % {"name": amendment.item}, messages.WARNING)


class PilotPartAdmin(RecordAdmin):
    """ModelAdmin of a record of a pilot, which is shown on the page of the pilot."""

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return obj.pilot.get_absolute_url() if obj and obj.pilot else None


class OwnReasonAdmin(PilotPartAdmin):
    """ModelAdmin of a record that says itself why it was entered: of a new one no other reason is asked for."""

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        page = super().render_change_form(request, context, *args, **kwargs)
        if kwargs.get("add"):
            page.context_data.pop("closing", None)
        return page


@admin.register(StageEntry)
class StageEntryAdmin(PilotPartAdmin):
    list_display = ["__str__", "pilot", "entered_on", "recorded_on", "result", "evidence", "confidence"]
    list_select_related = ["pilot"]
    list_filter = ["stage", "result", "confidence", "pilot__province"]
    search_fields = [*PILOT_SEARCH, "evidence", "reason_en", "reason_zh"]
    date_hierarchy = "entered_on"
    autocomplete_fields = ["pilot", "sources"]
    fieldsets = [
        (_("Which stage of which pilot"), {"fields": ["pilot", "stage", "result"]}),
        (
            _("When, and by what it is shown"),
            {"fields": ["entered_on", "recorded_on", "evidence", "reason_en", "reason_zh"]},
        ),
        SOURCE_FIELDSET,
    ]


# -- promises --------------------------------------------------------------------------------------------


class ReadOnlyInline(ReadOnlyMixin, admin.TabularInline):
    """Inline of what is only read on the page of its record, and entered on pages of its own."""

    extra = 0
    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj)


class AmendmentInline(ReadOnlyInline):
    """The amendments of a milestone or target."""

    model = Amendment

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        values = ["day"] if isinstance(obj, Milestone) else ["value", "year", "base_value", "base_year", "steps_text"]
        return [*values, "drop", "reason", "asked_on", "accepted", "decided_on", "remark"]

    @admin.display(description=_("steps"))
    def steps_text(self, amendment: Amendment) -> str:
        return format_steps(amendment.steps or {})

    @admin.display(description=_("reason"))
    def reason(self, amendment: Amendment) -> str:
        return str(amendment.reason)


class CompletionInline(ReadOnlyInline):
    """The completions of a milestone: the newest one without an objection counts."""

    model = Completion
    fields = ["completed_on", "entered_on", "evidence", "objected_on", "objection"]


class PromiseAdmin(PilotPartAdmin):
    """ModelAdmin of what a pilot promises: the ministry accepts requests, and later changes are amendments."""

    actions = ["accept"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A new one has neither amendments nor completions."""
        return super().get_inlines(request, obj) if obj else []

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        if not request.user.has_perm("pilots.add_amendment", record):
            return []
        label = _("Amend or drop it") if may_decide(request.user) else _("Ask for an amendment")
        return [(label, admin_url(Amendment, "add", **{self.opts.model_name: record.pk}))]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Delete amendments and completions with what they are about."""
        deleted, counts, perms, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, perms - {Amendment._meta.verbose_name, Completion._meta.verbose_name}, protected

    def has_accept_permission(self, request: HttpRequest) -> bool:
        return may_decide(request.user)

    @admin.action(description=_("Accept the selected requests"), permissions=["accept"])
    def accept(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        accepted = 0
        with transaction.atomic(), unit({self.model: [(record.pk, {}) for record in queryset]}):
            for record in queryset:
                try:
                    accept_promise(record, by=request.user)
                    accepted += 1
                except (ValidationError, PermissionDenied) as exc:
                    text = label_value(record, " ".join(getattr(exc, "messages", [str(exc)])))
                    self.message_user(request, text, messages.ERROR)
        if accepted:
            text = ngettext("%(count)d request is accepted.", "%(count)d requests are accepted.", accepted)
            self.message_user(request, text % {"count": accepted}, messages.SUCCESS)


@admin.register(Milestone)
class MilestoneAdmin(PromiseAdmin):
    form = MilestoneForm
    list_display = ["__str__", "pilot", "facet", "owner", "planned_day", "completed_day", "is_key", "promised_on"]
    list_select_related = ["pilot"]
    list_filter = [
        *["is_key", ("promised_on", admin.EmptyFieldListFilter), "facet", "stage", "confidence", "pilot__province"]
    ]
    search_fields = ["title_zh", "title_en", "owner", *PILOT_SEARCH]
    autocomplete_fields = ["pilot", "indicator", "sources"]
    inlines = [CompletionInline, AmendmentInline]
    fieldsets = [
        (TITLE_FIELDSET[0], {"fields": ["title_zh", "title_en"]}),
        (_("Whose it is"), {"fields": ["pilot", "facet", "owner", "is_key"]}),
        (_("What it is about"), {"fields": ["stage", "indicator"]}),
        (_("When"), {"fields": ["planned_on", "promised_on"]}),
        SOURCE_FIELDSET,
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        milestones: QuerySet[Model] = super().get_queryset(request).annotate(planned_then=planned_day(today()))
        return milestones.prefetch_related("completions")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Another planned day may always be written: it is asked for."""
        return [name for name in super().get_readonly_fields(request, obj) if name != "planned_on"]

    def kept_fields(self, request: HttpRequest, record: Any) -> dict[Any, Any]:
        """A fixed planned day is not restored."""
        return {**super().kept_fields(request, record), **record.fixed_fields()}

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        values = form.own_values() | form.wanted if change else {}
        written, amendment = write_milestone(form.instance, values, lists, by=request.user, reason=reason)
        if amendment:
            tell_amendment(self, request, amendment)
        return written

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        ways = super().related_links(request, record)
        if request.user.has_perm("pilots.add_completion", record):
            ways.append((_("Enter the completion"), admin_url(Completion, "add", milestone=record.pk)))
        return ways

    @admin.display(description=_("planned on"), ordering="planned_then")
    def planned_day(self, record: Any) -> date | None:
        day: date | None = record.planned_then
        return day

    @admin.display(description=_("completed on"))
    def completed_day(self, record: Milestone) -> date | None:
        return getattr(record.standing_completion, "completed_on", None)


@admin.register(Completion)
class CompletionAdmin(PilotPartAdmin):
    """ModelAdmin of completions: entered once; the ministry objects."""

    list_display = ["milestone", "pilot", "completed_on", "entered_on", "evidence", "objected_on"]
    list_select_related = ["pilot", "milestone"]
    list_filter = [("objected_on", admin.EmptyFieldListFilter), "pilot__province"]
    search_fields = [*PILOT_SEARCH, "milestone__title_zh", "milestone__title_en", "evidence"]
    autocomplete_fields = ["milestone"]
    ordering = ["-entered_on", "-pk"]
    fieldsets = [
        (_("What is done"), {"fields": ["milestone", "completed_on", "evidence"]}),
        (_("Objection"), {"fields": ["objection", "objected_on", "objected_by"]}),
        (_("Who entered it"), {"fields": ["entered_on", "entered_by"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The ministry objects to what is on record."""
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["evidence", *(["objection"] if obj.objected_on else [])] if obj else []
        return [*super().get_readonly_fields(request, obj), *shown]

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        done = form.instance
        if change:
            object_to(done, objection=done.objection, by=request.user)
        else:
            days = {"completed_on": done.completed_on, "evidence": done.evidence}
            vars(done).update(vars(complete(done.milestone, **days, by=request.user, reason=reason)))
        return True


@admin.register(Amendment)
class AmendmentAdmin(OwnReasonAdmin):
    """ModelAdmin of amendments: the province asks and withdraws, the ministry decides what waits."""

    form = AmendmentForm
    formfield_overrides = AMOUNT_OVERRIDES
    list_display = ["item", "pilot", "what", "reason", "asked_on", "state_now", "decided_on"]
    list_select_related = ["pilot", "milestone", "target__indicator", "target__pilot"]
    list_filter = ["accepted", "drop", "pilot__province"]
    search_fields = [
        *[*PILOT_SEARCH, "reason_en", "reason_zh", "milestone__title_zh", "milestone__title_en"],
        "target__indicator__code",
    ]
    autocomplete_fields = ["milestone", "target"]
    ordering = ["-asked_on", "-pk"]
    fieldsets = [
        (_("What is amended"), {"fields": ["milestone", "target"]}),
        (
            _("What is asked for"),
            {"fields": ["day", ("value", "year"), ("base_value", "base_year"), "steps", "drop"]},
        ),
        (_("Why"), {"fields": ["reason_en", "reason_zh"]}),
        (_("Decision"), {"fields": ["accepted", "remark"]}),
        (_("Days"), {"fields": ["asked_on", "decided_on", "asked_by", "decided_by"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The ministry decides what is on record already."""
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:3]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What waits is decided once."""
        decided = ["accepted", "remark"] if obj and obj.accepted is not None else []
        return [*super().get_readonly_fields(request, obj), *decided]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who asked withdraws a request that waits."""
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or (obj.accepted is None and obj.asked_by_id == request.user.pk))

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Save a request, or the decision about it."""
        obj = form.instance
        if not change:
            tell_amendment(self, request, save_amendment(obj, by=request.user))
        elif "accepted" in form.fields:
            if obj.accepted is None:
                text = _("Choose “Yes” to accept it, or “No” to refuse it with a remark.")
                raise ValidationError({"accepted": ValidationError(text, code="required")})
            decide_amendment(obj, accepted=obj.accepted, remark=obj.remark, by=request.user, reason=reason)
        return True

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        withdraw_amendment(obj, by=request.user, reason=posted_reason(request))

    @admin.display(description=_("what"))
    def what(self, amendment: Amendment) -> str:
        """What it changes, in a few words."""
        if amendment.drop:
            return str(_("drop it"))
        fields: list[Any] = [amendment._meta.get_field(name) for name in amendment.CHANGES]
        said = {field.verbose_name: getattr(amendment, field.name) for field in fields}
        texts = {label: format_date(value) if isinstance(value, date) else value for label, value in said.items()}
        return join_clauses(label_value(label, value) for label, value in texts.items() if value is not None)

    @admin.display(description=_("state"))
    def state_now(self, amendment: Amendment) -> Any:
        return amendment.state.label


# -- lights set by hand ----------------------------------------------------------------------------------


class InForceFilter(admin.SimpleListFilter):
    """Filter: whether the override applies today."""

    title = _("in force")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: object) -> Any:
        return [("yes", _("in force")), ("no", _("expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        now = Q(set_on__lte=today(), expires_on__gt=today())
        return {"yes": queryset.filter(now), "no": queryset.exclude(now)}.get(self.value() or "", queryset)


@admin.register(LightOverride)
class LightOverrideAdmin(OwnReasonAdmin):
    list_display = ["pilot", "colour", "standing", "set_on", "expires_on", "author", "reason"]
    list_select_related = ["pilot", "author"]
    list_filter = [InForceFilter, "colour", "pilot__province"]
    search_fields = [*PILOT_SEARCH, "reason"]
    autocomplete_fields = ["pilot"]
    fieldsets = [
        (
            _("The light, and why"),
            {
                "fields": ["pilot", "colour", "reason", "expires_on"],
                "description": _(
                    "It is shown to everybody as set by hand by the ministry, with the reason and the day it ends; the "
                    "computed light stays beside it. Your name stands in the history, for those whom it concerns."
                ),
            },
        ),
        (_("Who set it"), {"fields": ["author", "set_on"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new one is set today by who is signed in."""
        sections = super().get_fieldsets(request, obj)
        return sections if obj else sections[:1]

    def get_list_display(self, request: HttpRequest) -> Any:
        """Hide the author from users limited to a province: the list covers all provinces."""
        return [name for name in self.list_display if name != "author" or not editor_province(request.user)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was shown under a user's name cannot be changed."""
        return [*super().get_readonly_fields(request, obj), "pilot", "colour"] if obj else []

    def write_record(self, request: HttpRequest, form: Any, lists: Any, reason: str, *, change: bool) -> bool:
        """Set the signed-in user as author; the reason of a new one is that of its entry."""
        if not change:
            form.instance.author, reason = request.user, form.instance.reason
        return super().write_record(request, form, lists, reason, change=change)

    @admin.display(description=_("standing"))
    def standing(self, override: LightOverride) -> Any:
        return _("in force") if override.set_on <= today() < override.expires_on else _("expired")

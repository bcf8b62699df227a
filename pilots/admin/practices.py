"""Admin of practices, of their adoptions and of the effects of both."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.record_admin import RecordAdmin, admin_url, autocomplete_source, list_url
from core.history.entries import LabelledUrl
from core.http import parse_key, today
from core.text import label_value, number_with_unit
from pilots.admin.indicators import AMOUNT_OVERRIDES
from pilots.models import Adoption, Effect, Practice
from policies.admin import SOURCE_FIELDSET, TITLE_FIELDSET

PRACTICE_SEARCH = [f"practice__{name}" for name in ("title_zh", "title_en", "slug")]


class StateAdmin(RecordAdmin):
    """ModelAdmin of records whose state follows from their days."""

    @admin.display(description=_("state"))
    def state_now(self, record: Practice | Adoption) -> str:
        return str(record.state_on(today()).label)


@admin.register(Practice)
class PracticeAdmin(StateAdmin):
    list_display = ["__str__", "state_now", "field", "facet", "level", "province", "proposed_on", "confidence"]
    list_select_related = ["province"]
    list_filter = [
        *["field", "facet", "level"],
        *[(name, admin.EmptyFieldListFilter) for name in ("passed_on", "library_on", "recommended_on", "retired_on")],
        *["confidence", "province", "industries", "origins"],
    ]
    search_fields = [
        *["title_zh", "title_en", "slug", "problem_zh", "problem_en", "action_zh", "action_en"],
        *["origins__name_zh", "origins__name_en"],
    ]
    date_hierarchy = "proposed_on"
    prepopulated_fields = {"slug": ["title_en"]}
    autocomplete_fields = ["province", "origins", "industries", "measures", "sources"]
    formfield_overrides = AMOUNT_OVERRIDES
    fieldsets = [
        TITLE_FIELDSET,
        (_("What it is"), {"fields": ["facet", "field", "level", "industries", "measures"]}),
        (_("Where it comes from"), {"fields": ["origins", "province"]}),
        (
            _("What others need to know to copy it"),
            {
                "fields": [
                    *["problem_zh", "problem_en", "action_zh", "action_en"],
                    *["conditions_zh", "conditions_en", "risks_zh", "risks_en"],
                    ("cost_amount", "cost_kind", "cost_year"),
                ]
            },
        ),
        (
            _("Its way into the library"),
            {
                "fields": [
                    ("proposed_on", "passed_on", "library_on", "recommended_on"),
                    *["retired_on", "retired_reason_zh", "retired_reason_en"],
                ],
                "description": _("Its state follows from these days: on a day, the last that has come by then."),
            },
        ),
        SOURCE_FIELDSET,
    ]

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        of_it = {"practice__id": record.pk}
        ways: list[LabelledUrl] = [
            (_("Adoptions (%(count)d)") % {"count": record.adoptions.count()}, list_url(Adoption, **of_it)),
            (_("Effects (%(count)d)") % {"count": record.effects.count()}, list_url(Effect, **of_it)),
        ]
        if request.user.has_perm("pilots.add_adoption"):
            ways.append((_("Add an adoption"), admin_url(Adoption, "add", practice=record.pk)))
        if request.user.has_perm("pilots.add_effect", record):
            ways.append((_("Add an effect"), admin_url(Effect, "add", practice=record.pk)))
        return ways


@admin.register(Adoption)
class AdoptionAdmin(StateAdmin):
    list_display = [
        *["adopter_name", "practice", "province", "state_now", "planned_on", "in_use_on", "confirmed_on"],
        *["give_up_reason", "confidence"],
    ]
    list_filter = [
        *[(name, admin.EmptyFieldListFilter) for name in ("started_on", "in_use_on", "confirmed_on")],
        *["give_up_reason", "confidence", "practice", "province"],
    ]
    search_fields = [
        *PRACTICE_SEARCH,
        *["pilot__name_zh", "pilot__name_en", "pilot__slug", "place"],
        *["province__name_zh", "province__name_en"],
    ]
    date_hierarchy = "planned_on"
    autocomplete_fields = ["practice", "pilot", "province", "sources"]
    fieldsets = [
        (
            _("Who copies what"),
            {
                "fields": ["practice", "pilot", "province", "place"],
                "description": _("A pilot; or a province as a whole; or a place, with the province it lies in."),
            },
        ),
        (_("How far it has come"), {"fields": [("planned_on", "started_on", "in_use_on")]}),
        (_("What was changed"), {"fields": ["changed_zh", "changed_en"]}),
        (_("Given up"), {"fields": ["given_up_on", "give_up_reason", "give_up_text_zh", "give_up_text_en"]}),
        SOURCE_FIELDSET,
        (
            _("How well it is attested"),
            {
                "fields": ["confirmed_on", "claimed_by", "confirmed_by"],
                "description": _("Confirmed by another editor than the one who claimed it, on its page."),
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        adoptions: QuerySet[Model] = super().get_queryset(request).select_related("practice", "pilot", "province")
        return adoptions

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Model], search_term: str) -> Any:
        """Offer an effect only the copies of its practice."""
        practice = parse_key(request.GET.get("practice", ""))
        if autocomplete_source(request) is Effect and practice:
            queryset = queryset.filter(practice=practice)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description=_("who copies it"), ordering="pilot")
    def adopter_name(self, adoption: Adoption) -> str:
        return adoption.adopter_name

    def write_record(self, request: HttpRequest, form: Any, *args: Any, change: bool) -> bool:
        """Set the signed-in user as who claims a new copy; say where a change has ended a confirmation."""
        if not change:
            form.instance.claimed_by = request.user
        stored = Adoption.objects.filter(pk=form.instance.pk).first()
        written = super().write_record(request, form, *args, change=change)
        if ended := form.instance.change_remark(stored):
            messages.warning(request, ended)
        return written

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        label = _("Effects (%(count)d)") % {"count": record.effects.count()}
        ways: list[LabelledUrl] = [(label, list_url(Effect, adoption__id=record.pk))]
        if request.user.has_perm("pilots.add_effect", record):
            ways.append((_("Add an effect"), admin_url(Effect, "add", practice=record.practice_id, adoption=record.pk)))
        return ways


class NarrowedAutocomplete(AutocompleteSelect):
    """Autocomplete that names the practice of its form, to which `get_search_results` narrows what it offers."""

    practice = 0

    def get_url(self) -> str:
        return str(super().get_url()) + (f"?practice={self.practice}" if self.practice else "")


@admin.register(Effect)
class EffectAdmin(RecordAdmin):
    list_display = ["practice", "subject_name", "result", "basis", "known_on", "confidence"]
    list_select_related = [
        *["practice", "adoption__pilot", "adoption__province", "reading_before", "reading_after__indicator"],
    ]
    list_filter = [("reading_after", admin.EmptyFieldListFilter), "basis", "confidence", "practice", "province"]
    search_fields = [
        *PRACTICE_SEARCH,
        *["adoption__place", "adoption__pilot__name_zh", "adoption__pilot__name_en"],
        *["statement_zh", "statement_en"],
    ]
    date_hierarchy = "known_on"
    autocomplete_fields = ["practice", "adoption", "reading_before", "reading_after", "sources"]
    formfield_overrides = AMOUNT_OVERRIDES
    fieldsets = [
        (_("Whose effect"), {"fields": ["practice", "adoption", "basis", "known_on"]}),
        (
            _("Change of the pilot’s total: two accepted readings"),
            {
                "fields": ["reading_before", "reading_after"],
                "description": _(
                    "Of the pilot that has the practice, or that copies it. Only accepted readings count."
                ),
            },
        ),
        (
            _("Stated: what a source says"),
            {"fields": ["statement_zh", "statement_en", ("stated_value", "stated_unit", "stated_period")]},
        ),
        SOURCE_FIELDSET,
    ]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the copies of the practice that is posted, stored or given by the address, and values of its pilots."""
        if db_field.name in {"adoption", "reading_before", "reading_after"}:
            page: Any = request.resolver_match
            key: Any = parse_key(page.kwargs.get("object_id", ""))
            stored = Effect.objects.filter(pk=key)
            given = parse_key(request.POST.get("practice") or request.GET.get("practice") or "")
            kwargs["widget"] = widget = NarrowedAutocomplete(db_field, self.admin_site)
            widget.practice = given or stored.values_list("practice", flat=True).first() or 0
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=_("whose"))
    def subject_name(self, effect: Effect) -> str:
        return effect.adoption.adopter_name if effect.adoption_id else str(_("the origin"))

    @admin.display(description=_("result"))
    def result(self, effect: Effect) -> str:
        """The change between the two readings, or the words of the source."""
        if not effect.is_measured:
            return str(effect.statement)
        before, after = effect.reading_before, effect.reading_after
        unit = after.indicator.unit_text
        values = f"{before.period} {before.value_text} → {after.period} {number_with_unit(after.value_text, unit)}"
        return label_value(after.indicator.name, values)

"""Admin of practices, of their copies and of the effects of both."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin.record_admin import RecordAdmin, admin_url, list_url
from core.history.entries import LabelledUrl
from pilots.admin.stages_and_milestones import AMOUNT_OVERRIDES
from pilots.models import Adoption, Effect, Practice
from policies.admin import SOURCE_FIELDSET, TITLE_FIELDSET

PRACTICE_SEARCH = [f"practice__{name}" for name in ("title_zh", "title_en", "slug")]


@admin.register(Practice)
class PracticeAdmin(RecordAdmin):
    list_display = ["__str__", "field", "province", "proposed_on", "library_on", "retired_on", "confidence"]
    list_select_related = ["province"]
    list_filter = [
        "field",
        *[(name, admin.EmptyFieldListFilter) for name in ("library_on", "retired_on")],
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
        (_("What it is"), {"fields": ["field", "industries", "measures"]}),
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
                    ("proposed_on", "library_on", "retired_on"),
                    *["retired_reason_zh", "retired_reason_en"],
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
class AdoptionAdmin(RecordAdmin):
    list_display = ["adopter_name", "practice", "province", "adopted_on", "ended_on", "verified_on", "confidence"]
    list_select_related = ["practice", "pilot", "province"]
    list_filter = [
        *[(name, admin.EmptyFieldListFilter) for name in ("ended_on", "verified_on")],
        *["confidence", "practice", "province"],
    ]
    search_fields = [
        *PRACTICE_SEARCH,
        *["pilot__name_zh", "pilot__name_en", "pilot__slug", "province__name_zh", "province__name_en"],
    ]
    date_hierarchy = "adopted_on"
    autocomplete_fields = ["practice", "pilot", "province", "sources"]
    fieldsets = [
        (
            _("Who copies what"),
            {"fields": ["practice", "pilot", "province"], "description": _("A pilot; or a province as a whole.")},
        ),
        (_("Since when"), {"fields": [("adopted_on", "ended_on")]}),
        (
            _("Who says so"),
            {
                "fields": ["claimed_by", "verified_on", "verified_by"],
                "description": _("Verified by another user of the ministry than the one who claimed it."),
            },
        ),
        SOURCE_FIELDSET,
    ]

    @admin.display(description=_("who copies it"), ordering="pilot")
    def adopter_name(self, adoption: Adoption) -> str:
        return adoption.adopter_name

    def related_links(self, request: HttpRequest, record: Any) -> list[LabelledUrl]:
        label = _("Effects (%(count)d)") % {"count": record.effects.count()}
        ways: list[LabelledUrl] = [(label, list_url(Effect, adoption__id=record.pk))]
        if request.user.has_perm("pilots.add_effect", record):
            ways.append((_("Add an effect"), admin_url(Effect, "add", practice=record.practice_id, adoption=record.pk)))
        return ways


@admin.register(Effect)
class EffectAdmin(RecordAdmin):
    list_display = ["practice", "subject_name", "as_stated", "known_on", "confidence"]
    list_select_related = ["practice", "adoption__pilot", "adoption__province"]
    list_filter = ["confidence", "practice", "province"]
    search_fields = [
        *PRACTICE_SEARCH,
        *["adoption__pilot__name_zh", "adoption__pilot__name_en", "statement_zh", "statement_en"],
    ]
    date_hierarchy = "known_on"
    autocomplete_fields = ["practice", "adoption", "sources"]
    formfield_overrides = AMOUNT_OVERRIDES
    fieldsets = [
        (_("Whose effect"), {"fields": ["practice", "adoption", "known_on"]}),
        (
            _("What a source says"),
            {"fields": ["statement_zh", "statement_en", ("stated_value", "stated_unit", "stated_period")]},
        ),
        SOURCE_FIELDSET,
    ]

    @admin.display(description=_("whose"))
    def subject_name(self, effect: Effect) -> str:
        return effect.adoption.adopter_name if effect.adoption_id else str(_("the origin"))

    @admin.display(description=_("As stated"))
    def as_stated(self, effect: Effect) -> str:
        return str(effect.statement)

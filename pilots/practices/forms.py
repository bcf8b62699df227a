"""Forms of practices: proposing one, and reporting a copy. Texts are entered in the language of the page."""

from itertools import groupby
from typing import Any

from django import forms
from django.core.validators import MinLengthValidator
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.days import today
from core.permissions import editor_province, in_scope
from core.records import writing
from core.text import is_chinese_active, join_sentences
from pilots.forms.base import RecordErrorsMixin, page_field
from pilots.models import Adoption, Pilot, Practice
from pilots.practices.models import MIN_TEXT
from policies.models import Province


class PageForm(RecordErrorsMixin, forms.ModelForm):
    """Form of a new record on a page, without the fields of the other language."""

    both_languages: tuple[str, ...] = ()
    title: Any

    class Meta:
        formfield_callback = page_field

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        other, get_field = "_en" if is_chinese_active() else "_zh", self._meta.model._meta.get_field
        for name, field in [*self.fields.items()]:
            if name.endswith(other) and name not in self.both_languages:
                del self.fields[name]
            elif any(isinstance(check, MinLengthValidator) for check in get_field(name).validators):
                least = _("At least %(n)d characters.") % {"n": MIN_TEXT}
                field.help_text = join_sentences(str(field.help_text), least)

    def write(self) -> None:
        """Save the new record. Raises PermissionDenied for one outside the user's scope."""
        lists = {field.name: self.cleaned_data[field.name] for field in self._meta.model._meta.many_to_many}
        writing.write(self.instance, {}, lists, by=self.user)


class PracticeForm(PageForm):
    """A proposal: what was done and where."""

    title = gettext_lazy("Propose a practice")
    both_languages = ("title_zh", "title_en")

    class Meta(PageForm.Meta):
        model = Practice
        fields = (
            *("title_zh", "title_en", "origins", "field", "industries", "measures"),
            *("problem_zh", "problem_en", "action_zh", "action_en", "conditions_zh", "conditions_en"),
            *("risks_zh", "risks_en", "cost_amount", "cost_kind", "cost_year", "sources", "proposed_on"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.both_languages:
            self.fields[name].help_text = _("What was done, in a few words. One language is enough.")
        pilots = Pilot.objects.known(today()).select_related("batch", "province").order_by("province", "slug")
        origins: Any = self.fields["origins"]
        origins.queryset = in_scope(self.user, pilots)
        origins.widget.attrs["size"] = 10
        by_province = groupby(origins.queryset, lambda pilot: pilot.province)
        origins.widget.choices = [
            (province.name, [(pilot.pk, pilot.label) for pilot in group]) for province, group in by_province
        ]
        if len(origins.queryset) == 1:
            origins.initial = origins.queryset
        home = editor_province(self.user)
        if home is not None:
            self.instance.province = home

    def clean(self) -> dict[str, Any]:
        """Make a code that no practice has, part of the address, of the English title; without one a number."""
        cleaned = super().clean() or {}
        if not self.instance.slug:
            title = slugify(cleaned.get("title_en") or "")[:70].strip("-")
            stem = title or f"practice-{Practice.objects.count() + 1}"
            same = Practice.objects.filter(slug__startswith=stem)
            used = {"new", *same.values_list("slug", flat=True)}  # new is an address
            free = (slug for slug in (stem, *(f"{stem}-{n}" for n in range(2, len(used) + 3))) if slug not in used)
            self.instance.slug = next(free)
        return cleaned


class AdoptionForm(PageForm):
    """A copy that is reported: by a pilot or a province."""

    title = gettext_lazy("Report a copy")

    class Meta(PageForm.Meta):
        model = Adoption
        fields = ("pilot", "province", "adopted_on", "note_zh", "note_en", "sources")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        practice = self.instance.practice
        pilots = Pilot.objects.listed(today()).exclude(practices=practice).exclude(adoptions__practice=practice)
        choices: Any = self.fields
        choices["pilot"].queryset = in_scope(self.user, pilots.select_related("batch").order_by("province", "slug"))
        choices["pilot"].label_from_instance = lambda pilot: pilot.label
        choices["pilot"].error_messages["invalid_choice"] = _(
            "Choose a pilot within your scope that is no origin of this practice and has no copy of it yet."
        )
        home = editor_province(self.user)
        provinces = Province.objects.roster()
        choices["province"].queryset = provinces.filter(pk=home.pk) if home else provinces
        if home is not None:
            choices["province"].initial = home.pk

    def full_clean(self) -> None:
        """Validate; a wrong pilot is one mistake, though its province is missing too."""
        super().full_clean()
        if self.is_bound and "pilot" in self.errors:
            self.errors.pop("province", None)

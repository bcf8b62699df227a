"""ModelAdmin with object permission: who may change which record, which fields, and what the lists offer first.

No record is hidden: viewing needs the model permission alone. Rules: core/permissions.py.
"""

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Model
from django.http import HttpRequest
from django.utils.text import capfirst
from simple_history.admin import SimpleHistoryAdmin

from core.permissions import OUT_OF_SCOPE, can_create, in_scope, owner_field, permission_name, restricted_fields
from core.text.formatting import join_long


class ObjectPermissionMixin:
    """Ask for permission to change and delete with the record; of inline rows with the record that they belong to."""

    model: Any  # of the ModelAdmin or inline

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(permission_name(self.model, "change"), obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm(permission_name(self.model, "delete"), obj)


class ScopedAdmin(ObjectPermissionMixin, SimpleHistoryAdmin):
    """ModelAdmin of records that belong to a scope (a province), which ends what its users may change."""

    # -- permissions -------------------------------------------------------------------------------------

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request)) and can_create(request.user, self.model)

    def get_form(
        self, request: HttpRequest, obj: models.Model | None = None, change: bool = False, **kwargs: object
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.user = request.user  # the class is made for this request alone
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """Make fields read-only that need a permission which the user lacks."""
        return [
            *super().get_readonly_fields(request, obj),
            *restricted_fields(request.user, self.model, recorded=obj is not None, record=obj),
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        fixed = self.get_readonly_fields(request, obj)
        found = super().get_prepopulated_fields(request, obj)
        return {name: sources for name, sources in found.items() if name not in fixed}

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet[Model], search_term: str) -> Any:
        """Search as the change list does; the autocomplete of an owner field is limited to the user's scope, and so is
        that of a list to which users add only their own.
        """
        source = autocomplete_source(request)
        if source and request.GET["field_name"] in {owner_field(source), *getattr(source, "SCOPED_LISTS", ())}:
            queryset = in_scope(request.user, queryset)
        return super().get_search_results(request, queryset, search_term)

    def restricted_field_labels(self, request: HttpRequest, record: models.Model | None) -> str:
        """Return the labels of the fields that the form and its inlines show but that this user may not change."""
        if not (self.has_change_permission(request, record) if record else self.has_add_permission(request)):
            return ""
        inline_models = [inline.model for inline in self.get_inline_instances(request, record)]
        own = restricted_fields(request.user, self.model, recorded=record is not None, record=record)
        fields = [self.model._meta.get_field(name) for name in own]
        for model in inline_models:
            names = restricted_fields(request.user, model, recorded=True)
            fields += [model._meta.get_field(name) for name in names]
        return join_long(dict.fromkeys(str(capfirst(field.verbose_name)) for field in fields))

    # -- what the form and the lists offer -----------------------------------------------------------------

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer in the owner field only the records within the user's scope; a single one is chosen already."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name != owner_field(self.model):
            return field
        reached = in_scope(request.user, field.queryset)
        if reached is not field.queryset:
            field.queryset = reached
            field.error_messages["invalid_choice"] = OUT_OF_SCOPE
            keys = list(reached.values_list("pk", flat=True)[:2])
            field.initial = keys[0] if len(keys) == 1 else None
        return field

    def records_in_scope(self, request: HttpRequest) -> models.QuerySet[Model] | None:
        """Return the records within the user's scope, or None where that is every record."""
        every = self.model._base_manager.all()
        own = in_scope(request.user, every)
        return None if own is every else own

    def get_ordering(self, request: HttpRequest) -> Any:
        """List the records within the user's scope first."""
        ordering, own = super().get_ordering(request), self.records_in_scope(request)
        if own is None:
            return ordering
        first = models.Case(models.When(pk__in=own.values("pk"), then=0), default=1)
        return [first, *(ordering or self.opts.ordering)]

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Put the filter by owner field first for a user with a limited scope."""
        filters, name = list(super().get_list_filter(request)), owner_field(self.model)
        if self.records_in_scope(request) is None:
            return filters

        def place(item: object) -> tuple[bool, int]:
            field = item[0] if isinstance(item, list | tuple) else item  # or a filter class of its own
            first, *further = field.split("__") if isinstance(field, str) else [""]
            return first != name, len(further) if first == name else 0

        return sorted(filters, key=place)


def autocomplete_source(request: HttpRequest) -> type[Model] | None:
    """Return the model whose form asks by an autocomplete field; None for any other request."""
    match = request.resolver_match
    if not match or match.url_name != "autocomplete":
        return None
    return apps.get_model(request.GET["app_label"], request.GET["model_name"])

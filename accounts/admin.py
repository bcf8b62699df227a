"""Admin of users: their roles, and the API tokens of their programs."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import method_decorator
from django.utils.encoding import force_bytes
from django.utils.html import format_html
from django.utils.http import urlencode, urlsafe_base64_encode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from accounts.forms import TokenForm
from accounts.models import Officer, Role, RoleMapping, SignInRule
from accounts.models.token import Token
from accounts.roles import administrators, is_administrator, is_last_administrator
from accounts.sessions import end_other_sessions
from accounts.sign_in.claims import claim_values, decide_role, describe_decision
from accounts.sign_in.second_factor import primary_factors, remove_second_factor
from accounts.tokens import revoke
from core.admin.record_admin import RecordChangeList
from core.feeds.lists import feed_addresses
from core.history.provenance import LabelledUrl
from core.http.request_log import security_log
from core.text.joining import label_value

RIGHTS_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")
PERSON_INLINES: list[Any] = []
"""Further inlines of a user's page: those of apps above this one, which add theirs."""
TOKEN_FIELDS = ("state", "kind", "may", "expires_at", "last_used_at", "created_at")
PROVINCE_FILTER = ("officer__province", admin.RelatedOnlyFieldListFilter)  # those that have an editor
LAST_ADMINISTRATOR_MESSAGE = _("Nobody would be left who may do everything. Make another user an administrator first.")


class ConfirmedAdmin(admin.ModelAdmin):
    """Admin that only who signed in or confirmed it within ten minutes works with; lists may be read."""

    @method_decorator(reauthentication_required)
    def changeform_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(*args, **kwargs)

    @method_decorator(reauthentication_required)
    def delete_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().delete_view(*args, **kwargs)

    @method_decorator(reauthentication_required(allow_get=True))
    def changelist_view(self, *args: Any, **kwargs: Any) -> Any:
        return super().changelist_view(*args, **kwargs)


# -- there is always an administrator --------------------------------------------------------------------


def check_last_administrator(person: Any, *, stays: bool) -> None:
    """Raise ValidationError if the last active administrator would lose that role.

    Asked also where the role stays: changes of administrators wait for each other until the transaction ends.
    """
    if is_last_administrator(person) and not stays:
        raise ValidationError(LAST_ADMINISTRATOR_MESSAGE, code="last_administrator")


def has_administrator_role(person: Any) -> bool:
    """Whether the user is an administrator, or would be if active; only administrators change such accounts."""
    officer = getattr(person, "officer", None)
    return bool(person.is_superuser or (officer and officer.role == Role.ADMIN))


class PersonForm(UserChangeForm):
    """Django's user form, which does not let the last active administrator go."""

    def clean(self) -> dict[str, object] | None:
        cleaned, person = super().clean() or {}, self.instance
        given = {name: cleaned.get(name, getattr(person, name)) for name in ("is_active", "is_superuser")}
        officer = getattr(person, "officer", None)
        admin_role = bool(officer and officer.role == Role.ADMIN)
        try:
            check_last_administrator(person, stays=given["is_active"] and (given["is_superuser"] or admin_role))
        except ValidationError as exc:
            self.add_error("is_superuser" if given["is_active"] else "is_active", exc)
        return cleaned


class PasswordForm(AdminPasswordChangeForm):
    """The password form with two fields; password-less sign-in does not exist here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        for name in ("password1", "password2"):
            self.fields[name].required = True


class RoleFormSet(forms.BaseInlineFormSet):
    """The single row of a user's role."""

    def clean(self) -> None:
        super().clean()
        person: Any = self.instance
        for form in self.forms:
            role = form.cleaned_data.get("role")
            if role and role != Role.ADMIN and "role" in form.changed_data:
                try:
                    check_last_administrator(person, stays=person.is_active and person.is_superuser)
                except ValidationError as exc:
                    form.add_error("role", exc)


class RoleInline(admin.StackedInline):
    """Inline of a user's role. Only an administrator sets it, and never the own one."""

    model = Officer
    formset = RoleFormSet
    fields = ["role", "province"]
    can_delete = False
    verbose_name = _("role")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Remove the links to edit the provinces themselves."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def may(self, request: HttpRequest, person: object) -> bool:
        return is_administrator(request.user) and person != request.user

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # for every user who may see the person


class SignInRuleFormSet(forms.BaseInlineFormSet):
    """The single row of the rule of a sign-in, which the role of an editor, saved just before, may have made."""

    def save_new(self, form: Any, commit: bool = True) -> Any:
        given = {"break_glass": form.cleaned_data["break_glass"]}
        form.instance, _made = SignInRule.objects.update_or_create(user=self.instance, defaults=given)
        return form.instance


class SignInRuleInline(admin.StackedInline):
    """Inline that marks a break-glass account. Only an administrator does, and never of the own account."""

    model = SignInRule
    formset = SignInRuleFormSet
    fields = ["break_glass"]
    can_delete = False
    verbose_name = _("sign-in")

    def may(self, request: HttpRequest, person: object) -> bool:
        return is_administrator(request.user) and person != request.user

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # for every user who may see the person


# -- tokens ----------------------------------------------------------------------------------------------


class ReadOnlyTokenMixin:
    """Read-only display of tokens for an administrator: never the digest."""

    @admin.display(description=pgettext_lazy("of a token", "May"))
    def may(self, token: Token) -> str:
        return gettext("read and write") if token.may_write else pgettext("what a token may do", "read")

    @admin.display(description=_("state"))
    def state(self, token: Token) -> Any:
        return token.inactive_reason or _("in force")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TokenInline(ReadOnlyTokenMixin, admin.TabularInline):
    """Inline of a user's tokens, each with a link to revoke it."""

    model = Token
    fields = readonly_fields = (
        TOKEN_FIELDS[0],
        "way_out",
        *TOKEN_FIELDS[1:],
    )  # name and beginning stand above each row
    ordering = ["-pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        return super().get_queryset(request).select_related("user__officer")

    @admin.display(description=_("revoke"))
    def way_out(self, token: Token) -> SafeString | str:
        if token.inactive_reason:
            return "–"
        return format_html('<a href="{}">{}</a>', reverse("admin:accounts_token_revoke", args=[token.pk]), _("Revoke"))


@admin.register(Token)
class TokenAdmin(ReadOnlyTokenMixin, ConfirmedAdmin):
    """Admin of all tokens: look through and revoke."""

    list_display = ["name", "prefix", "user", *TOKEN_FIELDS]
    list_select_related = ["user__officer"]
    list_filter = ["kind", "may_write", "expires_at", "last_used_at"]
    search_fields = ["name", "prefix", "user__username"]
    actions = ["revoke_selected"]
    fields = readonly_fields = ("user", "name", "prefix", *TOKEN_FIELDS, "revoked_at")

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> Any:
        return RecordChangeList

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.change_token"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:pk>/revoke/", view, name="accounts_token_revoke"), *super().get_urls()]

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        for token in queryset:
            revoke(token)
        count = len(queryset)
        text = ngettext("%(count)d token is revoked.", "%(count)d tokens are revoked.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @method_decorator(reauthentication_required)
    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm, then revoke one token permanently."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        token = get_object_or_404(Token.objects.select_related("user__officer"), pk=pk)
        if request.method == "POST":
            revoke(token)
            self.log_change(request, token, str(_("Revoked.")))
            text = _("“%(name)s” is revoked: from now on it opens nothing.")
            self.message_user(request, text % {"name": token.name}, messages.SUCCESS)
            return HttpResponseRedirect(person_url(token.user_id))
        context = {**self.admin_site.each_context(request), "title": _("Revoke a token"), "subtitle": str(token)}
        context |= person_context(token.user) | {"token": token}
        return TemplateResponse(request, "admin/people/revoke.html", context)


# -- people ----------------------------------------------------------------------------------------------


def person_url(key: int) -> str:
    return reverse("admin:auth_user_change", args=[key])


def person_context(person: Any) -> dict[str, Any]:
    """Return the template context of pages below a user's page."""
    return {"person": person, "people": capfirst(User._meta.verbose_name_plural), "back": person_url(person.pk)}


# The address of an account is a field of it, its second factors are seen on its page, never their secrets, and the
# provider of single sign-on stands in the settings.
admin.site.unregister([User, EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken])


@admin.register(User)
class PersonAdmin(ConfirmedAdmin, UserAdmin):
    """Django's user admin with role and tokens."""

    form = PersonForm
    add_form = UserCreationForm
    add_fieldsets = [(None, {"fields": ["username", "password1", "password2"], "classes": ["wide"]})]
    change_password_form = PasswordForm
    change_form_template = "admin/records/form.html"
    fieldsets = [
        (None, {"fields": ["username", "password", "is_active"]}),
        (_("Personal info"), {"fields": ["first_name", "last_name", "email"]}),
        (
            _("Further rights"),
            {
                "fields": RIGHTS_FIELDS,
                "classes": ["collapse"],
                "description": _("The role below is enough for most. These add to it, and reach no further."),
            },
        ),
        (_("Important dates"), {"fields": ["last_login", "date_joined"], "classes": ["collapse"]}),
    ]
    list_display = [
        "username",
        "first_name",
        "last_name",
        "role",
        "province",
        "second_factor",
        "is_active",
        "last_login",
    ]
    list_select_related = ["officer__province"]
    list_filter = ["is_active", "officer__role", PROVINCE_FILTER, "is_superuser", "groups"]
    inlines = [RoleInline, SignInRuleInline, TokenInline]

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> Any:
        return RecordChangeList

    @admin.display(description=_("role"), ordering="officer__role")
    def role(self, person: User) -> str:
        officer = getattr(person, "officer", None)
        if person.is_superuser:
            return str(Role.ADMIN.label)
        return str(officer.get_role_display() if officer else Role.VIEWER.label)

    @admin.display(description=_("province"), ordering="officer__province")
    def province(self, person: User) -> str:
        officer = getattr(person, "officer", None)
        return str(officer.province) if officer and officer.province else "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
        people: QuerySet[User] = super().get_queryset(request).annotate(has_factor=Exists(factors))
        return people

    @admin.display(description=_("second factor"), boolean=True, ordering="has_factor")
    def second_factor(self, person: Any) -> bool:
        return bool(person.has_factor)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the inlines: none for a new user, whose role is set on the next page."""
        return [*super().get_inlines(request, obj), *PERSON_INLINES] if obj else []

    # -- permissions -------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.outranks(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.outranks(request, obj)

    def outranks(self, request: HttpRequest, person: object) -> bool:
        """Whether the user outranks the editor: else an editor of accounts could become an administrator by setting
        that password."""
        return person is None or is_administrator(request.user) or not has_administrator_role(person)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only administrators grant permissions, and never to themselves."""
        fixed = () if is_administrator(request.user) and obj != request.user else RIGHTS_FIELDS
        return [*super().get_readonly_fields(request, obj), *fixed]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save, and end the sessions of an account that became a break-glass account, and its link to the provider."""
        super().save_related(request, form, formsets, change)
        rules = [row for formset in formsets if formset.model is SignInRule for row in formset.forms]
        if any(row.has_changed() and row.instance.break_glass for row in rules):
            end_other_sessions(form.instance, None)
            SocialAccount.objects.filter(user=form.instance).delete()
            security_log.warning("break-glass account made", extra={"user": form.instance.pk, "by": request.user.pk})

    @method_decorator(reauthentication_required)
    def user_change_password(self, *args: Any, **kwargs: Any) -> Any:
        return super().user_change_password(*args, **kwargs)

    # -- deleting ----------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Run list actions in one transaction: all users or none."""
        with transaction.atomic() if request.method == "POST" else nullcontext():
            response: HttpResponse = super().changelist_view(request, extra_context)
            return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Prevent the deletion of the last administrators, also of all of them at once."""
        deleted, counts, perms, protected = super().get_deleted_objects(objs, request)
        return (
            deleted,
            counts,
            perms,
            [*protected, *self.last_administrators_error(objs, hold=request.method == "POST")],
        )

    def last_administrators_error(self, people: Iterable[Any], *, hold: bool) -> list[str]:
        known = administrators().select_for_update(of=("self",)) if hold else administrators()
        every = set(known.values_list("pk", flat=True))
        going = [person for person in people if person.pk in every]
        return [label_value(person, LAST_ADMINISTRATOR_MESSAGE) for person in going] if len(going) == len(every) else []

    # -- a token for a user ------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        person = kwargs.get("obj")
        context["ways"] = self.related_links(request, person) if person else []
        return super().render_change_form(request, context, *args, **kwargs)

    def related_links(self, request: HttpRequest, person: User) -> list[LabelledUrl]:
        every = f"{reverse('admin:accounts_token_changelist')}?{urlencode({'user__id__exact': person.pk})}"
        ways: list[LabelledUrl] = [(_("All tokens"), every)] if request.user.has_perm("accounts.view_token") else []
        if is_administrator(request.user) and person.is_active:
            ways.append((_("Make a token"), reverse("admin:auth_user_token", args=[person.pk])))
        if person.is_active and self.has_change_permission(request, person):
            ways.append((_("Make a link to a new password"), reverse("admin:auth_user_link", args=[person.pk])))
        if self.may_remove_factor(request, person) and primary_factors(person).exists():
            ways.append((_("Remove the second factor"), reverse("admin:auth_user_factor", args=[person.pk])))
        return ways

    def may_remove_factor(self, request: HttpRequest, person: User) -> bool:
        """Whether the user may remove the person’s second factor: an administrator, and nobody one's own."""
        return is_administrator(request.user) and person != request.user

    def get_urls(self) -> list[URLPattern]:
        token, link = self.admin_site.admin_view(self.token_view), self.admin_site.admin_view(self.link_view)
        return [
            path("<int:pk>/token/", token, name="auth_user_token"),
            path("<int:pk>/link/", link, name="auth_user_link"),
            path("<int:pk>/factor/", self.admin_site.admin_view(self.factor_view), name="auth_user_factor"),
            *super().get_urls(),
        ]

    @method_decorator([reauthentication_required, sensitive_variables("address")])
    def link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a one-time link by which the user sets a new password; it is shown once.

        For users who may change this account: that of an administrator only by administrators.
        """
        person = get_object_or_404(get_user_model(), pk=pk, is_active=True)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **person_context(person), "subtitle": str(person)}
        context |= {"title": _("A link to a new password"), "days": settings.PASSWORD_RESET_TIMEOUT // 86_400}
        if request.method == "POST":
            parts = {
                "uidb64": urlsafe_base64_encode(force_bytes(person.pk)),
                "token": default_token_generator.make_token(person),
            }
            address = request.build_absolute_uri(reverse("password_reset_confirm", kwargs=parts))
            self.log_change(request, person, str(_("Made a link to a new password.")))
            security_log.info("link to a new password made", extra={"user": person.pk, "by": request.user.pk})
            context["address"] = address
        response = TemplateResponse(request, "admin/people/link.html", context)
        add_never_cache_headers(response)
        return response

    @method_decorator(reauthentication_required)
    def factor_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Confirm, then remove a person’s second factors, who lost them; the next sign-in sets up a new one."""
        person = get_object_or_404(User, pk=pk)
        if not self.may_remove_factor(request, person):
            raise PermissionDenied
        if request.method == "POST":
            with transaction.atomic():
                removed = remove_second_factor(person)
                if removed:
                    self.log_change(request, person, str(_("Removed the second factor.")))
            security_log.warning("second factor removed", extra={"user": person.pk, "by": request.user.pk})
            text = _("%(name)s has no second factor any more, and is signed out everywhere.")
            self.message_user(request, text % {"name": person}, messages.SUCCESS)
            return HttpResponseRedirect(person_url(person.pk))
        context = {**self.admin_site.each_context(request), **person_context(person), "subtitle": str(person)}
        context |= {"title": _("Remove the second factor"), "factors": primary_factors(person)}
        return TemplateResponse(request, "admin/people/factor.html", context)

    @method_decorator([reauthentication_required, sensitive_variables("made", "secret")])
    def token_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create an API token for another user's program; the secret is shown once, to the administrator."""
        if not is_administrator(request.user):
            raise PermissionDenied
        person = get_object_or_404(get_user_model(), pk=pk, is_active=True)
        form = TokenForm(request.POST or None, user=person)
        form.fields["name"].widget.attrs["class"] = "vTextField"
        made = form.make() if request.method == "POST" and form.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            **person_context(person),
            "subtitle": str(person),
            "form": form,
        }
        if made is None:
            return TemplateResponse(request, "admin/people/token.html", context | {"title": _("Make a token")})
        token, secret = made
        self.log_change(request, person, str(_("Made the token “%(name)s”.") % {"name": token.name}))
        context |= {"title": _("The new token"), "token": token, "secret": secret}
        context["addresses"] = feed_addresses(request, person, secret) if token.opens_feeds else []
        return TemplateResponse(request, "admin/people/token_made.html", context)


# -- roles by single sign-on -----------------------------------------------------------------------------


class RoleMappingForm(forms.ModelForm):
    """A mapping, and claims to try it with before it is saved."""

    claims = forms.JSONField(
        label=_("Try with these claims"),
        required=False,
        initial=dict,
        widget=forms.Textarea(attrs={"rows": 6, "class": "vLargeTextField", "spellcheck": "false"}),
        help_text=_('The claims of a person as JSON, for example {"groups": ["editors"]}. Nothing is saved by trying.'),
    )
    result = ""

    def is_valid(self) -> bool:
        """Whether to save: not where the claims are only tried, whose result is then shown."""
        valid = super().is_valid()
        if valid and "_try" in self.data:
            self.result = self.try_claims(self.cleaned_data["claims"] or {})
            return False
        return valid

    def clean_claims(self) -> Any:
        claims = self.cleaned_data["claims"]
        if claims is not None and not isinstance(claims, dict):
            raise ValidationError(_("Write an object: names of claims with their values, in {…}."), code="object")
        return claims

    def try_claims(self, claims: dict[str, Any]) -> str:
        """Return what a sign-in with these claims would do, once this mapping is saved with the others."""
        others = RoleMapping.objects.select_related("province").exclude(pk=self.instance.pk)
        decision = decide_role(claims, [*others, self.instance])
        values = claim_values(claims, settings.OIDC_CLAIM) if settings.OIDC_CLAIM else None
        seen = gettext("%(claim)s: %(values)s.") % {
            "claim": settings.OIDC_CLAIM or "OIDC_CLAIM",
            "values": "–" if values is None else ", ".join(values) or "[]",
        }
        return f"{seen} {describe_decision(decision)}"


@admin.register(RoleMapping)
class RoleMappingAdmin(ConfirmedAdmin):
    """Admin of the roles that the provider's claim gives."""

    form = RoleMappingForm
    fieldsets = [(None, {"fields": ["value", "role", "province"]}), (_("Try it"), {"fields": ["claims"]})]
    change_form_template = "admin/people/role_mapping.html"
    list_display = ["value", "role", "province"]
    list_select_related = ["province"]
    list_filter = ["role"]
    search_fields = ["value"]

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> Any:
        return RecordChangeList

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Remove the links to edit the provinces themselves."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

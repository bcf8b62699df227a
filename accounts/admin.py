"""Admin of users: their roles, and the API tokens of their programs."""

from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, UserCreationForm
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from accounts.forms import TokenForm, password_link
from accounts.models import Officer, Role, Token, is_administrator, lock_administrators, revoke, role_of
from accounts.sign_in import primary_factors, remove_second_factor
from core.admin.record_admin import ReadOnlyAdmin, RecordChangeList
from core.request_log import security_log

RIGHTS_FIELDS = ("is_staff", "is_superuser", "groups", "user_permissions")
PROVINCE_FILTER = ("officer__province", admin.RelatedOnlyFieldListFilter)  # those that have an editor

# The address of an account is a field of it, its second factors are seen on its page, never their secrets, its sessions
# are its own, and the provider of single sign-on stands in the settings.
admin.site.unregister([User, EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken, UserSession])


def confirmed(admin_class: type[admin.ModelAdmin]) -> type[admin.ModelAdmin]:
    """Admin class for those only who signed in or confirmed it within ten minutes; lists may be read."""
    for name, allow_get in (("changeform_view", False), ("delete_view", False), ("changelist_view", True)):
        method_decorator(reauthentication_required(allow_get=allow_get), name=name)(admin_class)
    return admin_class


# -- tokens ----------------------------------------------------------------------------------------------


@admin.register(Token)
@confirmed
class TokenAdmin(ReadOnlyAdmin):
    """Admin of all tokens: look through and revoke, never their digests."""

    list_display = ["name", "prefix", "user", "state", "kind", "may", "expires_at", "last_used_at", "created_at"]
    list_select_related = ["user__officer"]
    list_filter = ["kind", "may_write", "expires_at", "last_used_at"]
    search_fields = ["name", "prefix", "user__username"]
    actions = ["revoke_selected"]
    fields = readonly_fields = (*list_display, "revoked_at")  # type: ignore[arg-type]

    @admin.display(description=pgettext_lazy("of a token", "May"))
    def may(self, token: Token) -> str:
        return gettext("read and write") if token.may_write else pgettext("what a token may do", "read")

    @admin.display(description=_("state"))
    def state(self, token: Token) -> Any:
        return token.inactive_reason or _("in force")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("accounts.change_token"))

    @admin.action(description=_("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Token]) -> None:
        for token in queryset:
            revoke(token)
            self.log_change(request, token, str(_("Revoked.")))
        count = len(queryset)
        text = ngettext("%(count)d token is revoked.", "%(count)d tokens are revoked.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


# -- people ----------------------------------------------------------------------------------------------


def an_administrator_stays(view: Any) -> Any:
    """Decorator of a view of users: what would leave nobody who may do everything is undone, and told.

    Changes wait for each other, so that two administrators cannot remove one another.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with transaction.atomic():
            lock_administrators()
            response = view(request, *args, **kwargs)
            if lock_administrators():
                return response
            transaction.set_rollback(True)
        list(messages.get_messages(request))  # of what is undone
        text = _("Nobody would be left who may do everything. Make another user an administrator first.")
        messages.error(request, text)
        return redirect(request.get_full_path())

    return wrapped


class PasswordForm(AdminPasswordChangeForm):
    """The password form with two fields; password-less sign-in does not exist here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)
        self.fields["password1"].required = self.fields["password2"].required = True


class RoleInline(admin.StackedInline):
    """Inline of a user's role. Only an administrator sets it, and never the own one."""

    model = Officer
    fields = ["role", "province"]
    can_delete = False
    verbose_name = _("role")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_administrator(request.user) and obj != request.user

    has_change_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # for every user who may see the person

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the links to edit the provinces themselves."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "province":
            field.widget = field.widget.widget
        return field


@admin.register(User)
@confirmed
@method_decorator(an_administrator_stays, name="changeform_view")
@method_decorator(an_administrator_stays, name="delete_view")
@method_decorator(an_administrator_stays, name="changelist_view")
@method_decorator(reauthentication_required, name="user_change_password")
class PersonAdmin(UserAdmin):
    """Django's user admin with role, second factor and tokens."""

    add_form = UserCreationForm
    add_fieldsets = [(None, {"fields": ["username", "password1", "password2"], "classes": ["wide"]})]
    change_password_form = PasswordForm
    change_form_template = "admin/people/person.html"
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
        *("username", "first_name", "last_name", "role", "officer__province", "second_factor", "is_active"),
        "last_login",
    ]
    list_select_related = ["officer__province"]
    list_filter = ["is_active", "officer__role", PROVINCE_FILTER, "is_superuser", "groups"]
    inlines = [RoleInline]  # apps above this one add theirs

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> Any:
        return RecordChangeList

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).annotate(has_factor=Exists(primary_factors(OuterRef("pk"))))

    @admin.display(description=_("role"), ordering="officer__role")
    def role(self, person: User) -> Any:
        return role_of(person).label

    @admin.display(description=_("second factor"), boolean=True, ordering="has_factor")
    def second_factor(self, person: Any) -> bool:
        return bool(person.has_factor)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the inlines: none for a new user, whose role is set on the next page."""
        return super().get_inlines(request, obj) if obj else []

    # -- permissions -------------------------------------------------------------------------------------

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.outranks(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.outranks(request, obj)

    def outranks(self, request: HttpRequest, person: Any) -> bool:
        """Whether the user outranks the editor: else an editor of accounts could become an administrator by setting
        that password."""
        return person is None or is_administrator(request.user) or role_of(person) != Role.ADMIN

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only administrators grant permissions, and never to themselves."""
        fixed = () if is_administrator(request.user) and obj != request.user else RIGHTS_FIELDS
        return [*super().get_readonly_fields(request, obj), *fixed]

    # -- pages below a user's page -----------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        pages = {"token": self.token_view, "link": self.link_view, "factor": self.factor_view}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"auth_user_{name}")
                for name, view in pages.items()
            ),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, name: str, person: User, **context: Any) -> HttpResponse:
        names = {"person": person, "people": capfirst(User._meta.verbose_name_plural), "subtitle": str(person)}
        names["back"] = reverse("admin:auth_user_change", args=[person.pk])
        context = {**self.admin_site.each_context(request), **names, **context}
        return TemplateResponse(request, f"admin/people/{name}.html", context)

    @method_decorator([reauthentication_required, sensitive_variables("address")])
    def link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create a one-time link by which the user sets a new password; it is shown once.

        For users who may change this account: that of an administrator only by administrators.
        """
        person = get_object_or_404(User, pk=pk, is_active=True)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        address = ""
        if request.method == "POST":
            address = request.build_absolute_uri(password_link(person))
            self.log_change(request, person, str(_("Made a link to a new password.")))
            security_log.info("link to a new password made", extra={"user": person.pk, "by": request.user.pk})
        days = settings.PASSWORD_RESET_TIMEOUT // 86_400
        return self.page(request, "link", person, title=_("A link to a new password"), days=days, address=address)

    @method_decorator(reauthentication_required)
    def factor_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Confirm, then remove a person’s second factors, who lost them; the next sign-in sets up a new one.

        By an administrator, and nobody one's own.
        """
        person = get_object_or_404(User, pk=pk)
        if not is_administrator(request.user) or person == request.user:
            raise PermissionDenied
        if request.method != "POST":
            factors = primary_factors(person.pk)
            return self.page(request, "factor", person, title=_("Remove the second factor"), factors=factors)
        remove_second_factor(person, str(_("Removed the second factor.")), by=request.user)
        text = _("%(name)s has no second factor any more, and is signed out everywhere.")
        self.message_user(request, text % {"name": person}, messages.SUCCESS)
        return redirect("admin:auth_user_change", person.pk)

    @method_decorator([reauthentication_required, sensitive_variables("made")])
    def token_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Create an API token for another user's program; the secret is shown once, to the administrator."""
        if not is_administrator(request.user):
            raise PermissionDenied
        person = get_object_or_404(User, pk=pk, is_active=True)
        form = TokenForm(request.POST or None, user=person)
        form.fields["name"].widget.attrs["class"] = "vTextField"
        made = form.make(request)
        if made is None:
            return self.page(request, "token", person, title=_("Make a token"), form=form)
        self.log_change(request, person, str(_("Made the token “%(name)s”.") % {"name": made["token"].name}))
        return self.page(request, "token_made", person, title=_("The new token"), **made)

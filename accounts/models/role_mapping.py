"""Roles by single sign-on: which value of the provider's claim gives which role."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models.officer import Role
from core.records.constraints import choices_constraint
from policies.models.province import Province


class RoleMapping(models.Model):
    """A value of the claim, and the role that it gives at each sign-in. Of several that match the highest role wins."""

    value = models.CharField(
        _("value of the claim"),
        max_length=200,
        unique=True,
        help_text=_("As the provider sends it, for example the name of a group; capitals and small letters differ."),
    )
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    province = models.ForeignKey(
        Province,
        verbose_name=_("province"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"in_roster": True},
        help_text=_("Only for a provincial editor."),
    )

    class Meta:
        verbose_name = _("role by single sign-on")
        verbose_name_plural = _("roles by single sign-on")
        ordering = ["value"]
        constraints = [
            choices_constraint("role", Role, "role_mapping_role_known"),
            models.CheckConstraint(
                condition=Q(role=Role.PROVINCIAL_EDITOR, province__isnull=False)
                | (~Q(role=Role.PROVINCIAL_EDITOR) & Q(province__isnull=True)),
                name="role_mapping_province_goes_with_role",
                violation_error_message=_("A provincial editor has a province, nobody else has one."),
            ),
        ]

    def __str__(self) -> str:
        return self.value

    def clean(self) -> None:
        super().clean()
        if (self.role == Role.PROVINCIAL_EDITOR) is not bool(self.province_id):
            raise ValidationError({"province": _("A provincial editor has a province, nobody else has one.")})

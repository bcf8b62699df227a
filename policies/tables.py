"""Table columns of policies."""

from typing import Any

from django.utils.translation import gettext as _

from core.text.formatting import join_long
from core.web.tables import Column, record_cell


def policy_columns(roster: int) -> list[Column[Any]]:
    """Return the columns of a list of policies, annotated with their issued plans; `roster` is the denominator."""
    return [
        Column("title", _("Policy"), record_cell, sort="title", sort_fields=["title_zh"]),
        Column("level", _("Level"), lambda policy: policy.get_level_display(), sort="level", sort_fields=["level"]),
        Column(
            "doc_number",
            _("Document number"),
            lambda policy: policy.doc_number or None,
            sort="number",
            sort_fields=["doc_number"],
        ),
        Column("issued_on", _("Issued"), "issued", kind="date"),
        Column("published_on", _("Published"), kind="date"),
        Column(
            "known_by", _("Latest date"), "known_issued_by", kind="date", sort="known", sort_fields=["known_issued_by"]
        ),
        Column(
            "agencies",
            _("Issued by"),
            lambda policy: join_long(agency.name for agency in policy.agencies.all()) or None,
        ),
        Column(
            "plans",
            _("Provincial plans"),
            lambda policy: issued_plans_text(policy, roster),
            sort="plans",
            sort_fields=["issued_plans"],
        ),
    ]


def issued_plans_text(policy: Any, roster: int) -> str:
    """Return the issued plans of the roster, or that the policy calls for none."""
    if not (policy.calls_for_provincial_plan or policy.issued_plans):
        return _("not called for")
    return _("%(issued)d of %(roster)d") % {"issued": policy.issued_plans, "roster": roster}

"""Menu of the site: six places, and the pages of each."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Page(NamedTuple):
    """Page of a place: name of its URL, label of its tab, and the filters that links to it keep."""

    url_name: str
    label: str | Promise
    shared_params: Sequence[str] = ()


class Place(NamedTuple):
    """Place: its label, which leads to the first of its pages.

    One that names `models` is left out of the menu while none of them has a record.
    """

    label: str | Promise
    pages: Sequence[Page]
    models: Sequence[str] = ()


MENU = (  # the first is the home page
    Place(_("Overview"), [Page("overview", _("Overview"))]),
    Place(
        pgettext_lazy("place of the site", "Rollout"),
        [
            Page("province-list", _("Provinces")),
            Page("policy-list", _("Policies")),
            Page("compare-provinces", _("Compare")),
        ],
    ),
    Place(
        _("Pilots"),
        [
            Page("pilot-list", _("List"), ["batch"]),
            Page("batch-list", _("Batches")),
            Page("compare-pilots", _("Compare")),
        ],
    ),
    Place(_("Coverage"), [Page("industry-list", _("Industries"), ["batch"])]),
    Place(
        _("Results"),
        [Page("synergy", _("Synergy"), ["batch"]), Page("trends", _("Trends"))],
        models=["pilots.Reading"],
    ),
    Place(
        _("Action"),
        [
            Page("follow-up-list", _("Follow-ups")),
            Page("practice-list", _("Practices")),
            Page("document-list", _("Documents")),
        ],
        models=["pilots.FollowUp", "pilots.Practice", "pilots.Document"],
    ),
)

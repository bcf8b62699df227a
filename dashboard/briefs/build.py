"""Briefs: one page about the nation, a batch, a province, a pilot, a policy or an indicator on a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import urlencode

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import TextChoices
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from core.seed.middleware import holds_demonstration
from dashboard.briefs.blocks import Brief
from dashboard.briefs.fit import fit
from dashboard.briefs.parts.content import Content, Days
from dashboard.briefs.parts.sources import MAX_SOURCES, numbered
from dashboard.briefs.subjects.batch import batch_content
from dashboard.briefs.subjects.indicator import indicator_content
from dashboard.briefs.subjects.nation import nation_content
from dashboard.briefs.subjects.pilot import pilot_content
from dashboard.briefs.subjects.policy import policy_content
from dashboard.briefs.subjects.province import province_content
from pilots.analytics.pilot_status import quarter_end_before


class BriefKind(TextChoices):
    """Kinds of subject of a brief, in the order in which they are offered."""

    NATION = "nation", pgettext_lazy("kind of brief", "Nation")
    BATCH = "batch", pgettext_lazy("kind of brief", "Batch")
    PROVINCE = "province", pgettext_lazy("kind of brief", "Province")
    PILOT = "pilot", pgettext_lazy("kind of brief", "Pilot")
    POLICY = "policy", pgettext_lazy("kind of brief", "Policy")
    INDICATOR = "indicator", pgettext_lazy("kind of brief", "Indicator")


CONTENTS: Mapping[str, Callable[[str, Days], Content]] = {
    BriefKind.NATION: nation_content,
    BriefKind.BATCH: batch_content,
    BriefKind.PROVINCE: province_content,
    BriefKind.PILOT: pilot_content,
    BriefKind.POLICY: policy_content,
    BriefKind.INDICATOR: indicator_content,
}


def build_brief(
    kind: str, slug: str, as_of: date, known: date, since: date | None, language: str, site: str = ""
) -> Brief:
    """Return the brief of a subject; `slug` is the record's slug or the indicator's code, empty for the nation.

    Lists that do not fit on one page are cut. It compares with `since`, by default the end of the last quarter before
    the day. `known` is the day whose records the request reads. `site` is put before the path of
    the address, such as `https://example.org`.

    Raises ObjectDoesNotExist for an unknown kind or subject, or one not known on the day.
    """
    if kind not in CONTENTS or (kind == BriefKind.NATION) != (slug == ""):
        raise ObjectDoesNotExist
    days = Days(as_of, known, since or quarter_end_before(as_of))
    with translation.override(language):
        content = CONTENTS[kind](slug, days)
        sources = list(content.sources)
        brief = Brief(
            kind=kind,
            slug=slug,
            language=language,
            title=content.title,
            subtitle=f"{_('Brief')} · {content.subtitle}",
            headline=content.headline,
            light=content.light,
            blocks=content.blocks,
            sources=numbered(sources),
            as_of=as_of,
            known=known,
            since=days.since,
            made_at=timezone.now(),
            address=site + brief_address(kind, slug, days, language),
            demonstration=holds_demonstration(),
            more_sources=max(0, len(sources) - MAX_SOURCES),
        )
        return fit(brief)


def brief_path(kind: str, slug: str = "") -> str:
    """Return the path of the page of a brief."""
    return reverse("brief", args=[kind, slug]) if slug else reverse("brief-nation")


def brief_address(kind: str, slug: str, days: Days, language: str) -> str:
    """Return the path and query under which the same brief is found again."""
    query = {"as_of": days.as_of, "known": days.known, "since": days.since, "lang": language}
    return f"{brief_path(kind, slug)}?{urlencode(query)}"

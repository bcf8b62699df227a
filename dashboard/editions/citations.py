"""Citation of an edition: as text, BibTeX and CSL-JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from core.text.formatting import format_date
from dashboard.editions.package import Publication
from dashboard.models import Edition


def publisher() -> str:
    return _("Synergy Pilot Tracker")


def citation_text(publication: Publication) -> str:
    """Return the citation in a sentence of the active language."""
    edition, approved = publication.edition, timezone.localdate(publication.approved_at)
    text = _("%(title)s, as of %(day)s. Approved on %(approved)s. %(address)s. SHA-256 of the package: %(sha256)s.")
    return text % {
        "title": publication.title,
        "day": format_date(edition.as_of),
        "approved": format_date(approved),
        "address": publication.address,
        "sha256": edition.sha256,
    }


def citation_bibtex(publication: Publication) -> str:
    """Return the citation as an entry of BibTeX."""
    approved = timezone.localdate(publication.approved_at)
    fields = {
        "title": f"{{{publication.title}}}",
        "author": f"{{{publisher()}}}",
        "year": str(approved.year),
        "month": str(approved.month),
        "version": publication.edition.quarter,
        "url": publication.address,
        "note": f"SHA-256 {publication.edition.sha256}",
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@dataset{{synergy-pilots-{publication.edition.quarter.lower()},\n{lines}}}\n"


def citation_csl(publication: Publication) -> str:
    """Return the citation as CSL-JSON."""
    approved = timezone.localdate(publication.approved_at)
    item: dict[str, Any] = {
        "id": f"synergy-pilots-{publication.edition.quarter.lower()}",
        "type": "dataset",
        "title": publication.title,
        "author": [{"literal": publisher()}],
        "publisher": publisher(),
        "issued": {"date-parts": [[approved.year, approved.month, approved.day]]},
        "version": publication.edition.quarter,
        "URL": publication.address,
        "note": f"SHA-256 {publication.edition.sha256}",
    }
    return json.dumps([item], ensure_ascii=False, indent=2)


CITATIONS: Mapping[str, tuple[Callable[[Publication], str], str]] = {
    "citation.txt": (citation_text, "text/plain; charset=utf-8"),
    "citation.bib": (citation_bibtex, "application/x-bibtex; charset=utf-8"),
    "citation.json": (citation_csl, "application/vnd.citationstyles.csl+json"),
}
"""By the value of `export`: what writes the citation, and its media type."""


def publication_of(edition: Edition, address: str, *, demonstration: bool) -> Publication:
    """Return what names an approved edition. Raises ValueError before approval."""
    if edition.approved_at is None:
        raise ValueError(edition.quarter)
    return Publication(edition, address, edition.approved_at, demonstration)

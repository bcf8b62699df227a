"""Cells of tables that many pages share: provinces, sources and confidence."""

from __future__ import annotations

from core.text.bilingual import lang_of
from core.web.tables import Cell, status_cell
from policies.models import Confidence, Province, Source
from policies.models.sourced import SourcedModel


def province_cell(province: Province) -> Cell:
    """Return the short name of a province linked to its page."""
    return Cell(province.short, url=province.get_absolute_url())


def confidence_cell(record: SourcedModel) -> Cell:
    """Return the confidence in a fact."""
    return status_cell(Confidence(record.confidence))


def source_cell(record: SourcedModel) -> Cell:
    """Return the first source of a fact; None where it has none."""
    source = next(iter(record.sources.all()), None)
    return document_cell(source) if source else Cell(None)


def document_cell(source: Source) -> Cell:
    """Return the title of a source linked to its document."""
    return Cell(source.title, url=source.url, lang=lang_of(source.title))

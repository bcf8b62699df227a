"""Content of an approved edition: what its page and the API show, read from the row that never changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.text.bilingual import TranslatedText
from dashboard.editions.figures import EditionFigure
from dashboard.models import Edition


@dataclass(frozen=True)
class EditionFile:
    """File of an edition: path below its address, media type, size in bytes and SHA-256."""

    path: str
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True)
class TableChange:
    """Difference of a table to that of the edition before: records added, removed and changed."""

    table: str
    title_en: str
    title_zh: str
    before: int
    now: int
    added: int
    removed: int
    changed: int

    title = TranslatedText("title")


@dataclass(frozen=True)
class AcknowledgedWarning:
    """Warning of the checklist that was acknowledged at the approval, with its count, of how many."""

    code: str
    label_en: str
    label_zh: str
    count: int
    of: int

    label = TranslatedText("label")


@dataclass(frozen=True)
class EditionContent:
    """What an approved edition says. `previous` is the quarter of the edition before; empty for the first."""

    files: Sequence[EditionFile]
    figures: Sequence[EditionFigure]
    previous: str = ""
    previous_figures: Sequence[EditionFigure] = ()
    changes: Sequence[TableChange] = ()
    warnings: Sequence[AcknowledgedWarning] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            name: value if isinstance(value, str) else [asdict(item) for item in value]
            for name, value in vars(self).items()
        }

    @property
    def package(self) -> EditionFile:
        """The ZIP with all other files."""
        return self.files[0]

    @property
    def data_files(self) -> list[EditionFile]:
        return [file for file in self.files if file.path.startswith("data/")]

    @property
    def main_files(self) -> list[EditionFile]:
        return [file for file in self.files if not file.path.startswith("data/")]

    @property
    def changed_figures(self) -> list[tuple[EditionFigure, EditionFigure]]:
        """The key numbers whose value or whole differs from the edition before: before and now."""
        before = {figure.code: figure for figure in self.previous_figures}
        pairs = [(before[figure.code], figure) for figure in self.figures if figure.code in before]
        return [(old, new) for old, new in pairs if (old.value, old.of) != (new.value, new.of)]


def content_of(edition: Edition) -> EditionContent:
    """Return the content of an approved edition."""
    found: dict[str, Any] = edition.content
    return EditionContent(
        files=[EditionFile(**item) for item in found["files"]],
        figures=[EditionFigure(**item) for item in found["figures"]],
        previous=found["previous"],
        previous_figures=[EditionFigure(**item) for item in found["previous_figures"]],
        changes=[TableChange(**item) for item in found["changes"]],
        warnings=[AcknowledgedWarning(**item) for item in found["warnings"]],
    )

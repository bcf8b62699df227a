"""Whether a quote stands on its page of a PDF, and in what words it is said."""

import time
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection

from core.files import pdf_text
from core.files.pdf_text import PdfText, read_pdf
from pilots.documents.analytics import quote_text
from pilots.documents.services import attach
from tests.pilots.documents.conftest import EvidenceWorld
from tests.support.api_client import client_with_token
from tests.support.files import docx, pdf

PAGES = pdf("Boiler room", "It was re-\nplaced in May 2025", "Boiler ROOM again")


@pytest.mark.parametrize(
    ("quote", "page", "found"),
    [
        ("boiler room", 1, 1),
        ("boiler room", 3, 3),
        ("boiler room", None, 1),
        ("boiler room", 2, 1),
        ("re-placed  in\nMay ２０２５", 2, 2),
        ("no such words", 2, None),
    ],
)
def test_a_quote_is_found_whatever_its_spaces_width_and_case(quote: str, page: int | None, found: int | None) -> None:
    assert read_pdf(PAGES, quote, page) == PdfText(3, found, has_text=True, complete=True)


def test_a_scan_has_pages_and_no_text_and_a_damaged_file_neither() -> None:
    assert read_pdf(pdf("", ""), "x") == PdfText(2, None, has_text=False, complete=True)
    assert read_pdf(b"%PDF-1.4 nothing of the kind %%EOF", "x") == PdfText(None)


def test_pages_and_time_are_limited() -> None:
    assert pdf_text.search_order(3, 2) == [2, 1, 3]
    with patch.object(pdf_text, "MAX_PAGES", 2):
        assert pdf_text.search(PAGES, "again", None) == PdfText(3, None, has_text=True, complete=False)
    with patch.object(pdf_text, "SECONDS", -1):
        assert pdf_text.search(PAGES, "again", None) == PdfText(3, None, has_text=False, complete=False)
    began = time.monotonic()
    with patch.object(pdf_text, "KILL_AFTER", 0.001):
        assert read_pdf(PAGES, "x") == PdfText(None)
    assert time.monotonic() - began < 10


@pytest.mark.django_db
def test_the_page_says_where_the_quote_stands(world: EvidenceWorld) -> None:
    with_text = world.store("a.pdf", PAGES)
    cases = [
        (with_text, 3, "boiler room again", "quote found on p. 3", "found"),
        (with_text, 1, "May 2025", "not found on p. 1, but on p. 2", "found"),
        (with_text, None, "May 2025", "quote found on p. 2", "found"),
        (with_text, 1, "June", "not found on p. 1 or any other", "absent"),
        (with_text, None, "June", "quote not found in the file", "absent"),
        (with_text, 1, "", "", ""),
        (world.store("scan.pdf", pdf("")), 1, "June", "a scan without text: the quote cannot be looked for", "no_text"),
        (world.store("a.docx", docx()), None, "June", "quote not looked for: this file cannot be searched", "unread"),
    ]
    for document, page, quote, text, state in cases:
        item = attach(document, world.reading, by=world.editor, page_number=page, quote=quote)
        assert (quote_text(item), item.quote_state) == (text, state)


@pytest.mark.django_db
def test_the_api_looks_for_quotes_before_its_transaction(world: EvidenceWorld) -> None:
    document, outside, depths = world.store("a.pdf", PAGES), len(connection.savepoint_ids), []

    def look(*asked: Any) -> PdfText:
        depths.append(len(connection.savepoint_ids))
        return read_pdf(*asked)

    body = {"document": document.pk, "reading": world.reading.pk, "quote": "May 2025"}
    with patch("pilots.documents.services.read_pdf", look):
        made = client_with_token(world.editor).send("POST", "/api/v1/attachments/", [body, {**body, "page_number": 2}])
        client_with_token(world.other).send("POST", "/api/v1/attachments/", body)
    assert [(row["quote_state"], row["quote_page"]) for row in made.json()] == [("found", 2), ("found", 2)]
    assert depths == [outside, outside]  # not for who may not read it

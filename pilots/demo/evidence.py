"""Evidence files of the demonstration: small generated PDFs and pictures, which say that they are invented."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from struct import pack

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from pilots.demo.texts.follow_ups import EVIDENCE_TITLES
from pilots.documents.services import attach, store_document
from pilots.models import FollowUpStep

QUOTE = "the works run since"
WIDTH, HEIGHT = 240, 120


def attach_evidence(steps: Iterable[FollowUpStep], by: User) -> None:
    """Store a generated file for each report and attach it: two PDFs with a quote, then a picture, and so on."""
    for place, step in enumerate(steps):
        number = f"{step.follow_up.number}-{step.seq}"
        title = f"{EVIDENCE_TITLES[place % len(EVIDENCE_TITLES)]}{number}"
        picture = place % 3 == 2
        content = png_picture(place + 1) if picture else pdf_report(report_lines(step))
        upload = SimpleUploadedFile(f"example-{number}.{'png' if picture else 'pdf'}", content)
        document = store_document(upload, title=title, by=by).document
        attach(document, step, by=by, page_number=None if picture else 1, quote="" if picture else QUOTE)


def report_lines(step: FollowUpStep) -> list[str]:
    return [
        f"Follow-up {step.follow_up.number}: report of {step.taken_on}",
        "Example: invented for demonstration; nothing in it is real.",
        f"All tasks are done and {QUOTE} {step.taken_on}.",
    ]


def pdf_report(lines: Iterable[str]) -> bytes:
    """Return a PDF of one page with these lines of ASCII."""
    shown = b" T* ".join(b"(%s) Tj" % line.encode("ascii") for line in lines)
    text = b"BT /F1 14 Tf 60 760 Td 24 TL %s ET" % shown
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources 6 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Font << /F1 4 0 R >> >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n%s%s" % (size, table, trailer)


def png_picture(seed: int) -> bytes:
    """Return a PNG with a falling row of bars, another one for each seed."""
    rows = bytearray()
    for y in range(HEIGHT):
        rows.append(0)  # no filter
        for x in range(WIDTH):
            bar = HEIGHT - 20 - (x // 24) * 7 - (x // 24) * seed % 5
            rows += b"\x2f\x6f\xa8" if HEIGHT - y <= bar and x % 24 < 16 else b"\xff\xff\xff"
    header = pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"tEXt", b"Comment\x00Invented, %d" % seed), (b"IDAT", zlib.compress(bytes(rows), 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in (*parts, (b"IEND", b"")))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

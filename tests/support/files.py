"""Files made by tests: one good file of each type, and hostile ones."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

OOXML_TYPES = (
    b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">%s</Types>'
)
WORD = b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.x+xml"/>'
WORD_WITH_MACROS = WORD.replace(b"openxmlformats-officedocument.x+xml", b"ms-word.document.macroEnabled.main+xml")


def make_zip(parts: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def docx(types: bytes = WORD, **parts: bytes) -> bytes:
    """Return a Word document, with further parts."""
    return make_zip({"[Content_Types].xml": OOXML_TYPES % types, "word/document.xml": b"<document/>", **parts})


def xlsx() -> bytes:
    return make_zip({"[Content_Types].xml": OOXML_TYPES % b"", "xl/workbook.xml": b"<workbook/>"})


def ofd() -> bytes:
    return make_zip({"OFD.xml": b"<ofd:OFD/>", "Doc_0/Document.xml": b"<ofd:Document/>"})


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\x00\x00")) + chunk(b"IEND", b"")


def jpg() -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(9) + b"\xff\xd9"


def pdf(*pages: str) -> bytes:
    """Return a PDF with one page for each text (ASCII); a page without text is like a scan."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"{page} /Contents {5 + 2 * n} 0 R >>".encode())
        shown = " ".join(f"({line}) Tj T*" for line in text.split("\n")) if text else ""
        stream = f"BT /F1 12 Tf 14 TL 50 780 Td {shown} ET".encode()
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    return assemble_pdf(objects)


def assemble_pdf(objects: list[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def lying_zip() -> bytes:
    """Return a Word document whose directory says 10 bytes of a part that unpacks to 200 MB."""
    content = bytearray(docx(**{"word/media/image1.bmp": bytes(200 * 2**20)}))
    place = content.rindex(b"PK\x01\x02")  # the last entry of the directory: the picture
    content[place + 24 : place + 28] = struct.pack("<I", 10)
    first = content.index(b"word/media/image1.bmp") - 30
    if content[first : first + 4] == b"PK\x03\x04":
        content[first + 22 : first + 26] = struct.pack("<I", 10)
    return bytes(content)


GOOD: dict[str, tuple[bytes, str]] = {
    "report.pdf": (pdf("Sulphur fell by 12 %"), "application/pdf"),
    "report.ofd": (ofd(), "application/ofd"),
    "report.docx": (docx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "report.xlsx": (xlsx(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "table.csv": ("指标,数值\nNOx,12\n".encode(), "text/csv"),
    "old-table.csv": ("指标,数值\r\nNOx,12\r\n".encode("gb18030"), "text/csv"),
    "chart.png": (png(), "image/png"),
    "photo.JPG": (jpg(), "image/jpeg"),
    "photo.jpeg": (jpg(), "image/jpeg"),
}

HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "a program": ("setup.exe", b"MZ\x90\x00" + bytes(100), "type_unknown"),
    "a web page": ("page.html", b"<!doctype html><script>alert(1)</script>", "type_unknown"),
    "a drawing with a script": ("drawing.svg", b"<svg onload='alert(1)'/>", "type_unknown"),
    "no suffix": ("report", pdf("x"), "type_unknown"),
    "two suffixes": ("report.pdf.exe", pdf("x"), "type_unknown"),
    "a web page named PDF": ("page.pdf", b"<!doctype html><script>alert(1)</script>", "type_differs"),
    "a web page named CSV": ("page.csv", b"<html><script>alert(1)</script></html>", "type_differs"),
    "a program named CSV": ("setup.csv", b"MZ\x90\x00" + bytes(range(256)), "type_differs"),
    "a PNG named JPG": ("chart.jpg", png(), "type_differs"),
    "a workbook named Word": ("report.docx", xlsx(), "type_differs"),
    "an old Word document": ("report.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "type_differs"),
    "a plain zip": ("report.docx", make_zip({"a.txt": b"x"}), "type_differs"),
    "empty": ("report.pdf", b"", "empty"),
    "only zeros": ("table.csv", bytes(500), "empty"),
    "only spaces": ("table.csv", b" \r\n \r\n", "empty"),
    "too large": ("photo.jpg", b"\xff\xd8\xff" + bytes(20 * 2**20) + b"\xff\xd9", "too_large"),
    "a bomb by its directory": ("report.docx", docx(**{"word/media/a.bmp": bytes(120 * 2**20)}), "bomb"),
    "too many parts": ("report.xlsx", make_zip({f"xl/{n}": b"" for n in range(1001)}), "bomb"),
    "macros": ("report.docx", docx(**{"word/vbaProject.bin": b"x"}), "macro"),
    "macros by content type": ("report.docx", docx(WORD_WITH_MACROS), "macro"),
    "an archive inside": ("report.docx", docx(**{"word/more.zip": b"x"}), "nested"),
    "a part that climbs": ("report.docx", docx(**{"../../etc/passwd": b"x"}), "unsafe_name"),
    "cut short": ("report.docx", docx()[:-30], "damaged"),
    "a PDF cut short": ("report.pdf", pdf("x" * 5000)[:-3000], "damaged"),
    "a PNG cut short": ("chart.png", png()[:-12], "damaged"),
    "a JPEG cut short": ("photo.jpg", jpg()[:-2], "damaged"),
    "hidden characters": ("re\u202eport.pdf", pdf("x"), "name_hidden"),
    "a hidden file": (".pdf", pdf("x"), "type_unknown"),
    "a long name": ("r" * 200 + ".pdf", pdf("x"), "name_length"),
}

"""QR codes of addresses, as pictures without any text of their own."""

from io import BytesIO

import segno

PIXELS_PER_MODULE = 8


def qr_svg(address: str) -> str:
    """Return the QR code of an address as an SVG drawing, which takes the size of its place."""
    file = BytesIO()
    segno.make_qr(address, error="m").save(file, kind="svg", xmldecl=False, omitsize=True, nl=False)
    return file.getvalue().decode()


def qr_data_uri(address: str) -> str:
    """Return the QR code of an address as the URL of an image, on white whatever the page is."""
    return str(segno.make_qr(address, error="m").svg_data_uri(light="white", omitsize=True, nl=False))


def qr_png(address: str) -> bytes:
    """Return the QR code of an address as a PNG picture: Word documents hold no SVG that every version shows."""
    file = BytesIO()
    segno.make_qr(address, error="m").save(file, kind="png", scale=PIXELS_PER_MODULE)
    return file.getvalue()

"""Style sheets: what no formatter sees, that a property that is read is defined and that type has one scale."""

import re
from itertools import chain
from pathlib import Path

import django
import drf_spectacular_sidecar

ROOT = Path(__file__).resolve().parent.parent
ADMIN = Path(django.__file__).parent / "contrib" / "admin"
SWAGGER_UI = Path(drf_spectacular_sidecar.__file__).parent / "static" / "drf_spectacular_sidecar" / "swagger-ui-dist"


def read(*folders: Path, kinds: str) -> str:
    files = chain.from_iterable(folder.rglob("*") for folder in folders)
    return "\n".join(path.read_text(encoding="utf-8") for path in files if path.suffix in kinds.split())


STYLES = re.sub(r'/\*.*?\*/|"[^"]*"', "", read(ROOT / "static" / "css", kinds=".css"), flags=re.DOTALL)
PACKAGES = [path.parent for path in ROOT.glob("*/__init__.py")]
SOURCES = read(ROOT / "templates", *PACKAGES, kinds=".html .py") + read(ROOT / "static" / "js", kinds=".js")
STOCK = read(ADMIN, kinds=".html .py .css .js") + read(SWAGGER_UI, kinds=".css")


def test_every_custom_property_that_is_read_is_defined() -> None:
    defined = re.findall(r"(--[\w-]+)\s*:", STYLES + STOCK) + re.findall(r'setProperty\("(--[\w-]+)"', SOURCES)
    assert set(re.findall(r"var\((--[\w-]+)", STYLES)) - set(defined) == set()


def test_type_has_one_scale() -> None:
    """Letters of a screen have one of six sizes; those of paper, of tiles and of marks in a line follow their place."""
    sizes = set(re.findall(r"font-size:\s*([^;]+);", STYLES))
    scale = {f"var(--{name})" for name in ("tiny", "small", "body", "large", "title", "figure")}
    assert {size for size in sizes - scale if not re.fullmatch(r"inherit|0|[\d.]+(em|cqi|pt)", size)} == set()

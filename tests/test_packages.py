"""Package rules that import contracts cannot check, and statements of the documents."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_every_template_compiles(path: Path) -> None:
    """A tag or filter that no library has is an error only when the page is opened."""
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_holds_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    scripts = re.findall(r"<script[^>]*>", text)
    assert all("src=" in tag or re.search(r"application/(ld\+)?json", tag) for tag in scripts)


def test_no_machine_path_or_registry_in_the_sources() -> None:
    """Names of this machine's folders and of package hosts stay out."""
    words = re.compile(
        "|".join(["/wo" + "rk/", "registry[.]npm" + "js", "py" + "pi[.]org", "files[.]python" + "hosted"])
    )
    kinds = ("*.py", "*.html", "*.js", "*.css", "*.md", "*.txt", "*.in", "Makefile", "*.toml")
    folders = [ROOT / name for name in ("config", "policies", "pilots", "templates", "static", "tests", "docs", ".ci")]
    files = [path for folder in folders for kind in kinds for path in folder.rglob(kind)]
    files += [path for path in ROOT.glob("*.*") if path.name != ".git"]  # a file, where this is a worktree of git
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file() and "vendor" not in path.parts}
    assert [str(path) for path, text in texts.items() if words.search(text)] == []

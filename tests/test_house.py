"""The house itself: what the import contracts cannot see, and what the documents promise."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def strings(path: Path) -> Iterator[str]:
    """Every string in a module that is not a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spoken:
            yield node.value


def test_policies_never_name_a_relation_of_the_pilots() -> None:
    """`Count("pilots")` inside policies would be the forbidden arrow in disguise."""
    relation = re.compile(r"^(pilots?|batch(es)?|pilot__\w+|batch(es)?__\w+)$")
    found = [
        (path.name, text)
        for path in (ROOT / "policies").rglob("*.py")
        if "migrations" not in path.parts
        for text in strings(path)
        if relation.match(text)
    ]
    assert found == []


@pytest.mark.django_db
def test_migrations_are_up_to_date() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_holds_script_or_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_does_arithmetic(path: Path) -> None:
    assert not re.search(r"\|add:\s*-?[0-9]|widthratio|\|divisibleby", path.read_text(encoding="utf-8"))


def test_readme_names_every_setting_and_every_setting_is_read() -> None:
    """The table of variables is the settings module's own list."""
    read = set(re.findall(r'(?:flag|choice|env\.\w+)\(\s*"([A-Z_]+)"', (ROOT / "config/settings.py").read_text()))
    table = (ROOT / "README.md").read_text().partition("## Settings")[2].partition("In production")[0]
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)) == read


def test_readme_s_numbers_are_where_it_says() -> None:
    section = (ROOT / "README.md").read_text().partition("## What the numbers mean")[2].partition("## Settings")[0]
    for file, names in re.findall(r"`([\w/]+\.py)`((?: `\w+`,?)*)", section):
        text = (ROOT / file).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"(def|class) {name}\b", text), f"{file} {name}"


def test_every_requirement_has_its_reason() -> None:
    for name in ("requirements.in", "requirements-dev.in"):
        wanted = [line for line in (ROOT / name).read_text().splitlines() if re.match(r"[A-Za-z]", line)]
        assert [line for line in wanted if " # " not in line] == []


def test_the_suite_s_python_is_the_product_s() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["ruff"]["target-version"] == "py311"


def test_no_machine_path_or_registry_in_the_sources() -> None:
    """Names of this machine's folders and of package hosts stay out."""
    words = re.compile(
        "|".join(["/wo" + "rk/", "registry[.]npm" + "js", "py" + "pi[.]org", "files[.]python" + "hosted"])
    )
    kinds = ("*.py", "*.html", "*.js", "*.css", "*.md", "*.txt", "*.in", "Makefile", "*.toml")
    folders = [ROOT / name for name in ("config", "policies", "pilots", "templates", "static", "tests", "docs", ".ci")]
    files = [path for folder in folders for kind in kinds for path in folder.rglob(kind)] + list(ROOT.glob("*.*"))
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file() and "vendor" not in path.parts}
    assert [str(path) for path, text in texts.items() if words.search(text)] == []

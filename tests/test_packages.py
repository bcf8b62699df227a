"""Package rules that import contracts cannot check, and statements of the documents."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.template.loader import get_template

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def string_literals(path: Path) -> Iterator[str]:
    """Yield every string literal of a module that is not a docstring."""
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
        for text in string_literals(path)
        if relation.match(text)
    ]
    assert found == []


GENERIC = {
    # Names that core's own abstract models give to the models of domain apps, and columns of every history.
    *("slug", "code", "name_en", "name_zh", "title", "title_en", "title_zh", "note_en", "note_zh"),
    *("history", "history_id", "history_type", "history_date", "history_change_reason", "history_user"),
    # Keys of dictionaries and parameters of the toolkit that happen to be fields as well.
    *("author", "document", "figure", "level", "number", "place", "prefix", "quote", "role", "source", "sources"),
    *("accepted", "region"),
    *("steps", "tokens", "unit"),
    *("uploaded_by_id", "url", "value", "version", "year"),
}


def test_core_names_no_field_or_relation_of_a_domain_model() -> None:
    """Import contracts do not see `getattr(record, "planned_on")`: strings, and their parts at dots and __."""
    labels = ("policies", "accounts", "pilots")
    domain = [model for label in labels for model in apps.get_app_config(label).get_models()]
    fields = {field.name for model in domain for field in model._meta.get_fields()}
    fields |= {field.attname for model in domain for field in model._meta.concrete_fields}
    fields |= {
        field.remote_field.get_accessor_name() for model in domain for field in model._meta.fields if field.is_relation
    }
    own = {field.name for model in apps.get_models() if model not in domain for field in model._meta.concrete_fields}
    forbidden = fields - own - GENERIC
    assert {"planned_on", "province", "officer", "base_year", "pilots"} <= forbidden
    found = [
        (str(path.relative_to(ROOT)), text)
        for path in (ROOT / "core").rglob("*.py")
        if "migrations" not in path.parts
        for text in string_literals(path)
        if re.fullmatch(r"[\w.]+", text) and forbidden & set(re.split(r"\.|__", text))
    ]
    scope = {("core/permissions.py", "officer"), ("core/permissions.py", "province")}  # of a user: named here alone
    assert set(found) - scope == set()


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


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_template_does_arithmetic(path: Path) -> None:
    assert not re.search(r"\|add:\s*-?[0-9]|widthratio|\|divisibleby", path.read_text(encoding="utf-8"))


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
    files = [path for folder in folders for kind in kinds for path in folder.rglob(kind)]
    files += [path for path in ROOT.glob("*.*") if path.name != ".git"]  # a file, where this is a worktree of git
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file() and "vendor" not in path.parts}
    assert [str(path) for path, text in texts.items() if words.search(text)] == []

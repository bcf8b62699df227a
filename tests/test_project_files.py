"""Files beside the code: version and changelog, `.env.example`, licence, hooks and documents hold what they promise."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client

import config

ROOT = Path(__file__).parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# -- version ---------------------------------------------------------------------------------------------


def parts(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def test_the_changelog_has_the_version_and_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", read("CHANGELOG.md"), re.MULTILINE)
    versions = [version for version, _ in headings[1:]]
    assert headings[0] == ("Unreleased", "")
    assert versions == sorted(versions, key=parts, reverse=True)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for _, day in headings[1:])
    assert parts(config.__version__) >= parts(versions[0])


@pytest.mark.django_db
def test_footer_about_page_and_schema_show_the_version() -> None:
    client, version = Client(), config.__version__
    assert version == settings.VERSION
    assert f">Version {version}</a>" in client.get("/").content.decode()
    assert f"<dt>Version</dt><dd>{version}</dd>" in client.get("/about/").content.decode()
    assert client.get("/api/schema/?format=json").json()["info"]["version"] == version


# -- environment -----------------------------------------------------------------------------------------


def test_env_example_and_the_operations_guide_name_every_setting_and_nothing_else() -> None:
    read_by_settings = set(re.findall(r'(?:flag|choice|networks|env\.\w+)\(\s*"([A-Z_]+)"', read("config/settings.py")))
    table = read("docs/operations.md").partition("\n## Settings")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", table, re.MULTILINE))
    variables = dict(re.findall(r"^#([A-Z_]+)=(.*)$", read(".env.example"), re.MULTILINE))
    defaults = {name: text.strip("`") for name, text in rows.items() if re.fullmatch(r"`[^`/]+(?:/\d+[^`]*)?`", text)}
    assert set(variables) == set(rows) == read_by_settings
    assert {name: value for name, value in variables.items() if name in defaults} == defaults
    assert not re.search(r"^[^#\n]", read(".env.example"), re.MULTILINE)  # copied as it is, it changes nothing


# -- targets and hooks -----------------------------------------------------------------------------------


def test_every_make_target_that_documents_and_hooks_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):(?!=)", read("Makefile"), re.MULTILINE))
    known = {name for line in targets for name in line.split()}
    files = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
        *ROOT.glob(".github/**/*.md"),
    ]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in files)
    named = re.findall(r"`make(?: -s)? ([a-z-]+)", texts) + re.findall(
        r"entry: make ([a-z-]+)", read(".pre-commit-config.yaml")
    )
    assert set(named) <= known
    assert {"run", "demo", "dev", "test", "check", "cache-test", "bench"} <= known
    assert known <= set(re.findall(r'echo "make ([a-z-]+)', read("Makefile"))) | {"help", "messages"}


def test_editors_and_linters_have_one_line_length() -> None:
    assert "line-length = 120" in read("pyproject.toml")
    assert re.findall(r"max_line_length = (\d+)", read(".editorconfig")) == ["120"]


# -- documents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: path.name)
def test_links_between_documents_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|/)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


FOLDERS = [
    "config",
    "dashboard",
    "pilots",
    "accounts",
    "policies",
    "core",
    "templates",
    "static",
    "tests",
    "bench",
    "deploy",
    "docs",
    "locale",
]
TO_BE_MADE = {
    "pilots/analytics/kinds.py",
    "pilots/charts/kinds.py",
    "pilots/views/kinds.py",
    "templates/pilots/kinds.html",
}


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")], ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    paths = set(re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w/.-]*)`", path.read_text(encoding="utf-8"))) - TO_BE_MADE
    assert sorted(name for name in paths if not (ROOT / name).exists()) == []


def test_every_command_that_a_document_names_exists() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
    named = set(re.findall(r"(?:manage\.py|[`\n(] ?tracker|ARGS='|python manage\.py) ([a-z_]+)", texts)) - {"tracker"}
    assert {"migrate", "backup", "restore", "check_files"} <= named
    assert named - set(get_commands()) - {"serve"} == set()  # `FOLDER/tracker serve` is the launcher's own


def test_each_name_in_the_recipes_is_one_of_the_code() -> None:
    """A renamed function or class has to be renamed in the recipe as well."""
    recipes = read("CONTRIBUTING.md").partition("## Add a field")[2]
    names = set(re.findall(r"`([A-Z][A-Za-z]+|[A-Z_]{4,}|[a-z]+_[a-z_]+)`", recipes)) - {"pilot_website"}
    code = "\n".join(path.read_text(encoding="utf-8") for name in FOLDERS for path in (ROOT / name).rglob("*.py"))
    assert len(names) > 5
    assert names - set(re.findall(r"[A-Za-z_]+", code)) == set()


def test_the_numbers_stand_where_the_document_says() -> None:
    rows = re.findall(r"`([\w/]+\.py)`\s((?:`\w+`(?:, )?)+)", read("docs/numbers.md"))
    assert len(rows) > 10
    for file, names in rows:
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"(def|class) {name}\b", read(file)), f"{file} {name}"


def test_the_operations_guide_names_loggers_that_exist() -> None:
    folders = ("config", "core", "accounts", "policies", "pilots", "dashboard")
    code = "\n".join(path.read_text(encoding="utf-8") for name in folders for path in (ROOT / name).rglob("*.py"))
    table = read("docs/operations.md").partition("| logger |")[2].partition("\n\n")[0]
    loggers = set(re.findall(r"`(tracker\.\w+)`", table))
    assert len(loggers) > 8
    assert loggers <= set(re.findall(r'getLogger\("(tracker\.\w+)"\)', code))

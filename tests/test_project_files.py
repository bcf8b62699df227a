"""Files beside the code: version and changelog, `.env.example`, licence, hooks and documents hold what they promise."""

import re
from pathlib import Path

import pytest
from django.conf import settings
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


def test_the_changelog_has_the_groups_of_keep_a_changelog() -> None:
    groups = set(re.findall(r"^### (.+)$", read("CHANGELOG.md"), re.MULTILINE))
    assert groups <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.django_db
def test_footer_about_page_and_schema_show_the_version() -> None:
    client, version = Client(), config.__version__
    assert version == settings.VERSION
    assert f">Version {version}</a>" in client.get("/").content.decode()
    assert f"<dt>Version</dt><dd>{version}</dd>" in client.get("/about/").content.decode()
    assert client.get("/api/schema/?format=json").json()["info"]["version"] == version


# -- environment -----------------------------------------------------------------------------------------


def test_env_example_has_the_variables_of_the_readme_with_their_defaults() -> None:
    table = read("README.md").partition("## Settings")[2].partition("In production")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", table, re.MULTILINE)
    variables = re.findall(r"^#([A-Z_]+)=(.*)$", read(".env.example"), re.MULTILINE)
    plain = {name: default.strip("`") for name, default in rows if re.fullmatch(r"`(?!var/)[^`]+`", default)}
    assert [name for name, _ in variables] == [name for name, _ in rows]
    assert {name: value for name, value in variables if value} == plain
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


# -- decisions -------------------------------------------------------------------------------------------

OPPOSITE = {
    "Superseded by": "Supersedes",
    "Supersedes": "Superseded by",
    "Amended by": "Amends",
    "Amends": "Amended by",
}


def test_decisions_are_numbered_dated_and_indexed_and_their_links_go_both_ways() -> None:
    files = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    index = re.findall(r"^\| (\d{4}) \| (\S+) \| \[(.+?)\]\((\S+)\)", read("docs/decisions/README.md"), re.MULTILINE)
    assert [int(name[:4]) for name in texts] == list(range(1, len(texts) + 1))
    assert [name for *_, name in index] == list(texts)
    for number, day, title, name in index:
        assert texts[name].startswith(f"# {number}. {title}\n\n{day} · ")
        for relation, others in re.findall(rf"^({'|'.join(OPPOSITE)}) (.+)\.$", texts[name], re.MULTILINE):
            for other in re.findall(r"\]\((\S+?)\)", others):
                assert re.search(rf"^{OPPOSITE[relation]} .*\({re.escape(name)}\)", texts[other], re.MULTILINE)
        assert ("Superseded by" in texts[name]) == ("· Superseded" in texts[name])


@pytest.mark.parametrize("path", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: path.name)
def test_links_between_documents_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|/)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


# -- where things are ------------------------------------------------------------------------------------

FOLDERS = (
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
)
TO_BE_MADE = {
    "pilots/analytics/kinds.py",
    "pilots/charts/kinds.py",
    "pilots/views/kinds.py",
    "pilots/target_kinds/range.py",
    "templates/pilots/kinds.html",
}


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/operations.md", "docs/api.md"]
)
def test_every_path_that_a_document_names_exists(name: str) -> None:
    paths = set(re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w/.-]*)`", read(name))) - TO_BE_MADE
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def plain(text: str) -> str:
    return re.sub(r"[\s#_-]+", " ", text.lower())


def test_each_term_of_the_table_stands_in_its_file() -> None:
    """Somebody who greps for the usual word finds the file."""
    table = read("CONTRIBUTING.md").partition("## Where is")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|`]+?) \| (`.+?`) \|$", table, re.MULTILINE)
    assert len(rows) > 30
    found = {(term, file): plain(read(file)) for term, files in rows for file in re.findall(r"`([^`]+)`", files)}
    assert [key for key, text in found.items() if plain(key[0]) not in text] == []


def test_each_name_in_the_recipes_is_one_of_the_code() -> None:
    """A renamed function or class has to be renamed in the recipe as well."""
    recipes = read("CONTRIBUTING.md").partition("## Recipes")[2]
    names = set(re.findall(r"`(?:class )?([A-Z][A-Za-z]+|[A-Z_]{4,}|[a-z]+_[a-z_]+)`", recipes)) - {"pilot_website"}
    folders = ("config", "core", "accounts", "policies", "pilots", "dashboard", "tests")
    code = "\n".join(path.read_text(encoding="utf-8") for name in folders for path in (ROOT / name).rglob("*.py"))
    words = set(re.findall(r"[A-Za-z_]+", code))
    assert len(names) > 10
    assert names - words == set()


def test_the_operations_guide_lists_every_logger() -> None:
    folders = ("config", "core", "accounts", "policies", "pilots", "dashboard")
    code = "\n".join(path.read_text(encoding="utf-8") for name in folders for path in (ROOT / name).rglob("*.py"))
    table = read("docs/operations.md").partition("| logger |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(tracker\.\w+)`", table)) == set(re.findall(r'getLogger\("(tracker\.\w+)"\)', code))

"""Files beside the code: the version, `.env.example`, hooks and documents hold what they promise."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client

import config

ROOT = Path(__file__).parent.parent


DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.django_db
def test_footer_about_page_and_schema_show_the_version() -> None:
    client, version = Client(), config.__version__
    assert version == settings.VERSION
    assert f">Version {version}</a>" in client.get("/").content.decode()
    assert f"<dt>Version</dt><dd>{version}</dd>" in client.get("/about/").content.decode()
    assert client.get("/api/schema/?format=json").json()["info"]["version"] == version


# -- environment -----------------------------------------------------------------------------------------


def test_env_example_and_the_operations_guide_name_every_setting_and_nothing_else() -> None:
    readers = r'(?:flag|variable|comma_list|parsed|number)\(\s*"([A-Z_]+)"'
    read_by_settings = set(re.findall(readers, read("config/settings.py")))
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
    texts = "\n".join(path.read_text(encoding="utf-8") for path in [*DOCUMENTS, *ROOT.glob(".github/**/*.md")])
    named = re.findall(r"`make(?: -s)? ([a-z-]+)", texts)
    assert set(named) | set(re.findall(r"entry: make ([a-z-]+)", read(".pre-commit-config.yaml"))) <= known


# -- documents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_to_files_and_headings(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|/)([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text(encoding="utf-8"))
    assert [link for link, _heading in links if not (path.parent / link).exists()] == []
    named = [(path.parent / link if link else path, heading) for link, heading in links if heading]
    assert [heading for target, heading in named if heading not in headings(target)] == []


def headings(path: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    lines = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).lower().replace(" ", "-") for line in lines}


FOLDERS = (
    *("config", "dashboard", "demo", "pilots", "accounts", "policies", "core", "templates", "static", "tests", "bench"),
    *("deploy", "docs", "locale"),
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    paths = set(re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w/.-]*)`", path.read_text(encoding="utf-8")))
    made_by_readers = {name for name in paths if "/kinds." in name}  # of the recipe for a page
    assert sorted(name for name in paths - made_by_readers if not (ROOT / name).exists()) == []


def test_every_name_that_a_document_places_in_a_file_is_in_it() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    placed = re.findall(r"`([\w/]+\.py)`[\s(:]{1,2}((?:`\w+`(?:, )?)+)", texts)
    names = [(file, name) for file, several in placed for name in re.findall(r"\w+", several)]
    assert len(names) > 20
    assert [(file, name) for file, name in names if not re.search(rf"\b{name}\b", read(file))] == []


def test_every_command_that_a_document_names_exists() -> None:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    named = set(re.findall(r"(?:manage\.py|[`\n(] ?tracker|ARGS='|python manage\.py) ([a-z_]+)", texts)) - {"tracker"}
    assert {"migrate", "backup", "restore", "check_files"} <= named
    assert named - set(get_commands()) - {"serve"} == set()  # `FOLDER/tracker serve` is the launcher's own


def test_few_middleware_are_our_own() -> None:
    """Each request passes them all: what a newcomer has to read first."""
    assert len([name for name in settings.MIDDLEWARE if name.startswith(("core.", "accounts."))]) <= 8

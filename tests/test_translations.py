"""Translations: every message has its Chinese, and no page mixes languages."""

import re
from collections.abc import Iterable
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.utils import translation

from tests import factories as make
from tests.support.html_reader import PageReader, PageText
from tests.support.tiers import sampled
from tests.support.translatable_messages import CATALOGUE, ROOT, Message, messages_in_source
from tests.test_pages import PAGES

TRANSLATED_PAGES = [*PAGES, "/nowhere/", "/?as_of=2022-12-30"]

# -- the catalogue -------------------------------------------------------------------------------------

PLACEHOLDER = re.compile(r"%\(\w+\)[sdfr]|%%|\{\w*\}|</?\w+>")
# A half-width mark beside a Chinese character, or a space where Chinese sets none.
CHARACTER = r"[\u4e00-\u9fff]"
HAN = re.compile(CHARACTER)
MISSET_PUNCTUATION = re.compile(
    rf"(?<={CHARACTER})[,;:?!()]|[,;:?!()](?={CHARACTER})|{CHARACTER} {CHARACTER}|\d %|\) %"
)
SPACE_BESIDE_CHINESE = re.compile(rf"{CHARACTER} +[\w%`.]|[\w%`)] +{CHARACTER}", re.ASCII)
PACKAGES = ("django", "axes", "simple_history", "django_filters", "allauth", "django_tasks")
SAME_IN_BOTH = {"GB/T 4754", "GB/T 4754-2017", "SHA-256"}  # the name of a standard is its name
LISTED_BY_COMMA = "yes,no"  # Django's yesno takes its words apart at the comma


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


@pytest.fixture(scope="module")
def of_packages() -> polib.POFile:
    """The texts of packages that their own catalogues leave in English or word poorly."""
    return polib.pofile(str(ROOT / "locale/packages/zh_Hans/LC_MESSAGES/django.po"))


@pytest.fixture(scope="module")
def source() -> dict[Message, str]:
    return messages_in_source()


def message_of_entry(entry: polib.POEntry) -> Message:
    return Message(entry.msgid, entry.msgctxt, entry.msgid_plural)


def translation_of(entry: polib.POEntry) -> str:
    return entry.msgstr_plural[0] if entry.msgid_plural else entry.msgstr


def test_every_string_is_in_the_catalogue(catalogue: polib.POFile, source: dict[Message, str]) -> None:
    known = {message_of_entry(entry) for entry in catalogue if not entry.obsolete}
    assert {text: where for text, where in source.items() if text not in known} == {}


def test_every_entry_is_still_asked_for(catalogue: polib.POFile, source: dict[Message, str]) -> None:
    assert [entry.msgid for entry in catalogue if entry.obsolete or message_of_entry(entry) not in source] == []


def test_every_text_of_packages_is_still_in_one(of_packages: polib.POFile, source: dict[Message, str]) -> None:
    folders = [Path(str(find_spec(name).origin)).parent for name in PACKAGES]  # type: ignore[union-attr]
    files = (path for folder in folders for path in folder.rglob("*.*") if path.suffix in {".py", ".html", ".po"})
    text = "".join(path.read_text(encoding="utf-8", errors="ignore") for path in files)
    beginnings = {entry.msgid: re.split(r"[\"“%{]", entry.msgid)[0][:30] for entry in of_packages}
    assert [msgid for msgid, words in beginnings.items() if words not in text] == []
    assert [entry.msgid for entry in of_packages if message_of_entry(entry) in source] == []


def test_every_entry_is_translated(catalogue: polib.POFile, of_packages: polib.POFile) -> None:
    entries = [*catalogue, *of_packages]
    assert [entry.msgid for entry in entries if entry.fuzzy or not translation_of(entry).strip()] == []


def test_a_translation_keeps_the_placeholders(catalogue: polib.POFile, of_packages: polib.POFile) -> None:
    for entry in [*catalogue, *of_packages]:
        wanted = set(PLACEHOLDER.findall(entry.msgid + entry.msgid_plural))
        assert set(PLACEHOLDER.findall(translation_of(entry))) == wanted, entry.msgid


NUMBER = re.compile(r"\d+(?:[.,]\d+)*", re.ASCII)
NUMBERS_IN_WORDS = (  # beginnings of texts in which one language has a word, or counts in ten thousands
    *("10⁴ t", "10⁴ yuan", "In 10,000 yuan. Empty", "Environmental Protection Tax Law, annex 2; for example 0.95"),
    *("Shown beside the light, for example", "How exactly the day of issue is known"),
    *("Text. The cells have the format Text, so that codes keep their zeros", "As titles and key figures print it"),
    *("The last use is kept to within five minutes", "A session ends by itself twelve hours after signing in"),
    *("You signed in more than ten minutes ago", "The six figures of the app", "An app on your phone that shows six"),
    "Scan this picture with the app, or type the key below it. Then enter the six figures",
)


def test_both_languages_say_the_same_numbers(catalogue: polib.POFile) -> None:
    """A version, a share or a day that one language leaves out or has of old."""

    def numbers(text: str) -> set[str]:
        return set(NUMBER.findall(PLACEHOLDER.sub("", text)))

    other = {
        entry.msgid: translation_of(entry)
        for entry in catalogue
        if numbers(entry.msgid + entry.msgid_plural) != numbers(translation_of(entry))
    }
    assert {text: chinese for text, chinese in other.items() if not text.startswith(NUMBERS_IN_WORDS)} == {}
    assert [words for words in NUMBERS_IN_WORDS if not any(text.startswith(words) for text in other)] == []


def test_chinese_reads_as_chinese_is_set(catalogue: polib.POFile, of_packages: polib.POFile) -> None:
    for entry in [*catalogue, *of_packages]:
        text = translation_of(entry)
        words = re.sub(PLACEHOLDER, "", entry.msgid)
        if entry.msgid in SAME_IN_BOTH or not re.search(r"[A-Za-z]{2}", words):
            continue
        assert HAN.search(PLACEHOLDER.sub("", text)) or PLACEHOLDER.search(text), f"{entry.msgid}: {text}"
        if entry.msgid != LISTED_BY_COMMA:
            assert not MISSET_PUNCTUATION.search(PLACEHOLDER.sub("中", text.replace("%%", "%"))), text
        assert not SPACE_BESIDE_CHINESE.search(text), text


# -- the pages -----------------------------------------------------------------------------------------

# Names that both languages write in Latin letters: formats, standards, codes, quantities and symbols of the field.
LATIN = re.compile(
    r"https?://\S+|/\w+/\S*|[\w-]+\.(?:csv|json|xlsx|pdf|gov|cn|com|org)\b\S*|(?<![A-Za-z])[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+"
    r"|(?<![A-Za-z])(?:API|CSV|XLSX|DOCX|Word|PDF|OFD|JSON|YAML|PNG|JPG|OpenAPI|UTF-8|SHA-256|RFC|Accept(?:-Language)?"
    r"|YYYY-MM-DD|GB/T|HJ|CN-[A-Z]{2}|ISO(?: [\d-]+:CN)?|MIT|Chart\.js"
    r"|SVG|ICS|Esc|CO2e?|CO₂|SO2|NOx|PM2\.5|PM10|VOCs|COD|GDP|APeq|ISEC|P90|null|dev|kWh|kg|km|mg|curl|Python|requests|pandas"
    r")(?![A-Za-z])"
)
WORD = re.compile(r"[A-Za-z]{2,}")


def foreign_texts(texts: Iterable[PageText], page: str, allowed: Iterable[str] = ()) -> list[str]:
    """Return texts in the other language that are not marked as such."""
    longest_first = "|".join(map(re.escape, sorted(allowed, key=len, reverse=True)))  # first.sh is more than first
    names = re.compile(rf"(?<![A-Za-z_])(?:{longest_first})(?![A-Za-z_])") if allowed else LATIN
    foreign, found = HAN if page == "en" else WORD, set()
    for item in texts:
        if not (item.lang.startswith(page) and foreign.search(item.text)):
            continue
        if foreign.search(LATIN.sub("", names.sub("", item.text))):
            found.add(f"{item.where} {item.text}")
    return sorted(found)


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "lang"), sampled(product(TRANSLATED_PAGES, ["en", "zh-hans"]), every=3))
def test_a_page_is_in_one_language(client: Client, path: str, lang: str) -> None:
    response = client.get(path, headers={"accept-language": lang})
    page = response.content.decode()
    assert (response.status_code, f'<html lang="{lang}"' in page) == (404 if path == "/nowhere/" else 200, True)
    assert foreign_texts(PageReader(page).texts, lang[:2], ["浙江"] if "?q=" in path else []) == []


@pytest.mark.django_db
def test_a_record_without_an_english_name_says_that_it_is_chinese(empty: None, client: Client) -> None:
    province = make.province(name_en="", short_en="")
    policy = make.policy(title_zh="减污降碳方案", title_en="", calls_for_provincial_plan=True)
    make.plan(policy, province)
    industry = make.industry(name_en="")
    pilot = make.pilot(make.batch(title_en="", policy=policy), province, industry, name_zh="某市", name_en="")
    for record in (policy, province, industry, pilot, pilot.batch):
        texts = PageReader(client.get(record.get_absolute_url()).content.decode()).texts
        named = [item for item in texts if record.name == item.text and not item.where.endswith(("label>", "title>"))]
        assert named
        assert {item.lang for item in named if item.where != "chart data"} == {"zh"}, record


# -- the admin -----------------------------------------------------------------------------------------


@pytest.fixture
def editor(client: Client) -> Client:
    """Return a client signed in under a name that is neither English nor Chinese."""
    client.force_login(User.objects.create_superuser("1"))
    return client


DOMAIN_MODELS = [model for label in ("policies", "pilots") for model in apps.get_app_config(label).get_models()]
MODELS_WITHOUT_HISTORY = [  # the tables of the past have no page, nor what is computed from records
    model for model in DOMAIN_MODELS if not hasattr(model, "instance_type") and hasattr(model, "history")
]
IN_ADMIN = [model for model in MODELS_WITHOUT_HISTORY if admin.site.is_registered(model)]


def admin_pages(client: Client, model: type[models.Model]) -> list[str]:
    """Return the admin URLs of a model: list, add, change, history, delete."""
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
    first = model._default_manager.order_by("pk").first()
    own = [f"{base}{first.pk}/{page}/" for page in ("change", "history", "delete")] if first else []
    return [base, f"{base}add/", *own]


# Django and its libraries set these without a way to translate them; the others are examples in help texts.
IN_ANY_ADMIN = [
    *("Search", "True", "False", "None", "LDAP", "Task Results", "huzhou", "Huzhou", "Zhejiang", "t CO2/yr"),
    *("manage.py drill", "manage.py backup"),  # commands
]
ROWS = re.compile(r"<tbody>.*?</tbody>", re.DOTALL)


def interface_texts(client: Client, path: str) -> list[PageText]:
    """Return the admin's own texts of a page, without values of records."""
    html = client.get(path, headers={"accept-language": "zh-hans"}).content.decode()
    if not path.endswith(("/add/", "/change/")):
        html = ROWS.sub("", html)
    return [item for item in PageReader(html).texts if item.where not in ("<textarea>", "<option>")]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/admin/", "/admin/password_change/", "/admin/policies/", "/admin/auth/user/add/"])
def test_the_admin_is_chinese(editor: Client, path: str) -> None:
    assert foreign_texts(interface_texts(editor, path), "zh", IN_ANY_ADMIN) == []


@pytest.mark.django_db
@pytest.mark.parametrize("model", sampled(IN_ADMIN, every=4), ids=lambda model: model.__name__)
def test_the_admin_of_a_model_is_chinese(editor: Client, model: type[models.Model]) -> None:
    first = model._default_manager.order_by("pk").first()
    own = [str(first)] if first else []  # headings and breadcrumbs name the record
    for path in admin_pages(editor, model):
        assert foreign_texts(interface_texts(editor, path), "zh", [*own, *IN_ANY_ADMIN]) == [], path


@pytest.mark.parametrize("model", MODELS_WITHOUT_HISTORY, ids=lambda model: model.__name__)
def test_a_model_s_names_help_and_choices_are_chinese(model: type[models.Model]) -> None:
    with translation.override("zh-hans"):
        words = [model._meta.verbose_name, model._meta.verbose_name_plural]
        for field in model._meta.get_fields():
            if isinstance(field, models.Field) and field.editable and not field.primary_key:
                words += [field.verbose_name, field.help_text, *(label for _, label in field.flatchoices)]
        assert [text for text in map(str, words) if WORD.search(LATIN.sub("", text)) and not HAN.search(text)] == []


# -- the API -------------------------------------------------------------------------------------------

ERROR_REQUESTS = [
    ("/api/v1/pilots/?provnce=hebei", 400),
    ("/api/v1/pilots/?kind=", 400),
    ("/api/v1/pilots/?as_of=2024-02-30", 400),
    ("/api/v1/pilots/?lang=fr", 400),
    ("/api/v1/pilots/?fields=slug", 400),
    ("/api/v1/rollout/", 400),
    ("/api/v1/synergy/?year=soon", 400),
    ("/api/v1/nothing/", 404),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), ERROR_REQUESTS)
def test_an_error_speaks_chinese(client: Client, path: str, status: int) -> None:
    answer = client.get(path, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert answer.status_code == status
    problem = answer.json()
    for text in (problem["title"], problem["detail"], *(fault["message"] for fault in problem.get("errors", []))):
        assert HAN.search(text), text
        assert "Give " not in text
        assert not re.search(r"[A-Za-z]+ [A-Za-z]+", text.replace(", ", "")), text

"""Response headers that tell a browser what a page may load and do, and robots.txt."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

pytestmark = pytest.mark.django_db

CHART_FILE = "https://cdn.jsdelivr.net/npm/chart.js@4.6.1/dist/chart.umd.min.js"


def directives(header: str) -> dict[str, list[str]]:
    """Return the directives of a Content-Security-Policy, which django-csp writes in any order."""
    parts = [part.split() for part in header.split(";")]
    return {name: values for name, *values in parts}


@pytest.mark.parametrize("path", ["/", "/nothing-here/", "/sign-in/", "/api/v1/provinces/"])
def test_the_policy_names_the_exact_chart_file(client: Client, path: str) -> None:
    response = client.get(path)
    assert directives(response["Content-Security-Policy"]) == {
        "default-src": ["'none'"],
        "script-src": ["'self'", CHART_FILE],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }


def test_a_page_asks_for_the_file_that_the_policy_allows(client: Client) -> None:
    library = client.get("/").context["product"]["chart_library"]
    assert library["cdn"] == CHART_FILE
    assert library["integrity"].startswith("sha384-")


@pytest.mark.parametrize("path", ["/", "/nothing-here/", "/api/v1/provinces/", "/robots.txt", "/static/js/site.js"])
def test_no_page_may_use_a_device_or_be_loaded_by_another_site(client: Client, path: str) -> None:
    response = client.get(path)
    response.close()  # of the static file
    features = "accelerometer camera display-capture geolocation gyroscope magnetometer microphone midi payment usb"
    assert response["Permissions-Policy"] == ", ".join(f"{feature}=()" for feature in features.split())
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/pilots/", "/desk/", "/search/?q=a", "/nothing-here/", "/pilots/?export=ics"])
def test_what_a_user_reads_is_kept_by_no_shared_cache_and_asked_for_again(client: Client, path: str) -> None:
    assert "Cache-Control" not in client.get(path)
    client.force_login(User.objects.create_superuser("chief"))
    assert client.get(path)["Cache-Control"] == "private, no-cache"
    static = client.get("/static/js/site.js")
    static.close()
    assert "private" not in static["Cache-Control"]


def test_search_engines_find_the_pages_of_a_public_site(client: Client) -> None:
    response = client.get("/robots.txt")
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content.decode() == (
        "User-agent: *\n"
        "Disallow: /admin/\nDisallow: /api/\nDisallow: /search/\nDisallow: /sign-in/\n"
        "Disallow: /account/\nDisallow: /tokens/\n"
        "Disallow: /*as_of=\nDisallow: /*chart=\nDisallow: /*export=\nDisallow: /*known=\n"
        "Disallow: /*page=\nDisallow: /*sort=\n"
        "Allow: /api/docs/\n"
    )


@pytest.mark.usefixtures("internal_site")
def test_search_engines_find_nothing_of_an_internal_site(client: Client) -> None:
    response = client.get("/robots.txt")
    assert (response.status_code, response.content.decode()) == (200, "User-agent: *\nDisallow: /\n")

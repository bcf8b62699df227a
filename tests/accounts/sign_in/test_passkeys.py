"""The ceremony of passkeys in a browser with a virtual authenticator: made, used to sign in and to confirm, removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.support.browser import ServedProject, chromium, open_context

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
NAME = "keeper"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    product = ServedProject(tmp_path)
    product.prepare()
    product.manage("createsuperuser", "--noinput", f"--username={NAME}", "--email=", DJANGO_SUPERUSER_PASSWORD=NAME)
    with product.served(MFA_GRACE_DAYS="0") as address:  # by name: browsers have no passkeys for an IP address
        yield address.replace("127.0.0.1", "localhost")


def give_password(page: Page) -> None:
    page.goto("/sign-in/?next=/account/")
    page.locator("#id_username").fill(NAME)
    page.locator("#id_password").fill(NAME)
    page.locator("main [type=submit]").click()


def test_a_passkey_is_made_used_and_kept(site: str) -> None:
    """Required at once, so the sign-in ends at its page; no report of the Content-Security-Policy all the way."""
    with sync_playwright() as playwright:
        browser = chromium(playwright)
        context, heard = open_context(browser, locale="zh-CN", base_url=site)
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        give_password(page)
        page.wait_for_url("**/account/second-factor/")
        page.locator("a[href$='/passkey/']").click()
        page.locator("[data-passkey=create]").click()
        page.wait_for_url("**/second-factor/codes/")  # recovery codes come with the first factor
        assert len(page.locator("#secret").inner_text().split()) == 10
        page.goto("/pilots/")
        expect(page.locator("main")).to_be_visible()
        page.locator("#account-menu summary").click()
        page.locator("form[action$='/sign-out/'] button").click()
        give_password(page)
        page.wait_for_url("**/sign-in/second-factor/")
        page.locator("[data-passkey=get]").click()
        page.wait_for_url(f"{site}/account/")
        page.goto("/account/confirm/passkey/?next=/tokens/")
        page.locator("[data-passkey=get]").click()
        page.wait_for_url(f"{site}/tokens/")
        page.goto("/account/second-factor/")
        page.locator("a[href$='/remove/']").click()
        page.locator("main [type=submit]").click()  # the last one, which is required
        page.wait_for_url("**/account/second-factor/")
        expect(page.locator("a[href$='/remove/']")).to_have_count(1)
        page.locator("#account-menu summary").click()
        page.locator("form[action$='/sign-out/'] button").click()
        give_password(page)
        page.wait_for_url("**/sign-in/second-factor/")
        page.evaluate("() => { navigator.credentials.get = () => Promise.reject(new Error('cancelled')); }")
        page.locator("[data-passkey=get]").click()
        expect(page.locator("[data-passkey-error]")).to_be_visible()
        browser.close()
    assert heard.errors == []

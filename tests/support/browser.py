"""A real browser, and mitmweb in it, as somebody clicks through it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.support.proxy import Web

_CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_SWITCHES = (
    "--no-sandbox",  # it runs as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
needs_browser = pytest.mark.skipif(_CHROMIUM is None, reason="there is no Chromium here: apt-get install chromium")


class Mitmweb:
    """The open page. Flows are counted from 0, the oldest first."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def stories(self) -> list[str]:
        """The list's comments, without those of the proxy's own pages."""
        told = self.page.locator("tr.has-request .col-comment").all_inner_texts()
        return [one for one in told if not one.startswith("GET ")]

    def row(self, number: int) -> Locator:
        rows = self.page.locator("tr.has-request").filter(has_not_text="GET /")
        return rows.nth(number)

    def open(self, number: int, tab: str) -> None:
        """Shows a flow's Request or Response."""
        self.row(number).click()
        self.page.locator(".flow-detail nav a", has_text=tab).click()

    def choose(self, view: str) -> None:
        """Picks a view, by its name in small letters, for the message that is shown."""
        self.page.locator(".contentview .controls a", has_text="View:").click()
        self.page.get_by_text(view, exact=True).last.click()

    @property
    def text(self) -> str:
        """What the chosen view shows."""
        return self.page.locator(".contentview pre").inner_text()

    def wait_for(self, text: str) -> None:
        """Until the view shows it."""
        self.page.locator(".contentview pre", has_text=text).wait_for()

    def press(self, button: str) -> None:
        """A button of the bar above."""
        self.page.locator(".menu-entry, .btn-link, button", has_text=button).first.click()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=list(_SWITCHES))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def mitmweb(web: Web, *, width: int = 1500, height: int = 900) -> Iterator[Mitmweb]:
    """A browser with mitmweb's page in it; every error in the page's own scripts fails the test."""
    errors: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(web.url)
        page.locator("tr.has-request").first.wait_for()
        yield Mitmweb(page)
    assert errors == []

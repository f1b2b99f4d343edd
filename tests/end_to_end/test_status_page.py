"""The status page in a real browser: both languages, live numbers, links into mitmweb, the key, a restart."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import kitchen
from tests.support.browser import chromium, needs_browser
from tests.support.fake_vertex import FakeVertex, Hang, anthropic_error, google_error
from tests.support.proxy import CHAT, KEY, Proxy, Web, free_port

pytestmark = needs_browser
expect.set_options(timeout=30_000)
HOME, AWAY = "us-east5", "europe-west1"
PROMPT = "A prompt that is nobody's business."
AXE = "axe-core@4.12.1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, web: Web) -> Iterator[Proxy]:
    """Of its two regions one has no room for an hour; a second project isn't let in."""
    cloud.regions |= {HOME, AWAY}
    keys = [json.dumps(cloud.service_account(project)) for project in ("test-project", "second-project")]
    accounts = [{"credentials": keys[0], "regions": [HOME, AWAY]}, {"credentials": keys[1], "region": AWAY}]
    config: dict[str, Any] = {
        "vertex": {"base_url": cloud.base_url, "accounts": accounts},
        "spending": {"usd_per_day": 50, "tokens_per_month": 10_000_000},
    }
    cloud.default = kitchen.answers(size=300, delay=0)
    with Proxy(folder, config=json.dumps(config), program="mitmweb", arguments=web.arguments) as proxy:
        cloud.rule = lambda received: (
            google_error(401)
            if "/second-project/" in received.path
            else anthropic_error(429, "No room.", retry_after=3600)
            if f"/locations/{HOME}/" in received.path
            else None
        )
        answers = [proxy.chat() for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert proxy.chat(messages="none").status == 400
        yield proxy
        cloud.rule = lambda received: None


@contextmanager
def opened(browser: Browser, proxy: Proxy, *, width: int = 1200, **options: Any) -> Iterator[Page]:
    """The page, of which nothing may fail: no script, no rule of its policy."""
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    try:
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(f"http://127.0.0.1:{proxy.port}/")
        yield page
    finally:
        context.close()
    # What browsers say of an answer that is an error is no failure of the page.
    assert [text for text in wrong if "Failed to load resource" not in text] == []


def shown(page: Page) -> None:
    page.locator("#part-recent td").first.wait_for()


LOOKS = list(product(("en", "zh"), ("light", "dark"), (320, 1200)))


@pytest.fixture(scope="module")
def axe(request: pytest.FixtureRequest) -> str:
    """The script that looks for what people who can't see well would miss; fetched once, into the tests' own cache."""
    assert request.config.cache is not None
    home = request.config.cache.mkdir("axe")
    script = home / f"{AXE}.js"
    if not script.exists():
        try:
            packed = subprocess.run(
                ["npm", "pack", "--silent", "--fetch-retries=0", AXE],
                cwd=home,
                check=True,
                capture_output=True,
                text=True,
                timeout=120,
            ).stdout.split()[-1]
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"axe-core can't be had here: {error}")
        with tarfile.open(home / packed) as package:
            member = package.extractfile("package/axe.min.js")
            assert member is not None
            script.write_bytes(member.read())
    return script.read_text("utf-8")


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_it_can_be_read(browser: Browser, proxy: Proxy, axe: str, look: tuple[str, Any, int]) -> None:
    """In its language, in its colours, without scrolling aside, and by those who don't see it."""
    language, scheme, width = look
    locale = {"en": "en-US", "zh": "zh-CN"}[language]
    with opened(browser, proxy, width=width, locale=locale, color_scheme=scheme) as page:
        shown(page)
        assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-Hans"}[language]
        words = {
            "en": [
                "Running",
                "Base URLs",
                "All models",
                "Cost per day",
                "resting until",
                "No room.",
                "ok",
            ],
            "zh": ["正在运行", "接口地址", "全部模型", "每日费用", "暂停到", "No room.", "正常"],
        }[language]
        text = page.locator("main").inner_text()
        assert [word for word in words if word not in text] == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 25)"
        assert dark is (scheme == "dark")
        page.evaluate(axe)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []


def refused_again(proxy: Proxy) -> int:
    """How many requests it took until the second project rests, which it does for half a minute; the last is wrong, and
    the two before it are answered, as at first."""

    def rests() -> bool:
        accounts = proxy.get("/status/details").json()["accounts"]
        return any(rest["state"] == "broken" for account in accounts for rest in account["rests"])

    asked = 0
    while not rests() or asked == 1:
        assert proxy.chat().status == 200 and asked < 10
        asked += 1
    if asked:
        assert proxy.chat(messages="none").status == 400
        asked += 1
    return asked


def test_it_tells_what_is_so(browser: Browser, proxy: Proxy) -> None:
    more = refused_again(proxy)
    with opened(browser, proxy) as page:
        shown(page)
        rows = page.locator("#part-recent tbody tr")
        assert rows.count() == 4 + more
        assert "✗ invalid_request_error (400)" in rows.first.inner_text()
        assert f"vertex · {AWAY}" in rows.nth(1).inner_text() and "✓ ok" in rows.nth(1).inner_text()
        accounts = page.locator("#part-accounts").inner_text()
        assert "not accepted by the cloud" in accounts and "Make a new key" in accounts
        assert page.locator("#part-caps meter").count() == 2
        assert page.locator("#part-chart g").count() == 30
        assert PROMPT not in page.content()


def test_what_is_not_known_is_no_0_and_others_words_are_only_text(browser: Browser, proxy: Proxy) -> None:
    data = proxy.get("/status/details").json()
    hostile = "<img src=x onerror=alert(1)>"
    data["today"] |= {"usd": 0, "unpriced": 2}
    data["month"] |= {"usd": 2.5, "unpriced": 2}
    data["days"][7] |= {"usd": 0, "unpriced": 1}
    data["recent"][1] |= {"usd": None, "unpriced": 1, "model": hostile, "client": hostile}
    data["recent"][2] |= {"usd": 0.1234, "unpriced": 0, "left": True}
    data["by_model"][0] |= {"name": hostile, "usd": 0, "unpriced": 0}
    data |= {"told": [hostile], "models": [hostile], "waiting": 3, "wait": 11.2}
    with opened(browser, proxy) as page:
        page.route("**/status/details", lambda route: route.fulfill(json=data))
        page.reload()
        shown(page)
        assert page.locator("#part-usage dd").all_inner_texts()[0] == "unknown"
        assert page.locator("#part-usage dd").all_inner_texts()[4] == "≥ $2.50"
        assert "about 12 s" in page.locator("#part-usage").inner_text()
        chart = page.locator("#part-chart")
        assert chart.locator("text").all_text_contents() == ["?"] and "no known price" in chart.inner_text()
        costs = page.locator("#part-recent td:nth-child(6)").all_inner_texts()
        assert costs[:3] == ["–", "unknown", "$0.12"]
        assert page.locator("#part-recent td:last-child").all_inner_texts()[2] == "■ client left"
        assert page.locator("#part-sums td:last-child").first.inner_text() == "$0"
        assert page.locator("img").count() == 0 and page.locator("main").inner_text().count(hostile) >= 4


def test_it_is_live_and_what_has_not_changed_is_left_alone(browser: Browser, proxy: Proxy, web: Web) -> None:
    with opened(browser, proxy) as page:
        shown(page)
        page.locator("summary").click()
        rows = page.locator("#part-recent tbody tr")
        before = rows.count()
        assert proxy.chat(messages=[{"role": "user", "content": PROMPT}]).status == 200
        expect(rows).to_have_count(before + 1)
        assert page.locator("details").get_attribute("open") is not None
        with page.expect_response(lambda response: response.status == 304):
            pass  # nothing has changed since
        assert PROMPT not in page.content() + proxy.get("/status/details").body.decode()
    assert {proxy.get(path).status for path in ("/health", "/metrics")} == {200}
    listed = [flow["request"]["path"] for flow in json.loads(web.ask("GET", "/flows"))]
    assert not {"/status/details", "/health", "/metrics"} & {*listed} and listed.count(CHAT) >= before + 1


def test_it_leads_into_mitmweb(browser: Browser, proxy: Proxy, web: Web) -> None:
    newest = web.chats()[-1]
    with opened(browser, proxy) as page:
        shown(page)
        link = page.locator("#part-recent tbody a").first
        assert link.get_attribute("href") == f"http://127.0.0.1:{web.port}/#/flows/{newest['id']}/request"
        other = page.context.new_page()
        other.goto(web.url)  # as somebody who watches: the link itself lets nobody in
        other.locator("tr.has-request").first.wait_for()
        with page.expect_popup() as popup:
            link.click()
        popup.value.locator(".flow-detail").wait_for()
        assert web.url.partition("token=")[2] not in page.content()


def test_a_base_url_is_copied(browser: Browser, proxy: Proxy) -> None:
    with opened(browser, proxy, permissions=["clipboard-read", "clipboard-write"]) as page:
        button = page.get_by_role("button", name="Copy").first
        button.click()
        expect(button).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == f"http://127.0.0.1:{proxy.port}/proxy/gcp/claude"


def test_everything_is_checked(browser: Browser, proxy: Proxy, cloud: FakeVertex) -> None:
    refused = proxy.post("/status/check", {}, {"origin": "https://evil.test"})
    assert (refused.status, proxy.get("/status/details").json()["check"]["findings"]) == (403, [])
    with opened(browser, proxy) as page:
        part = page.locator("#part-check")
        expect(part).to_contain_text("That may cost a little money")
        usual, cloud.rule = cloud.rule, lambda received: Hang(usual(received))
        part.get_by_role("button").click()
        expect(part.get_by_role("button")).to_have_text("Checking …")
        cloud.rule = usual
        cloud.release()
        expect(part.get_by_role("button")).to_have_text("Check everything now", timeout=60_000)
        expect(part).to_contain_text("The calls have cost")
        findings = part.locator("li").all_inner_texts()
        assert [line for line in findings if line.startswith("✓ ok")]
        assert [line for line in findings if line.startswith("✗ failed") and "second-project" in line]
    cloud.wrong.clear()  # each host is asked for its `/`, which nobody has


def test_without_scripts_it_shows_how_to_connect(browser: Browser, proxy: Proxy) -> None:
    with opened(browser, proxy, java_script_enabled=False, locale="zh-CN") as page:
        assert page.locator("button:visible, form:visible").count() == 0
        for text in (f"http://127.0.0.1:{proxy.port}/proxy/gcp/claude", "自定义端点"):
            expect(page.locator("main")).to_contain_text(text)


def test_a_proxy_with_a_key_that_goes_away_and_comes_back(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    environment = {"PROXY_KEY": KEY}
    with Proxy(tmp_path, environment=environment, port=port) as proxy, opened(browser, proxy) as page:
        live, form, trouble = page.locator("#part-accounts"), page.locator("#key"), page.locator("#trouble")
        form.wait_for()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for key, error in (("wrong" * 8, "The client key is wrong."), ("密钥", "No client key looks like this.")):
            form.locator("input").fill(key)
            form.locator("button").click()
            expect(page.locator("#key-error")).to_contain_text(error)
            assert live.count() == 0
        assert asked == [f"http://127.0.0.1:{port}/status/details"]
        form.locator("input").fill(KEY)
        form.locator("button").click()
        live.wait_for()
        assert form.is_hidden() and page.locator("#demo").is_visible()
        page.reload()
        live.wait_for()  # it is remembered
        assert proxy.stop() == 0
        expect(trouble).to_contain_text("The proxy does not answer.")
        assert live.is_visible()
        with Proxy(tmp_path, environment=environment, port=port):
            expect(trouble).to_be_empty()
            expect(page.locator("#state")).to_contain_text("Running")

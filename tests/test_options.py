"""options.py: what mitmproxy may not be started with, since it would give prompts, keys or money away."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from mitmproxy.options import Options

from oai_bridge.settings.values import Config
from oai_bridge.start.options import danger, put_right

STRONG = "Zx9_kPq2-Lm4Rt7vWc1Yb8Nh"
HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA"


def options(**values: Any) -> Options:
    """mitmproxy's, with those that mitmweb's addons declare."""
    made = Options()
    made.add_option("web_host", str, "127.0.0.1", "")
    made.add_option("web_password", str, "", "")
    made.add_option("proxy_debug", bool, False, "")
    made.update(**values)
    return made


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, None),
        ({"ssl_insecure": True}, "ssl_insecure"),
        ({"proxy_debug": True}, "proxy_debug"),
        ({"web_host": "localhost"}, None),
        ({"web_host": "::1"}, None),
        ({"web_host": "0.0.0.0"}, "on 0.0.0.0"),
        ({"web_host": ""}, "on all addresses"),
        ({"web_host": "192.168.1.2", "web_password": "hunter2"}, "128 bits"),
        ({"web_host": "192.168.1.2", "web_password": STRONG}, None),
        ({"web_host": "192.168.1.2", "web_password": HASH}, None),
        ({"web_password": "hunter2"}, None),
    ],
)
def test_danger(values: dict[str, Any], said: str | None) -> None:
    reason = danger(options(**values))
    assert (reason is None) if said is None else (reason is not None and said in reason)
    assert "hunter2" not in (reason or "")


def test_mitmdump_has_no_page() -> None:
    assert danger(Options()) is None


def test_lines_of_the_log_go_out_at_once_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_ = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(bytes_, "ascii"))
    put_right(Options(), Config(), [])
    print("a line – of 酒馆")
    assert bytes_.getvalue() == b"a line \\u2013 of \\u9152\\u9986\n"

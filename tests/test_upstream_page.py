"""inspector/upstream.py: each request to a cloud can be read, whatever became of it."""

from __future__ import annotations

from typing import Any

from oai_bridge.inspector.told import told
from oai_bridge.inspector.upstream import upstream_page

SENT = {
    "method": "POST",
    "url": "https://us-east5-aiplatform.googleapis.com/v1/x:streamRawPredict",
    "headers": {"accept": "*/*", "authorization": "***"},
    "body": '{"system":"Be kind.","messages":[]}',
    "body_size": 35,
    "credential": "tavern",
    "sent": 100.2,
    "connected": 0.05,
    "answered": 101.0,
    "status": 200,
}


def page(*attempts: dict[str, Any]) -> str:
    found = told({"attempts": list(attempts), "timing": {"began": 100.0}})
    assert found is not None
    return upstream_page(found)


def test_a_request() -> None:
    lines = page(SENT).splitlines()
    assert lines[0].startswith("── Request 1 of 1 ─") and lines[0].endswith(" 200")
    assert lines[1] == "POST https://us-east5-aiplatform.googleapis.com/v1/x:streamRawPredict"
    assert "account  tavern" in lines
    assert "sent     after 0.2 s · connected in 0.050 s · answered 0.8 s later" in lines
    assert "authorization  ***" in lines
    assert 'system: "Be kind."' in lines and "messages: []" in lines


def test_failed_requests_say_why() -> None:
    refused = SENT | {"status": 429, "error": "The quota is used up.", "connected": 0.0}
    lost = SENT | {"status": None, "error": "Lost.", "may_have_run": True, "body": "{}"}
    shown = page({"error": "No token."}, refused, lost)
    assert "Request 1 of 3" in shown and "not sent: nothing let it in" in shown and "No token." in shown
    assert "failed   The quota is used up." in shown and "a kept connection" in shown
    assert "you may pay for it" in shown


def test_the_same_body_is_shown_once() -> None:
    shown = page(SENT | {"status": 503}, SENT)
    assert shown.count("Be kind.") == 1 and "The body is that of request 1." in shown


def test_what_is_not_kept_is_told() -> None:
    assert "Only the first 35 B of 9.0 MB are kept." in page(SENT | {"body_size": 9_000_000})
    assert "The body of 9.0 MB is not kept" in page(SENT | {"body_size": 9_000_000, "body": ""})


def test_garbage_and_nothing() -> None:
    assert page() == "Nothing was sent to a cloud."
    assert "no json \\x1b" in page(SENT | {"body": "no json \x1b", "body_size": 9})
    assert page(*[SENT | {"body": f"{number}"} for number in range(3000)])


def test_a_huge_prompt_stays_usable() -> None:
    body = '{"messages":[' + ",".join(['{"role":"user","content":"' + "word " * 2000 + '"}'] * 1000) + "]}"
    shown = page(SENT | {"body": body, "body_size": len(body)})
    assert len(shown) < 700_000 and "characters more are not shown" in shown

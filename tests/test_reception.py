"""reception.py: keys are hidden before anything else, wrong ones wait, and a listed page may read its answer."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.test import tflow

from oai_bridge.entrance.guard import Guard
from oai_bridge.entrance.reception import Reception, Receptionist, hide_keys, tell_origin
from oai_bridge.inspector.record import CLIENT
from oai_bridge.settings.clients import Client
from oai_bridge.settings.values import Config

KEY = "k" * 32
PAGE = "https://chat.example"
CONFIG = Config(clients=(Client("tavern", KEY),), allowed_origins=(PAGE,))


def flow(method: str = "POST", **headers: str) -> http.HTTPFlow:
    made = tflow.tflow()
    made.request = http.Request.make(method, "http://localhost:7860/v1/chat/completions", b"{}")
    made.request.authority = ""
    made.request.headers.update({"host": "localhost:7860", "content-type": "application/json"})
    made.request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return made


def receive(receptionist: Receptionist, asked: http.HTTPFlow) -> Reception:
    return receptionist.receive(Guard(CONFIG, ("127.0.0.1",)), asked, hide_keys(asked))


def test_who_has_a_key_is_known_and_the_key_is_no_more() -> None:
    asked = flow(authorization=f"Bearer {KEY}")
    assert receive(Receptionist(), asked) == Reception()
    assert asked.metadata[CLIENT] == "tavern"
    assert KEY not in repr(asked.get_state())


def test_wrong_keys_wait_longer_and_longer_until_none_is_looked_at() -> None:
    receptionist = Receptionist(clock=lambda: 100.0)
    pauses = [receive(receptionist, flow(authorization="Bearer guess")).pause for _ in range(14)]
    assert pauses[:6] == [0, 0, 0, 1, 2, 3] and pauses[-1] == 11
    told = receive(receptionist, flow(authorization=f"Bearer {KEY}"))
    assert told.error is not None and (told.error.status, told.pause) == (429, 0)
    without = receive(receptionist, flow())  # no key is no guess
    assert without.error is not None and (without.error.status, without.pause) == (401, 0)


def test_a_browser_that_asks_for_leave() -> None:
    asked = flow("OPTIONS", origin=PAGE, access_control_request_method="POST", access_control_request_headers="a-b")
    told = receive(Receptionist(), asked)
    assert told.page is not None and ("access-control-allow-headers", "a-b") in told.page.headers
    assert CLIENT not in asked.metadata


def test_a_listed_page_may_read_the_answer_and_another_may_not() -> None:
    for origin, allowed in ((PAGE, PAGE), ("https://evil.example", None)):
        asked, response = flow(origin=origin), http.Response.make()
        receive(Receptionist(), asked)
        tell_origin(asked, response)
        assert response.headers.get("access-control-allow-origin") == allowed

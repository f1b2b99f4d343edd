"""request_lines.py: one line that people can read, and the same for programs."""

from __future__ import annotations

import pytest

from oai_bridge.money.cost import Cost
from oai_bridge.telemetry.request_lines import fields_of, refusal_line, request_line
from tests.support.entries import REFUSED, entry

ASKED = "POST /v1/chat/completions"


def test_a_line_tells_what_one_wants_to_know() -> None:
    assert request_line(entry(), ASKED, "dropped:seed", None) == (
        "POST /v1/chat/completions 200 · claude-sonnet-4-5 · vertex/us-east5 · work · 130 → 6 tokens · $1.00 · 2.5 s"
        " · dropped:seed · req_1"
    )


def test_what_is_not_there_is_left_out() -> None:
    assert request_line(REFUSED, ASKED, "", "No such model.") == (
        "POST /v1/chat/completions 404 · claude-sonnet-4-5 · work · 2.5 s · No such model. · req_1"
    )
    assert "local" not in request_line(entry(client="local"), ASKED, "", None)


def test_who_left_has_no_status() -> None:
    assert request_line(entry(status=0, left=True), ASKED, "", "client gone").startswith(f"{ASKED} left · ")


@pytest.mark.parametrize(
    ("changes", "price"),
    [
        ({"cost": None, "unpriced": True}, " · cost unknown · "),
        ({"unpriced": True}, " · $1.00 or more · "),
        ({"cost": Cost()}, " · $0 · "),
        ({"cost": None}, "tokens · 2.5 s"),
    ],
)
def test_what_is_not_known_of_a_price(changes: dict[str, object], price: str) -> None:
    assert price in request_line(entry(**changes), ASKED, "", None)


def test_names_and_messages_can_not_break_the_line_or_hold_a_secret() -> None:
    odd = "x\n[12:00:00] fine \x1b[31m\u2028 ya29.a0AfH6SMBx-secret"
    for line in (request_line(entry(requested=odd), ASKED, "", odd), refusal_line(ASKED, 404, odd, "req_1")):
        assert line.isprintable()
        assert "ya29" not in line


def test_the_fields_of_a_good_request() -> None:
    told = fields_of(entry(), ASKED, "dropped:seed, merged:system")
    assert (told["request_id"], told["method"], told["path"]) == ("req_1", "POST", "/v1/chat/completions")
    assert told["notes"] == ["dropped:seed", "merged:system"]
    assert told["usd"] == pytest.approx(1.0)
    assert (told["input_tokens"], told["cache_read_tokens"], told["cache_write_tokens"]) == (10, 100, 20)


def test_an_unknown_price_is_null_and_nothing_asked_costs_nothing() -> None:
    assert {fields_of(entry(cost=None), ASKED, "")[name] for name in ("usd", "usd_input", "usd_output")} == {None}
    assert fields_of(REFUSED, ASKED, "")["usd"] == 0.0

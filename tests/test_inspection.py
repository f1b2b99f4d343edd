"""inspection.py: a flow's story, marker and record, while it runs and afterwards; what the user wrote is left alone."""

from __future__ import annotations

import json

from mitmproxy import flow, http
from mitmproxy.test.tflow import tflow, treq, tresp

from oai_bridge.credentials.base import Outbound
from oai_bridge.errors import UpstreamError
from oai_bridge.events import Stop, Text, Usage, UsageReport
from oai_bridge.inspector.record import Record
from oai_bridge.models.facts import Prices
from oai_bridge.watching.inspection import Inspector, is_marked

BODY = {"system": "Be kind. " * 900, "messages": [{"role": "user", "content": "Hi."}]}


def running(inspector: Inspector) -> tuple[http.HTTPFlow, Record]:
    """A chat whose answer has begun."""
    shown = tflow(req=treq(method=b"POST", path=b"/v1/chat/completions"), resp=tresp())
    record = Record("req_1", client="key 1")
    record.model, record.route, record.upstream_model = "claude-sonnet-4-6", "vertex/global", "claude-sonnet-4-6"
    record.prices = Prices(input=3, output=15)
    inspector.began(shown, record)
    attempt = record.sending(Outbound.posted("https://cloud/", {}, BODY, "a model"), "an account")
    record.answered(attempt, 200, None)
    record.saw(Text("Hello"))
    return shown, record


def end(inspector: Inspector, shown: http.HTTPFlow, record: Record) -> None:
    record.saw(UsageReport(Usage(2000, 100)))
    record.saw(Stop("stop"))
    record.ended = record.clock()
    inspector.ended(shown)


def test_a_running_chat_has_a_record_and_a_story() -> None:
    inspector = Inspector()
    shown, _ = running(inspector)
    inspector.grew(shown)
    assert shown.comment == "claude-sonnet-4-6 · vertex global · …"
    seen = inspector.recall(shown)
    assert seen and json.loads(seen.attempts[0].body) == BODY and seen.timing.ended is None
    assert "bridge" not in shown.metadata


def test_an_ended_one_keeps_them() -> None:
    inspector = Inspector()
    shown, record = running(inspector)
    end(inspector, shown, record)
    assert "2k → 100 tok · $0.0075" in shown.comment and shown.marked == ""
    seen = inspector.recall(shown)
    assert seen and seen.timing.ended and seen.cache and seen.cache["verdict"] == "off"


def test_what_failed_is_marked_and_so_is_what_was_left() -> None:
    inspector = Inspector()
    shown, record = running(inspector)
    record.error = UpstreamError("Lost.")
    end(inspector, shown, record)
    assert shown.marked == ":x:" and shown.comment.startswith("✗ ") and not is_marked(shown)
    left, record = running(inspector)
    left.error = flow.Error("Client disconnected.")
    end(inspector, left, record)
    assert left.marked == ":hand:" and "Client disconnected." in left.comment


def test_the_users_comment_and_marker_are_left_alone() -> None:
    inspector = Inspector()
    shown, record = running(inspector)
    inspector.grew(shown)
    shown.comment, shown.marked = "my own words", ":star:"
    record.error = UpstreamError("Lost.")
    end(inspector, shown, record)
    assert (shown.comment, shown.marked) == ("my own words", ":star:") and is_marked(shown)


def test_after_a_replay_the_story_is_the_new_one() -> None:
    inspector = Inspector()
    shown, record = running(inspector)
    record.error = UpstreamError("Lost.")
    end(inspector, shown, record)
    again = Record("req_2", client="key 1")
    again.model = "claude-opus-4-8"
    inspector.began(shown, again)
    end(inspector, shown, again)
    assert shown.comment.startswith("claude-opus-4-8 · ") and shown.marked == ""


def test_a_replay_that_is_refused_is_not_the_old_chat() -> None:
    inspector = Inspector()
    shown, record = running(inspector)
    end(inspector, shown, record)
    inspector.answered_here(shown, "POST /v1/nowhere · There is nothing here.")
    assert shown.comment == "POST /v1/nowhere · There is nothing here." and inspector.recall(shown) is None
    again = Record("req_2")
    again.model = "claude-opus-4-8"
    inspector.began(shown, again)
    end(inspector, shown, again)
    assert shown.comment.startswith("claude-opus-4-8 · ")


def test_other_flows_have_no_record() -> None:
    assert Inspector().recall(tflow()) is None
    garbage = tflow()
    garbage.metadata["bridge"] = {"attempts": "none"}
    garbage.metadata["bridge_story"] = [1, 2, 3]
    assert Inspector().recall(garbage) is None and not is_marked(garbage)

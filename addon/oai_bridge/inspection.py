"""What the inspector does with a flow while it runs and when it has ended: the record, the story, the marker."""

from __future__ import annotations

import time

from mitmproxy import http
from mitmproxy.flow import Flow

from .inspector.cache import Coach
from .inspector.record import KEY, Record
from .inspector.spoken import api_of
from .inspector.story import marker, story
from .inspector.told import Told, told
from .ledger import Ledger

_STORY = "bridge_story"
"""Where the comment and the marker that are ours stand in `flow.metadata`: what a user wrote there is left alone."""


def is_marked(flow: Flow) -> bool:
    """Whether the user has marked it: the markers of outcomes are none of his."""
    return bool(flow.marked) and flow.marked != _ours(flow)[1]


def _ours(flow: Flow) -> tuple[str, str]:
    """The comment and the marker that the inspector has given it."""
    match flow.metadata.get(_STORY):
        case [str(comment), str(mark)]:
            return comment, mark
    return "", ""


class Inspector:
    """One for the whole program. `recall` gives the record of any flow, running or not; `ledger` has those that ran."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self._coach = Coach()
        self._live: dict[str, Record] = {}

    def began(self, flow: http.HTTPFlow, record: Record) -> None:
        self._live[flow.id] = record

    def recall(self, flow: Flow) -> Told | None:
        """What is known of a flow now; `None` for one that no cloud was asked for."""
        if flow.id in self._live:
            return told(self._live[flow.id].to_metadata())
        return told(flow.metadata.get(KEY))

    def grew(self, flow: http.HTTPFlow) -> None:
        """The answer goes on."""
        if flow.id in self._live:
            self._tell(flow, told(self._live[flow.id].to_metadata()))

    def ended(self, flow: http.HTTPFlow) -> None:
        """The flow's last hook: from now on the record stands with it."""
        record = self._live.pop(flow.id)
        if api_of(flow.request.path) and (sent := record.sent()):
            record.cache = self._coach.look(sent).to_metadata()
        flow.metadata[KEY] = record.to_metadata()
        self._tell(flow, told(flow.metadata[KEY]), flow.error.msg if flow.error else None)
        if record.attempts:
            self.ledger.add(
                time.strftime("%Y-%m-%d", time.localtime(record.began)),
                record.upstream_model or record.model or "",
                record.client,
                record.usage,
                record.cost,
                failed=record.error is not None,
            )

    def _tell(self, flow: http.HTTPFlow, seen: Told | None, trouble: str | None = None) -> None:
        if seen is None:
            return
        comment, mark = _ours(flow)
        ours = [story(seen, trouble), marker(seen, left=trouble is not None)]
        if flow.comment in ("", comment):
            flow.comment = ours[0]
        if flow.marked in ("", mark):
            flow.marked = ours[1]
        flow.metadata[_STORY] = ours

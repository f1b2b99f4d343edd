"""What the inspector does with a flow while it runs and when it has ended: the record, the story, the marker."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.flow import Flow

from ..inspector.cache import Coach
from ..inspector.record import KEY, Record
from ..inspector.spoken import api_of
from ..inspector.story import marker, story
from ..inspector.told import Told, told

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
    """One for the whole program. `recall` gives the record of any flow, running or not."""

    def __init__(self) -> None:
        self._coach = Coach()
        self._live: dict[str, Record] = {}

    def began(self, flow: http.HTTPFlow, record: Record) -> None:
        """A chat comes in, or is sent again: what was known of it before is so no more."""
        flow.metadata.pop(KEY, None)
        self._live[flow.id] = record

    def answered_here(self, flow: http.HTTPFlow, story: str) -> None:
        """No cloud will be asked for it."""
        flow.metadata.pop(KEY, None)
        self._tell(flow, story, "")

    def recall(self, flow: Flow) -> Told | None:
        """What is known of a flow now; `None` for one that no cloud was asked for."""
        if flow.id in self._live:
            return told(self._live[flow.id].to_metadata())
        return told(flow.metadata.get(KEY))

    def grew(self, flow: http.HTTPFlow) -> None:
        """The answer goes on."""
        if flow.id in self._live and (seen := told(self._live[flow.id].to_metadata(bodies=False))):
            self._tell(flow, story(seen), "")

    def ended(self, flow: http.HTTPFlow) -> None:
        """The flow's last hook: from now on the record stands with it."""
        record = self._live.pop(flow.id)
        flow.metadata[KEY] = record.to_metadata()
        if api_of(flow.request.path) and (sent := record.sent()):
            flow.metadata[KEY]["cache"] = self._coach.look(sent).to_metadata()
        trouble = flow.error.msg if flow.error else None
        if seen := told(flow.metadata[KEY]):
            self._tell(flow, story(seen, trouble), marker(seen, left=trouble is not None))

    def _tell(self, flow: http.HTTPFlow, comment: str, mark: str) -> None:
        """Puts them where no words of the user's stand."""
        before = _ours(flow)
        if flow.comment in ("", before[0]):
            flow.comment = comment
        if flow.marked in ("", before[1]):
            flow.marked = mark
        flow.metadata[_STORY] = [comment, mark]

"""Answers out of recordings in place of a cloud, while mitmproxy's server replay (`--server-replay`) has any.

mitmproxy's own addon loads the files and has the commands (`replay.server…`); what it was given is served here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence

from mitmproxy import http
from mitmproxy.addons.serverplayback import ServerPlayback
from mitmproxy.log import ALERT
from mitmproxy.options import Options

from ..answer import Answer, Head
from ..errors import BridgeError, NotFound
from ..exchanges import EXCHANGES
from ..inspector.record import Record
from ..inspector.recordings import Asked, Recorded, Turns, key_of, pieces_of, read_request, recorded
from ..pages import error_page_for, is_test_message, reply_to_test_message
from ..routing import Route, route
from ..settings.values import Config
from ..start.options import chosen
from ..streaming.stream_layer import CUT

logger = logging.getLogger(__name__)

_REFUSALS = frozenset({401, 403, 413, 415, 421})
_PAUSE = 0.02  # seconds between two pieces of a stream
_NOT_RECORDED = (
    "This request is not among the recorded ones, and no cloud is asked while those are replayed: send one that was "
    "recorded, or set mitmproxy's option server_replay_extra to forward."
)


class Offline:
    """Nothing of it reaches a cloud, but for what was not recorded if somebody has set `server_replay_extra` to
    `forward`: that this is mitmproxy's default does not count."""

    def __init__(self, config: Config, options: Options, playback: ServerPlayback) -> None:
        self._config = config
        self._options = options
        self._playback = playback
        self._turns: Turns[Recorded] = Turns()
        self._read: tuple[object, int] = (None, 0)  # the recordings that the turns are made of, and how many

    @property
    def active(self) -> bool:
        """A file is named, even one without a single chat, or there are recordings."""
        return bool(self._options.server_replay or self._playback.flowmap)

    def answer(self, flow: http.HTTPFlow, found: Route, record: Record) -> Answer | None:
        """The answer to a request, as it stands now; `None` if it is a cloud's to give."""
        if not self.active:
            return None
        self.read()
        asked = self._asked(flow.request)
        once = chosen(self._options, "server_replay_reuse") is False
        answer = self._turns.take(self._key(found, flow.request, asked), once=once)
        if answer is None and self._forwards:
            return None
        record.route = "answered offline"
        if isinstance(asked.value, dict) and isinstance(model := asked.value.get("model"), str):
            record.model = model[:200]
        if answer is not None:
            flow.is_replay = "response"
            return _sent(answer.head, pieces_of(answer))
        if found.kind == "chat" and self._config.answer_test_message and is_test_message(asked.value):
            page = reply_to_test_message(asked.value.get("model"), record.began)
        else:
            record.error = NotFound(_NOT_RECORDED, code="not_recorded")
            page = error_page_for(flow.request.path, record.error, record.request_id)
        return _sent(Head(page.status, page.headers, None, page.reason), [page.body])

    def read(self) -> None:
        """Looks whether mitmproxy was given other recordings meanwhile, and tells what they are good for."""
        flowmap, count = self._playback.flowmap, self._playback.count()
        if not self.active or (flowmap is self._read[0] and count == self._read[1]):
            return
        self._read = flowmap, count
        flows = sorted((flow for flows in flowmap.values() for flow in flows), key=lambda flow: flow.timestamp_created)
        asked = [(flow, found) for flow in flows if (found := self._route(flow.request)) is not None]
        answers = [(flow, found, answer) for flow, found in asked if (answer := _recorded(flow)) is not None]
        self._turns = Turns(
            (self._key(found, flow.request, self._asked(flow.request)), answer) for flow, found, answer in answers
        )
        told = [f"Answers are served out of recordings; there are {len(answers)}."]
        if unfit := len(asked) - len(answers):
            told.append(f"{unfit} more are not whole and left out.")
        told.append("What was not recorded costs as usual." if self._forwards else "No cloud is asked for anything.")
        logger.log(ALERT, " ".join(told))

    @property
    def _forwards(self) -> bool:
        return bool(chosen(self._options, "server_replay_extra") == "forward")

    def _route(self, request: http.Request) -> Route | None:
        """Where a recorded request went; `None` for what needed no cloud, which is answered as always."""
        try:
            found = route(request.method, request.path, self._config.prefix)
        except BridgeError:
            return None
        return found if found.kind in EXCHANGES else None

    def _asked(self, request: http.Request) -> Asked:
        encoding = request.headers.get("content-encoding")
        return read_request(request.raw_content or b"", encoding, self._config.max_body)

    def _key(self, found: Route, request: http.Request, asked: Asked) -> Hashable:
        headers = [request.headers.get(name) for name in self._options.server_replay_use_headers]
        return key_of(found, asked, headers, any_content=self._options.server_replay_ignore_content)


def _recorded(flow: http.HTTPFlow) -> Recorded | None:
    """What a flow was answered; `None` where not all of it was sent, or is there."""
    response = flow.response
    if response is None or response.raw_content is None or response.timestamp_end is None:
        return None
    if flow.error is not None or CUT in flow.metadata or _was_refused(flow):
        return None
    return recorded(response.status_code, response.reason, response.headers.items(multi=True), response.raw_content)


def _was_refused(flow: http.HTTPFlow) -> bool:
    """Whether the proxy let nobody in: that says nothing of the chat, whose body was not even read."""
    assert flow.response is not None
    return flow.response.status_code in _REFUSALS and not flow.request.raw_content


async def _sent(head: Head, pieces: Sequence[bytes]) -> Answer:
    """A stream at a pace at which people see it come."""
    yield head
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(_PAUSE)
        yield piece

"""mitmproxy's content views of a chat: each hands the flow's bytes and its record to the page of that name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from mitmproxy import contentviews, http
from mitmproxy.flow import Flow

from ..inspector.cache_text import finding_text
from ..inspector.changes import changes_page
from ..inspector.prompt import prompt_page
from ..inspector.raw_reply import raw_reply_page
from ..inspector.reply import reply_page
from ..inspector.spoken import Api, api_of
from ..inspector.told import Told
from ..inspector.upstream import upstream_page
from ..streaming.stream_layer import CUT

_FIRST, _NEVER = 100.0, -1.0  # mitmproxy shows the view with the highest number, its own have 1 at most
_NO_RECORD = (
    "There is no record of this exchange: no cloud was asked, or it comes from a file that keeps none, such as a HAR.\n"
    "Save flows with mitmproxy's own format (-w FILE, or File → Save) to keep it."
)

Recall = Callable[[Flow], Told | None]
"""The record of a flow, as it stands now."""


class _View(contentviews.Contentview):
    title: str

    def __init__(self, recall: Recall) -> None:
        self._recall = recall

    @property
    def name(self) -> str:
        return self.title

    def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
        if not isinstance(flow := metadata.flow, http.HTTPFlow):
            return _NO_RECORD
        return self._page(flow, self._recall(flow))

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
        return _NEVER

    @abstractmethod
    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str: ...


class Prompt(_View):
    title = "Prompt"

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
        return _FIRST if isinstance(metadata.http_message, http.Request) and _is_chat(metadata.flow) else _NEVER

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        return prompt_page(_body(flow.request), _api(flow), told)


class Reply(_View):
    title = "Reply"

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
        return _FIRST if isinstance(metadata.http_message, http.Response) and _is_chat(metadata.flow) else _NEVER

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        response = _body(flow.response) if flow.response else None
        return reply_page(response, _api(flow), told, is_cut=CUT in flow.metadata)


class Upstream(_View):
    title = "Upstream"
    syntax_highlight = "yaml"

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        return upstream_page(told) if told else _NO_RECORD


class Changes(_View):
    title = "Changes"

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        return changes_page(told, _body(flow.request)) if told else _NO_RECORD


class Cache(_View):
    title = "Cache"

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        if told is None:
            return _NO_RECORD
        if not told.cache:
            return "There is nothing to say of the cache: the chat has not ended, or no tokens were told."
        return finding_text(told.cache).replace("\n\n", "\n \n")  # a blank line has no height in mitmweb


class RawUpstreamReply(_View):
    title = "Raw upstream reply"

    def _page(self, flow: http.HTTPFlow, told: Told | None) -> str:
        return raw_reply_page(told) if told else _NO_RECORD


def add_views(recall: Recall) -> None:
    """Makes the views known to mitmproxy; those of an earlier load are replaced."""
    for view in (Prompt, Reply, Upstream, Changes, RawUpstreamReply, Cache):
        contentviews.add(view(recall))


def _is_chat(flow: Flow | None) -> bool:
    return isinstance(flow, http.HTTPFlow) and flow.request.method == "POST" and api_of(flow.request.path) is not None


def _api(flow: http.HTTPFlow) -> Api:
    """Whose words a chat is in; what is none is read as OpenAI's."""
    return api_of(flow.request.path) or "openai"


def _body(message: http.Message) -> bytes:
    return message.get_content(strict=False) or b""

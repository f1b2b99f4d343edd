"""Errors as whole answers and as last events, in the format that the client of a path reads."""

from __future__ import annotations

from dataclasses import replace

from ..anthropic import errors as anthropic
from ..errors import BridgeError, CloudError
from ..openai import reply as openai
from ..plain import jsontext
from ..routing import is_native
from .page import Page, json_page

_REASON_LIMIT = 300  # characters


def error_page(error: BridgeError, request_id: str) -> Page:
    """OpenAI's error object, with the headers that tell an SDK whether to try again. `request_id` is ours; the
    cloud's own, where it gave one, stands in `x-bridge-upstream-request-id`, its status, where ours is another, in
    `x-bridge-upstream-status`."""
    told = {
        key: jsontext.encodable(value) if isinstance(value, str) else value for key, value in error.to_object().items()
    }
    headers = {}
    if isinstance(error, CloudError) and error.original.status not in (None, error.status):
        headers["x-bridge-upstream-status"] = str(error.original.status)
    return _page({"error": told}, error.status, error, request_id, headers)


def anthropic_error_page(error: BridgeError, request_id: str) -> Page:
    """Anthropic's error object, otherwise as `error_page`. `request_id` stands in `request-id` too, where Anthropic's
    SDKs look for it."""
    value = anthropic.error_object(error, request_id)
    return _page(value, anthropic.error_status(error), error, request_id, {"request-id": request_id})


def error_page_for(path: str, error: BridgeError, request_id: str) -> Page:
    """The error in the format that the client of `path`, the request's target, reads. Any path will do."""
    return (anthropic_error_page if is_native(path) else error_page)(error, request_id)


def error_event_for(path: str, error: BridgeError, request_id: str) -> bytes:
    """The one error event of a broken stream in the format that the client of `path` reads."""
    return anthropic.error_event(error, request_id) if is_native(path) else openai.error_event(error)


def _page(value: object, status: int, error: BridgeError, request_id: str, more: dict[str, str]) -> Page:
    headers = {"x-request-id": request_id, **more, **error.headers()}
    if error.request_id:
        headers["x-bridge-upstream-request-id"] = error.request_id
    # Without streaming, SillyTavern shows its user the words beside the status and nothing else.
    reason = "".join(letter if " " <= letter <= "~" else "?" for letter in error.message[:_REASON_LIMIT])
    return replace(json_page(value, status, headers), reason=reason)

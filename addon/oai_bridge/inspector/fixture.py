"""An exchange as a golden test case: bodies and their record in, the files of a folder in tests/cases out.

What tells whose it was is made neutral first. What must come out is then made anew by the program itself, and has to
agree with what was recorded: else the case would show what never happened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ..backends.base import Call as BackendCall
from ..backends.base import ChatBackend, PassingBackend
from ..errors import BridgeError
from ..notes import Notes
from ..openai.chat import Remote
from ..openai.remote import remote_pictures
from ..openai.reply import ReplyTo
from ..openai.request import asks_for_usage, model_of, parse_chat, read_body
from ..plain.jsontext import read_any, write
from ..settings.values import Config
from .golden import RESOURCE, Kind, cleared, kind_of, settings_of
from .golden_answers import Files, NoCase, Sent, error_files, stream_files, whole_files
from .neutral import Neutral
from .replies import read_reply
from .spoken import Call, Refusal, Reply, Text, Thinking

__all__ = ["Exchange", "GoldenCase", "NoCase", "golden_case"]

_NOW = 1_700_000_000  # of all cases
_USUAL_HEADERS = {"content-type", "accept", "accept-encoding", "anthropic-version", "x-amzn-bedrock-accept"}
_SIZE = 1024 * 1024  # bytes of a request or an answer
_TOO_LARGE = "This exchange is too large for a case, which people shall read; send a shorter one."
_BY_URL = "The request names pictures or files by URL, and what was found there is not in the record; send the data."
_OTHERWISE = (
    "What the proxy would send now is not what it sent then: the settings, the request or the program were changed "
    "since, or thinking of an earlier answer was put in. Send the request again and use that one."
)
_UNREADABLE = "Something in the record of this exchange can't be read; send the request again and use that one."
_IN_PIECES = (
    "A name, an e-mail or an id lies in several pieces of the streamed answer, where it can't be made neutral; send "
    "the request again without `stream`."
)
_CUT = "The record of this exchange was cut off, since it was too large; only one that is whole can become a case."


@dataclass(frozen=True, slots=True)
class Exchange:
    """A chat in OpenAI's format: the client's request and answer with their content-encoding undone, the betas that its
    header named, and the record of its flow."""

    request: bytes
    answer: bytes
    betas: tuple[str, ...]
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """`kind` is the folder of tests/cases that the case belongs into, `files` are its own, by their names."""

    kind: str
    files: Mapping[str, bytes]


def golden_case(exchange: Exchange, config: Config) -> GoldenCase:
    """The case; `config` are the settings under which the exchange was held. Raises `NoCase`."""
    if max(len(exchange.request), len(exchange.answer)) > _SIZE:
        raise NoCase(_TOO_LARGE)
    try:
        attempts = _answered(exchange.record)
        kind = _kind(exchange.record, attempts[-1])
        settings = cleared(config, kind)
        body = read_body(exchange.request)
        neutral = Neutral(_names(attempts), _people(body))
        request = _request(exchange.request, body, kind, config, neutral)
        sent, notes = _sent(request, exchange.betas, kind, settings)
        files = _request_files(request, exchange.betas, sent, notes, settings)
        attempt = _same(attempts, files["cloud.json"], neutral)
        files |= _answer_files(sent, attempt, neutral)
        _check_answer(exchange.answer, files, neutral)
    except BridgeError as error:
        raise NoCase(f"The proxy can't make sense of this exchange any more: {error.message}") from None
    except NoCase:
        raise
    except (ValueError, RecursionError):
        raise NoCase(_UNREADABLE) from None
    files["why.md"] = f"An exchange as it was recorded: {request_line(sent)}.\n"
    return GoldenCase(kind.name, {name: _encoded(value) for name, value in files.items()})


def request_line(sent: Sent) -> str:
    """What was asked of whom, for people."""
    return f"{sent.to.model}, {'in a stream' if sent.call == 'stream' else 'in one piece'}"


def _encoded(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


# -- the record -------------------------------------------------------------------------------------------------------


def _answered(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attempts that brought an answer."""
    given = record.get("attempts")
    attempts: list[Mapping[str, Any]] = [
        one
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, dict) and isinstance(one.get("status"), int) and isinstance(one.get("body"), str)
    ]
    if not attempts:
        raise NoCase("No cloud has answered this request, so that there is nothing to test.")
    return attempts


def _kind(record: Mapping[str, Any], attempt: Mapping[str, Any]) -> Kind:
    backend = str(record.get("route") or "").partition("/")[0]
    kind = kind_of(backend, str(attempt.get("url")), str(record.get("upstream_model") or ""))
    if kind is None:
        raise NoCase("There are no golden cases for the door of the cloud that answered this request.")
    return kind


def _names(attempts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the addresses say of accounts: a project of Google's, a resource of Azure's."""
    for attempt in attempts:
        url = urlsplit(str(attempt.get("url")))
        segments = url.path.split("/")
        if "projects" in segments[:-1]:
            yield unquote(segments[segments.index("projects") + 1])
        if (url.hostname or "").endswith(".azure.com"):
            yield str(url.hostname).partition(".")[0]


def _people(body: Mapping[str, Any]) -> Iterator[str]:
    """What a request calls its user."""
    metadata = body.get("metadata")
    for holder, field in ((body, "user"), (body, "safety_identifier"), (metadata, "user_id")):
        value = holder.get(field) if isinstance(holder, dict) else None
        if isinstance(value, str):
            yield value


def _same(attempts: Sequence[Mapping[str, Any]], wire: dict[str, Any], neutral: Neutral) -> Mapping[str, Any]:
    """The last attempt that sent what the case sends; how its account calls the model does not count."""
    for attempt in attempts[::-1]:
        if len(attempt["body"].encode("utf-8", "replace")) != attempt.get("body_size"):
            raise NoCase(_CUT)
        if _wire(attempt, neutral) == {**wire, "model": ""}:
            return attempt
    raise NoCase(_OTHERWISE)


def _wire(attempt: Mapping[str, Any], neutral: Neutral) -> Mapping[str, Any]:
    try:
        body = read_any(neutral.text(attempt["body"]).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return {**body, "model": ""} if isinstance(body, dict) else {}


# -- the request ------------------------------------------------------------------------------------------------------


def _request(raw: bytes, body: Mapping[str, Any], kind: Kind, config: Config, neutral: Neutral) -> bytes:
    """What the client of the case sends: its own words, but for the model where only these settings know it so."""
    named = model_of(body)
    model = config.aliases.get(named, named)
    backend, _, rest = model.partition("/")
    if rest and backend in ("vertex", "bedrock", "azure", "foundry"):
        model = rest
    if kind.name == "azure" and model not in RESOURCE.deployments:
        known = ", ".join(RESOURCE.deployments)
        raise NoCase(f"The golden cases' Azure has no {model[:64]!r}; send the chat with one of {known}.")
    return neutral.text((raw if model == named else write({**body, "model": model})).decode()).encode()


def _sent(request: bytes, betas: tuple[str, ...], kind: Kind, config: Config) -> tuple[Sent, Notes]:
    """The request in the cloud's words; raises `BridgeError`."""
    backend, notes = kind.make(config), Notes(strict=config.strict)
    body = read_body(request)
    model = model_of(body)
    facts = backend.find(model)
    if facts is None:
        raise NoCase(f"Without these settings there is no model {model[:64]!r}; use one that the program knows.")
    if isinstance(backend, PassingBackend):
        call: BackendCall = "stream" if body.get("stream") else "whole"
        passed = backend.passed(body, facts, call, notes)
        if backend.fetches and remote_pictures(passed["messages"]):
            raise NoCase(_BY_URL)
        to = ReplyTo(model, _NOW, "req_test", include_usage=asks_for_usage(body))
        reasoning = replace(to, reasoning_field=config.claude.reasoning_field)
        return Sent(kind, backend, facts, call, passed, reasoning, strict=config.strict), notes
    assert isinstance(backend, ChatBackend), "there are no others in the table"
    chat = parse_chat(body, notes, config.claude)
    if any(isinstance(part, Remote) for message in chat.messages for part in message.parts):
        raise NoCase(_BY_URL)
    translated = backend.chat(replace(chat, betas=(*chat.betas, *betas)), facts, notes)
    to = ReplyTo(
        chat.model,
        _NOW,
        "req_test",
        legacy_functions=chat.legacy_functions,
        thinking_blocks=config.claude.thinking_blocks,
        reasoning_field=config.claude.reasoning_field,
    )
    call = "stream" if chat.stream else "whole"
    return (
        Sent(kind, backend, facts, call, translated.body, to, translated.betas, translated.reading, config.strict),
        notes,
    )


def _request_files(request: bytes, betas: tuple[str, ...], sent: Sent, notes: Notes, config: Config) -> Files:
    files: Files = {"client.json": request, "cloud.json": json.loads(sent.outbound(sent.body, sent.betas).body)}
    if given := settings_of(config, sent.kind) | ({"betas": list(betas)} if betas else {}):
        files["settings.json"] = given
    if sent.betas:
        files["betas.txt"] = "".join(f"{beta}\n" for beta in sent.betas)
    headers = sent.outbound(sent.body, ()).headers
    if lines := [f"{name}: {value}\n" for name, value in headers.items() if name not in _USUAL_HEADERS]:
        files["headers.txt"] = "".join(lines)
    if codes := [note.code for note in notes]:
        files["notes.txt"] = "".join(f"{code}\n" for code in codes)
    return files


# -- the answer -------------------------------------------------------------------------------------------------------


def _answer_files(sent: Sent, attempt: Mapping[str, Any], neutral: Neutral) -> Files:
    given = attempt.get("reply")
    reply = given if isinstance(given, bytes) else str(given or "").encode("utf-8", "replace")
    if len(reply) != attempt.get("reply_size"):
        raise NoCase(_CUT)
    if len(reply) > _SIZE:
        raise NoCase(_TOO_LARGE)
    if attempt["status"] != 200:
        return error_files(sent, attempt["status"], reply, neutral)
    return (stream_files if sent.call == "stream" else whole_files)(sent, reply, neutral)


def _check_answer(answer: bytes, files: Files, neutral: Neutral) -> None:
    """That the client got what the case says; of errors and repairs only the cloud's own words are known."""
    if (made := files.get("client.sse")) is None and (made := files.get("client_reply.json")) is None:
        return
    then = read_reply(answer, "openai")
    now = read_reply(made.encode() if isinstance(made, str) else write(made), "openai")
    if _gist(then, neutral) != _gist(now, neutral):
        raise NoCase("What the client got is not what the cloud's answer becomes now; send the request again.")
    if any(neutral.text(said) != said for said in _said(now)):
        raise NoCase(_IN_PIECES)


def _said(reply: Reply) -> Iterator[str]:
    """Each text that a stream brings in pieces."""
    for choice in reply.choices:
        for part in choice.message.parts:
            if isinstance(part, Text | Thinking | Refusal):
                yield part.text
            elif isinstance(part, Call):
                yield part.arguments


def _gist(reply: Reply, neutral: Neutral) -> Any:
    return [
        (
            choice.finish_reason,
            [part.name for part in choice.message.parts if isinstance(part, Call)],
            neutral.text(reply.text),
        )
        for choice in reply.choices
    ]

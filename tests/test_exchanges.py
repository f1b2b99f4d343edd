"""exchanges/: what is sent again and what never is; a kept connection may die at any moment."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.answer import Head, Heartbeat
from oai_bridge.credentials.base import Access
from oai_bridge.credentials.google import GoogleAccess
from oai_bridge.directory import Directory
from oai_bridge.exchanges import Incoming, Services, exchange, sending
from oai_bridge.inspector.record import Record
from oai_bridge.models.catalog import Catalog
from oai_bridge.openai.chat import ChatRequest, Document, Remote
from oai_bridge.openai.media import Media
from oai_bridge.outward.fetch import GetAll
from oai_bridge.outward.upstream import UpstreamClient
from oai_bridge.routing import Kind, Route
from oai_bridge.settings.traffic import Failover, Limits, Timeouts
from oai_bridge.settings.values import Config, Vertex
from tests.support.claude_streams import stream_of
from tests.support.parts import parts

REPLY = b'{"type": "message", "content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn"}'
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CHAT = json.dumps({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Hello"}]}).encode()


class Token:
    """A credential that always has a token."""

    label = "test"
    place = "here"
    rank = 0

    def serves(self, model: str) -> bool:
        return True

    def lists(self, model: str) -> bool:
        return False

    async def access(self) -> Access:
        return GoogleAccess("project", "us-east5", "token")

    def refuse(self, access: Access) -> bool:
        raise AssertionError("nobody refused it")


class Cloud:
    """Answers the first request of each connection. What happens to a later one is `later`: seconds until the
    connection is closed without a word; its body is read if it `reads`."""

    def __init__(self, later: float, reads: bool = True) -> None:
        self.later = later
        self.reads = reads
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for first in (True, False):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            if first or self.reads:
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            self.requests += 1
            if first:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(REPLY), REPLY))
            else:
                await asyncio.sleep(self.later)
        writer.close()


@asynccontextmanager
async def services(serve: Serve, **settings: Any) -> AsyncIterator[Services]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    config = Config(vertex=Vertex(base_url=url), **{"failover": Failover(attempts=1), **settings})
    async with parts(config, Directory(config, Catalog()), {"google": [Token()]}) as made:
        yield made
    server.close()


def whole_body(kind: bytes, body: bytes, status: int = 200) -> bytes:
    """An answer with a length."""
    return b"HTTP/1.1 %d X\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n%s" % (status, kind, len(body), body)


def saying(reason: str) -> dict[str, Any]:
    """A message of Claude's that ends for this reason."""
    return {
        "id": "msg_1",
        "type": "message",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": reason,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }


def in_json(reason: str) -> bytes:
    return whole_body(b"application/json", json.dumps(saying(reason)).encode())


def in_a_stream(reason: str) -> bytes:
    return whole_body(b"text/event-stream", stream_of(saying(reason)))


REFUSED = whole_body(
    b"application/json",
    b'{"type": "error", "error": {"type": "invalid_request_error", "message": "Too many strict tools."}}',
    400,
)


OVERLOADED = whole_body(
    b"application/json", b'{"type": "error", "error": {"type": "overloaded_error", "message": "Full."}}', 529
)
WITHOUT_USAGE = whole_body(b"application/json", REPLY)


class Scripted:
    """Gives these answers one after the other, in small pieces, as long as it is not `silent`."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.asked = 0
        self.silent = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                answer = self.answers[self.asked]
                self.asked += 1
                for start in range(0, len(answer), 200):
                    writer.write(answer[start : start + 200])
                    await writer.drain()
                    await asyncio.sleep(0)
                    if self.silent:
                        await reader.read()  # until the other side leaves
        writer.close()


async def ask(made: Services, chat: bytes = CHAT) -> tuple[int, Record]:
    record = Record("req_1")
    pieces = [piece async for piece in exchange(made, Incoming(Route("chat"), chat), record).answer()]
    assert isinstance(pieces[0], Head)
    return pieces[0].status, record


@pytest.mark.parametrize("words", [1, 1_000_000])
@pytest.mark.parametrize("reads", [True, False])
async def test_a_kept_connection_that_was_dead_is_replaced(words: int, reads: bool) -> None:
    cloud, chat = Cloud(later=0, reads=reads), CHAT.replace(b"Hello", b"Hello " * words)
    async with services(cloud.serve) as made:
        assert (await ask(made, chat))[0] == 200
        status, record = await ask(made, chat)
    assert status == 200
    assert [attempt.status for attempt in record.attempts] == [None, 200]
    assert "closed meanwhile" in (record.attempts[0].error or "")
    assert dict(record.to_metadata())["attempts"][0]["headers"]["authorization"] == "***"


async def test_a_request_that_may_have_been_worked_on_is_not_sent_again() -> None:
    cloud = Cloud(later=0.8)
    async with services(cloud.serve, failover=Failover(attempts=1, resend=False)) as made:
        assert (await ask(made))[0] == 200
        status, record = await ask(made)
    assert status == 502
    assert record.error is not None and record.error.code == "upstream_closed"
    assert cloud.requests == 2


async def test_the_clouds_request_id_is_kept_with_an_error() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"type": "error", "error": {"type": "api_error", "message": "no"}, "request_id": "req_vrtx_1"}'
        writer.write(b"HTTP/1.1 500 Oh\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    async with services(refuse) as made:
        status, record = await ask(made)
    assert status == 500
    assert record.to_metadata()["upstream_request_id"] == "req_vrtx_1"


@pytest.mark.parametrize("where", ["body", "header"])
async def test_a_request_id_that_is_none_spoils_no_answer(where: str) -> None:
    """It would be no legal header, and a flow with it could not be saved."""
    odd = json.dumps("a\r\nset-cookie: b").encode() if where == "body" else b"1"
    body = b'{"type": "error", "error": {"type": "api_error", "message": "no"}, "request_id": %s}' % odd
    header = b"request-id: a\xff\xfeb\r\n" if where == "header" else b""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 500 Oh\r\n%scontent-length: %d\r\n\r\n%s" % (header, len(body), body))
        writer.close()

    async with services(refuse) as made:
        status, record = await ask(made)
    assert status == 500
    assert record.error is not None and "no" in record.error.message
    assert record.to_metadata()["upstream_request_id"] is None


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize("kind", ["chat", "messages"])
async def test_an_error_does_not_repeat_what_let_the_request_in(kind: Kind, status: int) -> None:
    """Whether it comes as one, or in the place of an answer."""
    error = b'{"type": "error", "error": {"type": "permission_error", "message": "You sent (token) of Google."}}'
    cloud, record = Scripted([whole_body(b"application/json", error, status)]), Record("req_1")
    incoming = Incoming(Route(kind), json.dumps(NATIVE).encode())
    async with services(cloud.serve) as made:
        _, body = [piece async for piece in exchange(made, incoming, record).answer()]
    assert isinstance(body, bytes) and b"You sent (***) of Google." in body
    assert "(token)" not in repr(record.to_metadata())


async def test_an_error_that_is_cut_off_keeps_its_status() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\n{")
        writer.close()

    async with services(cut) as made:
        status, record = await ask(made)
    assert status == 429
    assert record.error is not None and record.error.retry_after == 7


async def test_an_errors_words_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_ERROR_TIME", 0.1)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 100\r\n\r\n{")
        await reader.read()
        writer.close()

    async with asyncio.timeout(30), services(slow) as made:
        status, record = await ask(made)
        await asyncio.sleep(0.01)  # for the cloud to see that nobody listens
    assert status == 429
    assert record.error is not None and record.error.retry_after == 7


# -- a client that leaves ----------------------------------------------------------------------------------------------

CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
SEARCH = {
    "model": "claude-opus-4-8",
    "web_search_options": {},
    "messages": [{"role": "user", "content": "Hello"}],
    "tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": CLOSED}}],
}
NATIVE = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
LEAVING: dict[str, tuple[Kind, dict[str, Any], list[bytes]]] = {
    "chat": ("chat", SEARCH, [REFUSED, in_json("pause_turn"), in_json("end_turn")]),
    "chunks": ("chat", SEARCH | {"stream": True}, [REFUSED, in_a_stream("pause_turn"), in_a_stream("end_turn")]),
    "chunks of JSON": ("chat", SEARCH | {"stream": True}, [in_json("pause_turn"), in_a_stream("end_turn")]),
    "message": ("messages", NATIVE, [in_json("end_turn")]),
    "events": ("messages", NATIVE | {"stream": True}, [in_a_stream("end_turn")]),
    "events of JSON": ("messages", NATIVE | {"stream": True}, [in_json("end_turn")]),
    "count": ("count_tokens", NATIVE, [whole_body(b"application/json", b'{"input_tokens": 5}')]),
    "refusal": ("messages", NATIVE, [REFUSED]),
}


@pytest.mark.parametrize("case", LEAVING)
async def test_whenever_the_client_leaves_no_connection_is_kept_from_the_others(case: str) -> None:
    """It leaves after one turn of the event loop, after two, … until the exchange comes to its end before that."""
    kind, body, answers = LEAVING[case]
    for turns in range(1000):
        cloud, record = Scripted(answers), Record("req_1")
        async with services(cloud.serve) as made:

            async def read(made: Services = made, record: Record = record) -> None:
                incoming = Incoming(Route(kind), json.dumps(body).encode())
                async with aclosing(exchange(made, incoming, record).answer()) as pieces:
                    async for _ in pieces:
                        pass

            client = asyncio.create_task(read())
            for _ in range(turns):
                await asyncio.sleep(0)
            left = cloud.silent = client.cancel()
            await asyncio.wait([client])
            await asyncio.sleep(0.005)  # for what is left of an answer that came to its end
            async with asyncio.timeout(30):
                while in_use(made.upstream):
                    await asyncio.sleep(0.001)
            assert record.ended is not None or not turns
        if not left:
            break
    assert cloud.asked == len(answers)
    assert [attempt.status for attempt in record.attempts] == [400 if answer is REFUSED else 200 for answer in answers]


def in_use(upstream: UpstreamClient) -> int:
    """Connections that are neither closed nor waiting for the next request."""
    return sum(len(session.connector._acquired) for session in upstream._sessions.values() if session.connector)


# -- what it may cost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chat", "messages"])
async def test_what_a_request_names_by_url_counts(kind: Kind) -> None:
    class Fetcher:
        async def get_all(self, remotes: Sequence[Remote]) -> Mapping[str, Media]:
            return {remote.url: Document("application/pdf", "QUJD" * 25_000) for remote in remotes}

        async def resolved(self, chat: ChatRequest, get_all: GetAll) -> ChatRequest:
            await get_all([Remote("https://a/1.pdf", "messages")] * 2)
            return chat

    source = {"type": "url", "url": "https://a/1.pdf"}
    parts = [{"type": "text", "text": "Hi"}] if kind == "chat" else [{"type": "document", "source": source}] * 2
    body = {"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": parts}]}
    cloud, record = Scripted([REFUSED]), Record("req_1")
    async with services(cloud.serve) as plain:
        made = replace(plain, fetcher=Fetcher())  # type: ignore[arg-type]  # all that is asked of it
        pieces = [
            piece async for piece in exchange(made, Incoming(Route(kind), json.dumps(body).encode()), record).answer()
        ]
        assert isinstance(pieces[0], Head) and pieces[0].status == 400
        assert record.worst and 66_000 < record.worst.prompt < 67_000 and record.worst.output == 10
        assert made.books.budget._running["req_1"].worst == record.worst


async def test_a_step_back_of_the_clock_keeps_nobody_waiting() -> None:
    now = [1e9]
    async with services(Scripted([in_json("end_turn")]).serve, limits=Limits(requests_per_minute=1)) as plain:
        made = replace(plain, clock=lambda: now[0])
        assert (await ask(made))[0] == 200
        now[0] -= 86_400
        status, record = await ask(made)
    assert status == 429 and record.error and record.error.retry_after and record.error.retry_after < 61


async def test_an_answer_that_was_lost_while_it_was_read_may_be_paid_for() -> None:
    cut = in_json("end_turn")[:-30]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        writer.write(cut)
        writer.close()

    async with services(serve, failover=Failover(attempts=2)) as made:
        status, record = await ask(made)
    assert status == 502
    assert [(attempt.status, attempt.unsure) for attempt in record.attempts] == [(200, True)] * 2


@pytest.mark.parametrize("attempts", [1, 3])
async def test_an_sdk_is_told_not_to_buy_again_what_may_be_paid_for(attempts: int) -> None:
    """Whether the proxy itself has sent it again or not: SDKs send a 502 twice more by themselves."""
    cloud = Scripted([in_json("end_turn").replace(b'"hello"', b'"hell\x01"')] * 9)
    async with services(cloud.serve, failover=Failover(attempts=attempts)) as made:
        status, record = await ask(made)
    assert (status, cloud.asked) == (502, min(attempts, 2))
    assert record.error is not None and record.error.headers() == {"x-should-retry": "false"}
    assert all(attempt.unsure for attempt in record.attempts)
    assert "hell" not in record.error.message


async def test_an_sdk_is_told_not_to_buy_again_what_did_not_answer() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    async with services(serve, timeouts=Timeouts(first_byte=0.2)) as made:
        status, record = await ask(made)
        await left.wait()
    assert (status, len(record.attempts)) == (504, 1)
    assert record.error is not None and record.error.headers() == {"x-should-retry": "false"}


async def test_an_sdk_is_told_not_to_buy_again_what_has_paused() -> None:
    cloud, record = Scripted([in_json("pause_turn"), OVERLOADED]), Record("req_1")
    incoming = Incoming(Route("chat"), json.dumps(SEARCH).encode())
    async with services(cloud.serve) as made:
        head, _ = [piece async for piece in exchange(made, incoming, record).answer()]
    assert isinstance(head, Head) and (head.status, cloud.asked) == (503, 2)
    assert dict(head.headers)["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("answer", "note"), [(in_json("brand_new"), "unknown:finish_reason"), (WITHOUT_USAGE, "unknown:usage")]
)
async def test_what_an_answer_leaves_open_is_told(answer: bytes, note: str) -> None:
    record = Record("req_1")
    async with services(Scripted([answer]).serve) as made:
        head, _ = [piece async for piece in exchange(made, Incoming(Route("chat"), CHAT), record).answer()]
    assert isinstance(head, Head) and head.status == 200
    assert dict(head.headers)["x-bridge-notes"] == note


# -- an answer that pauses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_answer_that_only_pauses_is_told_as_cut_short(stream: bool) -> None:
    cloud, record = Scripted([(in_a_stream if stream else in_json)("pause_turn")] * 20), Record("req_1")
    incoming = Incoming(Route("chat"), json.dumps(SEARCH | {"stream": stream}).encode())
    async with services(cloud.serve) as made:
        pieces = [piece async for piece in exchange(made, incoming, record).answer()]
    assert cloud.asked == 10
    assert b"".join(piece for piece in pieces if isinstance(piece, bytes)).count(b'"finish_reason":"length"') == 1
    told = record.to_metadata()
    assert (told["finish_reason"], told["usage"]["input"], told["usage"]["output"]) == ("length", 10, 20)


# -- one piece where a stream was asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["chat", "messages"])
async def test_an_error_with_status_200_keeps_the_clouds_words(kind: Kind) -> None:
    error = b'[{"error": {"code": 429, "message": "Quota of the day.", "status": "RESOURCE_EXHAUSTED"}}]'
    cloud, record = Scripted([whole_body(b"application/json; charset=UTF-8", error)]), Record("req_1")
    incoming = Incoming(Route(kind), json.dumps(NATIVE | {"stream": True}).encode())
    async with services(cloud.serve) as made:
        beat, head, body = [piece async for piece in exchange(made, incoming, record).answer()]
    assert isinstance(beat, Heartbeat) and not beat.begun
    assert isinstance(head, Head) and head.status == 429
    assert isinstance(body, bytes) and b"Quota of the day." in body


@pytest.mark.parametrize("step", [-86_400.0, 86_400.0])
async def test_a_clock_that_is_set_meanwhile_makes_no_request_last_for_days(step: float) -> None:
    async with services(Cloud(later=0).serve) as made:
        record = Record("req_1")
        pieces = exchange(replace(made, clock=lambda: record.began + step), Incoming(Route("chat"), CHAT), record)
        head, *_ = [piece async for piece in pieces.answer()]
    assert isinstance(head, Head)
    assert 0 <= int(dict(head.headers)["openai-processing-ms"]) < 60_000
    assert record.ended is not None and 0 <= record.ended - record.began < 60


@pytest.mark.parametrize("kind", ["whole", "streamed", "refused", "left"])
async def test_nothing_keeps_an_exchange_that_has_ended(kind: str) -> None:
    """Python takes circles apart minutes later, or with thousands of requests less; each may hold many megabytes."""
    answer = {"whole": in_json("end_turn"), "refused": REFUSED}.get(kind) or in_a_stream("end_turn")
    body = json.dumps({**json.loads(CHAT), "stream": kind in ("streamed", "left")}).encode()
    cloud = Scripted([answer])
    async with services(cloud.serve, failover=Failover(attempts=1)) as made:
        gc.disable()
        try:
            record = Record("req_1")
            asked = exchange(made, Incoming(Route("chat"), body), record)
            pieces = asked.answer()
            async for piece in pieces:
                if kind == "left" and isinstance(piece, bytes):
                    break  # the client leaves
            await pieces.aclose()
            kept = weakref.ref(asked)
            del asked, pieces, piece, record
            assert kept() is None
        finally:
            gc.enable()

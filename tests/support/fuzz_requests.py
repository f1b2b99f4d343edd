"""Fuzz targets for requests: whatever a client sends is refused with its field named, or becomes what the cloud takes.

A door that passes on a request in the cloud's own words is not to blame for what was wrong with it already: there the
judges must find nothing that they would not find in the client's own body.
"""

from __future__ import annotations

import copy
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from oai_bridge.backends.base import Backend, Call, ChatBackend, NativeBackend, PassingBackend
from oai_bridge.backends.bedrock_embeddings import BedrockEmbeddings
from oai_bridge.dialects.claude_native import put_source, remote_sources
from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest, Document, Image, Remote
from oai_bridge.openai.embeddings import parse_embeddings
from oai_bridge.openai.fields import boolean
from oai_bridge.openai.remote import remote_pictures, with_pictures
from oai_bridge.openai.request import model_of, parse_chat, read_body
from oai_bridge.outward.fetch import Fetcher
from oai_bridge.settings.values import Bedrock, Claude, Images, Network
from tests.support import (
    bedrock_models,
    claude_models,
    claude_rules,
    converse_rules,
    embedding_rules,
    gemini_rules,
    openai_models,
    openai_rules,
)
from tests.support.case_backends import KINDS, RESOURCE
from tests.support.cases import ALL
from tests.support.claude_clouds import BEDROCK, BEDROCK_MESSAGES, FOUNDRY, VERTEX, Cloud
from tests.support.fuzz_targets import TRANSLATOR, Target, picked
from tests.support.places import stands_in

Body = dict[str, Any]
Judge = Callable[[Any, Body, tuple[str, ...], bool], list[str]]
"""What the cloud would say to a body for this model, with these betas in the header, to stream or not."""

SETTINGS = (
    Claude(),
    Claude(names=True, mid_system="hoist", cache="auto", cache_ttl="1h", audio="drop", send_user=True),
    Claude(max_output_tokens=1024, default_max_tokens=1, mid_system="user"),
)
_OWN_SCHEMA = ("JSON schema is invalid", "Property keys should match pattern")
"""What a client writes into a schema is for the cloud to judge: it says so with the place."""
UNHEARD = "nobody has heard of this model"
PNG = Image("image/png", "iVBORw0KGgo=")
_EMBEDDINGS = BedrockEmbeddings(Bedrock())


class _Files(Fetcher):
    """Finds a picture at every URL."""

    def __init__(self) -> None:
        super().__init__(Images(), Network(), ssl.create_default_context)

    def put_into(self, chat: ChatRequest) -> ChatRequest:
        async def found(remotes: Sequence[Remote]) -> Mapping[str, Image | Document]:
            return {remote.url: PNG for remote in remotes}

        try:
            self.resolved(chat, found).send(None)  # it never waits, so that it needs no loop
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]  # a coroutine's result
        raise AssertionError("it waits")


# -- refusals ----------------------------------------------------------------------------------------------------------


def named(refused: InvalidRequest, body: Body | None) -> None:
    """A 400 that names the field, or says that the body is no JSON object."""
    assert refused.status == 400 and refused.message and refused.retry is False
    if body is None:
        assert refused.code == "invalid_json"
    else:
        assert stands_in(body, refused.param), (refused.param, refused.message)


def parsed(data: bytes) -> Body | None:
    try:
        return read_body(data)
    except InvalidRequest as refused:
        named(refused, None)
        return None


# -- translated --------------------------------------------------------------------------------------------------------


def check_chat(kind: str, judge: Judge, data: bytes) -> None:
    if (body := parsed(data)) is None:
        return
    settings, notes = picked(data, SETTINGS), Notes()
    backend = _backend(kind, settings)
    assert isinstance(backend, ChatBackend)
    before = copy.deepcopy(body)
    try:
        chat = parse_chat(body, notes, settings)
        if (facts := backend.find(chat.model)) is None:
            return
        sent = backend.chat(_FILES.put_into(chat), facts, notes)
    except InvalidRequest as refused:
        named(refused, body)
        return
    assert body == before and len(notes.header()) <= 1000
    call: Call = "stream" if chat.stream else "whole"
    wire = backend.outbound(sent.body, facts, call, sent.betas, KINDS[kind].access)
    if not backend.has(facts):  # nor does the judge know what it takes
        return
    found = [
        fault
        for fault in judge(facts, json.loads(wire.body), sent.betas, chat.stream)
        if not any(words in fault for words in _OWN_SCHEMA)
    ]
    assert found == [], found


def check_native(kind: str, cloud: Cloud, data: bytes) -> None:
    if (body := parsed(data)) is None:
        return
    backend = _backend(kind, SETTINGS[0])
    assert isinstance(backend, NativeBackend)
    try:
        if (facts := backend.find(model_of(body))) is None:
            return
        if backend.fetches:
            for source in remote_sources(body):
                put_source(body, source, PNG)
        sent = backend.messages(copy.deepcopy(body), facts, (), Notes())
        counted = backend.count(copy.deepcopy(body), facts, (), Notes())
    except InvalidRequest as refused:
        named(refused, body)
        return
    backend.outbound(counted.body, facts, "count", counted.betas, KINDS[kind].access)
    streamed = bool(body.get("stream"))
    call: Call = "stream" if streamed else "whole"
    wire = backend.outbound(sent.body, facts, call, sent.betas, KINDS[kind].access)
    own = {"anthropic_version": cloud.version, **body} if cloud.version else {"model": "", **body}
    now, before = (
        _claude(cloud, facts, json.loads(wire.body), sent.betas, streamed),
        _claude(cloud, facts, own, (), streamed),
    )
    assert not (worse := set(now) - set(before)), worse


def check_passed(kind: str, judge: Judge, data: bytes) -> None:
    if (body := parsed(data)) is None:
        return
    backend, notes = _backend(kind, SETTINGS[0]), Notes()
    assert isinstance(backend, PassingBackend)
    before = copy.deepcopy(body)
    try:
        if (facts := backend.find(model_of(body))) is None:
            return
        call: Call = "stream" if boolean(body, "stream") else "whole"
        sent = backend.passed(body, facts, call, notes)
        if backend.fetches and (remotes := remote_pictures(sent["messages"])):
            sent["messages"] = with_pictures(sent["messages"], {remote.url: PNG for remote in remotes})
    except InvalidRequest as refused:
        named(refused, body)
        return
    assert body == before and len(notes.header()) <= 1000
    wire = json.loads(backend.outbound(sent, facts, call, (), KINDS[kind].access).body)
    own = {**body, "model": wire["model"]}
    if judge(facts, own, (), call == "stream") == []:
        found = judge(facts, wire, (), call == "stream")
        assert found == [], found


def check_embeddings(data: bytes) -> None:
    """For Bedrock's models, and passed on to Azure."""
    if (body := parsed(data)) is None:
        return
    for facts in (picked(data, _EMBEDDINGS.listed()),):
        try:
            batches = _EMBEDDINGS.batches(parse_embeddings(body, Notes()), facts, Notes())
        except InvalidRequest as refused:
            named(refused, body)
            continue
        for batch in batches:
            wire = _EMBEDDINGS.outbound(batch.body, facts, "embed", (), KINDS["bedrock"].access)
            found = bedrock_models.find(facts.bedrock)
            if found and found.kind in ("cohere", "titan-v1", "titan-v2"):
                faults = embedding_rules.faults(json.loads(wire.body), found.kind, found.plain)
                assert [fault for fault in faults if "maxLength" not in fault] == [], faults
    azure = _backend("azure", SETTINGS[0])
    facts = azure.find("gpt-4o")
    try:
        sent = azure.passed(body, facts, "embed", Notes())
    except InvalidRequest as refused:
        named(refused, body)
    else:
        azure.outbound(sent, facts, "embed", (), KINDS["azure"].access)


# -- judges ------------------------------------------------------------------------------------------------------------


def _claude(cloud: Cloud, facts: Any, body: Body, betas: tuple[str, ...], streamed: bool) -> list[str]:
    model = claude_rules.model(facts.vertex) if cloud is VERTEX else claude_models.named(facts.id, cloud)
    if model is None:
        return [UNHEARD]
    header = () if cloud is BEDROCK else betas
    return claude_rules.faults(body, model, streamed=streamed, version=cloud.version, betas=header)


def _converse(facts: Any, body: Body, betas: tuple[str, ...], streamed: bool) -> list[str]:
    return converse_rules.faults(body, facts.bedrock, streamed=streamed)


def _openai(facts: Any, body: Body, betas: tuple[str, ...], streamed: bool) -> list[str]:
    name = _BEHIND.get(body["model"], body["model"])
    model = openai_models.model(name if "gpt-oss" in name else name.rpartition("openai.")[2])
    if model is None:
        return [UNHEARD]
    return [fault.message for fault in openai_rules.chat_faults(body, model, {"amazon-bedrock-guardrailConfig"})]


def _gemini(facts: Any, body: Body, betas: tuple[str, ...], streamed: bool) -> list[str]:
    return gemini_rules.faults(body)


_BEHIND = {deployment: name for name, deployment in RESOURCE.deployments.items()}
_FILES = _Files()
_MADE: dict[tuple[str, int], Backend[Any, Any]] = {}


def _backend(kind: str, settings: Claude) -> Backend[Any, Any]:
    """A backend is made once; what it remembers of turns is nothing here, since no answer ends."""
    at = (kind, SETTINGS.index(settings))
    if at not in _MADE:
        _MADE[at] = KINDS[kind].make({}, settings)
    return _MADE[at]


# -- inputs ------------------------------------------------------------------------------------------------------------


def _clients(*kinds: str) -> list[bytes]:
    files = [case.folder / "client.json" for case in ALL if case.folder.parent.name in kinds]
    return [file.read_bytes() for file in files if file.exists()]


def _natives() -> list[bytes]:
    """Requests in Anthropic's words: those that golden cases send, with what a client says itself."""
    found = [case.folder / "count.json" for case in ALL] + [case.folder / "cloud.json" for case in _OF_VERTEX]
    bodies = [json.loads(file.read_bytes()) for file in found if file.exists()]
    for body in bodies:
        body.pop("anthropic_version", None)
        body.setdefault("model", "claude-opus-4-8")
    more = {"cache_control": {"type": "ephemeral"}, "service_tier": "auto", "anthropic_beta": ["context-1m-2025-08-07"]}
    bodies += [{**body, **more} for body in bodies[:10]]
    return [json.dumps(body).encode() for body in bodies]


_OF_VERTEX = [case for case in ALL if case.folder.parent.name == "vertex"]
_VECTORS = [
    b'{"model":"m","input":"Hi"}',
    b'{"model":"m","input":["a","b","c"],"dimensions":256,"encoding_format":"base64","user":"u"}',
    b'{"model":"m","input":["a"],"dimensions":1024,"input_type":"search_query","normalize":false}',
    b'{"model":"m","input":[1,2,3]}',
    b'{"model":"m","input":[[1],[2]],"encoding_format":"float","x":1}',
]

TARGETS = (
    *(
        Target(
            f"chat_{kind}", "json", lambda: _clients("vertex", "bedrock"), partial(check_chat, kind, judge), TRANSLATOR
        )
        for kind, judge in (
            ("vertex", partial(_claude, VERTEX)),
            ("bedrock", partial(_claude, BEDROCK)),
            ("bedrock_messages", partial(_claude, BEDROCK_MESSAGES)),
            ("foundry", partial(_claude, FOUNDRY)),
            ("converse_claude", _converse),
        )
    ),
    Target(
        "chat_converse", "json", lambda: _clients("converse"), partial(check_chat, "converse", _converse), TRANSLATOR
    ),
    *(
        Target(f"native_{kind}", "json", _natives, partial(check_native, kind, cloud), TRANSLATOR)
        for kind, cloud in (
            ("vertex", VERTEX),
            ("bedrock", BEDROCK),
            ("bedrock_messages", BEDROCK_MESSAGES),
            ("foundry", FOUNDRY),
        )
    ),
    *(
        Target(f"passed_{kind}", "json", partial(_clients, kind), partial(check_passed, kind, judge), TRANSLATOR)
        for kind, judge in (("azure", _openai), ("gemini", _gemini), ("bedrock_openai", _openai))
    ),
    Target("embeddings", "json", lambda: _VECTORS, check_embeddings, TRANSLATOR),
)

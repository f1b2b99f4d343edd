"""No secret of any cloud anywhere: canaries against all that a user may look at, keep or pass on."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from tests.support.all_clouds import WAYS, AllClouds, Way
from tests.support.aws_frames import error_frame
from tests.support.aws_signatures import Key
from tests.support.behaviours import Answers, Behaviour, Reply, Stream, broken, endless, exception
from tests.support.claude_streams import sse
from tests.support.cloud_errors import (
    anthropic_error,
    aws_error,
    azure_error,
    google_error,
    openai_error,
)
from tests.support.cloud_streams import EVENTS
from tests.support.proxy import ASK, CHAT, KEY, Web, read_all

HEADERS = {"authorization": f"Bearer {KEY}"}
ASKED = [way for way in WAYS.values() if way.api == "invoke"]
CARRIERS = ("authorization", "x-amz-security-token", "api-key", "x-api-key")
"""The headers that let a request in."""


class Canaries:
    """Everything that must be seen nowhere, in the forms in which it might be."""

    def __init__(self, clouds: AllClouds, keys: Mapping[str, Key]) -> None:
        self._clouds = clouds
        self._keys = keys

    def found_in(self, text: bytes) -> list[str]:
        return [name for name, forms in self._forms() if any(form in text for form in forms)]

    def _forms(self) -> Iterator[tuple[str, set[bytes]]]:
        for name, secret in self._secrets():
            packed = base64.b64encode(secret.encode()).rstrip(b"=")[:-1]
            yield name, {secret.encode(), quote(secret, safe="").encode(), packed}

    def _secrets(self) -> Iterator[tuple[str, str]]:
        for name, key in self._keys.items():
            yield from ((f"the secret of {name}", key.secret), (f"the token of {name}", key.token or ""))
        for name in ("AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_FOUNDRY_API_KEY", "IDENTITY_HEADER"):
            yield name, self._clouds.environment[name]
        yield "the key of Azure", self._clouds.settings["azure"]["accounts"][0]["api_key"]
        yield from (("a token of Entra ID", token) for token in self._clouds.azure.tokens)
        yield from (("a token of Google", token) for token in self._clouds.vertex.tokens)
        for received in self._clouds.bedrock.requests:
            if signature := re.search("Signature=([0-9a-f]{64})", received.headers["authorization"]):
                yield "a signature", signature[1]
        yield "the client's key", KEY


def carried(clouds: AllClouds, way: Way) -> str:
    """What has let in the request that is being answered, bare."""
    headers = clouds.cloud(way).requests[-1].headers
    return " and ".join(headers[name].removeprefix("Bearer ") for name in CARRIERS if name in headers)


def dumped(clouds: AllClouds, way: Way) -> str:
    """All of its headers as a server may write them down."""
    return repr(dict(clouds.cloud(way).requests[-1].headers))


def errors(way: Way, said: str) -> list[Behaviour]:
    """What a cloud's errors look like, whole, in a stream, and in places where nobody looks."""
    hidden = b": " + said.encode() + b"\n\n" + sse({"type": "ping"}) + b"data: {" + said.encode() + b"\n\n"
    page = Reply(502, f"<html>{said}</html>".encode(), {"x-echo": said}, "text/html")
    found: list[Behaviour] = [page, Stream(hidden, raw=True)]
    if way.place == "bedrock":
        found += [aws_error(name, said) for name in ("AccessDeniedException", "ValidationException")]
    if way.place in ("azure", "foundry"):
        found.append(azure_error(403, said))
    if way.place == "azure" or way.id == "gpt_oss":
        found.append(openai_error(400, said))
        found.append(openai_error(400, "No.", param=said[:200], innererror={"code": said}))
    if way.place == "vertex":
        found.append(google_error(403, said, in_array=True))
    if way.native:
        found.append(anthropic_error(400, said))
    if not way.frames:
        return [*found, broken(message=said), broken(message=said, after=4)]
    name = "throttlingException"
    return [*found, exception(name, said), exception(name, said, after=4), Stream(error_frame("X", said), raw=True)]


def echoes(clouds: AllClouds, way: Way) -> Iterator[Behaviour]:
    """What a careless cloud answers: each of its errors says what it was sent."""
    for number in range(len(errors(way, ""))):
        for say in (carried, dumped):
            yield Answers(lambda asked, number=number, say=say: errors(way, say(clouds, way))[number])


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return {}


@pytest.fixture(scope="module")
def clouds(folder: Path, web: Web, keys: dict[str, Key]) -> Iterator[AllClouds]:
    """At Bedrock three accounts in turn: a temporary key, a profile with another one, and an API key."""
    arguments = [*web.arguments, "-w", str(folder / "all.flow"), "--set", f"hardump={folder / 'all.har'}"]
    arguments += ["--set", "termlog_verbosity=debug"]
    with AllClouds(folder, program="mitmweb", arguments=arguments) as clouds:
        given, used = (clouds.bedrock.keys.access_key(temporary=True) for _ in range(2))
        keys |= {"the key in the settings": given, "the profile": used}
        written = {"access_key_id": given.id, "secret_access_key": given.secret, "session_token": given.token}
        region = {"region": clouds.bedrock.region}
        clouds.settings["bedrock"] = {"accounts": [written | region, {"profile": "work"} | region]}
        clouds.environment["AWS_BEARER_TOKEN_BEDROCK"] = clouds.bedrock.keys.api_key()
        clouds.environment |= {"AWS_REGION": clouds.bedrock.region, "PROXY_KEY": KEY, "LOG_LEVEL": "debug"}
        place = folder / "invoke" / ".aws"
        place.mkdir(parents=True)
        lines = (f"aws_access_key_id={used.id}", f"aws_secret_access_key={used.secret}")
        (place / "credentials").write_text("\n".join(["[work]", *lines, f"aws_session_token={used.token}"]), "utf-8")
        yield clouds


@pytest.fixture(scope="module")
def kept(clouds: AllClouds, folder: Path, web: Web) -> dict[str, bytes]:
    """Everything that is left after a run with all sorts of chats: files, the log, what mitmweb showed."""
    proxy = clouds.proxy(WAYS["invoke"])
    seen = {"start": proxy.log().encode(), "answers": b"".join(ask_all(clouds))}
    seen["during a stream"] = ask_and_look(clouds, web)
    seen["afterwards"] = look(web, 100)
    assert proxy.stop() == 0
    seen["log"] = proxy.log().encode()
    seen["flow file"] = (folder / "all.flow").read_bytes()
    seen["HAR"] = (folder / "all.har").read_bytes()
    return seen


def ask_all(clouds: AllClouds) -> Iterator[bytes]:
    """Chats that go well and that fail in every way in which a secret may come near the client."""
    proxy = clouds.proxy(WAYS["invoke"])
    for path in ("/", "/status", "/status/details", "/health", "/v1/models", "/proxy/azure/openai/models"):
        for accept in ("text/html", "application/json"):
            yield repr(proxy.get(path, {**HEADERS, "accept": accept})).encode()
    for way in ASKED:
        native = {**ASK, "model": way.model, "max_tokens": 99}
        for stream in (False, True, False):  # by each account
            answer = proxy.post(CHAT, {**ASK, "model": way.model, "stream": stream}, HEADERS)
            assert answer.status == 200
            yield repr(answer).encode()
        for behaviour in echoes(clouds, way):
            for path in (CHAT, "/v1/messages") if way.native else (CHAT,):
                for stream in (False, True):
                    clouds.cloud(way).script(behaviour)
                    answer = proxy.post(path, {**native, "stream": stream}, HEADERS)
                    assert answer.status >= 400 or b"error" in answer.body
                    yield repr(answer).encode()
                    clouds.cloud(way).unscript()
    for revoke in (clouds.bedrock.keys.revoke, clouds.azure.revoke, clouds.foundry.revoke):
        revoke()
    for way in ASKED:
        yield repr(proxy.post(CHAT, {**ASK, "model": way.model}, HEADERS)).encode()
    for model in ("bedrock/nobody.nonsense-v1:0", "azure/nonsense"):
        yield repr(proxy.post(CHAT, {**ASK, "model": model}, HEADERS)).encode()


def ask_and_look(clouds: AllClouds, web: Web) -> bytes:
    """mitmweb in the middle of a stream, by the one credential that has outlived the others."""
    way = WAYS["entra"]
    clouds.azure.script(Stream(lambda: EVENTS[:6], pause_after=500))
    connection = clouds.proxy(way).open_chat(HEADERS, model=way.model, stream=True)
    clouds.azure.wait_until(lambda: clouds.azure.hanging == 1)
    seen = look(web, 5)
    clouds.azure.release()
    assert b"stream_truncated" in read_all(connection)
    clouds.azure.script(endless())
    connection = clouds.proxy(way).open_chat(HEADERS, model=way.model, stream=True)
    while b"more" not in connection.recv(65_536):
        pass
    connection.close()
    clouds.wait_idle()
    return seen


def look(web: Web, last: int) -> bytes:
    """All that mitmweb's page can ask for, the bodies of the `last` flows only."""
    paths = ["/flows", "/events", "/options", "/state", "/flows/dump"]
    for flow in web.chats()[-last:]:
        for message in ("request", "response"):
            if flow.get(message) and flow[message]["timestamp_end"]:  # it has no body to save while it streams
                path = f"/flows/{flow['id']}/{message}/content"
                paths += [f"{path}/auto.json", f"{path}.data"]
    return b"\n".join(web.ask("GET", path) for path in paths)


def test_the_canaries_sing(clouds: AllClouds, keys: dict[str, Key], kept: dict[str, bytes]) -> None:
    """Each is told in the request that carried it, and that is where it stays."""
    canaries = Canaries(clouds, keys)
    assert canaries.found_in(b"nothing") == []
    headers = [dict(received.headers) for cloud in clouds.all for received in cloud.requests]
    sent = set(canaries.found_in(repr(headers).encode()))
    told = {"the token of the key in the settings", "the token of the profile", "AWS_BEARER_TOKEN_BEDROCK"}
    told |= {"ANTHROPIC_FOUNDRY_API_KEY", "the key of Azure", "a token of Entra ID", "a token of Google", "a signature"}
    assert sent == told


PLACES = ("start", "answers", "during a stream", "afterwards", "log", "flow file", "HAR")


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_in(clouds: AllClouds, keys: dict[str, Key], kept: dict[str, bytes], place: str) -> None:
    assert len(kept[place]) > 1000
    assert set(Canaries(clouds, keys).found_in(kept[place])) == set()


def test_no_secret_is_in_any_file(
    clouds: AllClouds, keys: dict[str, Key], kept: dict[str, bytes], folder: Path
) -> None:
    """But in those where their owner has written them."""
    canaries = Canaries(clouds, keys)
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {path.name for path in files if canaries.found_in(path.read_bytes())}
    assert found == {"config.yaml", "credentials"} and len(files) > 5


def test_exports_have_no_secret(clouds: AllClouds, keys: dict[str, Key], kept: dict[str, bytes], folder: Path) -> None:
    from mitmproxy.addons import export
    from mitmproxy.test import taddons

    canaries = Canaries(clouds, keys)
    with taddons.context(export.Export()), (folder / "all.flow").open("rb") as file:
        for flow in FlowReader(file).stream():
            for name, make in export.formats.items():
                try:
                    made = make(flow)
                except Exception as error:  # an export of a request that has no body, for one
                    made = str(error)
                assert canaries.found_in(made if isinstance(made, bytes) else made.encode()) == [], name


def test_records_tell_what_was_sent_without_what_let_it_in(kept: dict[str, bytes], folder: Path) -> None:
    with (folder / "all.flow").open("rb") as file:
        flows = [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    attempts = [attempt for flow in flows for attempt in flow.metadata.get("bridge", {}).get("attempts", ())]
    hidden = {name for attempt in attempts for name, value in attempt["headers"].items() if value == "***"}
    assert hidden == {*CARRIERS, "x-amz-date"}
    payers = {attempt["credential"].partition(" · ")[2].partition(" …")[0] for attempt in attempts}
    assert payers >= {"profile work", "Bedrock API key"}
    assert json.loads(attempts[0]["body"])["messages"]

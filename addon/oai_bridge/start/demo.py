"""The demo upstream: Vertex's protocol on a loopback socket, with a canned answer, for those who have no account yet.

It serves the whole path as the cloud does: a key signs an assertion, the token endpoint checks it and mints a token,
`:rawPredict` and `:streamRawPredict` check the token. Nothing of it is reachable from another machine.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions, jwt

from ..settings.values import GoogleAccount, ServiceAccount

PROJECT = "demo-project"
EMAIL = f"demo@{PROJECT}.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
"""What google-auth names as the audience, whatever the key's `token_uri`."""
LIFETIME = 3600
"""Seconds that a token is good for."""
QUOTED = 80
"""Letters of the user's text that the answer repeats."""

ENGLISH = (
    "This is the demo of oai-vertex. No cloud credential is configured, so nothing has left this machine and no "
    "model has read your message: this answer is canned. You wrote: “{quote}”\n\n"
    "To talk to a real model, put your credential into a file named .env beside README.md, as "
    "`GCP_CREDENTIALS=<project>:<service account e-mail>:<region>:<private key>`, "
    "`AWS_CREDENTIALS=<access key id>:<secret access key>:<region>` or "
    "`AZURE_CREDENTIALS=<resource>:<deployment>:<API key>`, and start oai-vertex again. "
    "README.md shows each step and the other places where a credential is found."
)
CHINESE = (
    "\n\n这是 oai-vertex 的演示回答。还没有配置任何云凭证，所以没有任何内容离开这台电脑，"
    "也没有模型读过你的消息：这段文字是预先写好的。\n\n"
    "要与真正的模型对话，请在 README.md 旁边的 .env 文件里写上 `GCP_CREDENTIALS=<项目>:<服务账号邮箱>:<区域>:<私钥>`、"
    "`AWS_CREDENTIALS=<access key id>:<secret access key>:<区域>` 或 `AZURE_CREDENTIALS=<资源名>:<部署名>:<API key>`，"
    "然后重新启动 oai-vertex。每一步都写在 README.md 里。"
)
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
PIECE = re.compile(r"(?:[^\s\u2e80-\uffef]+\s*){1,3}|[\u2e80-\uffef]{1,6}\s*|\s+")
"""A few words, or a few Chinese letters: what a model says at a time."""


class Demo:
    """The server. After `start`, `account` and `base_url` are what `Vertex` in the settings takes; the account's key
    is new at each start. `pace` is in seconds between pieces."""

    account: GoogleAccount
    base_url: str

    def __init__(self, pace: float = 0.03) -> None:
        self._pace = pace
        self._tokens: dict[str, float] = {}

    async def start(self) -> None:
        """Makes a key and opens a free port on 127.0.0.1."""
        private, self._public = await asyncio.to_thread(_new_key)
        app = web.Application(client_max_size=0)  # 0: the size was judged before it came here
        app.router.add_post("/token", self._token)
        models = "/v1/projects/{project}/locations/{region}/publishers/anthropic/models/"
        app.router.add_post(models + "count-tokens:rawPredict", self._count)
        app.router.add_post(models + "{model}:rawPredict", self._predict)
        app.router.add_post(models + "{model}:streamRawPredict", self._stream)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._token_uri = f"{origin}/token"
        self.base_url = origin
        info = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "demo",
            "private_key": private,
            "client_email": EMAIL,
            "token_uri": self._token_uri,
        }
        self.account = GoogleAccount(PROJECT, "global", ServiceAccount(info))

    async def stop(self) -> None:
        """Closes the port and ends what is under way."""
        await self._runner.cleanup()

    async def _token(self, request: web.Request) -> web.Response:
        assertion = parse_qs(await request.text()).get("assertion", [""])[0]
        try:
            claims = jwt.decode(assertion, certs=self._public, audience=[AUDIENCE, self._token_uri])
        except (ValueError, exceptions.GoogleAuthError) as error:
            return web.json_response({"error": "invalid_grant", "error_description": str(error)}, status=400)
        if claims.get("iss") != EMAIL:
            return web.json_response({"error": "invalid_grant", "error_description": "No such account."}, status=400)
        token, now = secrets.token_urlsafe(32), time.monotonic()
        self._tokens = {known: end for known, end in self._tokens.items() if end > now} | {token: now + LIFETIME}
        return web.json_response({"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"})

    async def _count(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"input_tokens": _tokens("".join(texts(await self._body(request))))})

    async def _predict(self, request: web.Request) -> web.StreamResponse:
        message, text = _message(await self._body(request), request.match_info["model"])
        usage = message["usage"] | {"output_tokens": _tokens(text)}
        ended = {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}
        return web.json_response(message | ended)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        message, text = _message(await self._body(request), request.match_info["model"])
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for event in events(message, text):
            await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            if event["type"] == "content_block_delta":
                await asyncio.sleep(self._pace)
        await response.write_eof()
        return response

    async def _body(self, request: web.Request) -> dict[str, Any]:
        """The request's body; raises the 401 of a missing or stale token, in Google's shape, and the 400 of a body
        without messages, in Anthropic's."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0.0) <= time.monotonic():
            refusal = {"code": 401, "message": "The demo did not mint this token.", "status": "UNAUTHENTICATED"}
            raise web.HTTPUnauthorized(text=json.dumps({"error": refusal}), content_type="application/json")
        body: dict[str, Any] = await request.json()
        messages = body.get("messages")
        if not messages or not isinstance(messages, list) or not all(isinstance(said, dict) for said in messages):
            fault = {"type": "invalid_request_error", "message": "messages: at least one message is required"}
            raise web.HTTPBadRequest(
                text=json.dumps({"type": "error", "error": fault}), content_type="application/json"
            )
        return body


def answer(question: str) -> str:
    """The canned answer, in Chinese too where the question has Chinese or Japanese letters."""
    quote = question if len(question) <= QUOTED else f"{question[:QUOTED]}…"
    return ENGLISH.format(quote=quote) + (CHINESE if CJK.search(question) else "")


def pieces(text: str) -> list[str]:
    """The text in the pieces in which it is streamed."""
    return PIECE.findall(text)


def events(message: dict[str, Any], text: str) -> Iterator[dict[str, Any]]:
    """The answer as Anthropic's stream events."""
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for piece in pieces(text):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": _tokens(text)}}
    yield {"type": "message_stop"}


def texts(body: dict[str, Any], role: str | None = None) -> list[str]:
    """The texts of a prompt: of all of it, or of the turns of one role."""
    said = [message.get("content") for message in body["messages"] if role in (None, message.get("role"))]
    return [text for content in ([] if role else [body.get("system")]) + said for text in _texts(content)]


def _texts(content: object) -> list[str]:
    """The texts of a turn or of the system prompt, which is a text or a list of blocks."""
    if isinstance(content, str):
        return [content]
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return [block["text"] for block in blocks if isinstance(block.get("text"), str)]


def _message(body: dict[str, Any], model: str) -> tuple[dict[str, Any], str]:
    """The message before its first word, and all that it will say."""
    message: dict[str, Any] = {
        "id": f"msg_demo_{secrets.token_hex(8)}",
        "type": "message",
        "role": "assistant",
        "model": model.partition("@")[0],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": _tokens("".join(texts(body))), "output_tokens": 1},
    }
    return message, answer((texts(body, "user") or [""])[-1])


def _tokens(text: str) -> int:
    """Tokens, roughly: four letters make one."""
    return max(1, len(text) // 4)


def _new_key() -> tuple[str, str]:
    """A fresh RSA key: the private and the public half, in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()

"""Images and files that a chat names by URL, fetched: the clouds take none, and nothing private may be reached."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import aiohttp

from ..errors import InvalidRequest
from ..openai.chat import ChatRequest, Document, Image, Message, Part, Remote
from ..openai.media import media_from_bytes
from ..plain.threads import in_thread
from ..settings.values import Images, Network
from .addresses import Target, Unfetchable, allowed_addresses, redirected, target_of
from .pinned import PinnedClient

Media = Image | Document
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name and port; raises OSError."""

_AT_ONCE = 4
_MOST = 600  # files of a request: no model takes more, and nobody is to flood a site from here
_REDIRECTS = 3
_REDIRECTING = (301, 302, 303, 307, 308)
_ACCEPT = "image/webp, image/png, image/jpeg, image/gif, application/pdf, text/plain;q=0.5"
_MB = 2**20


async def system_addresses(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says. It may hang for minutes, so it has a thread that nobody waits for."""
    found = await in_thread(functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
    return [str(address[0]) for *_, address in found]


GetAll = Callable[[Sequence[Remote]], Awaitable[Mapping[str, Media]]]
"""What stands at URLs, by URL."""


class Fetcher:
    """One for the whole program, in one event loop. `tls` gives the TLS settings when they are first needed."""

    def __init__(
        self,
        images: Images,
        network: Network,
        tls: Callable[[], ssl.SSLContext],
        resolver: Resolver = system_addresses,
    ) -> None:
        self._images = images
        self._client = PinnedClient(network, tls)
        self._resolver = resolver

    async def resolved(self, chat: ChatRequest, get_all: GetAll | None = None) -> ChatRequest:
        """The chat with its remote parts fetched, as by `get_all`; the very same if it has none. Parts that the model
        is not asked about stay: nobody can use them. Raises `InvalidRequest`."""
        asking = chat.asking
        asked = [part for message in chat.messages if message.role in asking for part in message.parts]
        remotes = [part for part in asked if isinstance(part, Remote)]
        if not remotes:
            return chat
        media = await (get_all or self.get_all)(remotes)
        messages = (_filled(message, media) if message.role in asking else message for message in chat.messages)
        return replace(chat, messages=tuple(messages))

    async def get_all(self, remotes: Sequence[Remote]) -> Mapping[str, Media]:
        """The media by URL, each fetched once. What a file weighs counts for each place where it stands. Raises
        `InvalidRequest` with the `param` of what fails first."""
        if remotes and not self._images.fetch:
            raise _unavailable(
                "Files are not fetched from URLs here; send the file itself as a data: URL, or set images.fetch in "
                "config.yaml.",
                remotes[0].param,
            )
        uses = Counter(remote.url for remote in remotes)
        params: dict[str, str] = {}
        for remote in remotes:
            params.setdefault(remote.url, remote.param)
            if len(params) > _MOST:
                raise _unavailable(f"One request can name {_MOST} files by URL; send fewer.", remote.param)
        room = _Room(self._images.total_size)
        media: dict[str, Media] = {}
        waiting = iter(params.items())

        async def work() -> None:
            for url, param in waiting:
                media[url] = await self._media(url, param, functools.partial(room.take, uses[url]))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(params))):
                    group.create_task(work())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return media

    async def close(self) -> None:
        """Closes all connections. Whoever still reads from one runs into a time limit."""
        await self._client.close()

    async def _media(self, url: str, param: str, take: Callable[[int], None]) -> Media:
        try:
            async with asyncio.timeout(self._images.timeout):
                data, declared = await self._download(url, take)
        except Unfetchable as why:
            raise _unavailable(str(why), param) from None
        except TimeoutError:
            raise _unavailable(
                f"This file did not come within {self._images.timeout:g} s; send the file itself as a data: URL, or "
                "raise images.timeout in config.yaml.",
                param,
            ) from None
        try:
            return media_from_bytes(data, declared, param)
        except InvalidRequest as error:
            raise _unavailable(error.message, param) from None

    async def _download(self, url: str, take: Callable[[int], None]) -> tuple[bytes, str | None]:
        """The body at `url`, after redirects, and its content type."""
        allow_private = self._images.allow_private
        target = target_of(url, allow_private=allow_private)
        for _ in range(1 + _REDIRECTS):
            with closing(await self._ask(target)) as response:
                location = response.headers.get("location") if response.status in _REDIRECTING else None
                if location is None:
                    return await self._body(response, target.host, take), response.headers.get("content-type")
            target = redirected(target, location, allow_private=allow_private)
        raise Unfetchable(f"This URL redirects more than {_REDIRECTS} times; use the one where it ends.")

    async def _ask(self, target: Target) -> aiohttp.ClientResponse:
        if target.address is not None:
            return await self._client.get(target, (target.address,), _ACCEPT)
        try:
            found = await self._resolver(target.host, target.port)
        except OSError:
            raise Unfetchable(
                f"The name {target.host} can't be resolved; check the URL, or send the file itself as a data: URL."
            ) from None
        addresses = allowed_addresses(target.host, found, allow_private=self._images.allow_private)
        return await self._client.get(target, addresses, _ACCEPT)

    async def _body(self, response: aiohttp.ClientResponse, host: str, take: Callable[[int], None]) -> bytes:
        if response.status != 200:
            raise Unfetchable(f"{host} answered with HTTP {response.status}; check the URL, or send the file itself.")
        if response.headers.get("content-encoding", "").lower() not in ("", "identity"):
            raise Unfetchable(f"{host} sends this file compressed, unasked; send the file itself as a data: URL.")
        limit = self._images.max_size
        too_large = Unfetchable(f"The file at {host} is larger than {limit / _MB:g} MB; use a smaller one.")
        if (response.content_length or 0) > limit:
            raise too_large
        data = bytearray()
        try:
            async for chunk in response.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise too_large
                take(len(chunk))
        except (aiohttp.ClientError, OSError):
            raise Unfetchable(f"The connection to {host} broke off; try again, or send the file itself.") from None
        if not data:
            raise Unfetchable(f"{host} sent an empty file; check the URL, or send the file itself.")
        return bytes(data)


class _Room:
    """How many bytes all files of one request may still have together."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left = size

    def take(self, times: int, size: int) -> None:
        self._left -= times * size
        if self._left < 0:
            raise Unfetchable(
                f"The files of this request are larger than {self._size / _MB:g} MB together; send fewer."
            )


def _filled(message: Message, media: Mapping[str, Media]) -> Message:
    return replace(message, parts=tuple(_in_place(part, media) for part in message.parts))


def _in_place(part: Part, media: Mapping[str, Media]) -> Part:
    if not isinstance(part, Remote):
        return part
    found = replace(media[part.url], cache=part.cache)
    return replace(found, title=part.title) if isinstance(found, Document) else found


def _unavailable(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="image_unavailable")

"""The client's end of a stream, as mitmproxy has it: whether it can take more, and its socket for the short cut."""

from __future__ import annotations

import asyncio
from typing import cast

from mitmproxy.proxy import server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server

from .job import HIGH_WATER

_WINDOW_POLL = 0.05  # seconds between two looks at a closed HTTP/2 window


async def drained(context: Context, stream_id: int, handler: server.ConnectionHandler) -> bool:
    """Waits while the client does not read: its socket, or its HTTP/2 window, is full. False: it is gone."""
    if isinstance(handler, server.LiveConnectionHandler):  # else it is a replay, with nobody to wait for
        try:
            # Not handler.drain_writers(): when the client is gone it cancels the handler, which then may be just about
            # to tell the layers of that, and never does.
            await cast(asyncio.StreamWriter, handler.transports[handler.client].writer).drain()
        except (KeyError, OSError):
            return False
    while _held_back(context, stream_id) > HIGH_WATER:
        await asyncio.sleep(_WINDOW_POLL)
    return True


def plain_socket(context: Context, handler: server.ConnectionHandler) -> asyncio.WriteTransport | None:
    """The client's, where nothing would be done to an HTTP/1 body on the way there but to frame it, as
    `Http1Server.send` does."""
    client, http_layers = context.client, [layer for layer in context.layers if isinstance(layer, HttpLayer)]
    if client.tls or len(http_layers) != 1 or type(http_layers[0].connections.get(client)) is not Http1Server:
        return None
    found = handler.transports.get(client)
    return cast(asyncio.StreamWriter, found.writer).transport if found is not None else None


def _held_back(context: Context, stream_id: int) -> int:
    """Bytes of this stream that wait for an HTTP/2 client's window."""
    http_layer = next(layer for layer in reversed(context.layers) if isinstance(layer, HttpLayer))
    client = http_layer.connections.get(context.client)
    if not isinstance(client, Http2Server):
        return 0
    return sum(len(chunk.data) for chunk in client.h2_conn.stream_buffers.get(stream_id, ()))

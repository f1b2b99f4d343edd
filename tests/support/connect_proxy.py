"""Proxies as companies have them, by CONNECT or SOCKS: a log of who asked for what, names that only they resolve."""

from __future__ import annotations

import base64
import socket
import socketserver
import threading
from collections.abc import Mapping
from contextlib import suppress


class ConnectProxy:
    """A context manager. `names` maps the host names that it resolves to local ports; everything else is refused.

    `asked` are the targets of all CONNECTs, `others` the first lines of all other requests. With a `login`
    (`user:password`) it answers 407 to whoever does not give it.
    """

    scheme = "http"

    def __init__(self, names: Mapping[str, int], login: str | None = None) -> None:
        self.asked: list[str] = []
        self.others: list[str] = []
        self._names = names
        self._login = login
        self._basic = f"Basic {base64.b64encode((login or '').encode()).decode()}"

    def __enter__(self) -> ConnectProxy:
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer._serve(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        login = f"{self._login}@" if self._login else ""
        self.url = f"{self.scheme}://{login}127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(timeout=30)
        self._server.server_close()

    def _serve(self, client: socketserver.StreamRequestHandler) -> None:
        first = client.rfile.readline().decode("latin-1").strip()
        headers = {}
        while line := client.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        method, _, rest = first.partition(" ")
        target = rest.partition(" ")[0]
        if method != "CONNECT":
            self.others.append(first)
            client.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        self.asked.append(target)
        if (
            self._login
            and headers.get("proxy-authorization") != f"Basic {base64.b64encode(self._login.encode()).decode()}"
        ):
            client.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        port = self._names.get(target.rpartition(":")[0])
        if port is None:
            client.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        self._tunnel(client, port, b"HTTP/1.1 200 Connection established\r\n\r\n")

    @staticmethod
    def _tunnel(client: socketserver.StreamRequestHandler, port: int, welcome: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.wfile.write(welcome)
            back = threading.Thread(target=_copy, args=(server, client.connection), daemon=True)
            back.start()
            _copy(client.connection, server)
            back.join(timeout=30)


class SocksProxy(ConnectProxy):
    """The same by SOCKS 5 (RFC 1928), without login; an address instead of a name is refused."""

    scheme = "socks5"

    def _serve(self, client: socketserver.StreamRequestHandler) -> None:
        _version, methods = client.rfile.read(2)
        client.rfile.read(methods)
        client.wfile.write(b"\x05\x00")
        kind = client.rfile.read(4)[3]
        if kind != 3:  # not a name
            client.wfile.write(b"\x05\x08\x00\x01" + bytes(6))
            return
        host = client.rfile.read(client.rfile.read(1)[0]).decode("ascii")
        self.asked.append(f"{host}:{int.from_bytes(client.rfile.read(2))}")
        if host not in self._names:
            client.wfile.write(b"\x05\x04\x00\x01" + bytes(6))
            return
        self._tunnel(client, self._names[host], b"\x05\x00\x00\x01" + bytes(6))


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)

"""Clients that show every byte: one HTTP/1 connection, and one HTTP/2 connection over TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable

import h2.config
import h2.connection
import h2.events


class Client:
    """One HTTP/1 connection."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, path: str, body: bytes = b"", method: str = "POST", headers: Iterable[str] = ()) -> Client:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return self

    def status(self) -> int:
        """Reads a head."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        self.headers = {}
        while (field := self.file.readline()) not in (b"\r\n", b""):
            name, _, value = field.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        return int(line.split()[1])

    def chunk(self) -> bytes:
        """Reads one chunk; b"" is the terminating one."""
        line = self.file.readline()
        assert line.endswith(b"\r\n"), f"the body was cut: {line!r}"
        size = int(line, 16)
        data = self.file.read(size)
        assert self.file.read(2) == b"\r\n"
        return data

    def body(self) -> bytes:
        """Reads a whole body, and insists on its proper end."""
        if "content-length" in self.headers:
            data = self.file.read(int(self.headers["content-length"]))
            assert len(data) == int(self.headers["content-length"]), "the body was cut"
            return data
        assert self.headers["transfer-encoding"] == "chunked"
        return b"".join(iter(self.chunk, b""))

    def closed(self) -> bool:
        """The server ends the connection, and says nothing before."""
        return self.file.read() == b""


class Http2Client:
    """One HTTP/2 connection over TLS, which opens its windows only as far as it is told to."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self.socket = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), 30), server_hostname="localhost"
        )
        assert self.socket.selected_alpn_protocol() == "h2"
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def request(self, path: str, method: str = "POST", body: bytes = b"") -> int:
        stream = self.connection.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
        self.connection.send_headers(stream, head, end_stream=not body)
        if body:
            self.connection.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def read(self, stream: int, acknowledge: bool = True) -> tuple[str, bytes]:
        """Status and body of a stream, to its end."""
        status, body = "", b""
        while data := self.socket.recv(65536):
            for event in self.connection.receive_data(data):
                if isinstance(event, h2.events.DataReceived) and acknowledge:
                    self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    status = str(dict(event.headers)[":status"])
                elif isinstance(event, h2.events.DataReceived):
                    body += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    return status, body
                assert not isinstance(event, h2.events.StreamReset)
            self.flush()
        raise AssertionError("the connection ended first")

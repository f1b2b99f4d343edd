"""inspector/curl.py: what the line sends is the very request, whatever is in it; judged by real shells and curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.curl import curl, quoted

URL = "http://127.0.0.1:7860/v1/chat/completions"
SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
STUB = """#!/bin/sh
printf '%s\\0' "$#" "$@"
for word; do test "$word" = @- && cat; done
exit 0
"""
"""A curl that tells its arguments and what it is fed."""
BODIES = {
    "quotes": b"""{"a": "it's \\"quoted\\" $HOME `id` \\\\ !x"}""",
    "lines": b'{\n "a": 1\n}\n',
    "chinese": json.dumps({"a": "你好，世界 🎉"}, ensure_ascii=False).encode(),
    "controls": b'{"a":\t"\x1b[31m\x00\x7f"}\r\n\\0101%s',
    "no_utf8": bytes(range(256)),
    "an_at_sign": b"@etc",
    "large": json.dumps({"a": "it's " * 200_000}).encode(),
    "large_with_controls": b'"' + b"\t\\" * 100_000 + b'"',
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that curl."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "curl").write_text(STUB)
    (folder / "curl").chmod(0o755)
    return folder


def ran(command: str, folder: Path | None, shell: str = "sh", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command, which is fed to the shell, since a large one is no argument either."""
    path = f"{folder}:{os.environ['PATH']}" if folder else os.environ["PATH"]
    done = subprocess.run(
        [shell], input=command.encode(), capture_output=True, check=False, env={"PATH": path, **environment}
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done


def told(command: str, stub: Path, shell: str = "sh", **environment: str) -> tuple[list[str], bytes]:
    """The arguments, and what was fed."""
    count, _, rest = ran(command, stub, shell, **environment).stdout.partition(b"\0")
    *arguments, fed = rest.split(b"\0", int(count))
    return [word.decode() for word in arguments], fed


def sent(command: str, stub: Path, shell: str = "sh") -> tuple[list[str], bytes]:
    """The arguments without the body, and the body."""
    arguments, fed = told(command, stub, shell)
    if arguments[-1] == "@-":
        assert arguments[-2] == "--data-binary"
        return arguments[:-2], fed
    assert arguments[-2] == "--data-raw"
    assert fed == b""
    return arguments[:-2], arguments[-1].encode()


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_body_comes_through_a_shell_as_it_is(body: bytes, shell: str, stub: Path) -> None:
    arguments, came = sent(curl("POST", URL, [("content-type", "application/json")], body), stub, shell)
    assert arguments == [URL, "-H", "content-type: application/json"]
    assert came == body


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=40) | st.text(min_size=1, max_size=40).map(lambda text: text.encode()))
def test_any_body_comes_through(stub: Path, body: bytes) -> None:
    assert sent(curl("POST", URL, [], body), stub)[1] == body


def test_nothing_that_harms_a_terminal_is_in_the_text() -> None:
    text = curl("POST", URL, [], "a\x1b[2J\x9b\u202eb\t".encode())
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_nothing_that_harms_a_terminal_is_in_url_method_and_headers() -> None:
    """ESC [201~ ends a bracketed paste, and what stands behind it would run."""
    headers = [("content-type", "a\x03\nid #"), ("accept", "text/\x1b[201~")]
    text = curl("PO\x1bST", "http://127.0.0.1:7860/a\x1b[201~\nid\n\u202e", headers, b"{}")
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "\nid" not in text and "%1B" in text and "%0A" in text


def test_only_what_the_proxy_looks_at_is_sent_again() -> None:
    headers = [
        ("Host", "127.0.0.1:7860"),
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "2"),
        ("Content-Encoding", "gzip"),
        ("Accept-Encoding", "gzip"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "http://a"),
        ("Cookie", "s3cret"),
        ("X-Api-Version", "s3cret"),
        ("Content-Type", "application/json"),
        ("anthropic-beta", "a,b"),
    ]
    assert curl("POST", URL, headers, b"{}") == (
        f"curl '{URL}' \\\n  -H 'Content-Type: application/json' \\\n  -H 'anthropic-beta: a,b' \\\n  --data-raw '{{}}'"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Authorization", "Authorization: Bearer k-1"), ("X-API-Key", "x-api-key: k-1")],
)
def test_the_key_is_left_to_the_shell(name: str, expected: str, stub: Path) -> None:
    command = curl("POST", URL, [(name, "Bearer s3cret")], b"{}")
    assert "s3cret" not in command
    arguments, _ = told(command, stub, PROXY_KEY="k-1")
    assert arguments == [URL, "-H", expected, "--data-raw", "{}"]


@pytest.mark.parametrize(
    ("body", "streams"), [(b'{"stream": true}', True), (b'{"stream": false}', False), (b'{"stream": tru', False)]
)
def test_a_stream_is_not_held_back(body: bytes, streams: bool) -> None:
    assert curl("POST", URL, [], body).startswith("curl -N ") is streams


def test_other_methods_and_odd_addresses() -> None:
    assert curl("GET", "http://h/v1/models", [], b"") == "curl 'http://h/v1/models'"
    assert curl("HEAD", "http://h/'", [], b"") == "curl 'http://h/'\\''' \\\n  -X 'HEAD'"
    assert curl("POST", "http://[::1]:1/a?b={c}", [], b"").startswith("curl -g 'http://[::1]:1/a?b={c}' \\\n  -X")


def test_a_word_is_quoted() -> None:
    assert quoted("it's") == "'it'\\''s'"


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def echo() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl_itself_sends_the_very_bytes() -> None:
    with echo() as url:
        for body in BODIES.values():
            command = curl("POST", url, [("content-type", "application/json")], body)
            command = command.replace("curl ", "curl -sS --noproxy '*' ", 1)
            assert ran(command, None).stdout == body

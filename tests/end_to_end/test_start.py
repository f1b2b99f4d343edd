"""Every way to start it: what listens where afterwards, and that what may not be served is not."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex, Hang
from tests.support.proxy import ASK, CHAT, KEY, Proxy, free_port, is_open

pytestmark = pytest.mark.skipif(os.name != "posix", reason="mitmproxy starts itself again on POSIX only")
HAS_IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").is_file()


def refusal(proxy: Proxy) -> str:
    """What it says before it ends by itself; until then it has not answered anybody.

    mitmproxy opens its ports before it loads a script, so that somebody may come in.
    """
    proxy.start()
    came: list[socket.socket] = []
    deadline = time.monotonic() + 60
    try:
        while proxy.process.poll() is None:
            assert time.monotonic() < deadline, proxy.log()
            with suppress(OSError):
                came.append(socket.create_connection(("127.0.0.1", proxy.port), timeout=2))
                came[-1].sendall(b"GET http://localhost/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(0.05)
        for connection in came:
            with suppress(ConnectionResetError):
                assert connection.recv(65_536) == b""
    finally:
        proxy.kill()
        for connection in came:
            connection.close()
    assert proxy.process.returncode != 0
    *before, told = proxy.log().strip().splitlines()
    assert all("Loading script" in line for line in before), proxy.log()
    return told


def outer_address() -> str | None:
    """An address of this machine that others can reach, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            address = str(probe.getsockname()[0])
        except OSError:
            return None
    return None if address.startswith("127.") else address


def addresses_of(proxy: Proxy) -> set[str]:
    """What its process listens on at its port (Linux)."""
    found = set()
    for table, size in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) == proxy.port:
                words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, size, 8)]
                found.add(socket.inet_ntop(socket.AF_INET if size == 8 else socket.AF_INET6, b"".join(words)))
    return found


LOOPBACK = {"127.0.0.1", "::1"} if HAS_IPV6 else {"127.0.0.1"}


@pytest.mark.parametrize(
    "arguments",
    [[], ["--mode", "regular"], ["--mode", "reverse:http://127.0.0.1:9"], ["-m", "regular", "--set", "flow_detail=0"]],
    ids=" ".join,
)
def test_without_a_right_mode_it_starts_itself_again(cloud: FakeVertex, tmp_path: Path, arguments: list[str]) -> None:
    port = ["--listen-port", "{port}"] if "reverse:" in str(arguments) else []
    proxy = Proxy(tmp_path, environment=cloud.environment(), modes=[], fresh=True)
    proxy.command += [word.format(port=proxy.port) for word in [*arguments, *port]]
    with proxy:
        assert proxy.chat().text
        assert addresses_of(proxy) == LOOPBACK
        assert proxy.send("GET", "/v1/models", headers={"host": "mitm.it"}).status == 421
        if HAS_IPV6:
            assert proxy.send("GET", "/health", host="::1").status == 200
    assert not is_open("127.0.0.1", proxy.port)


def test_any_free_port_is_told_as_it_is(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, environment={"PORT": "0"}, modes=[])
    proxy.start()
    try:
        deadline = time.monotonic() + 60
        while (told := re.search(r"Status page:  http://127\.0\.0\.1:([0-9]+)/", proxy.log())) is None:
            assert time.monotonic() < deadline and proxy.process.poll() is None, proxy.log()
            time.sleep(0.05)
        proxy.port = int(told[1])
        assert proxy.get("/").status == 200
        assert f"127.0.0.1:{proxy.port}/".encode() in proxy.send("GET", "/", headers={"accept": "text/html"}).body
    finally:
        proxy.kill()


def test_a_mode_without_address_behind_our_own_command_is_told(tmp_path: Path) -> None:
    """Its command line can't be mitmproxy's a second time: as a module it would be options of Python's own."""
    words = [
        "--host",
        "127.0.0.1",
        "--port",
        str(free_port()),
        "--",
        "--mode",
        f"reverse:http://127.0.0.1:9@{free_port()}",
    ]
    proxy = Proxy(tmp_path, modes=[])
    proxy.command = [sys.executable, "-P", "-m", "oai_bridge.cli", *words]
    proxy.environment["PYTHONPATH"] = str(Path(__file__).parent.parent.parent / "addon")
    assert "a --mode has no address" in refusal(proxy)


def test_a_tutorials_env_file_is_enough(cloud: FakeVertex, tmp_path: Path) -> None:
    """GCP_CREDENTIALS names no token endpoint, so that no chat is tried here."""
    port = free_port()
    lines = [
        f"GCP_CREDENTIALS={cloud.gcp_credentials()}",
        f"PORT={port}",
        "OPENAI_KEY=sk-xxxxxxx",
        "SHOW_TOKEN_COSTS=true",
    ]
    dotenv = "\ufeff" + "\r\n".join(lines)
    proxy = Proxy(tmp_path, dotenv=dotenv, modes=[], port=port)
    del proxy.environment["PORT"]
    with proxy:
        assert "us-east5 · test-project" in proxy.log()
        assert "OPENAI_KEY" in proxy.log() and "SHOW_TOKEN_COSTS" in proxy.log()
        assert proxy.get("/status").json()["gcpKeys"] == 1
        assert proxy.get("/v1/models").json()["data"]


def test_the_demo_serves_without_any_credential(tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, modes=[], fresh=True)
    shutil.rmtree(tmp_path / ".mitmproxy")  # as at the very first start
    with proxy:
        assert "DEMO" in proxy.log()
        assert "demo" in proxy.chat().text
        assert "demo" in proxy.chat(stream=True).text
        assert proxy.get("/status").json()["demo"] is True


def test_the_line_to_try_works(tmp_path: Path) -> None:
    with Proxy(tmp_path) as proxy:
        (line,) = re.findall(r"Try it:  (curl .*)", proxy.log())
        assert (
            "demo"
            in subprocess.run(
                ["sh", "-c", f"{line} -sS --noproxy '*'"], capture_output=True, text=True, check=True
            ).stdout
        )
        (base,) = re.findall(r"OpenAI SDKs, base URL:  (\S+)", proxy.log())
        assert base == f"http://127.0.0.1:{proxy.port}/proxy/gcp/claude/v1"


DULL = "a" * 48


@pytest.mark.parametrize(
    ("by", "key"),
    [("BIND_ADDRESS", ""), ("BIND_ADDRESS", "abc123xyz"), ("BIND_ADDRESS", DULL), ("mode", ""), ("--listen-host", "")],
    ids=["address", "address and a short key", "address and a dull key", "mode", "listen-host"],
)
def test_others_are_not_served_without_a_good_key(cloud: FakeVertex, tmp_path: Path, by: str, key: str) -> None:
    environment = cloud.environment() | ({"PROXY_KEY": key, "GATEKEEPER": "proxy_key"} if key else {})
    port = free_port()
    modes, arguments = [], []
    match by:
        case "BIND_ADDRESS":
            environment["BIND_ADDRESS"] = "0.0.0.0"
        case "mode":
            modes = [f"reverse:http://127.0.0.1:9@0.0.0.0:{port}"]
        case _:
            modes = ["reverse:http://127.0.0.1:9"]
            arguments = ["--listen-host", "0.0.0.0", "--listen-port", str(port)]
    proxy = Proxy(tmp_path, environment=environment, modes=modes, arguments=arguments, port=port, fresh=not key)
    told = refusal(proxy)
    assert "0.0.0.0" in told or "all addresses" in told
    assert "bind to 127.0.0.1" in told and "PROXY_KEY" in told
    assert not key or key not in told


def test_others_are_served_with_a_good_key(cloud: FakeVertex, tmp_path: Path) -> None:
    environment = cloud.environment() | {"PROXY_KEY": KEY, "GATEKEEPER": "proxy_key", "BIND_ADDRESS": "0.0.0.0"}
    with Proxy(tmp_path, environment=environment, modes=[]) as proxy:
        assert addresses_of(proxy) == {"0.0.0.0"}
        key = {"authorization": f"Bearer {KEY}"}
        assert proxy.post(CHAT, ASK).status == 401
        assert proxy.post(CHAT, ASK, key).status == 200
        if address := outer_address():
            assert proxy.send("GET", "/v1/models", headers=key, host=address).status == 200
            assert proxy.send("GET", "/v1/models", host=address).status == 401
        assert KEY not in proxy.log()


BROKEN = {
    "an unknown setting": ("server: {prot: 1}", {}, "server.prot"),
    "a cut key": (
        "",
        {"GCP_CREDENTIALS": "p:sa@p.iam.gserviceaccount.com:us-east5:-----BEGIN PRIVATE KEY-----"},
        "cut",
    ),
    "a file that is not there": ("", {"GOOGLE_APPLICATION_CREDENTIALS": "not-there.json"}, "not-there.json"),
    "an unknown fact of a model": ("models: {overrides: {claude-x: {colour: red}}}", {}, "colour"),
    "a CA that is not there": ("", {"SSL_CERT_FILE": "not-there.pem"}, "not-there.pem"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_settings_are_told_and_nothing_is_served(tmp_path: Path, case: str) -> None:
    config, environment, part = BROKEN[case]
    assert part in refusal(Proxy(tmp_path, config=config, environment=environment))


def test_mitmweb_ends_as_well(tmp_path: Path) -> None:
    web = ["--set", f"web_port={free_port()}", "--no-web-open-browser"]
    proxy = Proxy(tmp_path, config="server: [broken", program="mitmweb", arguments=web, fresh=True)
    assert "config.yaml" in refusal(proxy)


def test_other_modes_are_refused(tmp_path: Path) -> None:
    port = free_port()
    for mode in (f"socks5@127.0.0.1:{port}", f"upstream:http://127.0.0.1:9@127.0.0.1:{port}"):
        proxy = Proxy(tmp_path, modes=[mode], port=port, fresh=True)
        assert "--mode reverse:" in refusal(proxy)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = Proxy(tmp_path, port=port)
        proxy.start()
        try:
            assert proxy.process.wait(timeout=60) != 0
        finally:
            proxy.kill()
    assert str(port) in proxy.log()
    assert "Traceback" not in proxy.log()


def test_mitmweb(cloud: FakeVertex, tmp_path: Path) -> None:
    """It starts itself again, too, and keeps its page to itself."""
    port = free_port()
    web = ["--set", f"web_port={port}", "--no-web-open-browser"]
    environment = cloud.environment()
    with Proxy(tmp_path, environment=environment, program="mitmweb", modes=[], arguments=web, fresh=True) as proxy:
        assert proxy.chat().text
        assert addresses_of(proxy) == LOOPBACK
        (page,) = set(re.findall(rf"Watch every prompt:\s+(http://127.0.0.1:{port}/\?token=\w+)", proxy.log()))
        for url, status in ((page, 200), (page.partition("?")[0], 403)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("GET", url.partition(str(port))[2].replace("/", "/flows", 1))
            response = connection.getresponse()
            flows = response.read()
            connection.close()
            assert response.status == status
            assert (CHAT.encode() in flows) == (status == 200)


def test_the_console(cloud: FakeVertex, tmp_path: Path) -> None:
    """mitmproxy itself, in a terminal of its own, which somebody reads."""
    import pty  # neither is there on Windows
    import termios

    proxy = Proxy(tmp_path, environment=cloud.environment() | {"TERM": "xterm"}, program="mitmproxy", modes=[])
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 120))
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # the end of a terminal
            while piece := os.read(ours, 65_536):
                shown.extend(piece)

    def serves() -> bool:
        with suppress(OSError, http.client.HTTPException):
            return proxy.get("/health").status == 200
        return False

    reader = threading.Thread(target=read)
    terminal = {"stdin": its, "stdout": its, "stderr": its, "start_new_session": True}
    proxy.process = subprocess.Popen(proxy.command, cwd=tmp_path, env=proxy.environment, **terminal)
    os.close(its)
    reader.start()
    try:
        cloud.wait_until(serves, timeout=60)  # mitmproxy opens its ports before it loads a script
        assert proxy.chat(stream=True).text
        assert addresses_of(proxy) == LOOPBACK
        cloud.wait_until(lambda: b"completions" in shown)
        assert proxy.stop() == 0
    finally:
        proxy.kill()
        reader.join(timeout=30)
        os.close(ours)


def test_unsafe_options_are_put_right(cloud: FakeVertex, tmp_path: Path) -> None:
    unsafe = ["--set", "connection_strategy=eager", "--set", "keep_host_header=false", "--set", "onboarding=true"]
    with Proxy(tmp_path, environment=cloud.environment(), arguments=[*unsafe, "--set", "rawtcp=true"]) as proxy:
        assert proxy.chat().text
        for host in ("mitm.it", "evil.test"):
            assert proxy.send("GET", "/", headers={"host": host}).status == 421


def test_an_addon_that_cannot_be_loaded_leaves_no_open_proxy(tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['msgspec'] = None\n")
    proxy = Proxy(tmp_path, modes=["regular"], arguments=["--listen-host", "127.0.0.1"])
    proxy.command += ["--listen-port", str(proxy.port)]
    proxy.environment["PYTHONPATH"] += os.pathsep + str(folder)
    proxy.start()
    try:
        assert proxy.process.wait(timeout=60) == 2
    finally:
        proxy.kill()
    *before, told = proxy.log().strip().splitlines()
    assert all("Loading script" in line for line in before), proxy.log()
    assert "msgspec" in told and "scripts/run.py" in told


def test_a_token_endpoint_that_says_nothing_does_not_hold_the_end_up(cloud: FakeVertex, tmp_path: Path) -> None:
    cloud.script_token(Hang())
    config = "timeouts: {shutdown: 0}"
    with Proxy(tmp_path, environment=cloud.environment(), config=config) as proxy, proxy.open_chat(stream=True):
        cloud.wait_until(lambda: cloud.hanging == 1)
        proxy.process.send_signal(signal.SIGTERM)
        assert proxy.process.wait(timeout=15) == 0  # the call itself would go on for 20 s
    cloud.release()

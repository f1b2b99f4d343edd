"""The command: which mitmproxy command line it builds, and what it refuses to start."""

from __future__ import annotations

import argparse
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mitmproxy import options as mitmproxy_options
from mitmproxy.proxy import mode_specs
from mitmproxy.tools import cmdline
from mitmproxy.tools.console.master import ConsoleMaster
from mitmproxy.tools.dump import DumpMaster
from mitmproxy.tools.web.master import WebMaster

from oai_bridge import cli
from oai_bridge.start.listening import problem

IPV4, IPV6 = "reverse:http://127.0.0.1:9@127.0.0.1:7860", "reverse:http://127.0.0.1:9@::1:7860"
has_ipv6 = problem("::1", 0) is None


def arguments(
    tool: str = "mitmdump",
    *,
    hosts: Sequence[str] = ("127.0.0.1", "::1"),
    port: int = 7860,
    config_file: Path | None = None,
    web_port: int = 8081,
    extra: Sequence[str] = (),
) -> list[str]:
    """The function under test, with what most cases have in common."""
    return cli.mitmproxy_arguments(
        tool, hosts=hosts, port=port, config_file=config_file, web_port=web_port, extra=extra
    )


PAGE = ["--set", "web_open_browser=false", "--set", "web_port=8081"]


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (arguments(), ["--mode", IPV4, "--mode", IPV6]),
        (arguments("mitmweb"), ["--mode", IPV4, "--mode", IPV6, *PAGE]),
        (arguments("mitmweb", web_port=8085), ["--mode", IPV4, "--mode", IPV6, *PAGE[:3], "web_port=8085"]),
        (arguments("mitmproxy"), ["--mode", IPV4, "--mode", IPV6]),
        (arguments(hosts=["::1"]), ["--mode", IPV6]),
        (arguments(hosts=["0.0.0.0"], port=80), ["--mode", "reverse:http://127.0.0.1:9@0.0.0.0:80"]),
        (
            arguments(hosts=["127.0.0.1"], config_file=Path("my settings.yaml")),
            ["--mode", IPV4, "--set", "bridge_config=my settings.yaml"],
        ),
        (arguments(hosts=["::1"], extra=["-w", "a.flow"]), ["--mode", IPV6, "-w", "a.flow"]),
        (
            arguments("mitmweb", hosts=["::1"], extra=["--set=web_port=9", "--set", "web_open_browser"]),
            ["--mode", IPV6, "--set=web_port=9", "--set", "web_open_browser"],
        ),
    ],
)
def test_the_command_line(built: list[str], expected: list[str]) -> None:
    assert built == ["-s", str(cli.SCRIPT), *expected]


def test_the_doctor_s_options_are_his_alone(capsys: pytest.CaptureFixture[str]) -> None:
    options, _ = cli.parse(["doctor", "--json", "--no-cost"])
    assert (options.command, options.json, options.no_cost) == ("doctor", True, True)
    with pytest.raises(SystemExit):
        cli.parse(["--json"])
    assert "oai-vertex doctor --json" in capsys.readouterr().err


def test_the_script_stands_beside_the_package() -> None:
    assert cli.SCRIPT.name == "oai_vertex.py"
    assert (cli.SCRIPT.parent / "oai_bridge" / "cli.py").samefile(cli.__file__)


@pytest.mark.parametrize(
    ("tool", "parser", "master"),
    [
        ("mitmdump", cmdline.mitmdump, DumpMaster),
        ("mitmweb", cmdline.mitmweb, WebMaster),
        ("mitmproxy", cmdline.mitmproxy, ConsoleMaster),
    ],
)
@pytest.mark.parametrize("extra", [(), ("--set", "web_port=8090", "--set", "bridge_config=x")])
async def test_mitmproxy_understands_it(
    tool: str,
    parser: Callable[[mitmproxy_options.Options], argparse.ArgumentParser],
    master: type[DumpMaster | WebMaster | ConsoleMaster],
    extra: Sequence[str],
) -> None:
    """With mitmproxy's own parser, options and modes."""
    options = mitmproxy_options.Options()
    master(options)  # its addons register their options
    parsed = parser(options).parse_args(arguments(tool, config_file=Path("my settings.yaml"), extra=extra))
    options.set(*parsed.setoptions, defer=True)
    options.update(mode=parsed.mode, scripts=parsed.scripts)
    assert options.scripts == [str(cli.SCRIPT)]
    modes = [mode_specs.ProxyMode.parse(spec) for spec in options.mode]
    assert [(mode.type_name, mode.custom_listen_host, mode.custom_listen_port) for mode in modes] == [
        ("reverse", "127.0.0.1", 7860),
        ("reverse", "::1", 7860),
    ]
    if tool == "mitmweb":
        assert (options.web_port, options.web_open_browser) == (8090 if extra else 8081, False)


@pytest.mark.parametrize(
    ("argv", "tool", "host", "port", "extra"),
    [
        ([], "mitmdump", None, None, []),
        (["run"], "mitmdump", None, None, []),
        (["--web"], "mitmweb", None, None, []),
        (["run", "--console", "--host", "::1", "--port", "80"], "mitmproxy", "::1", 80, []),
        (["--port=1", "--", "--port", "2", "--", "x"], "mitmdump", None, 1, ["--port", "2", "--", "x"]),
    ],
)
def test_options(argv: list[str], tool: str, host: str | None, port: int | None, extra: list[str]) -> None:
    options, rest = cli.parse(argv)
    assert (options.tool, options.host, options.port, rest) == (tool, host, port, extra)


def test_the_settings_file_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.parse(["--config", "a.yaml"])[0].config == tmp_path / "a.yaml"
    assert cli.parse([])[0].config is None


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--port", "0"], "'0' is no port: give a number"),
        (["--port", "65536"], "'65536' is no port"),
        (["--port", "x"], "'x' is no port"),
        (["--host", "http://127.0.0.1"], "argument --host: it must be an IP address or a host name without scheme"),
        (["--web", "--console"], "not allowed with"),
        (["-w", "a.flow"], "-w is not known here: --help shows what is, and mitmproxy's own options go after --"),
        (["--prot", "7861"], "--prot is not known here"),
        (["stop"], "'stop' is no command: it is run or doctor"),
    ],
)
def test_wrong_options(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.parse(argv)
    assert ended.value.code == 2
    usage, told = capsys.readouterr().err.splitlines()
    assert "mitmproxy's options" in usage and words in told


# --- Starting ---------------------------------------------------------------------------------------------------------


@dataclass
class Started:
    """What was started instead of mitmproxy."""

    calls: list[tuple[str, list[str]]] = field(default_factory=list)

    def __call__(self, tool: str, arguments: list[str]) -> int:
        self.calls.append((tool, arguments))
        return 0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    """In an empty folder, with an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "PROJECT", tmp_path)
    monkeypatch.setattr(os, "environ", {"HOME": str(tmp_path)})
    instead = Started()
    monkeypatch.setattr(cli, "start", instead)
    return instead


@pytest.fixture
def port() -> int:
    """A port that is free on both loopback addresses."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            number: int = server.getsockname()[1]
        if not has_ipv6 or problem("::1", number) is None:
            return number


@pytest.fixture
def taken(port: int) -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", port)):
        yield port


def modes(arguments: Sequence[str]) -> list[str]:
    return [value for name, value in itertools.pairwise(arguments) if name == "--mode"]


def test_start(started: Started, port: int) -> None:
    assert cli.main(["--web", "--port", str(port), "--", "--no-http2"]) == 0
    [(tool, built)] = started.calls
    loopback = ["127.0.0.1", "::1"] if has_ipv6 else ["127.0.0.1"]
    assert modes(built) == [f"reverse:http://127.0.0.1:9@{host}:{port}" for host in loopback]
    assert tool == "mitmweb"
    assert built[-1] == "--no-http2"


def test_the_command_line_goes_over_the_settings(started: Started, port: int, tmp_path: Path) -> None:
    settings = tmp_path / "mine.yaml"
    settings.write_text(f"server: {{host: 127.0.0.2, port: {port}}}\n", "utf-8")
    assert cli.main(["--config", "mine.yaml", "--host", "127.0.0.1"]) == 0
    [(_, built)] = started.calls
    assert modes(built) == [f"reverse:http://127.0.0.1:9@127.0.0.1:{port}"]
    assert f"bridge_config={settings}" in built


def test_a_taken_port_is_told(started: Started, taken: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--port", str(taken)]) == 2
    told = capsys.readouterr().err
    assert str(taken) in told and "--port" in told and len(told.splitlines()) == 1
    assert not started.calls


def test_an_address_of_another_machine_is_told(
    started: Started, port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PROXY_KEY", "8f1c0e6bd27a4935ae6b1d0c92f7e583")
    assert cli.main(["--port", str(port), "--host", "192.0.2.1"]) == 2
    assert "--host" in capsys.readouterr().err
    assert not started.calls


def test_others_may_not_reach_it_without_a_key(
    started: Started, port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["--port", str(port), "--host", "0.0.0.0"]
    assert cli.main(command) == 2
    assert "PROXY_KEY" in capsys.readouterr().err
    assert not started.calls
    monkeypatch.setitem(os.environ, "PROXY_KEY", "8f1c0e6bd27a4935ae6b1d0c92f7e583")
    assert cli.main(command) == 0
    assert modes(started.calls[0][1]) == [f"reverse:http://127.0.0.1:9@0.0.0.0:{port}"]


def test_wrong_settings_are_told(started: Started, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("server: {port: never}\nnonsense: 1\n", "utf-8")
    assert cli.main([]) == 2
    told = capsys.readouterr().err
    assert "port" in told and "Traceback" not in told
    assert not started.calls


def test_certificates_without_a_place_are_told(
    started: Started, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".mitmproxy").touch()  # a file, since root may write to every folder
    assert cli.main(["--port", str(port)]) == 2
    told = capsys.readouterr().err
    assert str(tmp_path / ".mitmproxy") in told and "confdir=FOLDER" in told and len(told.splitlines()) == 1
    assert not started.calls
    assert cli.main(["--port", str(port), "--", "--set", f"confdir={tmp_path}"]) == 0


def test_the_page_moves_when_its_port_is_taken() -> None:
    assert cli.free_web_port() in cli.WEB_PORTS
    free = cli.free_web_port()
    with socket.create_server(("127.0.0.1", free)):
        assert cli.free_web_port() > free


def test_the_command_exists(tmp_path: Path) -> None:
    """As it is called by run.py; `--help` must not load mitmproxy, which takes a second."""
    code = (
        "import sys; sys.modules['mitmproxy'] = None; import runpy; runpy.run_module('oai_bridge.cli', {}, '__main__')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(cli.SCRIPT.parent)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "--web" in ended.stdout

"""Tests for config.py: settings from everywhere in, one `Config` or clear sentences out."""

from __future__ import annotations

import base64
import json
import re
import sys
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge import config_file
from oai_bridge.config import (
    AmbientLogin,
    Claude,
    Config,
    ConfigError,
    CredentialFile,
    GoogleAccount,
    Network,
    ServiceAccount,
    build_config,
    exposure,
    load_config,
)
from tests.support.google_keys import EMAIL, entry, info

EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"
KEY = ServiceAccount(info())
STRONG = "3f1f6a0c9d7e4b2a8c5d1e0f9a7b6c4d"


def build(
    document: object = None, environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> Config:
    return build_config(document, environment or {}, dotenv or {})


def complaint(
    document: object = None, environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> str:
    with pytest.raises(ConfigError) as caught:
        build(document, environment, dotenv)
    return str(caught.value)


@pytest.mark.parametrize("document", [None, {}, {"server": None}, {"server": {}}, {"server": {"port": None}}])
def test_nothing_said_gives_the_defaults(document: object) -> None:
    assert build(document) == Config()
    assert Config().demo


def test_everything_said() -> None:
    document = {
        "server": {
            "host": "0.0.0.0",
            "port": 80,
            "client_keys": [STRONG],
            "allowed_hosts": ["Host.Docker.Internal."],
            "prefix": "api/",
            "title": "Mine",
            "log_level": "WARNING",
            "max_body_mb": 2,
            "strict": True,
            "answer_test_message": False,
        },
        "vertex": {
            "accounts": [{"project": "p-1", "region": "eu", "credentials": "adc"}],
            "base_url": "http://127.0.0.1:1/v1/",
            "anthropic_version": "v",
        },
        "claude": {
            "default_max_tokens": 1,
            "max_output_tokens": 2,
            "first_user_text": "a",
            "continue_text": "b",
            "names": False,
            "mid_system": "hoist",
        },
        "models": {"list": ["m"], "aliases": {"a": "b"}, "overrides": {"m": {"context": 1}}},
        "network": {"proxy": "p:1", "no_proxy": "n", "ca_file": "/ca.pem"},
    }
    assert build(document) == Config(
        host="0.0.0.0",
        port=80,
        client_keys=(STRONG,),
        allowed_hosts=("host.docker.internal",),
        prefix="/api",
        title="Mine",
        log_level="warn",
        max_body=2 * 1024 * 1024,
        strict=True,
        answer_test_message=False,
        models=("m",),
        aliases={"a": "b"},
        model_overrides={"m": {"context": 1}},
        claude=Claude(1, 2, "a", "b", False, "hoist"),
        vertex=replace(
            Config().vertex,
            accounts=(GoogleAccount("p-1", "eu", AmbientLogin()),),
            base_url="http://127.0.0.1:1",
            anthropic_version="v",
        ),
        network=Network({"all": "http://p:1"}, "n", "/ca.pem"),
    )


# --- what is wrong


def test_everything_wrong_is_told_at_once() -> None:
    document = {"server": {"port": "x", "strict": 3, "tilte": ""}, "cloud": {}, "claude": {"mid_system": "x"}}
    lines = complaint(document, {"PORT": "y"}, {"GCP_CREDENTIALS": "rubbish"}).splitlines()
    starts = {line.split()[0] for line in lines}
    assert starts == {
        "server.port",
        "server.strict",
        "server.tilte",
        "cloud",
        "claude.mid_system",
        "PORT",
        "GCP_CREDENTIALS",
    }
    assert len(lines) == len(starts)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "http"}, "PORT in the environment must be a whole number from 0 to 65535, not 'http'."),
        ({"PORT": "65536"}, "PORT in the environment must be a whole number from 0 to 65535, not '65536'."),
        ({"PORT": "\u0661"}, "PORT in the environment must be a whole number"),
        ({"PORT": "9" * 5000}, "PORT in the environment must be a whole number"),
        ({"MAX_OUTPUT_TOKENS_ANTHROPIC": "0"}, "MAX_OUTPUT_TOKENS_ANTHROPIC in the environment must be a whole number"),
        ({"BIND_ADDRESS": "http://x"}, "BIND_ADDRESS in the environment must be an IP address"),
        ({"PROXY_KEY": "a b"}, "PROXY_KEY in the environment must hold keys of ASCII"),
        ({"GATEKEEPER": "proxy_key"}, "GATEKEEPER in the environment asks for a client key but there is none"),
        (
            {"ANTHROPIC_VERTEX_PROJECT_ID": "My"},
            "project of ANTHROPIC_VERTEX_PROJECT_ID is not a Google Cloud project id",
        ),
        ({"ANTHROPIC_VERTEX_PROJECT_ID": "p", "CLOUD_ML_REGION": "US"}, "CLOUD_ML_REGION ('US') is not a region"),
        ({"ANTHROPIC_VERTEX_BASE_URL": "x"}, "ANTHROPIC_VERTEX_BASE_URL in the environment must be a URL"),
        ({"HTTPS_PROXY": "ftp://x"}, "HTTPS_PROXY in the environment is not a usable proxy"),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS": "{"},
            "GOOGLE_APPLICATION_CREDENTIALS in the environment is not valid JSON",
        ),
    ],
)
def test_wrong_names_are_told_with_their_place(environment: dict[str, str], sentence: str) -> None:
    message = complaint(environment=environment)
    assert sentence in message and "\n" not in message
    assert "in .env" in complaint(dotenv=environment) or "in the environment" not in sentence


@pytest.mark.parametrize(
    ("entry_", "sentence"),
    [
        ({"project": "My"}, "vertex.accounts[0].project ('My') is not a Google Cloud project id"),
        ({"region": "US"}, "vertex.accounts[0].region ('US') is not a region"),
        ({"region": "x" * 99}, "vertex.accounts[0].region (what stands there) is not a region"),
        ({"credentials": "{x"}, "vertex.accounts[0].credentials is not valid JSON"),
        ({"credentials": info(project_id=None)}, "vertex.accounts[0] names no project"),
    ],
)
def test_wrong_accounts_are_told(entry_: dict[str, Any], sentence: str) -> None:
    message = complaint({"vertex": {"accounts": [entry_]}})
    assert message.startswith(sentence) and "\n" not in message


# --- precedence and accounts


def test_environment_before_dotenv_before_file() -> None:
    document = {"server": {"port": 1, "title": "file", "client_keys": ["file"], "host": "127.0.0.3"}}
    config = build(document, {"PORT": "3"}, {"PORT": "2", "SERVER_TITLE": "dotenv", "PROXY_KEY": "dotenv"})
    assert (config.port, config.title, config.client_keys, config.host) == (3, "dotenv", ("dotenv",), "127.0.0.3")


def test_key_of_the_file_satisfies_the_gatekeeper() -> None:
    assert build({"server": {"client_keys": ["k"]}}, {"GATEKEEPER": "proxy_key"}).client_keys == ("k",)


def account(project: str | None, region: str, source: Any) -> GoogleAccount:
    return GoogleAccount(project, region, source)


ADC = AmbientLogin()
FILE = CredentialFile("k.json")
TUTORIAL = {"GCP_CREDENTIALS": entry()}
TUTORIAL_KEY = ServiceAccount({key: value for key, value in info().items() if key != "private_key_id"})


@pytest.mark.parametrize(
    ("accounts", "environment", "expected"),
    [
        ([], {}, []),
        ([], TUTORIAL, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GCP_CREDENTIALS": f"{entry()},{entry()}"}, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"}, [account(None, "global", FILE)]),
        (
            [],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", "CLOUD_ML_REGION": "eu"},
            [account(None, "eu", FILE)],
        ),
        (
            [],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", "ANTHROPIC_VERTEX_PROJECT_ID": "p"},
            [account("p", "global", FILE)],
        ),
        ([], {"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(info())}, [account("my-project", "global", KEY)]),
        ([], {"ANTHROPIC_VERTEX_PROJECT_ID": "p"}, [account("p", "global", ADC)]),
        ([], {"ANTHROPIC_VERTEX_PROJECT_ID": "p", **TUTORIAL}, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GOOGLE_CLOUD_PROJECT": "p"}, []),
        ([], {"CLOUD_ML_REGION": "eu"}, []),
        ([], {"CLOUD_ML_REGION": "nonsense"}, []),
        ([{}], {}, [account(None, "global", ADC)]),
        ([{}], {"GOOGLE_CLOUD_PROJECT": "p", "CLOUD_ML_REGION": "us"}, [account("p", "us", ADC)]),
        ([{"project": "q", "region": "eu"}], {"GOOGLE_CLOUD_PROJECT": "p"}, [account("q", "eu", ADC)]),
        ([{"credentials": "ADC"}], {"ANTHROPIC_VERTEX_PROJECT_ID": "p"}, [account("p", "global", ADC)]),
        ([{"credentials": "k.json"}], {}, [account(None, "global", FILE)]),
        ([{"credentials": info()}], {}, [account("my-project", "global", KEY)]),
        ([{"credentials": json.dumps(info())}], {}, [account("my-project", "global", KEY)]),
        (
            [{"credentials": base64.b64encode(json.dumps(info()).encode()).decode(), "project": "q"}],
            {},
            [account("q", "global", KEY)],
        ),
        (
            [
                {"project": "q", "region": "eu"}
            ],  # without credentials: the ones that are named, and they are no account more
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            [account("q", "eu", FILE)],
        ),
        (
            [{"credentials": "adc", "project": "q"}],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            [account("q", "global", ADC), account(None, "global", FILE)],
        ),
        (
            [{"credentials": "l.json"}, {"credentials": "l.json"}],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", **TUTORIAL},
            [
                account(None, "global", CredentialFile("l.json")),
                account(None, "global", FILE),
                account("my-project", "us-east5", TUTORIAL_KEY),
            ],
        ),
    ],
)
def test_accounts(accounts: list[Any], environment: dict[str, str], expected: list[GoogleAccount]) -> None:
    config = build({"vertex": {"accounts": accounts}}, environment)
    assert list(config.vertex.accounts) == expected
    assert config.demo is not bool(expected)


# --- proxies


@pytest.mark.parametrize(
    ("network", "environment", "system", "expected"),
    [
        ({}, {}, {}, {}),
        ({"proxy": "a:1"}, {}, {"https": "s:1"}, {"all": "http://a:1"}),
        ({"proxy": "a:1"}, {"HTTPS_PROXY": "b:1"}, {}, {"all": "http://a:1", "https": "http://b:1"}),
        ({"proxy": "a:1"}, {"ALL_PROXY": "b:1"}, {}, {"all": "http://b:1"}),
        ({}, {"HTTP_PROXY": "b:1"}, {"https": "s:1"}, {"http": "http://b:1"}),
        ({}, {}, {"https": "http://s:1", "ftp": "http://s:2"}, {"https": "http://s:1"}),
        ({}, {}, {"http": "socks4://s:1", "https": "http://s:1"}, {"https": "http://s:1"}),
    ],
)
def test_proxies(
    network: dict[str, str], environment: dict[str, str], system: dict[str, str], expected: dict[str, str]
) -> None:
    config = build_config({"network": network}, environment, {}, system_proxies=system)
    assert config.network.proxies == expected


# --- files


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    "content",
    [
        "server: {port: 81}",
        "server:\n  port: 81\n",
        "server:\r\n  port: 81\r\n",
        "\ufeffserver: {port: 81}",
        "server: {port: 81}".encode("utf-16"),
        b"\xfe\xff" + "server: {port: 81}".encode("utf-16-be"),
    ],
)
def test_file_is_read_as_editors_write_it(tmp_path: Path, content: str | bytes) -> None:
    write(tmp_path, {"config.yaml": content})
    assert load_config(None, {}, [tmp_path]).port == 81


@pytest.mark.parametrize("content", ["", "\n", "# only a comment\n", "---\n", "server:\n  # nothing\nvertex:\n"])
def test_empty_files_are_defaults(tmp_path: Path, content: str) -> None:
    write(tmp_path, {"config.yaml": content, ".env": content})
    assert load_config(None, {}, [tmp_path]) == Config()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("server: {port: 1, port: 2}", "config.yaml, line 1: the same setting stands twice"),
        ("server:\n  port: 1\nserver:\n  port: 2", "config.yaml, line 3: the same setting stands twice"),
        ("server:\n\tport: 1", "config.yaml, line 2: YAML takes no tabs"),
        ("server: {client_keys: [*canary]}", "config.yaml, line 1, column"),
        ("server: {client_keys: [!canary x]}", "config.yaml, line 1, column"),
        ("server:\n  client_keys: [canary", "config.yaml, line"),
        ("server: {client_keys: [&canary x, &canary y]}\nx: }", "config.yaml, line"),
        ("server: {client_keys: ['canary\\', b]}\n: :", "config.yaml, line"),
        ("- a\n- b", "config.yaml must be a mapping"),
        ("just text", "config.yaml must be a mapping"),
        ("a: 1\n---\nb: 2", "config.yaml, line 2, column"),
        ("server: {title: 2026-99-99}", "config.yaml is not valid YAML"),
        ("server: {title: !!timestamp canary}", "config.yaml is not valid YAML"),
        ("server: {? [a] : b}", "config.yaml, line 1, column"),
        ("server: &loop {title: *loop}", "server.title must be text"),
        ("&loop [*loop]", "config.yaml must be a mapping"),
        ("\0", "config.yaml is not valid YAML"),
        (b"server: {title: \xff}", "config.yaml is not UTF-8"),
        (b"\xff\xfe\x00", "config.yaml is not UTF-8"),
    ],
)
def test_broken_files_are_told_without_their_text(tmp_path: Path, content: str | bytes, words: str) -> None:
    write(tmp_path, {"config.yaml": content})
    with pytest.raises(ConfigError) as caught:
        load_config(None, {}, [tmp_path])
    message = str(caught.value)
    assert words in message and "canary" not in message and "\n" not in message
    assert caught.value.__cause__ is None


def test_first_folder_wins_for_each_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    write(one, {".env": "PORT=1"})
    write(two, {".env": "PORT=2\nSERVER_TITLE=two", "config.yaml": "server: {title: file, log_level: warn}"})
    config = load_config(None, {}, [tmp_path / "none", one, two])
    assert (config.port, config.title, config.log_level) == (1, "file", "warn")


def test_named_file_is_read_instead_and_must_be_there(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "server: {port: 1}", "other.yaml": "server: {port: 2}"})
    assert load_config(tmp_path / "other.yaml", {}, [tmp_path]).port == 2
    with pytest.raises(ConfigError, match=r"There is no file .*none\.yaml"):
        load_config(tmp_path / "none.yaml", {}, [tmp_path])


def test_paths_start_from_the_file_that_names_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        write(folder, {"key.json": json.dumps(info(project_id=folder.name))})
    write(one, {"config.yaml": "vertex: {accounts: [{credentials: key.json}]}\nnetwork: {ca_file: ca.pem}"})
    write(two, {".env": "GOOGLE_APPLICATION_CREDENTIALS=key.json"})
    config = load_config(None, {}, [one, two])
    assert config.vertex.accounts == (
        GoogleAccount("one", "global", CredentialFile(str(one / "key.json"))),
        GoogleAccount("two", "global", CredentialFile(str(two / "key.json"))),
    )
    assert config.network.ca_file == str(one / "ca.pem")
    write(two, {".env": "SSL_CERT_FILE=ca2.pem"})
    assert load_config(None, {}, [one, two]).network.ca_file == str(two / "ca2.pem")


@pytest.mark.parametrize(
    ("environment", "project"),
    [
        ({}, None),
        ({"GOOGLE_CLOUD_PROJECT": "gcp"}, "gcp"),
        ({"GOOGLE_CLOUD_PROJECT": "gcp", "ANTHROPIC_VERTEX_PROJECT_ID": "named"}, "named"),
    ],
)
def test_file_without_a_project(tmp_path: Path, environment: dict[str, str], project: str | None) -> None:
    file = tmp_path / "login.json"
    write(tmp_path, {"login.json": json.dumps({"type": "authorized_user", "refresh_token": "canary"})})
    environment = {**environment, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    if project is None:
        with pytest.raises(ConfigError, match="names no project: set ANTHROPIC_VERTEX_PROJECT_ID"):
            load_config(None, environment, [])
    else:
        assert load_config(None, environment, []).vertex.accounts[0].project == project


def test_every_missing_credential_file_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "vertex: {accounts: [{credentials: a.json}, {credentials: b.json}]}"})
    with pytest.raises(ConfigError) as caught:
        load_config(None, {}, [tmp_path])
    first, second = str(caught.value).splitlines()
    assert "a.json can't be read" in first and "b.json can't be read" in second


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_env_file_of_a_tutorial_works_as_it_is(tmp_path: Path, ending: str) -> None:
    lines = [
        "\ufeff# my proxy",
        "NODE_ENV=production",
        "SERVER_TITLE='My Tunnel'",
        "PORT=7861",
        "BIND_ADDRESS=127.0.0.1",
        "GATEKEEPER=proxy_key",
        "PROXY_KEY=hunter2",
        "MAX_OUTPUT_TOKENS_ANTHROPIC=4096",
        f'GCP_CREDENTIALS="{entry()},{entry("example.com:p2", region="europe-west1")}"',
        "AWS_CREDENTIALS=myaccesskeyid:mysecretkey:us-east-1,anotheraccesskeyid:anothersecretkey:us-west-2",
        "CHECK_KEYS=true",
    ]
    write(tmp_path, {".env": ending.join(lines)})
    config = load_config(None, {}, [tmp_path])
    assert (config.title, config.port, config.host) == ("My Tunnel", 7861, "127.0.0.1")
    assert (config.client_keys, config.claude.max_output_tokens) == (("hunter2",), 4096)
    assert [account.label for account in config.vertex.accounts] == [
        f"us-east5 · my-project ({EMAIL})",
        f"europe-west1 · example.com:p2 ({EMAIL})",
    ]
    assert [sentence.partition(":")[2] for sentence in config.told] == [" AWS_CREDENTIALS.", " CHECK_KEYS, NODE_ENV."]
    assert exposure(config, ["127.0.0.1"]) is None


def test_system_proxies_are_asked_for_only_where_there_are_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"https": "http://system:1"})
    for platform, expected in (
        ("darwin", {"https": "http://system:1"}),
        ("win32", {"https": "http://system:1"}),
        ("linux", {}),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert load_config(None, {}, []).network.proxies == expected


# --- the example file


def settings_of(text: str) -> list[str]:
    return re.findall(r"^ *#?([a-z_]+):", text, re.MULTILINE)


def test_example_as_it_is_and_with_all_settings_taken_in_equals_the_defaults(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    write(tmp_path, {"config.yaml": text})
    assert load_config(None, {}, [tmp_path]) == Config()
    opened = re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", text, flags=re.MULTILINE)
    assert opened != text
    write(tmp_path, {"config.yaml": opened})
    assert load_config(None, {}, [tmp_path]) == Config()


def test_example_holds_every_setting_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    sections = {name: getattr(config_file.Document(), name) for name in config_file.Document.__struct_fields__}
    wanted = []
    for name, section in sections.items():
        wanted += [name, *(info.encode_name for info in msgspec.structs.fields(section))]
    assert settings_of(text) == wanted
    for info_ in msgspec.structs.fields(config_file.Account):
        assert re.search(rf"^  #   {info_.encode_name} ", text, re.MULTILINE)
    for value in (
        Config().port,
        Config().prefix,
        Config().title,
        Config().log_level,
        Config().vertex.anthropic_version,
    ):
        assert f": {value}\n" in text
    for said in (Config().claude.first_user_text, Config().claude.continue_text):
        assert f'"{said}"' in text
    assert "\t" not in text and max(map(len, text.splitlines())) <= 120


# --- whatever is written, a ConfigError and no secret

SECTIONS: list[type[config_file.Section]] = [
    config_file.Document,
    config_file.Account,
    *config_file.SECTIONS.values(),
]
KNOWN = sorted({fact.encode_name for section in SECTIONS for fact in msgspec.structs.fields(section)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN) | SCALARS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = VALUES | st.dictionaries(st.sampled_from(sorted(config_file.SECTIONS)), VALUES, max_size=5)

NAMES = [
    *("GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "ANTHROPIC_VERTEX_PROJECT_ID", "ANTHROPIC_VERTEX_BASE_URL"),
    *("PORT", "BIND_ADDRESS", "GATEKEEPER", "PROXY_KEY", "PROXY_ENDPOINT_ROUTE", "LOG_LEVEL", "SERVER_TITLE"),
    *("MAX_OUTPUT_TOKENS_ANTHROPIC", "CLOUD_ML_REGION", "HTTPS_PROXY", "all_proxy", "no_proxy", "SSL_CERT_FILE"),
]
TEXTS = st.text(max_size=30) | st.sampled_from([entry(), json.dumps(info()), "proxy_key", "https://h/v1", "my-project"])


def test_arbitrary_settings_give_a_config_or_a_config_error() -> None:
    built = 0

    @settings(max_examples=500)
    @given(DOCUMENTS, st.dictionaries(st.sampled_from(NAMES), TEXTS), st.dictionaries(st.sampled_from(NAMES), TEXTS))
    def check(document: object, environment: dict[str, str], dotenv: dict[str, str]) -> None:
        nonlocal built
        try:
            assert isinstance(build(document, environment, dotenv), Config)
            built += 1
        except ConfigError as error:
            assert all(line.endswith((".", "?")) for line in str(error).splitlines())

    check()
    assert built  # else the test would only ever see refusals


CANARY = "Ca7nary"
SHAPES: list[Callable[[str], Any]] = [
    lambda secret: secret,
    lambda secret: f"{secret} {secret}",
    lambda secret: f"http://user:{secret}@host:port",
    lambda secret: f"ftp://user:{secret}@host",
    lambda secret: {"type": "service_account", "client_email": secret, "private_key": secret},
    lambda secret: json.dumps({"type": "service_account", "client_email": "x", "private_key": secret}),
    lambda secret: f"{{broken {secret}",
    lambda secret: f"-----BEGIN PRIVATE KEY-----\n{secret}",
    lambda secret: f"p:sa@x.example:{secret}:{secret}",
    lambda secret: f"{secret}:sa@x.example:eu:{secret},{secret}",
    lambda secret: [secret],
    lambda secret: [[secret]],
    lambda secret: [{f"{secret}:": secret}],
    lambda secret: {"a": secret},
    lambda secret: {f"{secret}/": 1},
    lambda secret: secret.encode(),
    lambda secret: secret * 100,
]
PLACES: list[Callable[[Any], object]] = [
    lambda value: {"server": {"client_keys": value}},
    lambda value: {"server": {"client_keys": ["k", value]}},
    lambda value: {"vertex": value},
    lambda value: {"vertex": {"accounts": value}},
    lambda value: {"vertex": {"accounts": [value]}},
    lambda value: {"vertex": {"accounts": [{"credentials": value}]}},
    lambda value: {"vertex": {"base_url": value}},
    lambda value: {"network": value},
    lambda value: {"network": {"proxy": value}},
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_of_a_document_is_told(shape: Callable[[str], Any], place: Callable[[Any], object]) -> None:
    with suppress(ConfigError):
        try:
            config = build(place(shape(CANARY)))
            assert CANARY not in repr(config.told)
        except ConfigError as error:
            assert CANARY not in str(error)
            raise


@pytest.mark.parametrize(
    "name", ["GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "PROXY_KEY", "HTTPS_PROXY", "ADMIN_KEY"]
)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if isinstance(shape(CANARY), str)])
def test_no_secret_of_a_name_is_told(shape: Callable[[str], Any], name: str, tmp_path: Path) -> None:
    write(tmp_path, {".env": f"{name}={shape(CANARY)}\nGATEKEEPER=proxy_key"})
    try:
        config = load_config(None, {"GATEKEEPER": "none", name: shape(CANARY)}, [tmp_path])
        assert CANARY not in repr(config.told)
    except ConfigError as error:
        assert CANARY not in str(error).replace(f"file {shape(CANARY)} can't", "")  # a path is told

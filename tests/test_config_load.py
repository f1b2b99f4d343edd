"""Tests for `load_config`: which files are read, how, and what is told of them; the example file among them."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest
import yaml

from oai_bridge.settings import config_schema
from oai_bridge.settings.config import load_config
from oai_bridge.settings.values import (
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    ConfigError,
    CredentialFile,
    GoogleAccount,
)
from oai_bridge.start.exposure import exposure
from tests.support.google_keys import EMAIL, entry, info

EXAMPLE = Path(__file__).parent.parent / "config.example.yaml"


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
    write(tmp_path, {"config.yaml": content, ".env": "\n# only a comment\n"})
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


@pytest.mark.parametrize(
    ("name", "right"),
    [(".env.txt", ".env"), ("env.txt", ".env"), ("config.yml", "config.yaml"), ("config.yaml.txt", "config.yaml")],
)
def test_a_file_under_a_wrong_name_is_told(tmp_path: Path, name: str, right: str) -> None:
    write(tmp_path, {name: "PORT: 81"})
    (told,) = load_config(None, {}, [tmp_path / "none", tmp_path]).told
    assert told.startswith(f"{name} in the folder {tmp_path.name} is not read: rename it to {right} ")
    write(tmp_path, {right: ""})
    assert load_config(None, {}, [tmp_path]).told == ()


def test_a_file_that_another_one_hides_is_told(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    for folder in (tmp_path, tmp_path / "one"):
        write(folder, {"config.yaml": "", ".env": ""})
    told = load_config(None, {}, [tmp_path / "one", tmp_path]).told
    assert [sentence.partition(",")[0] for sentence in told] == [
        f"{name} in the folder {tmp_path.name} is not read" for name in (".env", "config.yaml")
    ]
    assert str(tmp_path) not in " ".join(told) and "since that in one comes first" in told[0]
    assert load_config(None, {}, [tmp_path, tmp_path]).told == ()
    assert len(load_config(tmp_path / "config.yaml", {}, [tmp_path / "one", tmp_path]).told) == 1


def test_what_is_odd_in_dotenv_is_told(tmp_path: Path) -> None:
    write(tmp_path, {".env": "PORT=81\nset PORT=82\n"})
    config = load_config(None, {}, [tmp_path])
    assert config.port == 81 and len(config.told) == 1 and "line 2" in config.told[0]


def test_named_file_is_read_instead_and_must_be_there(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "server: {port: 1}", "other.yaml": "server: {port: 2}"})
    assert load_config(tmp_path / "other.yaml", {}, [tmp_path]).port == 2
    with pytest.raises(ConfigError, match=r"There is no file .*none\.yaml"):
        load_config(tmp_path / "none.yaml", {}, [tmp_path])


def test_what_can_t_even_be_looked_at_is_not_there(tmp_path: Path) -> None:
    too_long = Path("x" * 300)  # to the system as much an error as a folder that is somebody else's
    with pytest.raises(ConfigError, match="There is no file"):
        load_config(too_long, {}, [tmp_path])
    assert load_config(None, {}, [tmp_path / too_long, tmp_path]) == Config()


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
    login = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "canary"}
    write(tmp_path, {"login.json": json.dumps(login)})
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


def test_a_file_is_looked_into_for_each_region_and_complained_of_once(tmp_path: Path) -> None:
    account = "{regions: [us-east5, eu], credentials: key.json, models: [claude-*]}"
    write(tmp_path, {"config.yaml": f"vertex: {{accounts: [{account}]}}"})
    with pytest.raises(ConfigError, match=r"\AThe credential file .*key\.json can't be read .*\.\Z"):
        load_config(None, {}, [tmp_path])
    write(tmp_path, {"key.json": json.dumps(info())})
    source = CredentialFile(str(tmp_path / "key.json"))
    assert load_config(None, {}, [tmp_path]).vertex.accounts == (
        GoogleAccount("my-project", "us-east5", source, ("claude-*",), 0),
        GoogleAccount("my-project", "eu", source, ("claude-*",), 1),
    )


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
        "AZURE_CREDENTIALS=contoso-ml:gpt4-8k:k3y,contoso-ml:gpt4-32k:k3y",
        "MAX_OUTPUT_TOKENS_OPENAI=300",
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
    endpoint, names = "https://contoso-ml.openai.azure.com", {"gpt4-8k": "gpt4-8k", "gpt4-32k": "gpt4-32k"}
    assert config.azure.accounts == (AzureAccount(endpoint, AzureKey("k3y"), names),)
    assert (config.openai.max_output_tokens, config.bedrock) == (300, Bedrock())
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


def part(text: str, section: str) -> str:
    """That section with its comments."""
    parts = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)
    return next(piece for piece in parts if piece.startswith(f"{section}:"))


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


def test_example_tells_the_defaults_of_the_traffic() -> None:
    opened = re.sub(r"^( *)#(?=[a-z_]+:)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    document = yaml.safe_load(opened)
    config = Config()
    assert document["failover"] == asdict(config.failover)
    assert document["queue"] == asdict(config.queue)
    assert document["limits"] == {**asdict(config.limits), "requests_per_minute": 0}  # which means the default, none
    assert document["timeouts"] == asdict(config.timeouts)


def test_example_holds_every_setting_with_its_default() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    sections = {name: getattr(config_schema.Document(), name) for name in config_schema.Document.__struct_fields__}
    wanted = []
    for name, section in sections.items():
        wanted += [name, *(info.encode_name for info in msgspec.structs.fields(section))]
    assert settings_of(text) == wanted
    levels = {place: kind for place, kind in config_schema.LEVELS.items() if place.endswith("[n]")}
    explained = re.findall(r"^  #   ([a-z_]+)  ", text, re.MULTILINE)
    assert explained == [name for kind in levels.values() for name in config_schema.setting_names(kind)]
    for value in (
        Config().port,
        Config().prefix,
        Config().title,
        Config().log_level,
        Config().vertex.anthropic_version,
        Config().bedrock.anthropic_version,
        Config().bedrock.api,
        Config().bedrock.profiles,
        Config().foundry.anthropic_version,
    ):
        assert f": {value}\n" in text
    for said in (Config().claude.first_user_text, Config().claude.continue_text):
        assert f'"{said}"' in text
    assert "\t" not in text and max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("section", "names"),
    [
        (
            "bedrock",
            {
                *("AWS_CREDENTIALS", "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"),
                *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
                "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
            },
        ),
        ("azure", {"AZURE_CREDENTIALS", "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION"}),
        ("foundry", {f"ANTHROPIC_FOUNDRY_{name}" for name in ("RESOURCE", "BASE_URL", "API_KEY")}),
        ("openai", {"MAX_OUTPUT_TOKENS_OPENAI"}),
        ("limits", {"TEXT_MODEL_RATE_LIMIT"}),
    ],
)
def test_example_names_the_names_of_the_other_clouds_that_are_read(section: str, names: set[str]) -> None:
    assert set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", part(EXAMPLE.read_text(encoding="utf-8"), section))) == names
    package = Path(config_schema.__file__).parent
    code = "".join(file.read_text(encoding="utf-8") for file in package.glob("*.py"))
    assert all(f'"{name}"' in code for name in names)


@pytest.mark.parametrize("section", ["vertex", "bedrock", "azure", "foundry"])
def test_example_accounts_may_be_copied(tmp_path: Path, section: str) -> None:
    (example,) = re.findall(r"For example: (\[.*\])$", part(EXAMPLE.read_text(encoding="utf-8"), section), re.MULTILINE)
    write(tmp_path, {"config.yaml": f"{section}: {{accounts: {example.replace('...', 'k3y')}}}"})
    write(tmp_path, {"key.json": json.dumps(info())})
    (account,) = getattr(load_config(None, {}, [tmp_path]), section).accounts
    assert account.label

"""google_sources.py: every form in which people have a Google credential, and what is told about broken ones."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.settings.google_sources import (
    account_from,
    account_from_file,
    accounts_in_string,
    private_key,
    project_named,
    region_named,
    source_from,
)
from oai_bridge.settings.values import AmbientLogin, ConfigError, CredentialFile, GoogleAccount, ServiceAccount
from tests.support.google_keys import EMAIL, ec_pem, encrypted_pem, entry, info, rsa_pem, rsa_pem_pkcs1

PEM = rsa_pem()
BODY = "".join(PEM.splitlines()[1:-1])


def read(value: str) -> list[GoogleAccount]:
    problems: list[str] = []
    accounts, placeholders = accounts_in_string("GCP_CREDENTIALS", value, problems)
    assert (problems, placeholders) == ([], 0)
    return accounts


def complaints(value: str) -> list[str]:
    problems: list[str] = []
    accounts_in_string("GCP_CREDENTIALS", value, problems)
    assert not any(piece in sentence for sentence in problems for piece in (BODY[:20], BODY[40:60], BODY[-20:]))
    return problems


@pytest.mark.parametrize(
    "key",
    [
        PEM,
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", "\\\\n"),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", "\\r\\n"),
        PEM.replace("\n", ""),
        PEM.replace("\n", " "),
        f'"{PEM}"',
        f"  '{PEM.strip()}' ",
        f"\u201c{PEM}\u201d",
        BODY,
        rsa_pem_pkcs1(),
    ],
)
def test_private_key_is_read_in_every_form(key: str) -> None:
    assert private_key("x", key) == PEM


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "cut off"),
        ("-----BEGIN PRIVATE KEY-----", "cut off"),
        (PEM[:400], "cut off"),
        (PEM[:400].replace("\n", "\\n"), "cut off"),
        (PEM.replace("-----END PRIVATE KEY-----", ""), "cut off"),
        (PEM.replace("\n", "n"), "backslashes"),
        (PEM.replace(BODY[100:104], "****"), "damaged"),
        (f"-----BEGIN PRIVATE KEY-----\n{BODY[:800]}\n-----END PRIVATE KEY-----", "damaged or cut off"),
        ("-----BEGIN PRIVATE KEY-----\nnot a key\n-----END PRIVATE KEY-----", "damaged"),
        (encrypted_pem(), "encrypted"),
        (ec_pem(), "not an RSA key"),
        ("\u4f60\u597d", "damaged"),
    ],
)
def test_broken_private_key_is_told_in_one_sentence_without_it(key: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        private_key("GCP_CREDENTIALS", key)
    message = str(caught.value)
    assert reason in message and "GCP_CREDENTIALS" in message and "\n" not in message and message.endswith(".")
    assert BODY[:20] not in message and BODY[40:60] not in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (entry(), [("my-project", "us-east5")]),
        (f"{entry()},{entry('other', region='global')}", [("my-project", "us-east5"), ("other", "global")]),
        (f" {entry()} ,\n{entry('other')}, ", [("my-project", "us-east5"), ("other", "us-east5")]),
        (f'"{entry()}"', [("my-project", "us-east5")]),
        (f'"{entry()},{entry("b2")}"', [("my-project", "us-east5"), ("b2", "us-east5")]),
        (f"'{entry()}','{entry('b2')}'", [("my-project", "us-east5"), ("b2", "us-east5")]),
        (f'my-project:{EMAIL}:eu:"{PEM}"', [("my-project", "eu")]),
        (f"my-project:{EMAIL}:us:{PEM}", [("my-project", "us")]),
        (f"my-project : {EMAIL} : us-east5 : {PEM}", [("my-project", "us-east5")]),
        (entry("example.com:my-project"), [("example.com:my-project", "us-east5")]),
        (entry("123456789012", region="europe-west1"), [("123456789012", "europe-west1")]),
    ],
)
def test_tutorial_string(value: str, expected: list[tuple[str, str]]) -> None:
    accounts = read(value)
    assert [(account.project, account.region) for account in accounts] == expected
    for account in accounts:
        assert isinstance(account.source, ServiceAccount)
        assert account.source.info["private_key"] == PEM
        assert account.source.info["client_email"] == EMAIL
        assert account.source.info["token_uri"] == "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (entry(region="us-east"), ["entry 1 of 1", "region"]),
        (entry(region="us-east5\\"), ["entry 1 of 1", "region"]),
        (entry(project="My Project"), ["entry 1 of 1", "project id"]),
        (entry(project="../x"), ["entry 1 of 1", "project id"]),
        (entry(project=""), ["entry 1 of 1", "project id"]),
        (f"{EMAIL}:us-east5:{BODY}", ["entry 1 of 1", "form"]),
        (f"my-project:us-east5:{BODY}", ["entry 1 of 1", "form"]),
        (f"my-project:{EMAIL}:{BODY}", ["entry 1 of 1", "form"]),
        (f"my-project:{EMAIL}:us-east5:", ["entry 1 of 1", "cut off"]),
        (json.dumps(info()), ["JSON", "GOOGLE_APPLICATION_CREDENTIALS"]),
        (BODY, ["entry 1 of 1", "form"]),
    ],
)
def test_broken_entry_is_told_without_its_text(value: str, words: list[str]) -> None:
    (sentence,) = complaints(value)
    assert all(word in sentence for word in [*words, "GCP_CREDENTIALS"])


def test_each_broken_entry_is_told_by_number_and_good_ones_stand() -> None:
    problems: list[str] = []
    value = ",".join([entry(region="nowhere"), entry(), "rubbish"])
    accounts, _ = accounts_in_string("GCP_CREDENTIALS", value, problems)
    assert len(accounts) == 1
    assert ["entry 1 of 3" in problems[0], "entry 3 of 3" in problems[1], len(problems)] == [True, True, 2]


@pytest.mark.parametrize(
    "value",
    [
        "project-id:my-sa@...:us-east5:-----BEGIN PRIVATE KEY-----xxx...",
        "my-first-project:xxx@yyy.com:us-east5:-----BEGIN PRIVATE KEY-----xxx-----END PRIVATE KEY-----",
        "my-first-project:xxx@yyy.com:us-east5:-----BEGIN PRIVATE KEY-----\\nxxxxxxxx\\n-----END PRIVATE KEY-----\\n",
        "<project>:<email>:<region>:<private key>",
        "project:email:region:your-private-key",
    ],
)
def test_placeholders_are_no_accounts_and_no_errors(value: str) -> None:
    problems: list[str] = []
    assert accounts_in_string("GCP_CREDENTIALS", value, problems) == ([], 1)
    assert problems == []


TEXT = json.dumps(info())


@pytest.mark.parametrize(
    "given",
    [
        info(),
        TEXT,
        json.dumps(info(), indent=2),
        f"'{TEXT}'",
        TEXT.replace("\\n", "\\\\n"),
        TEXT.replace("\\n", "\n"),
        json.dumps(info(), indent=2).replace("\n", "\\n"),
        TEXT.replace('"', '\\"'),
        base64.b64encode(TEXT.encode()).decode(),
        base64.urlsafe_b64encode(TEXT.encode()).decode().rstrip("="),
        base64.encodebytes(TEXT.encode()).decode(),
        base64.b64encode(b"\xef\xbb\xbf" + json.dumps(info(), indent=1).encode()).decode(),
    ],
)
def test_inline_json_in_every_form(given: Any) -> None:
    source = source_from("x", given, None)
    assert isinstance(source, ServiceAccount)
    assert dict(source.info) == info()


@pytest.mark.parametrize(
    ("given", "folder", "path"),
    [
        ("key.json", None, "key.json"),
        ("key.json", Path("conf"), str(Path("conf") / "key.json")),
        ("/abs/key.json", Path("conf"), "/abs/key.json"),
        ("  'key.json' ", None, "key.json"),
        ("keys/sa", None, "keys/sa"),  # base64's letters, but no JSON inside
    ],
)
def test_paths(given: str, folder: Path | None, path: str) -> None:
    assert source_from("x", given, folder) == CredentialFile(path)


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    source = source_from("x", "~/key.json", Path("conf"))
    assert isinstance(source, CredentialFile)
    assert Path(source.path) == Path("/home/me/key.json")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "neither a path nor"),
        (PEM, "neither a path nor"),
        ("a\0b", "neither a path nor"),
        ("{not json", "not valid JSON"),
        ('{"type": "service_account"', "not valid JSON"),
        ("{" * 100_000, "not valid JSON"),
        (json.dumps(info(type="authorized_user")), "file"),
        (json.dumps(info(client_email=None)), "client_email"),
        (json.dumps(info(private_key=None)), "private_key"),
        (json.dumps(info(private_key=3)), "private_key"),
        (json.dumps(info(project_id=3)), "project_id"),
        (json.dumps(info(token_uri="ftp://x")), "token_uri"),
        (json.dumps(info(token_uri="http://tokens.example/token")), "with https unless it is this machine's"),
        (json.dumps(info(token_uri=[1])), "token_uri"),
        ({1: 2}, "service account"),
        ("AIzaSy" + "7Xq2mZv9L" * 3, "is an API key"),
        ("'AQ.Ab8" + "7Xq2mZv9L" * 3 + "'", "is an API key"),
    ],
)
def test_broken_credentials_are_told(given: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source_from("vertex.accounts[0].credentials", given, None)
    message = str(caught.value)
    assert words in message and "vertex.accounts[0].credentials" in message and BODY[:20] not in message


def test_own_token_uri_is_kept_and_a_missing_one_is_googles() -> None:
    own = source_from("x", info(token_uri="http://127.0.0.1:1/token"), None)
    none = source_from("x", info(token_uri=None), None)
    assert isinstance(own, ServiceAccount) and own.info["token_uri"] == "http://127.0.0.1:1/token"
    assert isinstance(none, ServiceAccount) and none.info["token_uri"] == "https://oauth2.googleapis.com/token"


KEY = ServiceAccount(info())
LOGIN = {"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}


@pytest.mark.parametrize(
    ("source", "project", "fallback", "expected"),
    [
        (KEY, None, None, "my-project"),
        (KEY, None, "fallback", "my-project"),
        (KEY, "explicit", "fallback", "explicit"),
        (ServiceAccount(info(project_id=None)), None, "fallback", "fallback"),
        (AmbientLogin(), None, "fallback", "fallback"),
        (AmbientLogin(), None, None, None),
        (CredentialFile("k.json"), None, "fallback", None),  # the file may know better: see account_from_file
    ],
)
def test_whose_project_counts(source: Any, project: str | None, fallback: str | None, expected: str | None) -> None:
    assert account_from("x", source, project, "global", fallback).project == expected


def test_key_without_any_project_is_refused() -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_VERTEX_PROJECT_ID"):
        account_from("x", ServiceAccount(info(project_id=None)), None, "global", None)


@pytest.mark.parametrize(
    ("data", "project", "fallback", "expected"),
    [
        (info(), None, "fallback", "my-project"),
        (info(), "explicit", "fallback", "explicit"),
        ({**LOGIN, "quota_project_id": "billed"}, None, None, "billed"),
        ({**LOGIN, "quota_project_id": "billed"}, None, "fallback", "fallback"),
        ({"type": "external_account"}, None, None, None),
    ],
)
def test_project_of_a_file(
    tmp_path: Path, data: dict[str, Any], project: str | None, fallback: str | None, expected: str | None
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(data), encoding="utf-8-sig")
    source = CredentialFile(str(file))
    account = account_from_file(GoogleAccount(project, "us-east5", source), source, fallback)
    assert account == GoogleAccount(expected, "us-east5", source)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "type"),
        (b'{"installed": {"client_secret": "canary"}}', "type"),
        (b'{"type": "authorized_user", "refresh_token": "canary"}', "lacks client_id and client_secret"),
        (
            b'{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "canary"}',
            "no project",
        ),
        (b'{"type": "canary", "project_id": "my-project"}', '"type" that is unknown'),
        (json.dumps(info(private_key=PEM[:300])).encode(), "cut off"),
        (json.dumps(info(project_id="My Project")).encode(), "project id"),
        (json.dumps({"type": "external_account", "project_id": 3.5}).encode(), "project id"),
    ],
)
def test_broken_file_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "key.json"
    file.write_bytes(content)
    source = CredentialFile(str(file))
    with pytest.raises(ConfigError) as caught:
        account_from_file(GoogleAccount(None, "global", source), source, None)
    message = str(caught.value)
    assert words in message and str(file) in message and "canary" not in message and BODY[:20] not in message


def test_missing_file_is_told(tmp_path: Path) -> None:
    source = CredentialFile(str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match=r"none\.json can't be read \(No such file"):
        account_from_file(GoogleAccount(None, "global", source), source, None)


@pytest.mark.parametrize(
    ("there", "meant"), [("none.json.json", True), ("none.json.txt", True), ("nome.json", True), ("other.json", False)]
)
def test_a_file_of_nearly_the_same_name_is_told(tmp_path: Path, there: str, meant: bool) -> None:
    (tmp_path / there).touch()
    source = CredentialFile(str(tmp_path / "none.json"))
    with pytest.raises(ConfigError) as caught:
        account_from_file(GoogleAccount(None, "global", source), source, None)
    assert (f"did you mean {tmp_path / there}?" in str(caught.value)) == meant
    assert ("correct the path" in str(caught.value)) != meant


@pytest.mark.parametrize("text", ["us-east5", "europe-west1", "northamerica-northeast1", "global", "us", "eu"])
def test_regions(text: str) -> None:
    assert region_named("x", text) == text


@pytest.mark.parametrize("text", ["", "us-east", "us-east5\n", "US-EAST5", "us-central1-a", "asia", "x/y-z1", "a.b-c1"])
def test_what_is_no_region(text: str) -> None:
    with pytest.raises(ConfigError, match="x is not a region"):
        region_named("x", text)


@pytest.mark.parametrize("text", ["my-project", "p1", "123456", "example.com:my-project", "a.b-c.de:p-1"])
def test_projects(text: str) -> None:
    assert project_named("x", text) == text


@pytest.mark.parametrize(
    "text", ["", "My", "a b", "a/b", "..", "a.b", "com:p", "a..b:p", "p\n", "-p", ":p", "p?x", "p%2e"]
)
def test_what_is_no_project(text: str) -> None:
    with pytest.raises(ConfigError, match="x is not a Google Cloud project id"):
        project_named("x", text)


def test_no_secret_in_repr_and_label() -> None:
    (account,) = read(entry())
    assert account.label == f"us-east5 · my-project ({EMAIL})"
    for text in (repr(account), str(account), account.label):
        assert BODY[:20] not in text and "private_key" not in text

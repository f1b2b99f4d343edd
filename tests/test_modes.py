"""Files with secrets: which are looked at, and what their modes tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from oai_bridge.doctor.modes import SecretFile, files_of, holds_secret, look, secrets_in
from oai_bridge.settings.values import (
    AmbientLogin,
    AwsAccount,
    AwsLogin,
    Bedrock,
    Config,
    CredentialFile,
    GoogleAccount,
    Vertex,
)


@pytest.mark.parametrize(
    "text",
    [
        "GCP_CREDENTIALS=a:b@c:us:key",
        "PROXY_KEY=abc",
        "export AWS_SECRET_ACCESS_KEY=x",
        "AWS_BEARER_TOKEN_BEDROCK='x'",
        "server:\n  client_keys: [a]\n",
        "azure: {accounts: [{endpoint: e, api_key: k}]}",
        'vertex: {accounts: [{credentials: {"private_key": "x"}}]}',
        "network: {proxy: 'http://me:secret@proxy:80'}",
    ],
)
def test_a_text_with_a_secret_is_known(text: str) -> None:
    assert holds_secret(text)
    assert holds_secret(text.encode("utf-16").decode("utf-8", "replace"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PORT=7860",
        "# PROXY_KEY=abc",
        "server:\n  # client_keys: [a]\n",
        "claude: {max_output_tokens: 5}",
        "vertex: {accounts: [{credentials: key.json}]}",
        "GOOGLE_APPLICATION_CREDENTIALS=key.json",
        "GATEKEEPER=proxy_key",
        "network: {proxy: 'http://proxy:80'}",
    ],
)
def test_a_text_without_one_may_be_read_by_all(text: str) -> None:
    assert not holds_secret(text)


@pytest.mark.parametrize(
    ("mode", "state", "words"),
    [(0o600, "ok", "Only you"), (0o640, "warning", "your group"), (0o644, "warning", "everybody")],
)
def test_the_mode_tells_who_can_read_it(tmp_path: Path, mode: int, state: str, words: str) -> None:
    file = tmp_path / "my settings.yaml"
    file.write_text("server: {client_keys: [a]}")
    file.chmod(mode)
    (found,) = look([SecretFile(file)], posix=True)
    assert found.state == state
    assert words in found.message
    assert (found.remedy == f"Run `chmod 600 '{file}'`.") == (state == "warning")


def test_nothing_is_said_of_files_that_hold_nothing_or_are_not_there_or_elsewhere(tmp_path: Path) -> None:
    plain, gone = tmp_path / "config.yaml", tmp_path / "gone"
    plain.write_text("server: {port: 80}")
    assert list(look([SecretFile(plain), SecretFile(gone, always=True)], posix=True)) == []
    assert list(look([SecretFile(plain, always=True)], posix=False)) == []


def test_the_files_of_all_logins_are_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws"))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    key = GoogleAccount("p", "global", CredentialFile(str(tmp_path / "key.json")))
    ambient = GoogleAccount("p", "global", AmbientLogin())
    bedrock = Bedrock(accounts=(AwsAccount("us-east-1", AwsLogin()),))
    config = Config(vertex=Vertex(accounts=(key, ambient)), bedrock=bedrock)
    found = files_of(config, [tmp_path / ".env"])
    assert [file.path.name for file in found] == [".env", "key.json", "application_default_credentials.json", "aws"]
    assert [file.always for file in found] == [False, True, True, True]
    monkeypatch.undo()
    monkeypatch.setattr(Path, "home", lambda: 1 / 0)  # as for a user whom the system doesn't know
    assert len(files_of(config, [])) == 3


def test_a_credential_file_s_secrets_are_known(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text('{"refresh_token": "1", "client_secret": "2", "client_id": "3", "private_key": 4}')
    assert secrets_in(str(file)) == ["1", "2"]
    file.write_text("[")
    assert secrets_in(str(file)) == []

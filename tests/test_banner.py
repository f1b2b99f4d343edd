"""banner.py: the lines that a user copies from are right for the system and the settings."""

from __future__ import annotations

import json
import shlex

from oai_bridge.directory import Directory
from oai_bridge.models.catalog import Catalog
from oai_bridge.settings.values import (
    AmbientLogin,
    AwsAccount,
    AwsKeys,
    Azure,
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    GoogleAccount,
    Vertex,
)
from oai_bridge.start.banner import banner as lines_of
from tests.support.clients import unnamed

KEY = "a-client-key-that-must-not-be-shown"
PAID = Vertex(accounts=(GoogleAccount("my-project", "us-east5", AmbientLogin()),))


def banner(config: Config, address: str, model: str, mitmweb: str, windows: bool) -> str:
    return lines_of(config, Directory(config, Catalog()).doors, address, model, mitmweb, windows=windows)


def curl_line(config: Config, windows: bool = False) -> str:
    lines = banner(config, "http://127.0.0.1:7860", "claude-x", "", windows).splitlines()
    return next(line.partition("Try it:")[2].strip() for line in lines if "Try it:" in line)


def test_the_curl_line_is_what_a_shell_takes() -> None:
    words = shlex.split(curl_line(Config()))
    assert words[:4] == [
        "curl",
        "http://127.0.0.1:7860/proxy/gcp/claude/chat/completions",
        "-H",
        "Content-Type: application/json",
    ]
    assert json.loads(words[-1])["model"] == "claude-x"


def test_the_curl_line_for_windows_has_no_single_quotes() -> None:
    line = curl_line(Config(), windows=True)
    assert "'" not in line
    assert '-d "{\\"model\\": \\"claude-x\\"' in line


def test_a_key_is_asked_for_but_never_shown() -> None:
    text = banner(Config(clients=unnamed(KEY)), "http://127.0.0.1:7860", "claude-x", "", False)
    assert "YOUR_PROXY_KEY" in text
    assert "  Status page:  http://127.0.0.1:7860/\n" in text
    assert KEY not in text


def test_each_kind_of_client_has_its_base_url() -> None:
    lines = banner(Config(prefix="/p"), "http://a:1", "m", "", False).splitlines()
    urls = {
        line.partition(",")[0].split(" (")[0].strip(): line.rpartition("  ")[2] for line in lines if "base URL" in line
    }
    assert urls == {
        "SillyTavern": "http://a:1/p/gcp/claude",
        "OpenAI SDKs": "http://a:1/p/gcp/claude/v1",
        "Anthropic SDKs": "http://a:1/p/gcp/claude",
    }


def test_who_pays_is_told() -> None:
    assert "DEMO" in banner(Config(), "http://a", "m", "", False)
    text = banner(Config(vertex=PAID, told=("Something was ignored.",)), "http://a", "m", "http://web/?token=1", False)
    assert "DEMO" not in text
    for part in ("us-east5 · my-project", "Note: Something was ignored.", "http://web/?token=1"):
        assert part in text


def test_each_cloud_has_its_own_line() -> None:
    aws = AwsAccount("us-east-1", AwsKeys("AKIDEXAMPLE", "s3cret"))
    azure = AzureAccount("https://mine.openai.azure.com", AzureKey("s3cret"))
    config = Config(vertex=PAID, bedrock=Bedrock(accounts=(aws,)), azure=Azure(accounts=(azure,)))
    text = banner(config, "http://a:1", "m", "", False)
    assert "AWS Bedrock, base URL:  http://a:1/proxy/aws/claude" in text
    assert "Azure OpenAI, base URL:  http://a:1/proxy/azure/openai" in text
    assert "paid by  us-east-1 · key AKID…MPLE" in text
    assert "paid by  mine.openai.azure.com (API key)" in text
    assert "s3cret" not in text


def test_without_google_the_first_cloud_is_shown_to_everybody() -> None:
    azure = AzureAccount("https://mine.openai.azure.com", AzureKey("s3cret"))
    lines = banner(Config(azure=Azure(accounts=(azure,))), "http://a:1", "m", "", False)
    assert "base URL:  http://a:1/proxy/azure/openai/v1" in lines
    assert "gcp" not in lines and "Anthropic" not in lines

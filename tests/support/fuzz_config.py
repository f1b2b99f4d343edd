"""Fuzz targets for settings: whatever is written, there comes a `Config` or a `ConfigError`, and no secret is told.

Secrets are long in the inputs here, as real ones are: what is short and plain may be shown where it can't be one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml
from oai_bridge.settings.values.dotenv import oddities, parse_dotenv

from oai_bridge.plain.jsontext import read_any
from oai_bridge.settings.config import build_config
from oai_bridge.settings.config_file import parse_yaml
from oai_bridge.settings.values import Config, ConfigError
from tests.support.fuzz_targets import TRANSLATOR, Target
from tests.support.google_keys import EMAIL

CANARY = "Ca7nary"
SECRET = "-".join([CANARY] * 8)
"""Long, and known by any piece of it that is long enough to be one."""
LEAK = "-".join([CANARY] * 3)
EXAMPLE = Path(__file__).parent.parent.parent / "config.example.yaml"


def check(document: object, environment: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
    try:
        config = build_config(document, environment, dotenv)
    except ConfigError as error:
        told = str(error)
        assert told and all(line.endswith((".", "?")) for line in told.splitlines()), told
    else:
        assert isinstance(config, Config)
        told = repr(config.told)
    assert LEAK not in told, told


def check_yaml(data: bytes) -> None:
    """config.yaml as text."""
    try:
        document = parse_yaml(data.decode("utf-8", "replace"), "config.yaml")
    except ConfigError as error:
        assert str(error).endswith(".") and LEAK not in str(error), error
    else:
        check(document, {}, {})


def check_values(data: bytes) -> None:
    """config.yaml as values: what a YAML of them would be."""
    try:
        document = read_any(data)
    except (ValueError, RecursionError):
        return
    check(document, {}, {})


def check_dotenv(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    check(None, {}, parse_dotenv(text))
    assert LEAK not in " ".join(oddities(text))


def check_names(data: bytes) -> None:
    """Names in the environment, as a JSON object, whose values are credentials or anything else."""
    try:
        given = read_any(data)
    except (ValueError, RecursionError):
        return
    if isinstance(given, dict):
        texts = {name: value for name, value in given.items() if isinstance(value, str)}
        check(None, texts, {})
        check(None, {}, texts)


ACCOUNT = {"type": "service_account", "client_email": EMAIL, "project_id": "p", "private_key": SECRET}
AWS = f"AKIDEXAMPLE:{SECRET}:us-east-1,ASIAEXAMPLE:{SECRET}:eu-west-1:{SECRET}"
AZURE = f"one:gpt-4o:{SECRET},two:gpt-5:{SECRET}"
GOOGLE = f"my-project:{EMAIL}:us-east5:-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----\\n"

DOCUMENTS: Sequence[dict[str, object]] = (
    {"server": {"port": 7860, "host": "127.0.0.1", "prefix": "/proxy", "title": "t", "log_level": "info"}},
    {"server": {"client_keys": [SECRET, {"name": "a", "key": SECRET, "models": ["claude-*"], "usd_per_day": 5}]}},
    {"server": {"client_keys": [SECRET], "allowed_hosts": ["h"], "allowed_origins": ["https://a.example"]}},
    {"server": {"trusted_proxies": ["172.16.0.0/12"], "max_body_mb": 32, "strict": False, "log_format": "json"}},
    {"vertex": {"accounts": [{"project": "p", "region": "us-east5", "credentials": "adc"}]}},
    {"vertex": {"accounts": [{"regions": ["us-east5", "global"], "credentials": ACCOUNT, "models": ["claude-*"]}]}},
    {"bedrock": {"accounts": [{"region": "us-east-1", "access_key_id": "AKIA", "secret_access_key": SECRET}]}},
    {"bedrock": {"accounts": [{"region": "us-east-1", "api_key": SECRET}], "guardrail": {"id": "ab12", "version": 1}}},
    {"bedrock": {"accounts": [{"profile": "dev"}], "api": "converse", "profiles": "geo", "service_tier": "flex"}},
    {"azure": {"accounts": [{"resource": "one", "api_key": SECRET, "deployments": {"gpt-4o": "mine"}}]}},
    {"azure": {"accounts": [{"endpoint": "https://one.openai.azure.com", "api_version": "2024-10-21"}]}},
    {"foundry": {"accounts": [{"resource": "one", "api_key": SECRET}], "deployments": {"claude-sonnet-4-5": "mine"}}},
    {"network": {"proxy": f"http://user:{SECRET}@proxy.example:3128", "no_proxy": "a,b", "ca_file": "ca.pem"}},
    {"models": {"list": ["claude-*"], "aliases": {"gpt-4": "claude-sonnet-4-5"}, "fallbacks": {"a": ["b"]}}},
    {"claude": {"default_max_tokens": 8192, "cache": "auto", "names": True}, "spending": {"usd_per_day": 10}},
)
DOTENVS = (
    f"PORT=7860\nPROXY_KEY={SECRET}\nGATEKEEPER=proxy_key\nSERVER_TITLE='a b' # c\n",
    f'GCP_CREDENTIALS="{GOOGLE}"\nANTHROPIC_VERTEX_PROJECT_ID=p\nCLOUD_ML_REGION=us-east5\n',
    f"export AWS_CREDENTIALS={AWS}\nAWS_REGION=us-east-1\n",
    f"AZURE_CREDENTIALS={AZURE}\nAZURE_OPENAI_ENDPOINT=https://one.openai.azure.com\nOPENAI_API_VERSION=2024-10-21\n",
    f"AWS_BEARER_TOKEN_BEDROCK={SECRET}\nAWS_DEFAULT_REGION: us-east-1\nHTTPS_PROXY=http://u:{SECRET}@h:1\n",
    f"GOOGLE_APPLICATION_CREDENTIALS='{json.dumps(ACCOUNT)}'\nOPENAI_KEY={SECRET}\n",
    f"ANTHROPIC_FOUNDRY_RESOURCE=one\nANTHROPIC_FOUNDRY_API_KEY=`{SECRET}`\nMAX_OUTPUT_TOKENS_ANTHROPIC=100\n",
)


@cache
def _yamls() -> list[bytes]:
    documents = [yaml.safe_dump(document).encode() for document in DOCUMENTS]
    sections = [f"{part}\n".encode() for part in EXAMPLE.read_text("utf-8").split("\n\n")]
    flow = [yaml.safe_dump(document, default_flow_style=True, width=10**6).encode() for document in DOCUMENTS[:6]]
    return [*documents, *flow, *sections]


TARGETS = (
    Target("config_yaml", "text", _yamls, check_yaml, TRANSLATOR),
    Target("config_values", "json", lambda: [json.dumps(one).encode() for one in DOCUMENTS], check_values, TRANSLATOR),
    Target("config_dotenv", "text", lambda: [text.encode() for text in DOTENVS], check_dotenv, TRANSLATOR),
    Target(
        "config_names",
        "json",
        lambda: [json.dumps(parse_dotenv(text)).encode() for text in DOTENVS],
        check_names,
        TRANSLATOR,
    ),
)

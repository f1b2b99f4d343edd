"""A fake Bedrock, `bedrock-runtime` or `bedrock-mantle`: it checks signatures and requests as AWS does and answers as
scripted.

Claude's answers, recorded or made, go out by every door in its own words and frames.
"""

from __future__ import annotations

import base64
import re
import secrets
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support import bedrock_models, claude_rules, converse_rules, embedding_rules, openai_models, openai_rules
from tests.support.aws_keys import SIGNED_HEADERS, Keyring
from tests.support.aws_signatures import Refused, Signed
from tests.support.bedrock_doors import Converse, Invoke
from tests.support.bedrock_models import Found
from tests.support.behaviours import Asked, Behaviour, Reply, replay
from tests.support.claude_answers import digest, tokens
from tests.support.claude_clouds import BEDROCK, BEDROCK_MESSAGES
from tests.support.claude_models import Model
from tests.support.claude_shapes import word
from tests.support.cloud_errors import anthropic_error, aws_error, openai_error
from tests.support.converse_claude import as_claude as claude_of_converse
from tests.support.fake_cloud import USUAL_HEADERS, FakeCloud, Received, header_faults, run
from tests.support.openai_claude import as_claude as claude_of_openai
from tests.support.openai_doors import OpenAI
from tests.support.scripted_claude import agent

ACCOUNT = "123456789012"
INVOKE_HEADERS = {
    *("x-amzn-bedrock-accept", "x-amzn-bedrock-guardrailidentifier", "x-amzn-bedrock-guardrailversion"),
    *("x-amzn-bedrock-trace", "x-amzn-bedrock-service-tier", "x-amzn-bedrock-performanceconfig-latency"),
    "x-amzn-bedrock-request-metadata",
}
MESSAGES_HEADERS = {"anthropic-version", "anthropic-beta"}
MODEL_PATH = re.compile(
    r"/model/(?P<id>[^/?]+)/(?P<how>invoke|invoke-with-response-stream|converse|converse-stream|count-tokens)"
)
MESSAGES, COUNT, CHAT = "/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens", "/openai/v1/chat/completions"
PROFILE_ARN = re.compile(r"arn:aws(?:-us-gov)?:bedrock:(?P<region>[a-z0-9-]+):\d{12}:inference-profile/(?P<id>.+)")
UNKNOWN = "The provided model identifier is invalid."
TIERS = ("default", "priority", "flex", "reserved")


class FakeBedrock(FakeCloud):
    """AWS's keys, and models that take them.

    Public, besides what every fake cloud has: `converse_default`, `openai_default` (`default` is for Claude's own
    doors), `keys`, `clock_skew`, `denied`, `profiles`, `regions`.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        mantle: bool = False,
        anthropic_version: str = str(BEDROCK.version),
        anthropic_header: str = "2023-06-01",
        strict_headers: bool = True,
        tls: bool = False,
    ) -> None:
        super().__init__(replay(), strict_headers=strict_headers, tls=tls)
        self.region = region
        self.regions = {region}
        self.mantle = mantle
        self.anthropic_version = anthropic_version
        self.anthropic_header = anthropic_header
        """The `anthropic-version` of the doors that speak Anthropic's own API."""
        self.converse_default: Behaviour = agent(eager=True)
        self.openai_default: Behaviour = agent(eager=True)
        self.clock_skew = 0.0
        """By how many seconds this server's clock is fast."""
        self.denied: set[str] = set()
        """Ids of models that the account has no access to."""
        self.profiles: dict[str, str] = {}
        """ARNs of application inference profiles, and the ids that they stand for."""
        self.keys = Keyring(region, "bedrock-mantle" if mantle else "bedrock")

    # What a test is given

    def profile(self, model_id: str) -> str:
        """The ARN of a new application inference profile for this model."""
        arn = f"arn:aws:bedrock:{self.region}:{ACCOUNT}:application-inference-profile/{secrets.token_hex(6)}"
        self.profiles[arn] = model_id
        return arn

    def environment(self) -> dict[str, str]:
        """The variables that point a program here, with an access key in one of them."""
        key = self.keys.access_key()
        return {"AWS_CREDENTIALS": f"{key.id}:{key.secret}:{self.region}", **self.endpoint()}

    def api_key_environment(self) -> dict[str, str]:
        """The same with a Bedrock API key."""
        return {"AWS_BEARER_TOKEN_BEDROCK": self.keys.api_key(), "AWS_REGION": self.region, **self.endpoint()}

    def login_environment(self, *, temporary: bool = True) -> dict[str, str]:
        """The same for AWS's own default chain."""
        key = self.keys.access_key(temporary=temporary)
        login = {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, "AWS_REGION": self.region}
        return login | ({"AWS_SESSION_TOKEN": key.token} if key.token else {}) | self.endpoint()

    def endpoint(self) -> dict[str, str]:
        """The variable that AWS's own tools know; for Mantle they have none."""
        return {} if self.mantle else {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": self.origin}

    # What is refused

    def _marks(self, path: str) -> dict[str, str]:
        request_id = secrets.token_hex(16)
        marks = {"x-amzn-requestid": request_id, "date": self._now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if path.endswith("/invoke-with-response-stream"):
            marks["x-amzn-bedrock-content-type"] = "application/json"
        return marks | ({"request-id": f"req_bdrk_{request_id}"} if path in (MESSAGES, COUNT) else {})

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.clock_skew)

    def _refusal(self, received: Received) -> Reply | None:
        door = self._door(received.path) if received.method == "POST" else None
        if door is None:
            self.wrong.append(f"no such operation: {received.method} {received.path}")
            return Reply(404, {"Output": {"__type": "UnknownOperationException"}, "Version": "1.0"})
        try:
            signed = Signed(received.method, received.path, received.headers, received.body)
            region = self.keys.region_of(signed, now=self._now(), regions=self.regions)
        except Refused as error:
            if not error.stale:
                self.wrong.append(f"{error.name}: {error.message}")
            return Reply(403, {error.field: error.message}, {"x-amzn-errortype": error.name})
        return door(received, region)

    def _door(self, path: str) -> Callable[[Received, str], Reply | None] | None:
        doors: dict[str, Callable[[Received, str], Reply | None]] = {MESSAGES: self._messages, CHAT: self._chat}
        if self.mantle:
            return {**doors, COUNT: self._messages}.get(path)
        return self._model if MODEL_PATH.fullmatch(path) else doors.get(path)

    def _faulty(self, faults: list[str], answer: Callable[[str], Reply]) -> Reply | None:
        self.wrong += faults
        return answer(faults[0]) if faults else None

    def _headers(self, received: Received, more: set[str]) -> list[str]:
        known = USUAL_HEADERS | SIGNED_HEADERS | more
        return header_faults(received.headers, known) if self.strict_headers else []

    # `/model/{id}/…`

    def _model(self, received: Received, region: str) -> Reply | None:
        path = MODEL_PATH.fullmatch(received.path)
        assert path is not None
        written, how = path["id"], path["how"]
        model_id = urllib.parse.unquote(written)
        if written not in (urllib.parse.quote(model_id, safe=":"), urllib.parse.quote(model_id, safe="")):
            return self._faulty([f"the id in the path is not encoded as it should be: {written}"], _invalid)
        found, why = self._found(model_id, region, counted=how == "count-tokens")
        if found is None:
            return self._faulty([why], _invalid)
        if self.denied & {model_id, found.plain}:
            return aws_error("AccessDeniedException")
        try:
            received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            return self._faulty([f"Malformed input request: {error}"], _invalid)
        received.streamed = how.endswith("-stream")
        if how == "count-tokens":
            return self._count(received, found)
        if how.startswith("converse"):
            return self._converse(received, found, model_id)
        return self._invoke(received, found)

    def _found(self, model_id: str, region: str, *, counted: bool) -> tuple[Found | None, str]:
        """The model of the path's id, or AWS's sentence why there is none."""
        arn = PROFILE_ARN.fullmatch(model_id)
        known = self.profiles.get(model_id, arn["id"] if arn and arn["region"] == region else model_id)
        found = bedrock_models.find(known)
        if found is None or not found.usable(region) or (arn and not found.geography):
            return None, UNKNOWN
        if counted:
            return (
                (found, "")
                if model_id == found.plain
                else (None, "The provided model doesn't support counting tokens.")
            )
        if not found.geography and "here" not in found.where and model_id not in self.profiles:
            return None, (
                f"Invocation of model ID {model_id} with on-demand throughput isn’t supported. Retry your request with "
                "the ID or ARN of an inference profile that contains this model."
            )
        return found, ""

    def _invoke(self, received: Received, found: Found) -> Reply | None:
        faults = self._headers(received, INVOKE_HEADERS) + _option_faults(received.headers)
        body = received.parsed
        match found.kind:
            case "claude":
                received.door = Invoke("x-amzn-bedrock-guardrailidentifier" in received.headers)
                faults += self._claude_faults(body, found.claude())
                received.asked = Asked(body, found.claude(), self._seals)
            case "gpt-oss":
                return self._gpt_oss(received, found.plain, faults)
            case "titan-v1" | "titan-v2" | "cohere":
                faults += embedding_rules.faults(body, found.kind, found.plain)
                if received.streamed:
                    faults.append("The model is unsupported for streaming")
                elif not faults:
                    said, count = embedding_rules.answer(body, found.kind, found.plain)
                    received.usual = Reply(200, said, {"x-amzn-bedrock-input-token-count": str(count)})
            case "chat":
                faults.append("Malformed input request: this model is called by Converse here")
        return self._faulty(faults, _invalid)

    def _claude_faults(self, body: Any, facts: Model) -> list[str]:
        return claude_rules.faults(body, facts, streamed=False, version=self.anthropic_version, seals=self._seals)

    def _converse(self, received: Received, found: Found, model_id: str) -> Reply | None:
        faults = self._headers(received, set())
        body, facts = received.parsed, found.claude()
        if found.kind in ("titan-v1", "titan-v2", "cohere"):
            faults.append(
                "The action doesn't support the model that you provided. Try your request again with another."
            )
        faults += converse_rules.faults(body, found.plain, streamed=received.streamed, seals=self._seals)
        if not faults:
            received.asked = Asked(claude_of_converse(body), facts, self._seals)
            received.door = Converse(body)
            received.usual = self.converse_default
        return self._faulty(faults, _invalid)

    def _count(self, received: Received, found: Found) -> Reply | None:
        faults = self._headers(received, set())
        given = received.parsed.get("input") if isinstance(received.parsed, dict) else None
        inner: Any = None
        if found.kind != "claude":
            faults.append("The provided model doesn't support counting tokens.")
        elif not isinstance(given, dict) or given.keys() not in ({"invokeModel"}, {"converse"}):
            faults.append("1 validation error detected: input must be one of invokeModel, converse")
        elif "converse" in given:
            inner = given["converse"]
            faults += converse_rules.faults(inner, found.plain, seals=self._seals)
        else:
            try:
                inner = claude_rules.read_body(base64.b64decode(given["invokeModel"]["body"], validate=True))
                faults += self._claude_faults(inner, found.claude())
            except (KeyError, TypeError, ValueError) as error:
                faults.append(f"input.invokeModel.body is no blob of JSON: {error!r}")
        received.usual = Reply(200, {"inputTokens": tokens(inner)}, content_type="application/json")
        return self._faulty(faults, _invalid)

    # The doors that speak other vendors' languages

    def _messages(self, received: Received, region: str) -> Reply | None:
        """Anthropic's own API; its errors are Anthropic's, too."""
        faults = self._headers(received, MESSAGES_HEADERS | INVOKE_HEADERS)
        if received.headers.get("anthropic-version") != self.anthropic_header:
            faults.append(f"anthropic-version: {self.anthropic_header} is required")
        try:
            body = received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            return self._faulty([f"The request body is not valid JSON: {error}"], lambda why: anthropic_error(400, why))
        name = word(body, "model") or ""
        facts, why = self._named(name, region)
        if facts is None:
            return self._faulty([why], lambda why: anthropic_error(404, why))
        if self.denied & {name}:
            return anthropic_error(403)
        betas = claude_rules.betas_of(received.headers.get("anthropic-beta", ""))
        version = self.anthropic_header
        if received.path == COUNT:
            faults += claude_rules.count_faults(body, facts, version=version, betas=betas, seals=self._seals)
            received.usual = Reply(body={"input_tokens": tokens(body)})
        else:
            faults += claude_rules.faults(body, facts, streamed=False, version=version, betas=betas, seals=self._seals)
        if not faults:
            received.asked = Asked(body, facts, self._seals)
            received.streamed = body.get("stream", False)
        return self._faulty(faults, lambda why: anthropic_error(400, why))

    def _named(self, name: str, region: str) -> tuple[Model | None, str]:
        if self.mantle:
            facts = bedrock_models.on_mantle(name)
            return facts and Model(facts.id, facts.version, BEDROCK_MESSAGES), f"model: {name}"
        found, why = self._found(name, region, counted=False)
        if found is None or found.kind != "claude":
            return None, why or f"model: {name}"
        return found.claude(BEDROCK_MESSAGES), ""

    def _chat(self, received: Received, _: str) -> Reply | None:
        """OpenAI's API, for gpt-oss alone."""
        try:
            received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            return self._faulty([f"We could not parse the JSON body: {error}"], lambda why: openai_error(400, why))
        name = word(received.parsed, "model") or ""
        found = bedrock_models.find(f"{name}-1:0" if self.mantle else name)
        if found is None or found.kind != "gpt-oss" or found.geography:
            known = found is not None or bedrock_models.on_mantle(name)
            why = f"The model '{name}' does not " + ("support the '/v1/chat/completions' API" if known else "exist")
            return self._faulty([why], lambda why: openai_error(400 if known else 404, why, code="model_not_found"))
        if received.parsed.get("stream"):
            received.streamed = True
        return self._gpt_oss(received, name, self._headers(received, set()))

    def _gpt_oss(self, received: Received, name: str, faults: list[str]) -> Reply | None:
        facts, body = openai_models.model(name), received.parsed
        assert facts is not None
        found = openai_rules.chat_faults(body, facts)
        faults = faults + [fault.message for fault in found]
        if not faults:
            received.asked = Asked(claude_of_openai(body), Model(name, (4, 0), BEDROCK), self._seals)
            received.door = OpenAI(body, name, f"chatcmpl-{digest(body)}")
            received.usual = self.openai_default
        param, code = (found[0].param, found[0].code) if found else (None, None)
        return self._faulty(faults, lambda why: openai_error(400, why, param=param, code=code))


def _invalid(why: str) -> Reply:
    return aws_error("ValidationException", why)


def _option_faults(headers: Mapping[str, str]) -> list[str]:
    """The faults of the headers that `invoke` has for what Converse has in its body."""
    found = []
    names = ("x-amzn-bedrock-guardrailidentifier", "x-amzn-bedrock-guardrailversion")
    given = [name for name in names if name in headers]
    if len(given) == 1:
        found.append("The guardrail's identifier and version must come together.")
    if not re.fullmatch(
        r"[a-z0-9]+|arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:guardrail/[a-z0-9]+", headers.get(names[0], "x")
    ):
        found.append("The guardrail identifier is invalid.")
    if not re.fullmatch(r"[1-9]\d{0,7}|DRAFT", headers.get(names[1], "1")):
        found.append("The guardrail version is invalid.")
    if headers.get("x-amzn-bedrock-service-tier", "default") not in TIERS:
        found.append("The service tier is invalid.")
    if headers.get("accept", "*/*") not in ("*/*", "application/json", "application/vnd.amazon.eventstream"):
        found.append(f"The requested Accept type {headers['accept']} is invalid.")
    return found


if __name__ == "__main__":
    run(FakeBedrock())

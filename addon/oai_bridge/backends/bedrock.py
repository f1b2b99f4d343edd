"""Claude on AWS Bedrock, by one of three doors: `invoke` with AWS's event stream, or Anthropic's own Messages API on
Bedrock's runtime or on Mantle. The fourth, Converse, has its own file.

Paths as in AWS's API reference ("InvokeModel", "CountTokens"), its page on the Messages API, and the `anthropic`
package's `lib/bedrock`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..credentials.base import Access, Outbound
from ..dialects.aws_errors import error_from_aws
from ..dialects.bedrock_frames import InvokeDecoder
from ..dialects.cloud_errors import AWS
from ..dialects.reading import Translated
from ..errors import BridgeError, UpstreamError
from ..models.catalog import Catalog, ModelFacts
from ..models.profiles import bedrock_id, mantle_id, plain_id
from ..models.spellings import is_bedrock_id
from ..notes import Notes
from ..plain.jsontext import write
from ..settings.values import BEDROCK_TIERS, Bedrock, Claude
from .base import Call, ChatBackend, Decoder, NativeBackend, json_headers
from .bedrock_host import (
    MANTLE_SERVICE,
    SERVICE,
    guarded,
    guardrail_headers,
    mantle_url,
    model_path,
    refusal_hint,
    runtime_url,
)
from .claude import OWN_TIERS, ClaudeBackend
from .converse import ConverseClaude

_FIRST_PARTY_VERSION = "2023-06-01"  # of the doors that have Anthropic's own API


def claude_chat(bedrock: Bedrock, claude: Claude, catalog: Catalog) -> ChatBackend[Access]:
    """The door that the settings choose for Claude's chats."""
    if bedrock.api == "converse":
        return ConverseClaude(bedrock, claude, catalog)
    return claude_native(bedrock, claude, catalog)


def claude_native(bedrock: Bedrock, claude: Claude, catalog: Catalog) -> NativeBackend[Access]:
    """The door for requests in Anthropic's own words, which Converse does not understand."""
    if bedrock.api in ("messages", "mantle"):
        return MessagesClaude(bedrock, claude, catalog)
    return InvokeClaude(bedrock, claude, catalog)


def claude_count(bedrock: Bedrock, claude: Claude, catalog: Catalog) -> NativeBackend[Access]:
    """The door that counts their tokens: of Anthropic's own API only Mantle has that part."""
    if bedrock.api == "mantle":
        return MessagesClaude(bedrock, claude, catalog)
    return InvokeClaude(bedrock, claude, catalog)


class _BedrockClaude(ClaudeBackend[Access]):
    name = "bedrock"
    cloud = "bedrock"
    hints = AWS

    def __init__(self, bedrock: Bedrock, claude: Claude, catalog: Catalog, version: str) -> None:
        super().__init__(catalog, claude, version)
        self._bedrock = bedrock

    def find(self, name: str) -> ModelFacts | None:
        facts = self._catalog.find(name)
        return facts if facts and facts.bedrock else None

    def owns(self, name: str) -> bool:
        return is_bedrock_id(name)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_aws(status, headers, body, refusal_hint(self._bedrock, self.find, model, region))


class InvokeClaude(_BedrockClaude):
    """`invoke` and `invoke-with-response-stream`: model and stream stand in the path, version and betas in the body,
    the service tier in a header."""

    tiers = BEDROCK_TIERS

    def __init__(self, bedrock: Bedrock, claude: Claude, catalog: Catalog) -> None:
        super().__init__(bedrock, claude, catalog, bedrock.anthropic_version)

    def messages(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        return super().messages(guarded(body, self._bedrock, notes), facts, betas, notes)

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        model = bedrock_id(facts, access.region, self._bedrock.profiles)
        body = {"anthropic_version": self._version, **body}
        body.pop("stream", None)
        tier = body.pop("service_tier", None)
        if betas:
            body["anthropic_beta"] = list(betas)
        headers = dict(json_headers(streams=False))
        path = f"{model_path(model)}/invoke"
        if call == "stream":
            path += "-with-response-stream"
            headers |= {"accept": "application/vnd.amazon.eventstream", "x-amzn-bedrock-accept": "application/json"}
        elif call == "count":
            model = plain_id(model)
            path = f"{model_path(model)}/count-tokens"
            whole = {"max_tokens": _least_tokens(body), **body}
            body = {"input": {"invokeModel": {"body": base64.b64encode(write(whole)).decode()}}}
        if call != "count":
            headers |= guardrail_headers(self._bedrock)
            if tier := tier or self._bedrock.service_tier:
                headers["x-amzn-bedrock-service-tier"] = tier
        url = runtime_url(self._bedrock, access.region) + path
        return Outbound.posted(url, headers, body, model, SERVICE)

    def decoder(self) -> Decoder:
        return InvokeDecoder()

    def counted(self, answer: bytes) -> bytes:
        try:
            return write({"input_tokens": msgspec.json.decode(answer, type=_Count).tokens})
        except (ValueError, RecursionError):
            raise UpstreamError("Bedrock's answer is no count of tokens; look at it in mitmweb.") from None


def _least_tokens(body: Mapping[str, Any]) -> int:
    """It counts a request that could be sent, so that the length of an answer belongs to it: the shortest that leaves
    room for the thinking."""
    match body.get("thinking"):
        case {"budget_tokens": int(budget)}:
            return budget + 1
    return 1


class _Count(msgspec.Struct):
    tokens: int = msgspec.field(name="inputTokens")


class MessagesClaude(_BedrockClaude):
    """Anthropic's Messages API as it is: model and stream in the body, version and betas in headers, server-sent events
    back. On the runtime a model goes by its inference profile, on Mantle by its plain id."""

    tiers = OWN_TIERS

    def __init__(self, bedrock: Bedrock, claude: Claude, catalog: Catalog) -> None:
        super().__init__(bedrock, claude, catalog, _FIRST_PARTY_VERSION)
        self._mantle = bedrock.api == "mantle"

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        region = access.region
        base = mantle_url(self._bedrock, region) if self._mantle else runtime_url(self._bedrock, region)
        model = mantle_id(facts.bedrock or "") if self._mantle else bedrock_id(facts, region, self._bedrock.profiles)
        path = "/anthropic/v1/messages" + ("/count_tokens" if call == "count" else "")
        headers = {**json_headers(call == "stream", betas), "anthropic-version": self._version}
        service = MANTLE_SERVICE if self._mantle else SERVICE
        return Outbound.posted(base + path, headers, {"model": model, **body}, model, service)

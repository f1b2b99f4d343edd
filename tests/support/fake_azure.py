"""A fake Azure OpenAI resource: it checks requests as Azure does, from the key to the body, and answers as scripted."""

from __future__ import annotations

import base64
import re
import secrets
import struct
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from tests.support import openai_models, openai_rules
from tests.support.azure_doors import AzureOpenAI, Filter
from tests.support.behaviours import Asked, Reply
from tests.support.claude_answers import digest, tokens
from tests.support.claude_clouds import FOUNDRY
from tests.support.claude_models import Model as Claude
from tests.support.claude_rules import read_body
from tests.support.claude_shapes import word
from tests.support.cloud_errors import azure_error, openai_error
from tests.support.embedding_rules import vector
from tests.support.entra import AzureCloud
from tests.support.fake_cloud import USUAL_HEADERS, Received, header_faults, run
from tests.support.openai_claude import as_claude
from tests.support.openai_doors import CREATED
from tests.support.openai_models import Model
from tests.support.openai_rules import Fault
from tests.support.scripted_claude import agent
from tests.support.sites import PNG

OLD_PATH = re.compile(r"/openai/deployments/(?P<deployment>[^/?]+)/(?P<what>[a-z/]+)\?(?P<query>.+)")
NEW_PATH = re.compile(r"/openai/v1/(?P<what>[a-z/]+)(\?(?P<query>.*))?")
VERSION = re.compile(r"20\d\d-(0[1-9]|1[0-2])-\d\d(-preview)?")
DEPLOYMENTS = {
    **{"gpt-4o": "gpt-4o-2024-08-06", "my-mini": "gpt-4o-mini-2024-07-18", "gpt-35-turbo": "gpt-35-turbo"},
    **{"o4-mini": "o4-mini-2025-04-16", "gpt-5": "gpt-5-2025-08-07", "gpt-5.4": "gpt-5.4-2026-03-05"},
    **{"text-embedding-3-small": "text-embedding-3-small", "text-embedding-ada-002": "text-embedding-ada-002"},
    **{"dall-e-3": "dall-e-3", "gpt-image-1": "gpt-image-1"},
}
"""Deployments and their models."""
RATELIMITS = {
    **{"x-ratelimit-limit-requests": "250", "x-ratelimit-remaining-requests": "249"},
    **{"x-ratelimit-limit-tokens": "250000", "x-ratelimit-remaining-tokens": "249800"},
    **{"x-ratelimit-reset-requests": "60", "x-ratelimit-reset-tokens": "1"},
}


class FakeAzure(AzureCloud):
    """One resource and its deployments.

    Public, besides what every cloud of Azure's has: `deployments`, `filter`.
    """

    ratelimits: Mapping[str, str] = RATELIMITS

    def __init__(self, *, strict_headers: bool = True, tls: bool = False) -> None:
        super().__init__(agent(eager=True), strict_headers=strict_headers, tls=tls)
        self._open()
        self.deployments = dict(DEPLOYMENTS)
        self.filter: Filter = "default"
        """How the content filter works."""

    # What a test is given

    def environment(self) -> dict[str, str]:
        """The variables that point a program here: those of Azure's own tools."""
        return {"AZURE_OPENAI_ENDPOINT": self.origin, "AZURE_OPENAI_API_KEY": self.key()}

    def azure_credentials(self, deployment: str = "gpt-4o", resource: str = "my-resource") -> str:
        """The tutorial's `resource:deployment:key`. It names Azure's own host: whoever uses it goes there, unless told
        otherwise."""
        return f"{resource}:{deployment}:{self.key()}"

    # What is refused

    def _marks(self, path: str) -> dict[str, str]:
        request_id = secrets.token_hex(16)
        return {"apim-request-id": request_id, "x-request-id": request_id, "x-ms-region": "East US"}

    def _refusal(self, received: Received) -> Reply | None:
        found = OLD_PATH.fullmatch(received.path) or NEW_PATH.fullmatch(received.path)
        checks: dict[str, Callable[[Received, str, Model], list[Fault]]] = {
            "chat/completions": self._chat,
            "embeddings": self._embeddings,
            "images/generations": self._images,
        }
        if found is None or found["what"] not in checks or received.method != "POST":
            return self._refuse(f"no such path: {received.method} {received.path}", _missing())
        if why := _query_fault(found):
            return self._refuse(why, _missing())
        let_in, why = self._let_in(received.headers, ("api-key",))
        if not let_in:
            return self._refuse(why, azure_error(401))
        try:
            body = received.parsed = read_body(received.body)
        except (ValueError, RecursionError) as error:
            return self._refuse(f"The request body is not valid JSON: {error}", azure_error(400))
        deployment = found.groupdict().get("deployment")
        name = urllib.parse.unquote(deployment) if deployment else word(body, "model") or ""
        facts = openai_models.model(self.deployments.get(name, ""))
        if facts is None:
            return self._refuse(f"no such deployment: {name}", azure_error(404))
        faults = [Fault(why) for why in self._header_faults(received)]
        if facts.kind != {"c": "chat", "e": "embedding", "i": "image"}[found["what"][0]]:
            faults.append(Fault(f"The {found['what']} operation does not work with the specified model, {facts.id}."))
        else:
            faults += checks[found["what"]](received, name, facts)
        self.wrong += [fault.message for fault in faults]
        if faults:
            return openai_error(400, faults[0].message, param=faults[0].param, code=faults[0].code)
        return None

    def _refuse(self, why: str, reply: Reply) -> Reply:
        """Without a reason it is nothing that a right client can't meet."""
        if why:
            self.wrong.append(why)
        return reply

    def _header_faults(self, received: Received) -> list[str]:
        return header_faults(received.headers, USUAL_HEADERS | {"api-key"}) if self.strict_headers else []

    def _chat(self, received: Received, name: str, facts: Model) -> list[Fault]:
        body = received.parsed
        faults = openai_rules.chat_faults(body, facts, extra={"data_sources", "user_security_context"})
        if not faults:
            received.asked = Asked(as_claude(body), Claude(facts.id, (4, 0), FOUNDRY), self._seals)
            received.streamed = bool(body.get("stream"))
            received.door = AzureOpenAI(body, facts.id, f"chatcmpl-{digest(body)}", self.filter)
        return faults

    def _embeddings(self, received: Received, name: str, facts: Model) -> list[Fault]:
        body = received.parsed
        faults = openai_rules.embedding_faults(body, facts)
        if not faults:
            received.usual = Reply(200, _vectors(body, facts), content_type="application/json")
        return faults

    def _images(self, received: Received, name: str, facts: Model) -> list[Fault]:
        body = received.parsed
        faults = openai_rules.image_faults(body, facts)
        picture = {"b64_json": base64.b64encode(PNG).decode()}
        if facts.legacy:
            shown = picture if body.get("response_format") == "b64_json" else {"url": f"{self.origin}/picture.png"}
            picture = shown | {"revised_prompt": str(body.get("prompt"))}
        answer = {"created": CREATED, "data": [picture] * (body.get("n") or 1)} if not faults else {}
        received.usual = Reply(200, answer, content_type="application/json")
        return faults


def _missing() -> Reply:
    return Reply(404, {"error": {"code": "404", "message": "Resource not found"}}, content_type="application/json")


def _query_fault(found: re.Match[str]) -> str:
    """The older paths need a version that is a day; the newer ones have none."""
    query = urllib.parse.parse_qs(found["query"] or "", keep_blank_values=True)
    version = "".join(query.get("api-version", []))
    if "deployment" not in found.groupdict():
        return f"a query where there is none: {found['query']}" if query else ""
    return (
        "" if query.keys() == {"api-version"} and VERSION.fullmatch(version) else f"no such version: {found['query']}"
    )


def _vectors(body: Mapping[str, Any], facts: Model) -> dict[str, Any]:
    given = body["input"]
    several = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    data = []
    for index, one in enumerate(several):
        found: Any = vector(one, body.get("dimensions") or facts.size)
        if body.get("encoding_format") == "base64":
            found = base64.b64encode(struct.pack(f"<{len(found)}f", *found)).decode()
        data.append({"object": "embedding", "index": index, "embedding": found})
    count = tokens(several)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "data": data, "model": facts.id, "usage": usage}


if __name__ == "__main__":
    run(FakeAzure())

"""Who judges what a golden case sends upstream, by its backend: rules written apart from the program, and the SDKs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.support import claude_models, claude_rules, converse_rules, gemini_rules, openai_models, openai_rules
from tests.support.boto import sent_by_boto
from tests.support.case_backends import RESOURCE
from tests.support.cases import Case
from tests.support.claude_clouds import BEDROCK, BEDROCK_MESSAGES, FOUNDRY, VERTEX, Cloud
from tests.support.sdk_types import anthropic_faults, counting_faults

Body = dict[str, Any]

_BEHIND = {deployment: name for name, deployment in RESOURCE.deployments.items()}


def faults(case: Case, body: Body) -> list[str]:
    """What the cloud would refuse in the body of a request for an answer; empty when all is well."""
    return _JUDGES[case.folder.parent.name](case, body)


def count_faults(case: Case, body: Body) -> list[str]:
    """The same for the body of a request to count, which Bedrock's runtime has as one that could be sent."""
    kind = case.folder.parent.name
    if kind == "bedrock":
        return _claude(BEDROCK, case, body["input"]["invokeModel"]["body"])
    cloud = BEDROCK_MESSAGES if kind == "bedrock_messages" else FOUNDRY
    found = claude_rules.count_faults(body, claude_models.named(case.facts.id, cloud), betas=_betas(case))
    return found + counting_faults(body)


def _claude(cloud: Cloud, case: Case, body: Body) -> list[str]:
    section = case.settings.get(cloud.name, {})
    model = claude_rules.model(case.facts.vertex) if cloud is VERTEX else claude_models.named(case.facts.id, cloud)
    if model is None:
        return [f"Vertex has no such id: {case.facts.vertex}"]
    found = claude_rules.faults(
        body,
        model,
        streamed="stream" in body,
        version=section.get("anthropic_version", cloud.version),
        betas=() if cloud is BEDROCK else _betas(case),
    )
    return found + anthropic_faults(body)


def _betas(case: Case) -> list[str]:
    told: str = case.expected().get("betas.txt", "")
    return told.split()


def _converse(case: Case, body: Body) -> list[str]:
    """boto3 would send the very same."""
    streamed = case.client.get("stream", False)
    found = converse_rules.faults(body, case.facts.bedrock, streamed=streamed)
    if not found and sent_by_boto("ConverseStream" if streamed else "Converse", **body) != body:
        found.append("boto3 would send something else")
    return found


def _openai(deployment: Callable[[str], str], extra: set[str], case: Case, body: Body) -> list[str]:
    model = openai_models.model(deployment(body["model"]))
    if model is None:
        return [f"no such model: {body['model']}"]
    return [fault.message for fault in openai_rules.chat_faults(body, model, extra)]


def _on_bedrock(id: str) -> str:
    """An id as OpenAI's own name of the model, but for gpt-oss, which OpenAI itself does not serve."""
    return id if "gpt-oss" in id else id.rpartition("openai.")[2]


def _gemini(case: Case, body: Body) -> list[str]:
    return gemini_rules.faults(body)


_JUDGES: Mapping[str, Callable[[Case, Body], list[str]]] = {
    "vertex": partial(_claude, VERTEX),
    "bedrock": partial(_claude, BEDROCK),
    "bedrock_messages": partial(_claude, BEDROCK_MESSAGES),
    "foundry": partial(_claude, FOUNDRY),
    "converse": _converse,
    "converse_claude": _converse,
    "azure": partial(_openai, _BEHIND.__getitem__, {"data_sources", "user_security_context"}),
    "gemini": _gemini,
    "bedrock_openai": partial(_openai, _on_bedrock, {"amazon-bedrock-guardrailConfig"}),
}

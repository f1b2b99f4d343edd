"""inspector/fixture.py: a recorded exchange becomes the golden case that it is, and nothing of anybody's is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.inspector.fixture import Exchange, GoldenCase, NoCase, golden_case
from oai_bridge.settings.values import Azure, Bedrock, Claude, Config, Foundry, Guardrail, OpenAI, Vertex
from tests.support.case_backends import RESOURCE
from tests.support.cases import ALL, Case, name

MADE_OF = {"client.json", "cloud.json"}
BEYOND = {"fetched.json", "earlier.json", "cloud_2.json", "cloud_headers.json", "count.json", "refused.json"}
"""Files of cases that no single exchange has."""
ROUTES = {
    "vertex": ("vertex/us-east5", "https://x/v1/projects/p/locations/r/publishers/anthropic/models/m:rawPredict"),
    "gemini": ("vertex/us-east5", "https://x/v1/projects/p/locations/r/endpoints/openapi/chat/completions"),
    "bedrock": ("bedrock/us-east-1", "https://x/model/m/invoke"),
    "bedrock_messages": ("bedrock/us-east-1", "https://x/anthropic/v1/messages"),
    "converse": ("bedrock/us-east-1", "https://x/model/m/converse-stream"),
    "converse_claude": ("bedrock/us-east-1", "https://x/model/us.anthropic.claude/converse"),
    "bedrock_openai": ("bedrock/us-east-1", "https://x/openai/v1/chat/completions"),
    "azure": ("azure/mine", "https://mine.openai.azure.com/openai/v1/chat/completions"),
    "foundry": ("foundry/mine", "https://mine.services.ai.azure.com/anthropic/v1/messages"),
}


def files_of(case: Case) -> set[str]:
    return {file.name for file in case.folder.iterdir()}


EXCHANGES = [
    case
    for case in ALL
    if files_of(case) >= MADE_OF
    and not files_of(case) & BEYOND
    and files_of(case) & {"client.sse", "client_reply.json"}
    and json.loads((case.folder / "client.json").read_bytes()).get("stream", False) is ("client.sse" in files_of(case))
]
REFUSED = [
    case
    for case in ALL
    if files_of(case) >= MADE_OF | {"cloud_error.json"} and not files_of(case) & (BEYOND - {"cloud_2.json"})
]
SOME = EXCHANGES[:: max(1, len(EXCHANGES) // 40)]


def config_of(case: Case) -> Config:
    given = case.settings
    bedrock = dict(given.get("bedrock", {}))
    if "guardrail" in bedrock:
        bedrock["guardrail"] = Guardrail(**bedrock["guardrail"])
    return Config(
        strict=given.get("strict", False),
        claude=Claude(**given.get("claude", {})),
        openai=OpenAI(**given.get("openai", {})),
        vertex=Vertex(**given.get("vertex", {})),
        bedrock=Bedrock(**bedrock),
        foundry=Foundry(**given.get("foundry", {})),
        azure=Azure((RESOURCE,)),
    )


def attempt(case: Case, **changes: Any) -> dict[str, Any]:
    kind = case.folder.parent.name
    body = json.dumps(case.expected()["cloud.json"], ensure_ascii=False)
    whole = case.folder / "cloud_reply.json"
    reply = case.cloud_stream() or (whole.read_bytes() if whole.exists() else b"")
    return {
        "url": ROUTES[kind][1],
        "status": 200,
        "body": body,
        "body_size": len(body.encode()),
        "reply": reply if reply.startswith(b"\0") else reply.decode(),
        "reply_size": len(reply),
        **changes,
    }


def route_of(case: Case) -> dict[str, Any]:
    kind = case.folder.parent.name
    return {"route": ROUTES[kind][0], "upstream_model": "us.anthropic.claude" if kind == "converse_claude" else "m"}


def exchange(case: Case, *attempts: dict[str, Any], **changes: Any) -> Exchange:
    """As if the case had been a real one."""
    answer = next(case.folder / file for file in ("client.sse", "client_reply.json") if (case.folder / file).exists())
    record = {**route_of(case), "attempts": list(attempts) or [attempt(case)], **changes}
    request = (case.folder / "client.json").read_bytes()
    return Exchange(request, answer.read_bytes(), tuple(case.settings.get("betas", ())), record)


def written(made: GoldenCase, folder: Path) -> Case:
    case = folder / made.kind / "made"
    case.mkdir(parents=True)
    for file, content in made.files.items():
        (case / file).write_bytes(content)
    return Case(case)


@pytest.mark.parametrize("case", SOME, ids=name)
def test_an_exchange_becomes_the_case_that_it_is(case: Case, tmp_path: Path) -> None:
    made = written(golden_case(exchange(case), config_of(case)), tmp_path)
    assert made.folder.parent.name == case.folder.parent.name
    assert made.outcome() == made.expected()
    ours, theirs = made.expected(), case.expected()
    assert ours.keys() == theirs.keys()
    assert made.settings == case.settings


def test_every_kind_of_case_is_among_them() -> None:
    assert {case.folder.parent.name for case in EXCHANGES} >= set(ROUTES) - {"foundry"}
    assert len(EXCHANGES) > 20


# -- one exchange, told in all ways -----------------------------------------------------------------------------------

PLAIN = next(case for case in EXCHANGES if name(case) == "7_sillytavern_stop_sequences")
PROJECT = "acme-prod-4711"
MAIL = "jane.doe@acme.example"


def told(case: Case, *attempts: dict[str, Any], **changes: Any) -> GoldenCase:
    return golden_case(exchange(case, *attempts, **changes), config_of(case))


def with_words(case: Case, words: str) -> Exchange:
    """The exchange with more words in its first message, of which nothing is neutral."""
    given = exchange(case)
    text = given.request.decode()
    body = json.loads(text)
    old = body["messages"][0]["content"]
    new = f"{old} {words}"
    wire = attempt(case)["body"].replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    body["messages"][0]["content"] = new
    url = ROUTES["vertex"][1].replace("projects/p/", f"projects/{PROJECT}/")
    one = attempt(case, body=wire, body_size=len(wire.encode()), url=url)
    return replace(given, request=json.dumps(body).encode(), record={**given.record, "attempts": [one]})


CANARIES = (
    MAIL,
    PROJECT,
    "arn:aws:iam::999988887777:user/alice",
    "AKIA1234567890ABCDEF",
    "req_01ABCdef345678",
    "project_number:888877776666",
)


@pytest.mark.parametrize("between", ["\n", "\t", "\r", "\u0001", " "])
def test_nothing_tells_whose_it_was(between: str, tmp_path: Path) -> None:
    made = golden_case(with_words(PLAIN, "".join(f"{between}{canary}" for canary in CANARIES)), Config())
    everything = b"".join(made.files.values()).decode()
    for canary in (*CANARIES, "999988887777", "alice", "888877776666"):
        assert canary not in everything
    said = json.loads(made.files["client.json"])["messages"][0]["content"]
    clean = (
        f"{between}someone@example.com{between}p{between}arn:aws:iam::123456789012:user/someone{between}***{between}"
    )
    assert clean in said
    case = written(made, tmp_path)
    assert case.outcome() == case.expected()


def test_what_lies_in_several_pieces_of_a_stream_makes_no_case() -> None:
    events = attempt(PLAIN)["reply"].split("\n\n")
    at = next(place for place, event in enumerate(events) if "Hello." in event)
    events[at : at + 1] = [events[at].replace("Hello.", piece) for piece in (MAIL[:9], MAIL[9:])]
    reply = "\n\n".join(events)
    one = attempt(PLAIN, reply=reply, reply_size=len(reply))
    given = exchange(PLAIN, one)
    with pytest.raises(NoCase, match="in several pieces"):
        golden_case(replace(given, answer=given.answer.replace(b"Hello.", MAIL.encode())), Config())


@pytest.mark.parametrize("project", ["[", "projects/[x/[", "[::1/projects/x"])
def test_an_address_that_is_none_makes_no_case(project: str) -> None:
    url = f"http://[/{project}/publishers/anthropic/models/m"
    with pytest.raises(NoCase, match="can't be read"):
        told(PLAIN, attempt(PLAIN, url=url))


def test_a_name_that_only_these_settings_know_becomes_the_models(tmp_path: Path) -> None:
    given = exchange(PLAIN)
    model = json.loads(given.request)["model"]
    for named, aliases in (("mine", {"mine": model}), (f"vertex/{model}", {})):
        request = json.dumps({**json.loads(given.request), "model": named}).encode()
        made = golden_case(replace(given, request=request), Config(aliases=aliases))
        assert json.loads(made.files["client.json"])["model"] == model


def test_settings_and_betas_that_matter_are_kept(tmp_path: Path) -> None:
    given = exchange(PLAIN)
    betas = ("context-1m-2025-08-07",)
    config = Config(claude=Claude(reasoning_field="both"), prefix="/elsewhere", vertex=Vertex(base_url="https://mine"))
    made = golden_case(replace(given, betas=betas), config)
    assert json.loads(made.files["settings.json"]) == {"claude": {"reasoning_field": "both"}, "betas": [*betas]}
    case = written(made, tmp_path)
    assert case.outcome() == case.expected()


def refusal(status: int, body: Any) -> dict[str, Any]:
    reply = json.dumps(body)
    return {"status": status, "reply": reply, "reply_size": len(reply)}


@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_a_refusal_becomes_a_case_and_so_does_a_repair(case: Case, tmp_path: Path) -> None:
    error = json.loads((case.folder / "cloud_error.json").read_bytes())
    given = exchange(PLAIN, attempt(case, **refusal(error["status"], error["body"])), **route_of(case))
    request = (case.folder / "client.json").read_bytes()
    made = written(golden_case(replace(given, request=request), config_of(case)), tmp_path)
    assert made.outcome() == made.expected()
    assert made.expected().keys() == case.expected().keys()


def test_a_refusal_tells_nothing_either() -> None:
    made = told(PLAIN, attempt(PLAIN, **refusal(529, {"error": {"message": f"Overloaded, {MAIL}"}})))
    assert MAIL.encode() not in b"".join(made.files.values())
    assert "Overloaded" in made.files["client_error.json"].decode()


def test_a_repair_is_found_behind_the_attempt_that_came_of_it(tmp_path: Path) -> None:
    case = next(case for case in REFUSED if (case.folder / "cloud_2.json").exists())
    error = json.loads((case.folder / "cloud_error.json").read_bytes())
    first = attempt(case, **refusal(error["status"], error["body"]))
    given = exchange(PLAIN, first, attempt(case, body='{"other": 1}', body_size=12), **route_of(case))
    request = (case.folder / "client.json").read_bytes()
    made = golden_case(replace(given, request=request), config_of(case))
    assert json.loads(made.files["cloud_2.json"]) == case.expected()["cloud_2.json"]


def test_attempts_that_failed_before_do_not_matter() -> None:
    failed = attempt(PLAIN, **refusal(529, {}))
    unsent = {"url": "", "status": None, "body": "", "body_size": 0, "reply": "", "reply_size": 0}
    assert told(PLAIN, failed, unsent, attempt(PLAIN)).files == told(PLAIN).files


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attempts": []}, "No cloud has answered"),
        ({"attempts": None}, "No cloud has answered"),
        ({"attempts": [{"status": None}, 1]}, "No cloud has answered"),
        ({"attempts": [attempt(PLAIN, url="https://x/other")]}, "no golden cases for the door"),
        ({"route": "elsewhere/x"}, "no golden cases for the door"),
        ({"attempts": [attempt(PLAIN, body_size=10**7)]}, "cut off"),
        ({"attempts": [attempt(PLAIN, reply_size=10**7)]}, "cut off"),
        ({"attempts": [attempt(PLAIN, reply="x" * 2**21, reply_size=2**21)]}, "too large"),
        ({"attempts": [attempt(PLAIN, body="{}", body_size=2)]}, "not what it sent then"),
        ({"attempts": [attempt(PLAIN, body="{", body_size=1)]}, "not what it sent then"),
        ({"attempts": [attempt(PLAIN, reply="data: {}\n\n", reply_size=10)]}, "not what the cloud's answer becomes"),
    ],
)
def test_what_can_not_become_a_case_is_told(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(NoCase, match=why):
        told(PLAIN, **changes)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "can't make sense"),
        (b" " * 2**21, "too large"),
        (b'{"model": "claude-sonnet-4-5", "messages": 1}', "can't make sense"),
        (b'{"model": "no-such-model", "messages": []}', "there is no model 'no-such-model'"),
        (
            json.dumps(
                {
                    "model": "claude-sonnet-4-5",
                    "messages": [
                        {
                            "role": "user",
                            "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
                        }
                    ],
                }
            ).encode(),
            "by URL",
        ),
    ],
)
def test_requests_that_can_not_become_one(body: bytes, why: str) -> None:
    with pytest.raises(NoCase, match=why):
        golden_case(replace(exchange(PLAIN), request=body), Config())


def test_azures_deployments_are_those_of_the_cases() -> None:
    azure = next(case for case in EXCHANGES if case.folder.parent.name == "azure")
    body = json.dumps({"model": "team-gpt", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    with pytest.raises(NoCase, match="has no 'team-gpt'"):
        golden_case(replace(exchange(azure), request=body), Config())


def test_another_answer_than_the_client_got_is_no_case() -> None:
    other = exchange(PLAIN).answer.replace(b'"content":"', b'"content":"x')
    with pytest.raises(NoCase, match="What the client got"):
        golden_case(replace(exchange(PLAIN), answer=other), Config())

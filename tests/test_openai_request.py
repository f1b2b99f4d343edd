"""A client's own body for a door that speaks OpenAI's language: what is dropped and told, what goes through."""

from __future__ import annotations

import copy
import json
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from openai.types import EmbeddingCreateParams
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.image_generate_params import ImageGenerateParamsBase

from oai_bridge.dialects.openai_request import passed_chat, passed_embeddings, passed_images
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.passed import Cloud, PassedFacts
from oai_bridge.notes import Notes
from oai_bridge.settings.values import OpenAI
from tests.support.mutations import json_damaged

PLAIN = PassedFacts(id="gpt-4o", name="my-4o", owner="openai", max_output=16384)
THINKER = PassedFacts(id="o3", name="my-o3", owner="openai", reasoning=True, parallel=False, max_output=100_000)
GEMINI = PassedFacts(id="gemini-3.5-flash", name="google/gemini-3.5-flash", owner="google")
LLAMA = PassedFacts(id="meta/llama-4-maas", name="meta/llama-4-maas", owner="meta")
OSS = PassedFacts(id="gpt-oss-120b", name="openai.gpt-oss-120b-1:0", owner="openai", max_output=16384)
OLDER = PassedFacts(id="gpt-35-turbo", name="my-35", owner="openai", max_output=4096, older_limit=True)
DOORS: dict[str, tuple[PassedFacts, Cloud]] = {
    "plain": (PLAIN, "azure"),
    "thinker": (THINKER, "azure"),
    "older": (OLDER, "azure"),
    "gemini": (GEMINI, "vertex"),
    "llama": (LLAMA, "vertex"),
    "oss": (OSS, "bedrock"),
}
HI = [{"role": "user", "content": "Hi"}]
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def sent(
    door: str = "plain", *, notes: Notes | None = None, cap: int | None = None, usage: bool = True, **fields: Any
) -> dict[str, Any]:
    """What is sent beside model and messages; with `notes` left out, nothing may be dropped."""
    facts, cloud = DOORS[door]
    body = {"model": "client's", "messages": HI, **fields}
    before = copy.deepcopy(body)
    out = passed_chat(
        body,
        facts,
        OpenAI(cap),
        cloud=cloud,
        notes=notes if notes is not None else Notes(strict=True),
        stream_usage=usage,
    )
    assert body == before, "the client's body stays"
    assert (out.pop("model"), out.pop("messages")) == (facts.name, HI)
    return out


def codes(door: str = "plain", **fields: Any) -> tuple[dict[str, Any], list[str]]:
    notes = Notes()
    out = sent(door, notes=notes, **fields)
    return out, [note.code for note in notes]


# -- what goes through -------------------------------------------------------------------------------------------------

FULL: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "top_logprobs": 3,
    "metadata": {"a": "b"},
    "modalities": ["text", "audio"],
    "moderation": {"model": "omni-moderation-latest"},
    "n": 3,
    "parallel_tool_calls": False,
    "prediction": {"type": "content", "content": "x"},
    "presence_penalty": -0.5,
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "reasoning_effort": "high",
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
    "safety_identifier": "u",
    "seed": 0,
    "service_tier": "flex",
    "stop": ["a", "b"],
    "store": True,
    "stream": False,
    "temperature": 0,
    "tool_choice": "required",
    "tools": [TOOL],
    "top_p": 0.5,
    "user": "u",
    "verbosity": "low",
    "web_search_options": {},
    "functions": [{"name": "f"}],
    "function_call": "auto",
}


@pytest.mark.parametrize("door", ["plain", "llama", "oss"])
def test_all_of_openais_fields_go_through(door: str) -> None:
    every = CompletionCreateParamsBase.__annotations__.keys() - {"model", "messages", "stream_options"}
    assert every - FULL.keys() == {"max_tokens", "max_completion_tokens"}
    limit = "max_completion_tokens" if door == "plain" else "max_tokens"
    assert sent(door, **FULL, **{limit: 100}) == {**FULL, limit: 100}


def test_neutral_values_of_openais_fields_go_through() -> None:
    usual = {"temperature": 1, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}, "n": 1}
    assert sent("plain", **usual) == sent("oss", **usual) == usual


def test_null_is_not_set() -> None:
    assert sent("plain", **dict.fromkeys(FULL), stream_options=None, unknown=None) == {}


@pytest.mark.parametrize(
    ("door", "own"),
    [
        ("plain", {"data_sources": [{"type": "azure_search"}], "user_security_context": {"application_name": "x"}}),
        ("gemini", {"extra_body": {"google": {"thinking_config": {"thinking_budget": 0}}}, "google": {"x": 1}}),
        ("llama", {"extra_body": {"google": {"model_safety_settings": {"enabled": False}}}}),
        ("llama", {"chat_template_kwargs": {"thinking": True}}),
        ("oss", {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}),
    ],
)
def test_what_a_cloud_adds_goes_through_there_alone(door: str, own: dict[str, Any]) -> None:
    assert sent(door, **own) == own
    for other, (_, cloud) in DOORS.items():
        if cloud != DOORS[door][1]:
            assert codes(other, **own) == ({}, ["dropped:unknown"] * len(own))


# -- what is dropped ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"top_k": 40}, ["dropped:top_k"]),
        ({"min_p": 0.1, "top_a": 0.2}, ["dropped:min_p", "dropped:top_a"]),
        ({"repetition_penalty": 1.2}, ["dropped:repetition_penalty"]),
        ({"include_reasoning": True}, ["dropped:include_reasoning"]),
        ({"top_k": 0, "min_p": 0, "top_a": 0.0, "repetition_penalty": 1, "include_reasoning": False}, []),
        ({"top_k": -1, "provider": {}, "transforms": []}, []),
        ({"char_name": "Seraphina"}, ["dropped:unknown"]),
        ({"cache_control": {"type": "ephemeral"}, "anthropic_beta": ["x"], "continue_final_message": True}, []),
    ],
)
def test_what_others_have_is_dropped_and_told(door: str, fields: dict[str, Any], told: list[str]) -> None:
    assert codes(door, **fields) == ({}, told)


def test_strict_settings_refuse_what_would_be_dropped() -> None:
    for field, value in (("top_k", 40), ("unheard_of", "x")):
        with pytest.raises(InvalidRequest) as refused:
            sent("plain", **{field: value})
        assert (refused.value.param, refused.value.code) == (field, "unsupported_parameter")


@pytest.mark.parametrize(
    ("fields", "kept", "told"),
    [
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}, []),
        ({"tool_choice": "none", "functions": [], "function_call": "none"}, {}, []),
        ({"tool_choice": "required"}, {}, ["dropped:tool_choice"]),
        ({"function_call": {"name": "f"}}, {}, ["dropped:function_call"]),
        (
            {"tools": [{**TOOL, "cache_control": {}}], "tool_choice": "auto"},
            {"tools": [TOOL], "tool_choice": "auto"},
            [],
        ),
        ({"stop": []}, {}, []),
        ({"stop": ""}, {}, []),
        ({"stop": ["", "a"]}, {"stop": ["a"]}, []),
        ({"stop": [""]}, {}, []),
        ({"stop": "a"}, {"stop": "a"}, []),
    ],
)
def test_what_is_empty_is_left_out(fields: dict[str, Any], kept: dict[str, Any], told: list[str]) -> None:
    assert codes("plain", **fields) == (kept, told)


def test_azure_takes_four_stop_sequences_and_gemini_five() -> None:
    assert codes("plain", stop=list("abcde")) == ({"stop": list("abcd")}, ["dropped:stop"])
    assert codes("gemini", stop=list("abcdef")) == ({"stop": list("abcde")}, ["dropped:stop"])
    assert codes("llama", stop=list("abcdef")) == ({"stop": list("abcdef")}, [])
    assert codes("oss", stop=list("abcde")) == ({"stop": list("abcde")}, [])


# -- models that think -------------------------------------------------------------------------------------------------

SAMPLED = {
    "temperature": 0,
    "top_p": 0.5,
    "logprobs": True,
    "top_logprobs": 2,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "logit_bias": {"1": 1},
    "stop": ["a"],
}


def test_a_model_that_thinks_takes_no_sampling() -> None:
    out, told = codes("thinker", **SAMPLED, seed=1, n=2)
    assert out == {"seed": 1, "n": 2} and told == [f"dropped:{field}" for field in SAMPLED]


def test_usual_values_are_dropped_without_a_word() -> None:
    usual = {
        "temperature": 1.0,
        "top_p": 1,
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logit_bias": {},
        "stop": [],
    }
    assert sent("thinker", **usual, logprobs=False, top_logprobs=0) == {}


def test_the_o_series_refuses_the_very_field_of_parallel_calls() -> None:
    assert sent("thinker", tools=[TOOL], parallel_tool_calls=True) == {"tools": [TOOL]}, "as usual"
    asked = {"tools": [TOOL], "parallel_tool_calls": False}
    assert codes("thinker", **asked) == ({"tools": [TOOL]}, ["dropped:parallel_tool_calls"])
    assert sent("plain", **asked) == asked


def test_a_model_that_is_told_not_to_think_takes_sampling() -> None:
    out, told = codes("thinker", **SAMPLED, reasoning_effort="none")
    kept = {field: SAMPLED[field] for field in ("temperature", "top_p", "logprobs", "top_logprobs")}
    assert out == {**kept, "reasoning_effort": "none"} and len(told) == 4


def test_gemini_has_no_penalties() -> None:
    told = ["dropped:frequency_penalty", "dropped:presence_penalty"]
    assert codes("gemini", frequency_penalty=0.5, presence_penalty=0.5) == ({}, told)
    assert sent("gemini", frequency_penalty=0, presence_penalty=0, temperature=0.5) == {"temperature": 0.5}


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "cap", "fields", "out", "told"),
    [
        ("plain", None, {}, {}, []),
        ("plain", None, {"max_tokens": 100}, {"max_completion_tokens": 100}, []),
        ("plain", None, {"max_tokens": "100"}, {"max_completion_tokens": 100}, []),
        ("plain", None, {"max_completion_tokens": 100}, {"max_completion_tokens": 100}, []),
        ("plain", None, {"max_completion_tokens": 100, "max_tokens": 5}, {"max_completion_tokens": 100}, []),
        ("plain", None, {"max_tokens": 0}, {}, []),
        ("plain", None, {"max_tokens": -1, "max_completion_tokens": 0}, {}, []),
        ("plain", None, {"max_tokens": 99_999}, {"max_completion_tokens": 99_999}, []),
        ("plain", 50, {"max_tokens": 100}, {"max_completion_tokens": 50}, ["clamped:max_tokens"]),
        ("plain", 50, {"max_tokens": 20}, {"max_completion_tokens": 20}, []),
        ("plain", 50, {}, {"max_completion_tokens": 50}, []),
        ("plain", 99_999, {}, {"max_completion_tokens": 99_999}, []),
        ("older", None, {"max_tokens": 100}, {"max_tokens": 100}, []),
        ("older", None, {"max_completion_tokens": 9000}, {"max_tokens": 9000}, []),
        ("older", 50, {}, {"max_tokens": 50}, []),
        ("oss", None, {}, {}, []),
        ("oss", None, {"max_tokens": 100}, {"max_tokens": 100}, []),
        ("oss", None, {"max_completion_tokens": 100, "max_tokens": 5}, {"max_completion_tokens": 100}, []),
        ("oss", None, {"max_tokens": 99_999}, {"max_tokens": 16384}, ["clamped:max_tokens"]),
        ("oss", 50, {"max_tokens": 100}, {"max_tokens": 50}, ["clamped:max_tokens"]),
        ("oss", 50, {}, {"max_tokens": 50}, []),
        ("oss", 99_999, {}, {"max_tokens": 16384}, []),
        ("thinker", None, {"max_tokens": 100}, {"max_completion_tokens": 100}, []),
        ("thinker", 50, {}, {"max_completion_tokens": 50}, []),
        ("llama", None, {"max_tokens": 10**6}, {"max_tokens": 10**6}, []),
    ],
)
def test_the_limit(door: str, cap: int | None, fields: dict[str, Any], out: dict[str, Any], told: list[str]) -> None:
    assert codes(door, cap=cap, **fields) == (out, told)


# -- streams -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_a_stream_is_asked_for_its_tokens(door: str) -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    assert sent(door, stream=True) == sent(door, stream=True, stream_options={"include_usage": False}) == asked
    assert sent(door, stream=True, stream_options={"include_obfuscation": False}) == {
        "stream": True,
        "stream_options": {"include_obfuscation": False, "include_usage": True},
    }
    assert sent(door, stream=False, stream_options={"include_usage": True}) == {"stream": False}
    assert sent(door, usage=False, stream=True) == {"stream": True}
    wish = {"stream": True, "stream_options": {"include_usage": True}}
    notes = Notes()
    assert sent(door, notes=notes, usage=False, **wish) == {"stream": True}
    assert [note.code for note in notes] == ["dropped:stream_options"]


# -- how much to think -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("door", "given", "level", "told"),
    [
        *(("thinker", level, level, []) for level in ("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        ("plain", "high", "high", []),
        ("thinker", "auto", None, []),
        ("thinker", "", None, []),
        ("thinker", {"effort": "low", "summary": "auto"}, "low", []),
        ("thinker", "a lot", None, ["dropped:reasoning_effort"]),
        ("gemini", "minimal", "minimal", []),
        ("gemini", "xhigh", "high", ["clamped:reasoning_effort"]),
        ("oss", "medium", "medium", []),
        ("oss", "none", "low", ["clamped:reasoning_effort"]),
        ("oss", "max", "high", ["clamped:reasoning_effort"]),
    ],
)
def test_the_effort_is_one_that_the_model_has(door: str, given: Any, level: str | None, told: list[str]) -> None:
    assert codes(door, reasoning_effort=given) == ({"reasoning_effort": level} if level else {}, told)


@pytest.mark.parametrize(
    ("door", "thinking", "level", "told"),
    [
        ("thinker", {"type": "enabled", "budget_tokens": 1024}, "low", ["rewrote:thinking"]),
        ("gemini", {"type": "enabled", "budget_tokens": 1025}, "medium", ["rewrote:thinking"]),
        ("gemini", {"type": "enabled", "budget_tokens": 8192}, "medium", ["rewrote:thinking"]),
        ("gemini", {"type": "enabled", "budget_tokens": 8193}, "high", ["rewrote:thinking"]),
        ("oss", {"type": "enabled", "budget_tokens": 32000}, "high", ["rewrote:thinking"]),
        ("thinker", {"type": "adaptive"}, None, ["rewrote:thinking"]),
        ("thinker", {"type": "disabled"}, "low", ["rewrote:thinking"]),
        ("plain", {"type": "disabled"}, None, []),
        ("plain", {"type": "enabled", "budget_tokens": 1024}, None, ["dropped:thinking"]),
        ("llama", {"type": "enabled"}, None, ["dropped:thinking"]),
        (
            "thinker",
            {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "error"}},
            None,
            ["dropped:thinking.block_binding", "rewrote:thinking"],
        ),
    ],
)
def test_anthropics_thinking_becomes_an_effort(door: str, thinking: Any, level: str | None, told: list[str]) -> None:
    assert codes(door, thinking=thinking) == ({"reasoning_effort": level} if level else {}, told)


@pytest.mark.parametrize(
    ("thinking", "told"),
    [({"type": "adaptive"}, "left to the model"), ({"type": "disabled"}, "told as the effort low")],
)
def test_what_became_of_anthropics_thinking_is_told(thinking: Any, told: str) -> None:
    sent("thinker", notes=(notes := Notes()), thinking=thinking)
    assert [note.detail for note in notes] == [f"How much to think was {told}."]


def test_gpt_oss_thinks_a_little_at_least() -> None:
    for least in ("none", "minimal"):
        assert codes("oss", reasoning_effort=least) == ({"reasoning_effort": "low"}, ["clamped:reasoning_effort"])


def test_a_limit_that_is_the_models_own_is_not_lowered() -> None:
    assert codes("oss", max_tokens=16384) == ({"max_tokens": 16384}, [])


def test_empty_functions_go_beside_tools_and_calls_one_by_one_need_no_word() -> None:
    assert codes(tools=[TOOL], functions=[]) == ({"tools": [TOOL]}, [])
    assert codes(parallel_tool_calls=False) == ({}, [])


def test_openais_word_goes_before_anthropics() -> None:
    assert codes("thinker", thinking={"type": "disabled"}, reasoning_effort="high") == (
        {"reasoning_effort": "high"},
        [],
    )


@pytest.mark.parametrize("config", [{"google": {"thinking_config": {"thinking_budget": 0}}}])
def test_google_takes_one_word_on_thinking(config: dict[str, Any]) -> None:
    for own in (config, {"extra_body": config}):
        assert codes("gemini", **own, reasoning_effort="low") == (own, ["dropped:reasoning_effort"])
        assert codes("gemini", **own, thinking={"type": "disabled"}) == (own, ["rewrote:thinking"])


# -- malformed bodies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": "usage"}, "stream_options"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
    ],
)
def test_a_malformed_body_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        passed_chat({"model": "m", "messages": HI, **fields}, PLAIN, OpenAI(), cloud="azure", notes=Notes())
    assert refused.value.param == param


def test_any_damaged_body_is_passed_or_refused() -> None:
    body = {"model": "m", "messages": HI, **FULL, "thinking": {"type": "enabled", "budget_tokens": 9}, "top_k": 4}
    for door, (facts, cloud) in DOORS.items():
        for messages in json_damaged([body], 600):
            for raw in messages:
                given = json.loads(raw)
                if isinstance(given, dict):
                    proper_or_refused(given, facts, cloud)
        assert door


def proper_or_refused(body: dict[str, Any], facts: PassedFacts, cloud: Cloud) -> None:
    before = copy.deepcopy(body)
    try:
        out = passed_chat(body, facts, OpenAI(), cloud=cloud, notes=Notes())
    except InvalidRequest as refused:
        assert refused.param
        return
    assert body == before and out["model"] == facts.name and None not in out.values()


_ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 10**6), st.text(max_size=3), st.just([]), st.just({"a": [1]})
)


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(sorted({*FULL, "thinking", "stream_options", "system", "top_k"})), _ODD))
def test_any_values_are_passed_or_refused(fields: dict[str, Any]) -> None:
    for facts, cloud in DOORS.values():
        proper_or_refused({"model": "m", "messages": HI, **fields}, facts, cloud)


# -- vectors and pictures ----------------------------------------------------------------------------------------------


def test_embeddings_go_through() -> None:
    body = {"model": "m", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64", "user": None, "x": 1}
    notes = Notes()
    out = passed_embeddings(body, PLAIN, notes=notes)
    assert out == {"model": "my-4o", "input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"}
    assert [note.code for note in notes] == ["dropped:unknown"]
    full = dict.fromkeys(EmbeddingCreateParams.__annotations__, 1)
    full["input_type"] = "search_query"  # Cohere's word, whose models Azure has too
    assert passed_embeddings(full | {"model": "m"}, PLAIN, notes=Notes(strict=True)) == full | {"model": "my-4o"}


def test_pictures_go_through() -> None:
    every = ImageGenerateParamsBase.__annotations__.keys() - {"partial_images"}
    full = dict.fromkeys(every, 1) | {"model": "m", "prompt": "A cat."}
    assert passed_images(full, PLAIN, notes=Notes(strict=True)) == full | {"model": "my-4o"}
    notes = Notes()
    body = {"model": "m", "prompt": "A cat.", "stream": True, "partial_images": 2}
    assert passed_images(body, PLAIN, notes=notes) == {"model": "my-4o", "prompt": "A cat."}
    assert [note.code for note in notes] == ["dropped:stream", "dropped:partial_images"]
    assert [note.detail for note in notes] == [
        f"Pictures come in one piece here; there is no {field}." for field in ("stream", "partial_images")
    ]
    assert "brand_new" not in passed_images({**body, "brand_new": 1}, PLAIN, notes=notes)
    assert [note.code for note in notes][2:] == ["dropped:unknown"]
    assert passed_images({**body, "stream": False, "partial_images": 0}, PLAIN, notes=Notes(strict=True))


@pytest.mark.parametrize(
    ("call", "body", "param"),
    [
        (passed_embeddings, {"model": "m"}, "input"),
        (passed_embeddings, {"model": "m", "input": []}, "input"),
        (passed_embeddings, {"input": "a"}, "model"),
        (passed_images, {"model": "m"}, "prompt"),
        (passed_images, {"model": "m", "prompt": 5}, "prompt"),
        (passed_images, {"prompt": "A cat."}, "model"),
    ],
)
def test_what_asks_for_nothing_is_refused(call: Any, body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        call(body, PLAIN, notes=Notes())
    assert refused.value.param == param and f"`{param}`" in refused.value.message


def test_the_clouds_are_those_of_the_table() -> None:
    assert {cloud for _, cloud in DOORS.values()} == set(get_args(Cloud))

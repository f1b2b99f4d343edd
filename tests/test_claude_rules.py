"""The judge of what is neither tools nor thinking: media, cache points within results, betas, counting, metadata."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.claude_models import Model
from tests.support.claude_rules import betas_of, count_faults, faults
from tests.support.cloud_client import BODY

OLD, NEW = Model("claude-sonnet-4-5", (4, 5)), Model("claude-opus-4-8", (4, 8))
PDF = base64.b64encode(b"%PDF-1.7 ...").decode()
LOOK = {"tools": [{"name": "look", "input_schema": {"type": "object"}}]}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def judged(changes: dict[str, Any], facts: Model = OLD, betas: tuple[str, ...] = ()) -> list[str]:
    return faults(BODY | changes, facts, streamed=False, betas=betas)


def asking(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def document(source: Any = None, **more: Any) -> dict[str, Any]:
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PDF}
    return {"type": "document", "source": source or pdf} | more


def answered(*content: Any, **more: Any) -> dict[str, Any]:
    """A conversation with one call and its result."""
    use = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": list(content)} | more
    return LOOK | {
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ]
    }


def plain(**changes: Any) -> dict[str, Any]:
    return {"type": "text", "media_type": "text/plain", "data": "Hello"} | changes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (asking(document()), None),
        (asking(document(title="a.pdf", context="b", citations={"enabled": True})), None),
        (asking(document(plain())), None),
        (asking(document({"type": "content", "content": [{"type": "text", "text": "x"}]})), None),
        (answered(document(), {"type": "text", "text": "x"}), None),
        (asking(document(name="a.pdf")), "document.name: Extra inputs"),
        (asking(document(title=None)), "document.title: Input should be a valid string"),
        (asking(document(citations={"enabled": "yes"})), "citations.enabled: Input should be a valid boolean"),
        (asking(document({"type": "url", "url": "https://a"})), "only base64, text and content sources"),
        (asking(document({"type": "file", "file_id": "a"})), "only base64, text and content sources"),
        (asking(document({"type": "base64", "media_type": "application/pdf", "data": "eHg="})), "was not valid"),
        (asking(document({"type": "base64", "media_type": "application/pdf", "data": "?"})), "invalid base64 data"),
        (asking(document({"type": "base64", "media_type": "text/plain", "data": PDF})), "should be 'application/pdf'"),
        (asking(document(plain(media_type="text/markdown"))), "Input should be 'text/plain'"),
        (asking(document(plain(data=" "))), "text content must be non-empty"),
        (asking(document(plain(filename="a"))), "source.text.filename: Extra inputs"),
        ({"system": [document()]}, "system.0: Input should be a text block"),
        (
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [document()]}]},
            "`document` blocks are not permitted in assistant turns",
        ),
    ],
)
def test_documents(changes: dict[str, Any], why: str | None) -> None:
    found = judged(changes)
    assert found == [] if why is None else any(why in fault for fault in found), found


def picture(data: str = PNG) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_pictures_are_measured_as_base64() -> None:
    most = 5 * 1024 * 1024
    full = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(most // 4 * 3 - 8)).decode()
    assert len(full) == most
    assert judged(asking(picture(full))) == []
    (found,) = judged(answered(picture(full + "AAAA")))
    assert f"image exceeds 5 MB maximum: {most + 4} bytes > {most} bytes" in found


def test_pictures_are_counted_wherever_they_are() -> None:
    assert judged(asking(*[picture()] * 100)) == []
    (found,) = judged(answered(*[picture()] * 101))
    assert found == "Too much media: 0 document pages + 101 images > 100"
    assert judged(asking(*[picture()] * 600), NEW) == []


def test_cache_points_within_results_and_tools_count() -> None:
    point = {"cache_control": {"type": "ephemeral"}}
    text = {"type": "text", "text": "x"} | point
    body = answered(text, text, **point)
    assert judged(body | {"tools": [LOOK["tools"][0] | point]}) == []
    (found,) = judged(body | {"tools": [LOOK["tools"][0] | point], "system": [text]})
    assert found == "A maximum of 4 blocks with cache_control may be provided. Found 5."
    long = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    (found,) = judged(answered(long, **point) | {"tools": [LOOK["tools"][0] | point]})
    assert "must not come after a ttl='5m'" in found


@pytest.mark.parametrize(
    ("body", "header", "why"),
    [
        ({}, "context-1m-2025-08-07, interleaved-thinking-2025-05-14", None),
        ({"anthropic_beta": ["context-1m-2025-08-07"]}, "", None),
        ({}, "compact-2026-09-04", None),
        ({"anthropic_beta": ["compact-2026-09-04"]}, "", "Unexpected value(s) `compact-2026-09-04`"),
        ({}, "files-api-2025-04-14,context-1m-2025-08-07", "Unexpected value(s) `files-api-2025-04-14` for the"),
        ({"anthropic_beta": "context-1m-2025-08-07"}, "", "anthropic_beta: Input should be a valid list"),
        ({"context_management": {"edits": []}}, "", "context_management: Extra inputs are not permitted"),
        ({"context_management": {"edits": []}}, "context-management-2025-06-27", None),
        ({"cache_control": {"type": "ephemeral"}}, "", "cache_control: Extra inputs are not permitted"),
        ({"service_tier": "auto"}, "", "service_tier: Extra inputs are not permitted"),
        ({"metadata": {"user_id": 5}}, "", "metadata.user_id: Input should be a valid string"),
        ({"metadata": {"user_id": "x" * 256}}, "", "metadata.user_id: String should have at most 255"),
    ],
)
def test_betas_and_what_hangs_on_them(body: dict[str, Any], header: str, why: str | None) -> None:
    found = judged(body, betas=betas_of(header))
    assert found == [] if why is None else why in found[0]


def test_schemas_that_are_compiled_together_count_together() -> None:
    """Of strict tools and the answer's; those of other tools don't count."""

    def optional(count: int) -> dict[str, Any]:
        properties = {f"p{number}": {"type": "string"} for number in range(count)}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def asked(in_tool: int, in_answer: int, strict: bool = True) -> list[str]:
        tool = {"name": "t", "input_schema": optional(in_tool), "strict": strict}
        form = {"type": "json_schema", "schema": optional(in_answer)}
        return judged({"tools": [tool], "output_config": {"format": form}}, NEW)

    assert asked(12, 12) == asked(24, 24, strict=False) == []
    assert asked(12, 13) == ["Schemas contains too many optional parameters (25). The limit is 24."]


def counted(**changes: Any) -> list[str]:
    body = {"anthropic_version": "vertex-2023-10-16", "model": "claude-opus-4-8", "messages": BODY["messages"]}
    return count_faults(body | changes)


def test_what_is_to_be_counted() -> None:
    assert counted() == []
    assert counted(system="Be brief.", tool_choice={"type": "auto"}, **LOOK) == []
    assert counted(thinking={"type": "adaptive"}, output_config={"effort": "low"}) == []
    assert counted(max_tokens=1) == ["max_tokens: Extra inputs are not permitted"]
    assert counted(stream=False) == ["stream: Extra inputs are not permitted"]
    assert counted(model="claude-opus-4-5") == ["model: 'claude-opus-4-5' is no model of this cloud"]
    assert counted(model=None) == ["model: None is no model of this cloud"]
    assert counted(messages=[]) == ["messages: at least one message is required"]
    assert counted(thinking={"type": "enabled", "budget_tokens": 1024})[0].startswith('"thinking.type.enabled"')
    assert count_faults([]) == ["Input should be a valid dictionary"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [None],
        [[]],
        [{"type": []}],
        [{"type": "tool_result", "content": {}}],
        [{"type": "thinking", "thinking": 1, "signature": []}],
        [{"type": "document", "source": []}],
        [{"type": "tool_use", "id": {}, "name": [], "input": 1}],
        [{"type": "image", "source": {"type": "base64", "media_type": []}}],
    ],
)
@pytest.mark.parametrize("role", ["user", "assistant", None])
def test_a_hostile_body_is_refused_not_an_accident(content: Any, role: Any) -> None:
    first = {"role": "user", "content": "Hi"}
    assert judged({"messages": [first, {"role": role, "content": content}, first], "tools": [None], "system": [None]})
    assert judged({"messages": content})


@pytest.mark.parametrize("key", ["thinking", "tool_choice", "output_config", "tools", "system", "metadata"])
@pytest.mark.parametrize("value", [1, [1], {"type": []}, {"effort": [], "format": []}, [{"type": {}}], {"x": 1}])
def test_hostile_settings_are_refused(key: str, value: Any) -> None:
    assert judged({key: value})
    assert counted(**{key: value})

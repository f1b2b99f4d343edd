"""Single fields: those that go together, and those that do not."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.dialects import claude_request
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import (
    Image,
    JsonFormat,
    Office,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    WebSearch,
)
from oai_bridge.settings.values import Claude
from tests.claude_request.chats import FIVE, HI, HOUR, SCHEMA, body, message, told, tool, translated

# -- thinking first ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "choice", "notes"),
    [
        ("claude-opus-4-8", None, {"type": "any"}, []),
        ("claude-opus-4-8", "high", None, ["dropped:tool_choice"]),
        ("claude-opus-4-8", "none", {"type": "any"}, []),
        ("claude-haiku-4-5", "high", None, ["dropped:tool_choice"]),
        ("claude-opus-5-5", None, None, ["dropped:tool_choice"]),
    ],
)
def test_thinking_and_forced_tools_do_not_go_together(model: str, effort: Any, choice: Any, notes: list[str]) -> None:
    telling = Notes()
    found = body(model=model, tools=(tool(),), tool_choice=ToolChoice("required"), effort=effort, notes=telling)
    assert found.get("tool_choice") == choice
    assert told(telling) == notes


PREFILL = (HI, message("assistant", "The answer is "))


@pytest.mark.parametrize(
    ("model", "fields", "kept"),
    [
        ("claude-haiku-4-5", {}, True),
        ("claude-haiku-4-5", {"effort": "low"}, False),
        ("claude-haiku-4-5", {"effort": "none"}, True),
        ("claude-haiku-4-5", {"format": JsonFormat(SCHEMA)}, False),
        ("claude-haiku-4-5", {"format": JsonFormat()}, True),
        ("claude-opus-4-6", {}, False),
    ],
)
def test_a_prefill_goes_with_neither_thinking_nor_a_format(model: str, fields: Any, kept: bool) -> None:
    """livekit/agents#4907, LibreChat#13196: 400 for a prefill since 4.6."""
    notes = Notes()
    last = body(*PREFILL, model=model, notes=notes, **fields)["messages"][-1]
    assert last["role"] == ("assistant" if kept else "user")
    assert [note.detail.split()[0] for note in notes if note.code == "added:continue"] == ([] if kept else [model])


# -- sampling ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields", "sent", "notes"),
    [
        ("claude-haiku-4-5", {"temperature": 0.0}, {"temperature": 0.0}, []),
        ("claude-haiku-4-5", {"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}, ["dropped:top_p"]),
        ("claude-haiku-4-5", {"temperature": 1.0, "top_p": 0.9}, {"top_p": 0.9}, []),
        ("claude-haiku-4-5", {"temperature": 1.0, "top_p": 1.0}, {"temperature": 1.0}, []),
        ("claude-haiku-4-5", {"temperature": 1.7}, {"temperature": 1.0}, ["clamped:temperature"]),
        (
            "claude-haiku-4-5",
            {"temperature": -1.0, "top_k": 5},
            {"temperature": 0.0, "top_k": 5},
            ["clamped:temperature"],
        ),
        (
            "claude-haiku-4-5",
            {"temperature": 0.5, "top_k": 5, "effort": "low"},
            {},
            ["dropped:temperature", "dropped:top_k"],
        ),
        ("claude-haiku-4-5", {"temperature": 1.0, "top_p": 0.97, "effort": "low"}, {"top_p": 0.97}, []),
        ("claude-haiku-4-5", {"top_p": 0.95, "effort": "low"}, {"top_p": 0.95}, []),
        ("claude-haiku-4-5", {"top_p": 1.0, "effort": "low"}, {}, []),
        ("claude-haiku-4-5", {"top_p": 0.5, "effort": "low"}, {}, ["dropped:top_p"]),
        ("claude-opus-4-6", {"temperature": 0.5, "effort": "low"}, {}, ["dropped:temperature"]),
        ("claude-opus-4-6", {"temperature": 0.5, "effort": "none"}, {"temperature": 0.5}, []),
        ("claude-opus-4-7", {"temperature": 0.5, "top_p": 0.97}, {}, ["dropped:temperature", "dropped:top_p"]),
        ("claude-opus-4-7", {"temperature": 1.0, "top_p": 1.0}, {}, []),
    ],
)
def test_sampling(model: str, fields: Any, sent: Any, notes: list[str]) -> None:
    """BAG, open-webui and mem0 met 400s for temperature and top_p together; LiteLLM, BAG and oai-reverse-proxy forward
    temperatures above 1."""
    telling = Notes()
    found = body(model=model, notes=telling, **fields)
    assert {key: found[key] for key in ("temperature", "top_p", "top_k") if key in found} == sent
    assert told(telling) == notes
    said = [note.detail for note in telling if note.code.startswith("dropped") and "both" not in note.detail]
    assert all("while it thinks" in words for words in said) or model == "claude-opus-4-7"


def test_the_newest_version_of_the_api_has_no_sampling() -> None:
    notes = Notes()
    found = body(model="claude-haiku-4-5", temperature=0.5, sampling=False, notes=notes)
    assert "temperature" not in found
    assert told(notes) == ["dropped:temperature"]


# -- formats -----------------------------------------------------------------------------------------------------------


def test_the_instruction_is_the_last_system_block() -> None:
    found = body(message("system", "S"), HI, format=JsonFormat())
    assert [block["text"][:24] for block in found["system"]] == ["S", "\n\nRespond with a single "]
    assert "output_config" not in found


def test_a_native_format_stands_beside_the_effort() -> None:
    found = translated(format=JsonFormat(SCHEMA), effort="low")
    assert found.body["output_config"]["effort"] == "low"
    assert found.body["output_config"]["format"]["type"] == "json_schema"
    assert found.reading.answer_tool is None


def test_a_hidden_tool_is_forced_and_read_back() -> None:
    found = translated(model="claude-haiku-4-5", format=JsonFormat(SCHEMA))
    (definition,) = found.body["tools"]
    assert found.body["tool_choice"] == {
        "type": "tool",
        "name": definition["name"],
        "disable_parallel_tool_use": True,
    }
    assert found.reading.answer_tool == definition["name"]
    assert not found.reading.keep


# -- caching, betas, context, user -------------------------------------------------------------------------------------


LONG = "word " * 1000


@pytest.mark.parametrize(
    ("claude", "cache", "mark"),
    [
        (Claude(), None, None),
        (Claude(cache="auto"), None, FIVE),
        (Claude(cache="auto", cache_ttl="1h"), None, HOUR),
        (Claude(cache_ttl="1h"), "5m", FIVE),
        (Claude(), "1h", HOUR),
    ],
)
def test_automatic_caching(claude: Claude, cache: Any, mark: Any) -> None:
    found = body(message("system", LONG), HI, claude=claude, cache=cache)
    assert found["system"][0].get("cache_control") == found["messages"][0]["content"][0].get("cache_control") == mark


@pytest.mark.parametrize(("model", "mark"), [("claude-opus-4-1", FIVE), ("claude-opus-4-5", HOUR)])
def test_an_hour_is_five_minutes_for_models_that_bedrock_keeps_no_longer(model: str, mark: Any) -> None:
    codes = ["clamped:cache_control"] if mark == FIVE else []
    own = (message("system", Text(LONG, cache="1h")), HI)
    found = body(*own, model=model, cloud="bedrock", notes=(notes := Notes()))
    assert (found["system"][0]["cache_control"], told(notes)) == (mark, codes)
    automatic = Claude(cache="auto", cache_ttl="1h")
    found = body(message("system", LONG), HI, model=model, cloud="bedrock", claude=automatic, notes=(notes := Notes()))
    assert (found["system"][0]["cache_control"], told(notes)) == (mark, codes)
    assert body(*own, model=model)["system"][0]["cache_control"] == HOUR  # on Vertex


@pytest.mark.parametrize(
    ("claude", "cache", "mark"), [(Claude(), None, None), (Claude(cache="auto"), None, None), (Claude(), "5m", FIVE)]
)
def test_a_wish_for_the_whole_goes_with_the_clients_points_the_setting_does_not(
    claude: Claude, cache: Any, mark: Any
) -> None:
    found = body(message("system", Text(LONG, cache="1h")), HI, claude=claude, cache=cache)
    assert found["system"][0]["cache_control"] == HOUR
    assert found["messages"][0]["content"][0].get("cache_control") == mark


def test_a_fifth_point_is_told() -> None:
    notes = Notes()
    body(message("user", *[Text("a", cache="5m")] * 5), notes=notes)
    assert told(notes) == ["dropped:cache_control"]


@pytest.mark.parametrize(
    ("model", "cloud", "fields", "betas"),
    [
        ("claude-sonnet-4-5", "vertex", {"betas": ("context-1m-2025-08-07",)}, ("context-1m-2025-08-07",)),
        ("claude-opus-4-6", "vertex", {"betas": ("context-1m-2025-08-07",)}, ()),
        ("claude-opus-4-5", "bedrock", {"output_effort": "low"}, ("effort-2025-11-24",)),
        ("claude-opus-4-8", "bedrock", {"context_management": {"edits": []}}, ("context-management-2025-06-27",)),
        (
            "claude-opus-4-8",
            "vertex",
            {
                "betas": ("context-management-2025-06-27", "context-management-2025-06-27"),
                "context_management": {"edits": []},
            },
            ("context-management-2025-06-27",),
        ),
        ("claude-opus-4-8", "vertex", {"web_search": WebSearch()}, ("web-search-2025-03-05",)),
        (
            "claude-opus-4-8",
            "vertex",
            {"web_search": WebSearch(), "betas": ("web-search-2025-03-05",)},
            ("web-search-2025-03-05",),
        ),
    ],
)
def test_betas(model: str, cloud: Cloud, fields: Any, betas: tuple[str, ...]) -> None:
    """The long context needs no beta since 4.6, and a model that has it anyway refuses the name."""
    notes = Notes()
    found = translated(model=model, cloud=cloud, notes=notes, **fields)
    assert found.betas == betas
    assert found.body.get("context_management") == fields.get("context_management")
    assert told(notes) == []


def test_a_cloud_without_context_management(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_request, "beta_name", lambda beta, cloud: None)
    notes = Notes()
    found = translated(context_management={"edits": []}, notes=notes)
    assert ("context_management" in found.body, found.betas) == (False, ())
    assert [(note.code, note.detail) for note in notes] == [
        ("dropped:context_management", "This cloud can't manage the context.")
    ]


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ("user-17", "user-17"),
        ("x" * 255, "x" * 255),
        ("x" * 256, None),
        ("mark@example.com", None),
        ("Mark <mark@example.com>", None),
        ("марк", None),
        ("a\nb", None),
        ("a\ud83d", None),
    ],
)
def test_the_users_id_is_opaque(user: str, sent: str | None) -> None:
    found = body(user=user, claude=Claude(send_user=True))["metadata"]["user_id"]
    assert found == sent if sent else len(found) == 64 and set(found) <= set("0123456789abcdef")


def test_the_user_is_nobodys_business_unless_the_operator_says_so() -> None:
    assert "metadata" not in body(user="user-17")
    assert "metadata" not in body(claude=Claude(send_user=True))


# -- the rest ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier", "notes"), [("auto", []), ("default", []), ("flex", ["dropped:service_tier"])])
def test_a_cloud_without_service_tiers(tier: str, notes: list[str]) -> None:
    telling = Notes()
    assert "service_tier" not in body(service_tier=tier, notes=telling)
    assert told(telling) == notes


def test_a_plain_request_has_nothing_else() -> None:
    found = translated(message("system", "S"), HI, stop=("x",), stream=True)
    assert found == Translated(
        {
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "system": [{"type": "text", "text": "S"}],
            "max_tokens": 8192,
            "stop_sequences": ["x"],
            "stream": True,
        }
    )


WORD = Office("docx", "UEsDBA==", "p", "a.docx")


@pytest.mark.parametrize("role", ["user", "tool"])
def test_a_file_that_claude_cannot_read_is_refused_wherever_it_stands(role: Role) -> None:
    calls = message("assistant", calls=(ToolCall("look", "{}", "a"),))
    with pytest.raises(InvalidRequest) as caught:
        body(HI, calls, message(role, WORD, call_id="a"), tools=(tool(),))
    assert caught.value.param == "p"


def test_of_system_messages_alone_it_is_refused_too() -> None:
    with pytest.raises(InvalidRequest) as caught:
        body(message("system", "Sum up:", WORD))
    assert caught.value.param == "p"
    assert body(message("system", "Sum up:", WORD), HI)["system"] == [{"type": "text", "text": "Sum up:"}]


def test_strict_refuses_what_would_be_dropped() -> None:
    with pytest.raises(InvalidRequest) as caught:
        body(temperature=0.5, notes=Notes(strict=True))
    assert caught.value.param == "temperature"


def test_pictures_are_not_copied() -> None:
    data = "A" * 10_000_000
    found = body(message("user", Image("image/png", data)), tools=(tool(),), cache="5m")
    assert found["messages"][0]["content"][0]["source"]["data"] is data

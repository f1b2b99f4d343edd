"""The whole body: what the API demands of it holds for all chats, and its parts agree with each other."""

from __future__ import annotations

import copy
import json
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects import claude_request
from oai_bridge.dialects.claude_memory import TurnMemory, digest
from oai_bridge.dialects.claude_request import claude_body
from oai_bridge.dialects.claude_turns import Turn
from oai_bridge.dialects.reading import Translated
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import (
    ChatRequest,
    Image,
    JsonFormat,
    Message,
    Part,
    RedactedThought,
    Role,
    SignedThinking,
    Text,
    ThinkingWish,
    Tool,
    ToolCall,
    ToolChoice,
    WebSearch,
)
from oai_bridge.settings.values import Claude
from tests.support import claude_rules
from tests.support.catalogue import DATA, known

MODELS = [name for name, row in json.loads(DATA.read_bytes())["models"].items() if name != "claude-mythos-preview"]
PNG = Image("image/png", "iVBORw0KGgo=")
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


def message(role: Role, *parts: Part | str, **fields: Any) -> Message:
    texts = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return Message(role, texts, fields.pop("name", None), 0, **fields)


HI = message("user", "Hi")


def tool(name: str = "look", **fields: Any) -> Tool:
    return Tool(name, "Looks.", {"type": "object", "properties": {}}, "tools[0]", **fields)


def translated(
    *messages: Message,
    model: str = "claude-opus-4-8",
    claude: Claude | None = None,
    notes: Notes | None = None,
    cloud: Cloud = "vertex",
    sampling: bool = True,
    memory: TurnMemory | None = None,
    **fields: Any,
) -> Translated:
    chat = ChatRequest("client's name", messages or (HI,), **fields)
    return claude_body(
        chat,
        known(model),
        claude or Claude(),
        notes or Notes(),
        cloud=cloud,
        sampling=sampling,
        memory=memory or TurnMemory(),
    )


def body(*messages: Message, **fields: Any) -> dict[str, Any]:
    return translated(*messages, **fields).body


def told(notes: Notes) -> list[str]:
    return [note.code for note in notes]


def faults(found: Translated, model: str, streamed: bool = False) -> list[str]:
    rules = claude_rules.model(known(model).vertex)
    assert rules is not None
    versioned = {"anthropic_version": claude_rules.VERTEX_VERSION, **found.body}
    return claude_rules.faults(versioned, rules, streamed=streamed, betas=found.betas)


# -- any chat ----------------------------------------------------------------------------------------------------------

TTL = [None, None, None, "5m", "1h"]
CACHE = st.sampled_from(TTL)
NUMBER = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 0.97, 1.0, 1.7])
TEXTS = [Text(words, ttl) for words, ttl in product(["", " ", "a", "b\n", "汉"], TTL)]
PARTS = st.lists(st.sampled_from(TEXTS) | st.just(PNG), max_size=2).map(tuple)
IDS = st.sampled_from(["a", "b", "c/d", None])
NAMED = st.sampled_from([*product(["look", "no/name"], ["{}", "", "[1]"])])
CALLS = st.lists(st.tuples(NAMED, IDS).map(lambda call: ToolCall(*call[0], call[1])), max_size=2).map(tuple)
SEALED = [SignedThinking("Hm.", "seal"), SignedThinking("", "seal"), RedactedThought("x")]
THOUGHTS = st.sampled_from([(), (), (), *product(SEALED), *product(SEALED, SEALED)])
SPOKEN = st.builds(
    lambda role, parts, cache: Message(role, parts, None, 0, cache=cache),
    st.sampled_from(["system", "user", "assistant"]),
    PARTS,
    CACHE,
)
CALLING = st.builds(
    lambda parts, calls, thoughts: Message("assistant", parts, None, 0, calls, thoughts), PARTS, CALLS, THOUGHTS
)
RESULTS = st.builds(lambda parts, call: Message("tool", parts, None, 0, call_id=call), PARTS, IDS)
CHATS = st.lists(SPOKEN | CALLING | RESULTS, min_size=1, max_size=7).map(tuple)
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "stream": st.booleans(),
        "temperature": NUMBER,
        "top_p": NUMBER,
        "top_k": st.none() | st.integers(1, 500),
        "max_tokens": st.none() | st.sampled_from([1, 1500, 10**6]),
        "stop": st.sampled_from([(), ("a", "b\n")]),
        "tools": st.sampled_from([(), (tool(),), (tool(), tool("no/name", strict=True, cache="1h"), tool("no name"))]),
        "tool_choice": st.sampled_from([None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]),
        "parallel_tool_calls": st.booleans(),
        "format": st.sampled_from([None, JsonFormat(), JsonFormat(SCHEMA, "n", True), JsonFormat({"type": "array"})]),
        "effort": st.sampled_from([None, "none", "minimal", "medium", "xhigh"]),
        "output_effort": st.sampled_from([None, None, "low", "max"]),
        "thinking": st.sampled_from([None, ThinkingWish("enabled", 2000), ThinkingWish("disabled")]),
        "web_search": st.sampled_from([None, WebSearch()]),
        "user": st.sampled_from([None, "mark", "mark@example.com"]),
        "cache": CACHE,
        "betas": st.sampled_from([(), ("context-1m-2025-08-07", "files-api-2025-04-14", "a\r\nb")]),
        "context_management": st.sampled_from([None, {"edits": []}, {"edits": [{"type": "clear_tool_uses_20250919"}]}]),
    },
)
SETTINGS = st.sampled_from(
    [
        Claude(mid_system=place, names=names, max_output_tokens=most, cache=cache, cache_ttl=ttl, send_user=user)
        for place, names, most, cache, ttl, user in product(
            ["inline", "hoist", "user"],
            [False, True],
            [None, 100, 20_000],
            ["off", "auto"],
            ["5m", "1h"],
            [False, True],
        )
    ]
)


@settings(max_examples=400, deadline=None)
@given(CHATS, st.sampled_from(MODELS), SETTINGS, FIELDS)
def test_the_api_takes_every_translation(
    messages: tuple[Message, ...], model: str, claude: Claude, fields: dict[str, Any]
) -> None:
    found = translated(*messages, model=model, claude=claude, **fields)
    assert faults(found, model, fields.get("stream", False)) == []


@settings(max_examples=300, deadline=None)
@given(CHATS, st.sampled_from(MODELS), SETTINGS, FIELDS)
def test_the_same_chat_gives_the_same_body(
    messages: tuple[Message, ...], model: str, claude: Claude, fields: dict[str, Any]
) -> None:
    one, other = (translated(*messages, model=model, claude=claude, **fields) for _ in range(2))
    assert one == other
    assert json.dumps(one.body) == json.dumps(other.body)


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
    assert ("added:continue" in told(notes)) is not kept


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


def test_the_newest_version_of_the_api_has_no_sampling() -> None:
    notes = Notes()
    found = body(model="claude-haiku-4-5", temperature=0.5, sampling=False, notes=notes)
    assert "temperature" not in found
    assert told(notes) == ["dropped:temperature"]


# -- formats -----------------------------------------------------------------------------------------------------------


def test_the_instruction_is_the_last_system_block() -> None:
    found = body(message("system", "S"), HI, format=JsonFormat())
    assert [block["text"][:22] for block in found["system"]] == ["S", "Respond with a single "]
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


# -- tools and memory --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "keep"),
    [({}, False), ({"tools": (tool(),)}, True), ({"web_search": WebSearch()}, True)],
)
def test_turns_are_kept_where_there_are_tools(fields: Any, keep: bool) -> None:
    found = translated(**fields)
    assert found.reading.keep is keep
    assert bool(found.prefix) is keep


def test_the_answer_is_read_with_the_clients_names() -> None:
    found = translated(tools=(tool("no/name"), tool("free", custom=True)))
    assert found.reading.names == {"no_name": "no/name"}
    assert found.reading.custom == {"free"}


CALL = {"type": "tool_use", "id": "toolu_1", "name": "no_name", "input": {"a": 1}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "seal"}
SAID = [THOUGHT, {"type": "text", "text": "Let me see."}, CALL]
AGAIN = (
    message("assistant", "Let me see.", calls=(ToolCall("no/name", '{"a": 1}', "toolu_1"),)),
    message("tool", "found", call_id="toolu_1"),
)


def loop(*start: Message, model: str = "claude-haiku-4-5", **fields: Any) -> tuple[TurnMemory, dict[str, Any]]:
    """A memory that knows the first answer of an agent's chat, and what its next request needs."""
    memory = TurnMemory()
    asked: dict[str, Any] = {"model": model, "tools": (tool("no/name"),), "effort": "low", "memory": memory, **fields}
    first = translated(*start, **asked)
    memory.remember(known(model).id, first.prefix, SAID)
    return memory, asked


IN_TWO = (message("assistant", "Let me see."), message("assistant", calls=AGAIN[0].calls), AGAIN[1])
"""As SillyTavern tells it."""


@pytest.mark.parametrize("again", [AGAIN, IN_TWO])
def test_thinking_that_the_client_lost_is_put_back(again: tuple[Message, ...]) -> None:
    """litellm#15601, opencode#3077, CLIProxyAPI#1078."""
    start = (message("system", "S"), message("assistant", "Hello"), message("user", "One", PNG))
    _, asked = loop(*start)
    notes = Notes()
    found = body(*start, *again, **asked, notes=notes)
    assert found["messages"][3]["content"] == SAID
    assert found["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert "dropped:reasoning_effort" not in told(notes)


def test_a_second_round_finds_the_first() -> None:
    start = (HI,)
    memory, asked = loop(*start)
    second = translated(*start, *AGAIN, **asked)
    said = [{**THOUGHT, "signature": "other"}, {**CALL, "id": "toolu_2"}]
    memory.remember("claude-haiku-4-5", second.prefix, said)
    more = (
        message("assistant", calls=(ToolCall("no/name", '{"a": 1}', "toolu_2"),)),
        message("tool", "found", call_id="toolu_2"),
    )
    third = body(*start, *AGAIN, *more, **asked)
    assert [turn["content"] for turn in third["messages"]][1::2] == [SAID, said]


@pytest.mark.parametrize("start", [(message("user", "Edited"),), (message("system", "New"), HI)])
def test_thinking_is_not_put_back_after_an_edit(start: tuple[Message, ...]) -> None:
    _, asked = loop(HI)
    notes = Notes()
    found = body(*start, *AGAIN, **asked, notes=notes)
    assert "thinking" not in found
    assert "dropped:reasoning_effort" in told(notes)


def test_where_it_is_lost_an_older_model_goes_on_without_and_a_newer_one_with_thinking() -> None:
    tools = (tool("no/name"),)
    assert "thinking" not in body(HI, *AGAIN, model="claude-haiku-4-5", tools=tools, effort="low")
    assert body(HI, *AGAIN, tools=tools, effort="low")["thinking"]["type"] == "adaptive"


def test_an_older_model_that_is_not_asked_to_think_gets_no_thinking_in_the_run() -> None:
    """litellm#18926: "When `thinking` is disabled, an `assistant` message in the final position cannot contain …"."""
    _, asked = loop(HI)
    found = body(HI, *AGAIN, **(asked | {"effort": None}))
    assert found["messages"][1]["content"] == SAID[1:]


def test_the_prefix_stands_for_all_that_was_sent() -> None:
    found = translated(message("system", "S"), HI, *AGAIN, *AGAIN, tools=(tool("no/name"),))
    turns = [Turn(turn["role"], turn["content"]) for turn in found.body["messages"]]
    assert found.prefix == digest([Turn("system", found.body["system"]), *turns])


def test_marks_change_nothing_of_the_prefix() -> None:
    plain = translated(HI, tools=(tool(),))
    marked = translated(message("user", Text("Hi", cache="1h")), tools=(tool(),), cache="5m")
    assert plain.body != marked.body
    assert plain.prefix == marked.prefix


def test_the_memory_is_not_changed_by_what_is_done_with_its_turns() -> None:
    claude = Claude(cache="auto")
    memory, asked = loop(HI, claude=claude)
    before = copy.deepcopy(memory.recall("claude-haiku-4-5", translated(HI, **asked).prefix, *_calls()))
    assert before == SAID
    body(HI, *AGAIN, HI, *AGAIN, **(asked | {"effort": None}))
    assert memory.recall("claude-haiku-4-5", translated(HI, **asked).prefix, *_calls()) == before


def _calls() -> tuple[list[ToolCall], str]:
    return [ToolCall("no_name", '{"a": 1}', "toolu_1")], "Let me see."


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
    assert told(notes) == ["dropped:context_management"]


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
    ],
)
def test_the_users_id_is_opaque(user: str, sent: str | None) -> None:
    found = body(user=user, claude=Claude(send_user=True))["metadata"]["user_id"]
    assert found == sent if sent else len(found) == 64 and set(found) <= set("0123456789abcdef")


def test_the_user_is_nobodys_business_unless_the_operator_says_so() -> None:
    assert "metadata" not in body(user="user-17")
    assert "metadata" not in body(claude=Claude(send_user=True))


# -- the rest ----------------------------------------------------------------------------------------------------------


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


def test_strict_refuses_what_would_be_dropped() -> None:
    with pytest.raises(InvalidRequest) as caught:
        body(temperature=0.5, notes=Notes(strict=True))
    assert caught.value.param == "temperature"


def test_pictures_are_not_copied() -> None:
    data = "A" * 10_000_000
    found = body(message("user", Image("image/png", data)), tools=(tool(),), cache="5m")
    assert found["messages"][0]["content"][0]["source"]["data"] is data

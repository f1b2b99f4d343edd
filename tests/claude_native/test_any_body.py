"""Any JSON object gives a request or a 400, and what stands at a URL is gone after it was put in its place."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_native import RemoteSource, put_source, remote_sources
from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import Document, Image
from oai_bridge.openai.request import model_of
from tests.claude_native.test_bodies import counted, native

WORDS = st.sampled_from(
    ["type", "text", "role", "content", "source", "url", "image", "document", "tool_result", "user", "ephemeral", "ttl"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
SOURCE = st.fixed_dictionaries({"type": st.just("url") | JSON, "url": st.text(max_size=9) | JSON})
BLOCK = st.fixed_dictionaries(
    {"type": WORDS | JSON}, optional={"source": SOURCE | JSON, "content": JSON, "text": JSON, "cache_control": JSON}
)
TURN = st.fixed_dictionaries({}, optional={"role": WORDS | JSON, "content": st.lists(BLOCK | JSON, max_size=3) | JSON})
FIELDS = ["stream", "anthropic_version", "anthropic_beta", "cache_control", "service_tier", "mcp_servers", "system"]
BODY = st.fixed_dictionaries(
    {},
    optional={
        "model": st.just("claude-sonnet-4-5") | JSON,
        "messages": st.lists(TURN | JSON, max_size=4) | JSON,
        "tools": st.lists(BLOCK, max_size=2) | JSON,
        "cache_control": st.just({"type": "ephemeral"}) | JSON,
        **{field: JSON for field in FIELDS if field != "cache_control"},
        "brand_new_field": JSON,
    },
)


@given(BODY, st.lists(st.text(max_size=20), max_size=3), st.booleans())
def test_any_object_gives_a_request_or_a_400(body: dict[str, Any], betas: list[str], strict: bool) -> None:
    before = copy.deepcopy(body)
    try:
        model_of(body)
        for source in remote_sources(body):
            assert isinstance(source, RemoteSource)
            put_source(
                body, source, Image("image/png", "iVBO") if source.kind == "image" else Document("text/plain", "")
            )
        assert remote_sources(body) == []
        for translate in (native, counted):
            found = translate(body, tuple(betas), strict)[0].body
            json.dumps(found)
            assert (
                not {"anthropic_version", "model", "cache_control", "anthropic_beta", "service_tier", "mcp_servers"}
                & found.keys()
            )
    except InvalidRequest as error:
        assert error.status == 400 and error.message
    else:
        untouched = set(before) - {"messages", "tools", "system", "model", "stream", *FIELDS}
        assert {key: found[key] for key in untouched} == {key: before[key] for key in untouched}

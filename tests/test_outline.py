"""inspector/outline.py: any JSON can be read, data is named instead of shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.outline import blob, outline
from oai_bridge.inspector.paper import Paper

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def page(value: Any) -> str:
    paper = Paper()
    outline(paper, value)
    return str(paper)


def test_an_outline() -> None:
    value = {
        "model": "m",
        "n": 1,
        "none": None,
        "empty": [],
        "system": [{"type": "text", "text": "one\ntwo", "cache_control": {"type": "ephemeral"}}],
        "list": ["a", ["b", 2], {}],
    }
    assert page(value).splitlines() == [
        'model: "m"',
        "n: 1",
        "none: null",
        "empty: []",
        "system:",
        '  - type: "text"',
        "    text: |",
        "      one",
        "      two",
        "    cache_control:",
        '      type: "ephemeral"',
        "list:",
        '  - "a"',
        "  -",
        '    - "b"',
        "    - 2",
        "  - {}",
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("iVBORw0KGgo" + "A" * 4000, "<image/png, 3.0 kB>"),
        ("/9j/" + "A" * 400, "<image/jpeg, 303 B>"),
        ("JVBERi0" + "A" * 400, "<application/pdf, 305 B>"),
        ("QUJD" * 100, "<base64, 300 B>"),
        ("data:image/webp;base64,AAAA", "<image/webp, 3 B>"),
        ("data:,x", "<text/plain, 0 B>"),
        ("A" * 255, None),
        ("a word " * 100, None),
        ("", None),
        ("data:image/png", None),
    ],
)
def test_data_is_named(text: str, named: str | None) -> None:
    assert blob(text) == named


def test_data_is_not_shown() -> None:
    shown = page({"source": {"data": "QUJD" * 100_000}})
    assert "QUJD" not in shown and "<base64, 300 kB>" in shown


@given(JSON)
def test_any_json_has_an_outline(value: Any) -> None:
    assert page(value)


def test_depth_and_size_do_no_harm() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    assert "bottom" in page(deep)
    shown = page({"messages": ["x" * 1000 + " "] * 2000})
    assert len(shown) < 700_000 and "characters more are not shown" in shown

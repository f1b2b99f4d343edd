"""Single fields from clients: lenient with what means "not set", exact about everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.fields import boolean, mapping, number, positive, text


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (boolean, None, False),
        (boolean, True, True),
        (number, None, None),
        (number, "", None),
        (number, " 0.5 ", 0.5),
        (number, 3, 3.0),
        (text, None, None),
        (text, "", None),
        (text, " x ", " x "),
        (mapping, None, None),
        (mapping, [], None),
        (mapping, "", None),
        (mapping, False, None),
        (mapping, {}, {}),
        (mapping, {"a": 1}, {"a": 1}),
    ],
)
def test_what_is_taken(read: Callable[..., Any], given: Any, value: Any) -> None:
    assert read({"f": given}, "f") == value


@pytest.mark.parametrize(
    ("read", "given"),
    [
        *((boolean, given) for given in ("true", 0, 1, [], {})),
        *((number, given) for given in (True, "x", "nan", "inf", [], {}, 10**400)),
        *((text, given) for given in (0, 5, True, False, [], {}, ["x"])),
        *((mapping, given) for given in (5, "x", True, [1])),
    ],
)
def test_what_is_refused_is_named(read: Callable[..., Any], given: Any) -> None:
    for at, param in (("", "f"), ("a[0]", "a[0].f")):
        with pytest.raises(InvalidRequest) as caught:
            read({"f": given}, "f", at)
        assert caught.value.param == param


def test_a_missing_field_may_have_a_default() -> None:
    assert boolean({}, "f", default=True) is True
    assert boolean({"f": False}, "f", default=True) is False


@pytest.mark.parametrize(("given", "count"), [(None, None), (0.0, None), (-1.0, None), (0.5, None), (1.0, 1), (2.9, 2)])
def test_counts(given: float | None, count: int | None) -> None:
    assert positive(given) == count

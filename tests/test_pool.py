"""pool.py: credentials take turns, and only those that have the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.credentials.base import Access, Credential
from oai_bridge.pool import Pool


@dataclass(frozen=True)
class One:
    """A credential that has the models of `models`; all, if it is `None`."""

    label: str
    models: frozenset[str] | None = field(default=None)

    def serves(self, model: str) -> bool:
        return self.models is None or model in self.models

    def lists(self, model: str) -> bool:
        return self.models is not None and model in self.models

    async def access(self) -> Access:
        raise AssertionError("a pool asks nobody for access")

    def refuse(self, access: Access) -> bool:
        raise AssertionError("a pool refuses nobody")


def labels(pool: Pool, count: int, model: str = "m") -> list[str | None]:
    found = (pool.next(model) for _ in range(count))
    return [one and one.label for one in found]


def first(pool: Pool, model: str) -> list[Credential]:
    """Whose turn it can be."""
    able = [one for one in pool.credentials if one.serves(model)]
    return [one for one in able if one.lists(model)] or able


def test_one_after_the_other() -> None:
    assert labels(Pool([One("a"), One("b"), One("c")]), 7) == ["a", "b", "c", "a", "b", "c", "a"]


def test_without_credentials_there_is_none() -> None:
    assert labels(Pool([]), 2) == [None, None]


def test_only_those_that_have_the_model() -> None:
    pool = Pool([One("a", frozenset({"x"})), One("b", frozenset({"x", "y"})), One("c", frozenset())])
    assert set(labels(pool, 6, "x")) == {"a", "b"}
    assert set(labels(pool, 6, "y")) == {"b"}
    assert set(labels(pool, 6, "z")) == {None}


def test_who_lists_a_model_goes_before_who_takes_any() -> None:
    pool = Pool([One("any"), One("x", frozenset({"x"})), One("all"), One("xy", frozenset({"x", "y"}))])
    assert set(labels(pool, 8, "x")) == {"x", "xy"}
    assert set(labels(pool, 8, "y")) == {"xy"}
    assert set(labels(pool, 8, "z")) == {"any", "all"}


@given(
    models=st.lists(st.none() | st.frozensets(st.sampled_from("xyz"), max_size=3), max_size=5),
    asked=st.lists(st.sampled_from("xyz"), max_size=30),
)
def test_whoever_can_gets_a_turn_and_nobody_else(models: list[frozenset[str] | None], asked: list[str]) -> None:
    pool = Pool([One(str(index), able) for index, able in enumerate(models)])
    for model in asked:
        able = {one.label for one in first(pool, model)}
        found = pool.next(model)
        assert found.label in able if found else not able
    for model in "xyz":
        able = {one.label for one in first(pool, model)} or {None}
        turns = Counter(labels(pool, 2 * max(1, len(models)), model))
        assert set(turns) == able and min(turns.values()) >= 2  # over two rounds each has its two turns, or more

"""spending.py: a cap is kept whatever runs at the same time, and the refusal says what to do."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from oai_bridge.errors import SpendingLimit
from oai_bridge.money.ledger import Key, Ledger, Line
from oai_bridge.money.spending import Budget
from oai_bridge.money.worst import Worst
from oai_bridge.settings.clients import Caps, Client, Spending

TODAY = "2026-11-28"
CLIENTS = (Client("anna", "k1", caps=Caps(usd_per_month=2, tokens_per_day=1000)), Client("bert", "k2"))


NO_CAPS = Caps()


def budget(
    ledger: Ledger | None = None, caps: Caps = NO_CAPS, unpriced: Literal["refuse", "allow"] = "refuse"
) -> Budget:
    return Budget(Spending(caps, unpriced), CLIENTS, ledger or Ledger())


def spent(usd: float, tokens: int = 0, client: str = "anna", day: str = TODAY) -> Ledger:
    ledger = Ledger()
    ledger.add(Key(day, "m", client), Line(1, usd=usd, tokens=tokens))
    return ledger


def worst(usd: float | None, tokens: int = 0) -> Worst:
    return Worst(tokens, 0, usd, usd)


def refusal(made: Budget, client: str = "anna", today: str = TODAY) -> SpendingLimit:
    with pytest.raises(SpendingLimit) as told:
        made.reserve("new", client, worst(0.1), today)
    assert "new" not in made
    return told.value


def test_what_grew_counts_as_what_it_became() -> None:
    made = budget()
    made.reserve("a", "anna", worst(0.1), TODAY)
    made.grow("a", worst(2.5))
    assert "may cost up to $2.50 more" in refusal(made).message
    made.release("a")
    made.grow("a", worst(2.5))
    made.reserve("b", "anna", worst(0.1), TODAY)


def test_while_anything_is_left_one_can_run() -> None:
    made = budget(spent(1.999))
    made.reserve("a", "anna", worst(50), TODAY)
    assert "a" in made
    error = refusal(made)
    assert error.message == (
        "The cap of $2.00 a month for the client anna is reached: $2.00 is spent, and requests that run may cost up to "
        "$50.00 more. Send it again when those have ended, or raise its usd_per_month in server.client_keys in "
        "config.yaml and start again."
    )
    made.release("a")
    made.reserve("b", "anna", worst(50), TODAY)


def test_the_refusal_is_final_and_says_how_to_go_on() -> None:
    error = refusal(budget(spent(5, client="bert"), Caps(usd_per_day=5)))
    assert (error.status, error.type, error.code) == (402, "insufficient_quota", "spending_limit")
    assert error.headers() == {"x-should-retry": "false"}
    assert error.message == (
        "The cap of $5.00 a day for all clients together is reached: $5.00 is spent. It starts anew tomorrow; to go "
        "on now, raise spending.usd_per_day in config.yaml and start again."
    )
    tokens = refusal(budget(spent(0, 1000))).message
    assert "1,000 tokens a day for the client anna is reached: 1,000 tokens are spent." in tokens
    month = refusal(budget(spent(0, 12_345), Caps(tokens_per_month=12_345))).message
    assert "on the 1st" in month and "spending.tokens_per_month" in month


def test_periods_and_clients() -> None:
    ledger = spent(2, 1000, day="2026-11-02")
    budget(ledger).reserve("a", "bert", worst(1), TODAY)  # has no cap
    assert "usd_per_month" in refusal(budget(ledger)).message
    budget(ledger).reserve("a", "anna", worst(1), "2026-12-01")
    budget(spent(2, 1000, client="bert")).reserve("a", "anna", worst(1), TODAY)
    late = budget(caps=Caps(usd_per_day=1))
    late.reserve("a", "bert", worst(9), "2026-11-27")  # counts for its own day
    late.reserve("b", "bert", worst(9), TODAY)
    assert "usd_per_day" in refusal(late, "bert").message


def test_what_is_not_paid_for_runs_and_counts_as_nothing() -> None:
    made = budget(spent(99))
    made.reserve("a", "anna", None, TODAY)
    assert "a" in made
    unpriced = budget(caps=Caps(usd_per_day=1), unpriced="allow")
    unpriced.reserve("a", "bert", worst(None, 10), TODAY)
    unpriced.reserve("b", "bert", worst(None, 10), TODAY)


def test_whose_caps_there_are() -> None:
    assert budget().any and budget().watches("anna") and not budget().watches("bert")
    assert not Budget(Spending(), CLIENTS[1:], Ledger()).any
    assert budget().needs_prices("anna") and not budget().needs_prices("bert")
    assert not budget(caps=Caps(tokens_per_day=1)).needs_prices("bert")
    assert not budget(unpriced="allow").needs_prices("anna")
    assert budget(caps=Caps(usd_per_month=1)).needs_prices("bert")


@given(st.floats(0.001, 100), st.lists(st.floats(0.0001, 50), max_size=40))
def test_one_after_the_other_comes_over_the_cap_by_one_at_most(cap: float, costs: list[float]) -> None:
    ledger = Ledger()
    made = budget(ledger, Caps(usd_per_day=cap))
    for number, cost in enumerate(costs):
        try:
            made.reserve(str(number), "bert", worst(cost), TODAY)
        except SpendingLimit:
            assert ledger.total().usd >= cap
            continue
        ledger.add(Key(TODAY, "m", "bert"), Line(1, usd=cost))
        made.release(str(number))
        assert ledger.total().usd < cap + cost


class Storm(RuleBasedStateMachine):
    """Requests of both clients begin and end in any order, at no more than their worst, under caps of all kinds."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.made = budget(self.ledger, Caps(usd_per_day=3, tokens_per_month=5000))
        self.running: list[tuple[str, str, float, int]] = []
        self.begun = 0
        self.largest = {"anna": 0.0, None: 0.0}

    @rule(client=st.sampled_from(["anna", "bert"]), usd=st.floats(0.001, 2), tokens=st.integers(0, 2000))
    def begin(self, client: str, usd: float, tokens: int) -> None:
        self.begun += 1
        try:
            self.made.reserve(str(self.begun), client, worst(usd, tokens), TODAY)
        except SpendingLimit:
            return
        self.running.append((str(self.begun), client, usd, tokens))
        for whose in {client, None} & self.largest.keys():
            self.largest[whose] = max(self.largest[whose], usd)

    @rule(which=st.integers(0), share=st.floats(0, 1))
    def end(self, which: int, share: float) -> None:
        if self.running:
            id, client, usd, tokens = self.running.pop(which % len(self.running))
            self.ledger.add(Key(TODAY, "m", client), Line(1, usd=usd * share, tokens=int(tokens * share)))
            self.made.release(id)

    @invariant()
    def it_holds(self) -> None:
        """What may be spent in the end is over a cap by less than one request, the last that was let in."""
        for whose, cap in (("anna", 2.0), (None, 3.0)):
            may = sum(usd for _, client, usd, _ in self.running if whose in (None, client))
            assert self.ledger.spent(whose, TODAY).usd + may < cap + self.largest[whose] + 1e-9


TestStorm = Storm.TestCase
TestStorm.settings = settings(max_examples=25, stateful_step_count=40)

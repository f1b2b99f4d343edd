"""The hosts: each is asked once, and what is known of all of them tells more of one that is not there."""

from __future__ import annotations

from tests.support.doctors import examined, states
from tests.support.fake_azure import FakeAzure


async def test_a_host_is_asked_once_and_without_a_key() -> None:
    with FakeAzure() as azure:
        accounts = [
            {"endpoint": azure.origin, "api_key": azure.key(), "deployments": [name]} for name in ("gpt-4o", "my-mini")
        ]
        findings = await examined({}, {"azure": {"accounts": accounts}})
        assert states(findings)[1:] == ["network: ok", "clock: ok", *["credential: ok", "model: ok"] * 2]
        (asked,) = (one for one in azure.requests if one.method == "GET")
        assert not {"authorization", "api-key", "cookie"} & {name.lower() for name in asked.headers}


async def test_a_name_that_is_not_there_while_others_are_is_a_wrong_one() -> None:
    with FakeAzure() as azure:
        origins = [azure.origin, "https://misspelt.invalid"]
        accounts = [{"endpoint": origin, "api_key": azure.key(), "deployments": ["gpt-4o"]} for origin in origins]
        findings = await examined({}, {"azure": {"accounts": accounts}}, paid=False)
    assert states(findings)[1:3] == ["network: ok", "network: failed"]
    assert findings[2].message == "There is no host misspelt.invalid."
    assert findings[2].remedy.startswith("Correct misspelt: ")
    assert states(findings)[-1] == "model: skipped"
    assert findings[-1].message == "The cloud can't be reached, see above."

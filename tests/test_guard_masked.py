"""guard.py: of a header with a secret only its kind is shown."""

from __future__ import annotations

import pytest

from oai_bridge.entrance.guard import masked


def test_masked_names_what_is_secret_and_how_to_show_it() -> None:
    headers = [
        ("Authorization", "Bearer sk-1"),
        ("PROXY-Authorization", "Basic c2VjcmV0"),
        ("x-api-key", "sk-2"),
        ("Api-Key", "sk-3"),
        ("x-goog-api-key", "sk-4"),
        ("Cookie", "a=b"),
        ("authorization ", "Bearer sk-5"),
        ("content-type", "application/json"),
        ("host", "localhost"),
    ]
    assert masked(headers) == {
        "Authorization": "Bearer ***",
        "PROXY-Authorization": "***",
        "x-api-key": "***",
        "Api-Key": "***",
        "x-goog-api-key": "***",
        "Cookie": "***",
        "authorization ": "Bearer ***",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [("bearer sk", "Bearer ***"), ("Bearer\tsk", "Bearer ***"), ("Bearersk", "***"), ("sk Bearer", "***"),
     ("sk", "***"), ("Bearer ", None), ("Bearer", None), ("", None)],
)  # fmt: skip
def test_masked_leaves_an_empty_credential_as_it_is(value: str, shown: str | None) -> None:
    assert masked([("authorization", value)]).get("authorization") == shown


def test_masked_hides_a_secret_behind_an_empty_one_of_the_same_name() -> None:
    assert masked([("authorization", "Bearer sk"), ("authorization", "Bearer ")]) == {"authorization": "Bearer ***"}

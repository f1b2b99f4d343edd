"""verdict.py: what each error says of the credential that it came with."""

from __future__ import annotations

import pytest

from oai_bridge.dialects import cloud_errors
from oai_bridge.dialects.cloud_errors import GOOGLE, Kind, cloud_error, unknown
from oai_bridge.errors import (
    BridgeError,
    Busy,
    CloudError,
    Forbidden,
    Internal,
    InvalidRequest,
    NotFound,
    Original,
    StreamBroken,
    TooLarge,
    Unauthorized,
    UpstreamError,
)
from oai_bridge.outward.patience import too_long
from oai_bridge.outward.upstream import StaleConnection
from oai_bridge.settings.traffic import Timeouts
from oai_bridge.waiting.verdict import ANSWERED, RESTS, Verdict, verdict

KINDS = {name: kind for name, kind in vars(cloud_errors).items() if isinstance(kind, Kind)}

# What a verdict says, in short: the state and of what; a strike; what may be done with the request.
Words = str


def said(error: BridgeError) -> Words:
    told = verdict(error)
    if told.state is None:
        assert told == Verdict()
        return "nothing"
    assert told.error is error and told.again
    words = {f"{told.state} {told.scope}": True, "strike": told.strike, "unsure": told.unsure}
    return " ".join(word for word, is_so in words.items() if is_so)


BY_KIND: dict[str, Words] = {
    "INVALID": "nothing",
    "TOO_LONG": "nothing",
    "CREDENTIAL": "broken credential",
    "BILLING": "exhausted credential",
    "DENIED": "denied model strike",
    "NOT_FOUND": "denied model strike",
    "CONFLICT": "nothing",
    "TOO_LARGE": "nothing",
    "QUOTA": "cooling model",
    "SERVER": "cooling model strike",
    "OVERLOADED": "cooling model",
    "UNAVAILABLE": "cooling model",
    "SLOW": "cooling model strike unsure",
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_a_clouds_error(name: str) -> None:
    error = cloud_error(KINDS[name], "No.", {}, GOOGLE, original=Original())
    assert said(error) == BY_KIND[name]


def test_all_kinds_are_told() -> None:
    assert KINDS.keys() == BY_KIND.keys()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "cooling model strike"),
        (200, "cooling model strike"),
        (400, "nothing"),
        (401, "broken credential"),
        (402, "exhausted credential"),
        (403, "denied model strike"),
        (404, "denied model strike"),
        (405, "nothing"),
        (408, "cooling model strike unsure"),
        (422, "nothing"),
        (424, "nothing"),
        (429, "cooling model"),
        (500, "cooling model strike"),
        (502, "cooling model strike"),
        (503, "cooling model"),
        (504, "cooling model strike unsure"),
        (599, "cooling model strike"),
    ],
)
def test_a_clouds_error_that_is_of_no_kind(status: int | None, words: Words) -> None:
    error = cloud_error(unknown(status), "No.", {}, {}, original=Original(status))
    assert said(error) == words


@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_quota_that_is_used_up_is_no_matter_of_seconds(status: int) -> None:
    assert said(CloudError("No.", status=status, code="quota_exceeded")) == "exhausted model"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("connect_failed", "cooling place"),
        ("connect_timeout", "cooling place"),
        ("dns_failed", "cooling place"),
        ("tls_failed", "cooling place"),
        ("proxy_unreachable", "cooling place"),
        ("proxy_refused", "cooling place"),
        ("upstream_closed", "cooling model strike"),
        ("first_byte_timeout", "cooling model strike"),
        ("token_endpoint_unreachable", "cooling credential"),
        ("token_endpoint_failed", "cooling credential"),
        ("socks_missing", "nothing"),  # nor is it there for another credential
        ("total_timeout", "nothing"),
        (None, "nothing"),  # an answer larger than 64 MB, which the next one may be as well
    ],
)
def test_each_code_for_a_cloud_that_can_not_be_asked(code: str | None, words: Words) -> None:
    assert said(UpstreamError("No.", code=code)) == words


@pytest.mark.parametrize("code", ["upstream_closed", "first_byte_timeout"])
def test_a_cloud_that_may_have_worked_on_it_may_be_paid_for_it(code: str) -> None:
    error = UpstreamError("No.", code=code)
    error.unsure = True
    assert said(error) == "cooling model strike unsure"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (StreamBroken("Cut."), "cooling model strike unsure"),
        (StreamBroken("Silent.", code="idle_timeout"), "cooling model strike unsure"),
        (StaleConnection("Closed."), "cooling model strike unsure"),
        (Unauthorized("Sign in.", code="credential_refused"), "broken credential"),
        (Unauthorized("No region.", code="no_region"), "broken credential"),
        (InvalidRequest("What?"), "nothing"),
        (NotFound("Where?"), "nothing"),
        (Forbidden("Who?"), "nothing"),
        (TooLarge(2**20), "nothing"),
        (Busy("Full."), "nothing"),
        (Internal("Oh."), "nothing"),
        (BridgeError("Oh."), "nothing"),
        (too_long(Timeouts()), "nothing"),
    ],
    ids=lambda one: "" if isinstance(one, str) else f"{type(one).__name__} {one.code}",
)
def test_each_error_of_our_own(error: BridgeError, words: Words) -> None:
    assert said(error) == words


def test_an_answer_says_that_the_credential_is_good() -> None:
    assert Verdict("answered") == ANSWERED and ANSWERED.error is None and not ANSWERED.again


def test_a_rest_grows_from_its_first_length_to_its_longest() -> None:
    assert dict(RESTS) == {
        "cooling": (1, 30),
        "exhausted": (600, 3600),
        "denied": (300, 3600),
        "broken": (30, 600),
    }

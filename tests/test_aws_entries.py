"""Tests for aws_accounts.py: the accounts of config.yaml, and how they go with what the names say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from oai_bridge.settings.aws_accounts import AwsNames, aws_accounts
from oai_bridge.settings.config_schema import AwsEntry
from oai_bridge.settings.names import Value
from oai_bridge.settings.values import AwsAccount, AwsApiKey, AwsKeys, AwsLogin, AwsSource, ConfigError

KEY_ID, SECRET, TOKEN = (
    "AKIA7QJ2EXMPL3K5T9ZD",
    "wJa/rXUt+FEMI/K7MDENG+bPxRfiCYzEcanary==",
    "FwoGZXIvYXdzEBYaD/canary+==",
)
TEMPORARY_ID = "ASIA7QJ2EXMPL3K5T9ZD"
KEYS = AwsKeys(KEY_ID, SECRET)
IRELAND = Value("eu-west-1", "AWS_REGION in .env", Path())


def accounts(*written: AwsEntry, names: AwsNames) -> list[AwsAccount]:
    problems: list[str] = []
    told: list[str] = []
    found = aws_accounts(written, names, told, problems)
    assert (told, problems) == ([], [])
    return found


@pytest.mark.parametrize(
    ("entry", "names", "expected"),
    [
        (AwsEntry(region="us-east-1"), AwsNames(), AwsAccount("us-east-1", AwsLogin())),
        (AwsEntry(), AwsNames(), AwsAccount(None, AwsLogin())),
        (AwsEntry(region=""), AwsNames(), AwsAccount(None, AwsLogin())),
        (AwsEntry(profile="work"), AwsNames(), AwsAccount(None, AwsLogin("work"))),
        (AwsEntry(profile="work"), AwsNames(region=IRELAND), AwsAccount("eu-west-1", AwsLogin("work"))),
        (
            AwsEntry(profile="work", region="us-west-2"),
            AwsNames(region=IRELAND),
            AwsAccount("us-west-2", AwsLogin("work")),
        ),
        (AwsEntry(api_key=" k "), AwsNames(region=IRELAND), AwsAccount("eu-west-1", AwsApiKey("k"))),
        (AwsEntry(api_key="k", region="us-west-2"), AwsNames(), AwsAccount("us-west-2", AwsApiKey("k"))),
        (
            AwsEntry(access_key_id=KEY_ID, secret_access_key=SECRET, region="us-west-2"),
            AwsNames(),
            AwsAccount("us-west-2", KEYS),
        ),
        (
            AwsEntry(access_key_id=f" {TEMPORARY_ID}", secret_access_key=SECRET, session_token=f"{TOKEN}\n"),
            AwsNames(region=IRELAND),
            AwsAccount("eu-west-1", AwsKeys(TEMPORARY_ID, SECRET, TOKEN)),
        ),
    ],
)
def test_entries_of_the_file(entry: AwsEntry, names: AwsNames, expected: AwsAccount) -> None:
    assert accounts(entry, names=names) == [expected]


@pytest.mark.parametrize(
    ("entry", "names", "expected"),
    [
        (AwsEntry(regions=["us-east-1"]), AwsNames(), [AwsAccount("us-east-1", AwsLogin())]),
        (
            AwsEntry(region="", regions=["us-west-2", "eu-west-1", "us-west-2", "us-east-1"]),
            AwsNames(region=IRELAND),
            [
                AwsAccount("us-west-2", AwsLogin(), rank=0),
                AwsAccount("eu-west-1", AwsLogin(), rank=1),
                AwsAccount("us-east-1", AwsLogin(), rank=2),
            ],
        ),
        (
            AwsEntry(regions=["us-west-2", "eu-west-1"], api_key="k", models=["claude-*", "*"]),
            AwsNames(),
            [
                AwsAccount("us-west-2", AwsApiKey("k"), ("claude-*", "*"), 0),
                AwsAccount("eu-west-1", AwsApiKey("k"), ("claude-*", "*"), 1),
            ],
        ),
        (AwsEntry(models=["a", "b", "a"]), AwsNames(), [AwsAccount(None, AwsLogin(), ("a", "b"))]),
        (AwsEntry(profile="x", models=[]), AwsNames(region=IRELAND), [AwsAccount("eu-west-1", AwsLogin("x"))]),
        # the login of the names is in use, and not one more; nor does it take the entry's models
        (
            AwsEntry(regions=["us-west-2", "eu-west-1"], models=["x"]),
            AwsNames(login=KEYS, login_where="AWS_X in .env", region=IRELAND),
            [AwsAccount("us-west-2", KEYS, ("x",), 0), AwsAccount("eu-west-1", KEYS, ("x",), 1)],
        ),
        (
            AwsEntry(profile="own", regions=["us-west-2"], models=["x"]),
            AwsNames(login=KEYS, login_where="AWS_X in .env", region=IRELAND),
            [AwsAccount("us-west-2", AwsLogin("own"), ("x",)), AwsAccount("eu-west-1", KEYS)],
        ),
    ],
)
def test_regions_and_models(entry: AwsEntry, names: AwsNames, expected: list[AwsAccount]) -> None:
    assert accounts(entry, names=names) == expected


STRING = (AwsAccount("us-east-2", KEYS),)


@pytest.mark.parametrize(
    ("written", "login", "expected"),
    [
        # alone, it is an account of its own, in the region of the names
        ([], AwsApiKey("k"), [AwsAccount("eu-west-1", AwsApiKey("k"))]),
        ([], AwsLogin("work"), [AwsAccount("eu-west-1", AwsLogin("work"))]),
        # an entry without credentials uses it, and it is not one more
        ([AwsEntry(region="us-west-2")], AwsApiKey("k"), [AwsAccount("us-west-2", AwsApiKey("k"))]),
        ([AwsEntry(region="us-west-2")], KEYS, [AwsAccount("us-west-2", KEYS)]),
        ([AwsEntry(region="us-west-2")], AwsLogin("work"), [AwsAccount("us-west-2", AwsLogin("work"))]),
        (
            [AwsEntry(region="us-west-2"), AwsEntry(region="us-west-1")],
            KEYS,
            [AwsAccount("us-west-2", KEYS), AwsAccount("us-west-1", KEYS)],
        ),
        # an entry that has its own does not
        (
            [AwsEntry(profile="own")],
            AwsApiKey("k"),
            [AwsAccount("eu-west-1", AwsLogin("own")), AwsAccount("eu-west-1", AwsApiKey("k"))],
        ),
    ],
)
def test_login_of_the_names_and_the_file(
    written: Sequence[AwsEntry], login: AwsSource, expected: list[AwsAccount]
) -> None:
    names = AwsNames(STRING, login, "AWS_X in .env", IRELAND)
    assert accounts(*written, names=names) == [*expected, *STRING]


def test_a_profile_of_the_names_may_have_its_own_region() -> None:
    assert accounts(names=AwsNames(login=AwsLogin("work"))) == [AwsAccount(None, AwsLogin("work"))]


ENTRY = "bedrock.accounts[0]"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (AwsEntry(region="US"), f"{ENTRY}.region ('US') is not a region of AWS"),
        (AwsEntry(regions=["us-east-1", "US"]), f"{ENTRY}.regions[1] ('US') is not a region of AWS"),
        (AwsEntry(regions=[""]), f"{ENTRY}.regions[0] ('') is not a region of AWS"),
        (AwsEntry(regions=[], api_key="k"), f"{ENTRY}.regions is empty: name a region there, or remove it."),
        (AwsEntry(region="us-east-1", regions=["eu-west-1"]), f"{ENTRY} has region and regions: keep one of them."),
        (AwsEntry(models=["claude-*", ""]), f"{ENTRY}.models[1] ('') is empty, unreadable or too long: use the id of"),
        (AwsEntry(region=SECRET), f"{ENTRY}.region (what stands there) is not a region of AWS"),
        (
            AwsEntry(api_key="k"),
            f"{ENTRY} names no region: add one such as us-east-1 or eu-central-1, or set AWS_REGION.",
        ),
        (AwsEntry(access_key_id=KEY_ID, secret_access_key=SECRET), f"{ENTRY} names no region: add one such as"),
        (AwsEntry(api_key="ca nary", region="us-east-1"), f"{ENTRY}.api_key must be ASCII letters"),
        (AwsEntry(api_key="", region="us-east-1"), f"{ENTRY}.api_key must be ASCII letters"),
        (AwsEntry(api_key="<canary>", region="us-east-1"), f"{ENTRY}.api_key is still the placeholder"),
        (AwsEntry(api_key="canary", profile="x"), f"{ENTRY} has api_key and profile: keep the one to be used."),
        (AwsEntry(api_key="canary", access_key_id="x"), f"{ENTRY} has api_key and access_key_id: keep the one"),
        (AwsEntry(profile="x", session_token="canary"), f"{ENTRY} has access_key_id and profile: keep the one"),
        (AwsEntry(access_key_id=KEY_ID), f"{ENTRY} has half a key: set access_key_id and secret_access_key together."),
        (AwsEntry(secret_access_key=SECRET), f"{ENTRY} has half a key"),
        (AwsEntry(session_token=TOKEN), f"{ENTRY} has half a key"),
        (AwsEntry(access_key_id=SECRET, secret_access_key=KEY_ID), f"{ENTRY} has the access key's id where"),
        (AwsEntry(access_key_id=TEMPORARY_ID, secret_access_key=SECRET), f"{ENTRY} is a temporary key"),
        (
            AwsEntry(access_key_id=KEY_ID, secret_access_key="can\nary"),
            f"The secret access key of {ENTRY} must be ASCII",
        ),
        (AwsEntry(profile=""), f"{ENTRY}.profile must be the name of a profile"),
        (AwsEntry(profile="a\nb"), f"{ENTRY}.profile must be the name of a profile"),
        (AwsEntry(profile="[profile work]"), f"{ENTRY}.profile must be the name of a profile"),
    ],
)
def test_broken_entries_of_the_file_are_told(entry: AwsEntry, sentence: str) -> None:
    problems: list[str] = []
    assert aws_accounts([entry, AwsEntry(region="us-east-1")], AwsNames(), [], problems) == [
        AwsAccount("us-east-1", AwsLogin())
    ]
    (problem,) = problems
    assert problem.startswith(sentence) and problem.endswith(".") and "\n" not in problem and "canary" not in problem


NOWHERE = Value("nowhere", "AWS_REGION in the environment", None)
NO_REGION = "AWS_X in the environment names no region: add one such as us-east-1 or eu-central-1, or set AWS_REGION."
NO_SUCH = "AWS_REGION in the environment ('nowhere') is not a region of AWS: use one such as us-east-1 or eu-central-1."


@pytest.mark.parametrize("accounts_before", [(), STRING])
@pytest.mark.parametrize(
    ("login", "region", "sentence"),
    [
        (AwsApiKey("k"), None, NO_REGION),
        (AwsApiKey("k"), NOWHERE, NO_SUCH),
        (AwsLogin("work"), NOWHERE, NO_SUCH),
        (ConfigError("AWS_X is no key: copy it again."), IRELAND, "AWS_X is no key: copy it again."),
    ],
)
def test_names_that_make_no_account_stop_nobody(
    login: AwsSource | ConfigError, region: Value | None, sentence: str, accounts_before: tuple[AwsAccount, ...]
) -> None:
    told: list[str] = []
    problems: list[str] = []
    names = AwsNames(accounts_before, login, "AWS_X in the environment", region)
    assert aws_accounts([], names, told, problems) == [*accounts_before]
    assert problems == []
    assert told == [f"{'Ignored' if accounts_before else 'Bedrock stays off'}, since {sentence}"]


def test_an_account_of_the_file_that_needs_them_is_told_what_is_wrong() -> None:
    names = AwsNames(login=ConfigError("AWS_X is no key: copy it again."), region=IRELAND)
    problems: list[str] = []
    assert aws_accounts([AwsEntry(), AwsEntry(profile="own")], names, [], problems) == [
        AwsAccount("eu-west-1", AwsLogin("own"))
    ]
    assert problems == ["AWS_X is no key: copy it again."]


def test_a_wrong_region_in_the_dotenv_file_is_a_fault_of_its_form() -> None:
    problems: list[str] = []
    region = Value("nowhere", "AWS_REGION in .env", Path())
    aws_accounts([], AwsNames((), AwsApiKey("k"), "AWS_X in the environment", region), [], problems)
    (problem,) = problems
    assert problem.startswith("AWS_REGION in .env ('nowhere') is not a region of AWS")


def test_a_region_of_the_names_is_judged_only_where_it_is_used() -> None:
    names = AwsNames(region=Value("nowhere", "AWS_REGION in the environment", None))
    assert accounts(AwsEntry(region="us-east-1"), names=names) == [AwsAccount("us-east-1", AwsLogin())]
    problems: list[str] = []
    aws_accounts([AwsEntry()], names, [], problems)
    (problem,) = problems
    assert problem.startswith("AWS_REGION in the environment ('nowhere') is not a region of AWS")

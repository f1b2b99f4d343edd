"""Tests for aws_accounts.py: regions, AWS_CREDENTIALS and AWS's own names, and what is told about broken ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.settings.aws_accounts import AwsNames, accounts_in_string, aws_region_named, read_aws
from oai_bridge.settings.names import Names, Value
from oai_bridge.settings.values import AwsAccount, AwsApiKey, AwsKeys, AwsLogin, AwsSource, ConfigError

KEY_ID, SECRET, TOKEN = (
    "AKIA7QJ2EXMPL3K5T9ZD",
    "wJa/rXUt+FEMI/K7MDENG+bPxRfiCYzEcanary==",
    "FwoGZXIvYXdzEBYaD/canary+==",
)
TEMPORARY_ID = "ASIA7QJ2EXMPL3K5T9ZD"
KEYS = AwsKeys(KEY_ID, SECRET)
IRELAND = Value("eu-west-1", "AWS_REGION in .env", Path())


def read(environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None) -> AwsNames:
    problems: list[str] = []
    told: list[str] = []
    names = read_aws(Names(environment or {}, dotenv or {}, Path()), set(), told, problems)
    assert (told, problems) == ([], [])
    return names


def complaints(environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None) -> list[str]:
    problems: list[str] = []
    read_aws(Names(environment or {}, dotenv or {}, Path()), set(), [], problems)
    assert "canary" not in repr(problems) and all("\n" not in each and each.endswith(".") for each in problems)
    return problems


# --- regions


@pytest.mark.parametrize(
    "text",
    [
        *(
            "us-east-1",
            "eu-central-2",
            "ap-southeast-7",
            "us-gov-west-1",
            "cn-northwest-1",
            "us-isob-east-1",
            "il-central-1",
        ),
        "eusc-de-east-1",
    ],
)
def test_regions(text: str) -> None:
    assert aws_region_named("x", text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "us",
            "us-east",
            "us-east-1a",
            "us-east-12",
            "US-EAST-1",
            "us_east_1",
            "us-east-1\n",
            "us-east5",
            "global",
        ),
        *("us-east-1.evil.example/", "us-east-1/x", "us--east-1", "-east-1", "us-east-\u0661", "evil.example"),
    ],
)
def test_what_is_no_region(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        aws_region_named("x", text)
    assert str(caught.value) == "x is not a region of AWS: use one such as us-east-1 or eu-central-1."


# --- AWS_CREDENTIALS


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{KEY_ID}:{SECRET}:us-east-1", [AwsAccount("us-east-1", KEYS)]),
        (f" '{KEY_ID} : {SECRET} : us-east-1' ", [AwsAccount("us-east-1", KEYS)]),
        (f'"{KEY_ID}":"{SECRET}":"us-east-1"', [AwsAccount("us-east-1", KEYS)]),
        (f"\u201c{KEY_ID}:{SECRET}:us-east-1\u201d", [AwsAccount("us-east-1", KEYS)]),
        (
            f"{KEY_ID}:{SECRET}:us-east-1, {KEY_ID}:{SECRET}:us-west-2,\n",
            [AwsAccount("us-east-1", KEYS), AwsAccount("us-west-2", KEYS)],
        ),
        (
            f"{TEMPORARY_ID}:{SECRET}:us-east-1:{TOKEN}",
            [AwsAccount("us-east-1", AwsKeys(TEMPORARY_ID, SECRET, TOKEN))],
        ),
        (f"{KEY_ID}:{SECRET}", [AwsAccount("eu-west-1", KEYS)]),
        (f"{KEY_ID}:{SECRET}:", [AwsAccount("eu-west-1", KEYS)]),
        (f"{TEMPORARY_ID}:{SECRET}::{TOKEN}", [AwsAccount("eu-west-1", AwsKeys(TEMPORARY_ID, SECRET, TOKEN))]),
        ("AKIDEXAMPLE:s:us-east-1", [AwsAccount("us-east-1", AwsKeys("AKIDEXAMPLE", "s"))]),
        ("", []),
        (",", []),
    ],
)
def test_string(value: str, expected: list[AwsAccount]) -> None:
    problems: list[str] = []
    assert accounts_in_string("AWS_CREDENTIALS", value, IRELAND, problems) == (expected, 0)
    assert problems == []


@pytest.mark.parametrize(
    "value",
    [
        "myaccesskeyid:mysecretkey:us-east-1",
        "anotheraccesskeyid:anothersecretkey:us-west-2",
        "AKIA000000000000000:somesecretkey:us-east-1",
        "<access key id>:<secret access key>:<region>",
        f"{KEY_ID}:your-secret-access-key:us-east-1",
        "AKIAXXXX:xxxxxxxxxxxx:us-east-1",
        f"{KEY_ID}:...:us-east-1",
    ],
)
def test_stand_ins_are_no_accounts_and_real_ones_beside_them_count(value: str) -> None:
    problems: list[str] = []
    assert accounts_in_string("x", value, None, problems) == ([], 1)
    both = f"{value},{KEY_ID}:{SECRET}:us-east-1"
    assert accounts_in_string("x", both, None, problems) == ([AwsAccount("us-east-1", KEYS)], 1)
    assert problems == []


FORM = "<access key id>:<secret access key>:<region>, with :<session token> for a temporary key"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("canary", f"x, entry 1 of 1 is not of the form {FORM}."),
        (f"a:b:{TOKEN}:d:e", f"x, entry 1 of 1 is not of the form {FORM}."),
        (f'{{"AccessKeyId": "{KEY_ID}", "SecretAccessKey": "{SECRET}"}}', f"x is JSON: write {FORM}."),
        (
            f"{KEY_ID}:{SECRET}:canary",
            "The region of x, entry 1 of 1 is not a region of AWS: use one such as us-east-1 or eu-central-1.",
        ),
        (
            f"{KEY_ID}:{SECRET}:{TOKEN}:us-east-1",
            "The region of x, entry 1 of 1 is not a region of AWS: use one such as us-east-1 or eu-central-1.",
        ),
        (
            f"{KEY_ID}:{SECRET}",
            "x, entry 1 of 1 names no region: add one such as us-east-1 or eu-central-1, or set AWS_REGION.",
        ),
        (
            f"{KEY_ID}:ca nary:us-east-1",
            "The secret access key of x, entry 1 of 1 must be ASCII letters, digits and signs without spaces: "
            "copy it again.",
        ),
        (
            f"{KEY_ID}::us-east-1",
            "The secret access key of x, entry 1 of 1 must be ASCII letters, digits and signs without spaces: "
            "copy it again.",
        ),
        (
            f"can ary:{SECRET}:us-east-1",
            "The access key id of x, entry 1 of 1 must be letters and digits such as AKIA…: copy it again.",
        ),
        (
            f":{SECRET}:us-east-1",
            "The access key id of x, entry 1 of 1 must be letters and digits such as AKIA…: copy it again.",
        ),
        (
            f"{SECRET}:{KEY_ID}:us-east-1",
            "x, entry 1 of 1 has the access key's id where its secret belongs: swap the two.",
        ),
        (
            f"{TEMPORARY_ID}:{SECRET}:us-east-1",
            "x, entry 1 of 1 is a temporary key (ASIA…) without its session token: add that, or use a profile.",
        ),
        (
            f"{TEMPORARY_ID}:{SECRET}:us-east-1:ca nary",
            "The session token of x, entry 1 of 1 must be ASCII letters, digits and signs without spaces: "
            "copy it again.",
        ),
    ],
)
def test_broken_entries_are_told_without_their_text(entry: str, sentence: str) -> None:
    problems: list[str] = []
    assert accounts_in_string("x", entry, None, problems) == ([], 0)
    assert problems == [sentence]


def test_each_broken_entry_is_told_by_its_number_and_good_ones_stand() -> None:
    problems: list[str] = []
    value = f"canary,{KEY_ID}:{SECRET}:us-east-1,{KEY_ID}:{SECRET}:canary"
    found, _ = accounts_in_string("x", value, None, problems)
    assert found == [AwsAccount("us-east-1", KEYS)]
    assert ["entry 1 of 3" in problems[0], "entry 3 of 3" in problems[1], len(problems)] == [True, True, 2]


PIECES = st.sampled_from(
    [KEY_ID, TEMPORARY_ID, SECRET, TOKEN, "us-east-1", "<key>", "{", ":", ",", '"', " ", "\n", "\0"]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join), st.sampled_from([IRELAND, None]))
def test_any_string_gives_accounts_or_sentences(value: str, region: Value | None) -> None:
    problems: list[str] = []
    found, placeholders = accounts_in_string("x", value, region, problems)
    assert len(found) + len(problems) + placeholders <= value.count(",") + 1
    assert "canary" not in repr((found, problems)) and all(each.endswith(".") for each in problems)
    for account in found:
        assert isinstance(account.source, AwsKeys) and aws_region_named("x", account.region or "")
        for text in (account.source.key_id, account.source.secret, account.source.session_token or "-"):
            assert text and all("!" <= char <= "~" for char in text)


# --- the names


def test_strings_of_both_places_are_added() -> None:
    names = read(
        {"AWS_CREDENTIALS": f"{KEY_ID}:{SECRET}:us-east-1"}, {"AWS_CREDENTIALS": f"{KEY_ID}:{SECRET}:us-west-2"}
    )
    assert [account.region for account in names.accounts] == ["us-east-1", "us-west-2"]
    assert names.login is None


@pytest.mark.parametrize(
    ("environment", "dotenv", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, {}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, {"AWS_REGION": "eu-west-1"}, "eu-west-2"),
        ({}, {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_REGION": ""}, {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
def test_region_of_the_names(environment: dict[str, str], dotenv: dict[str, str], region: str) -> None:
    names = read({**environment, "AWS_CREDENTIALS": f"{KEY_ID}:{SECRET}"}, dotenv)
    assert [account.region for account in names.accounts] == [region]
    assert names.region is not None and names.region.text == region


KEY_NAMES = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
TEMPORARY = {"AWS_ACCESS_KEY_ID": TEMPORARY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}


@pytest.mark.parametrize(
    ("environment", "dotenv", "login", "where"),
    [
        ({}, {}, None, ""),
        ({"AWS_BEARER_TOKEN_BEDROCK": "k"}, {}, AwsApiKey("k"), "AWS_BEARER_TOKEN_BEDROCK in the environment"),
        ({}, {"AWS_BEARER_TOKEN_BEDROCK": "'k'"}, AwsApiKey("k"), "AWS_BEARER_TOKEN_BEDROCK in .env"),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "k"},
            {"AWS_BEARER_TOKEN_BEDROCK": "l"},
            AwsApiKey("k"),
            "AWS_BEARER_TOKEN_BEDROCK in the environment",
        ),
        ({}, KEY_NAMES, KEYS, "AWS_ACCESS_KEY_ID in .env"),
        ({}, TEMPORARY, AwsKeys(TEMPORARY_ID, SECRET, TOKEN), "AWS_ACCESS_KEY_ID in .env"),
        ({}, {"AWS_PROFILE": "my work"}, AwsLogin("my work"), "AWS_PROFILE in .env"),
        # another program's: a machine that happens to have them doesn't switch Bedrock on
        ({**TEMPORARY, "AWS_PROFILE": "work", "AWS_REGION": "us-east-1"}, {}, None, ""),
        ({"AWS_SESSION_TOKEN": TOKEN}, KEY_NAMES, KEYS, "AWS_ACCESS_KEY_ID in .env"),
        (
            {},
            {"AWS_ACCESS_KEY_ID": "<your access key id>", "AWS_SECRET_ACCESS_KEY": "your-secret-access-key"},
            None,
            "",
        ),
    ],
)
def test_login_of_the_names(
    environment: dict[str, str], dotenv: dict[str, str], login: AwsSource | None, where: str
) -> None:
    names = read(environment, dotenv)
    assert (names.login, names.login_where) == (login, where)


@pytest.mark.parametrize(
    ("dotenv", "login", "told"),
    [
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "k", **KEY_NAMES, "AWS_PROFILE": "work"},
            AwsApiKey("k"),
            "Ignored because of AWS_BEARER_TOKEN_BEDROCK in .env: AWS_ACCESS_KEY_ID in .env, AWS_PROFILE in .env.",
        ),
        (
            {**KEY_NAMES, "AWS_PROFILE": "work"},
            KEYS,
            "Ignored because of AWS_ACCESS_KEY_ID in .env: AWS_PROFILE in .env.",
        ),
    ],
)
def test_of_several_logins_the_first_counts_and_the_others_are_told(
    dotenv: dict[str, str], login: AwsSource, told: str
) -> None:
    said: list[str] = []
    names = read_aws(Names({}, dotenv, Path()), set(), said, [])
    assert (names.login, said) == (login, [told])


def test_stand_ins_of_the_string_are_told_by_name() -> None:
    placeholders: set[str] = set()
    read_aws(Names({"AWS_CREDENTIALS": "myaccesskeyid:mysecretkey:us-east-1"}, {}, Path()), placeholders, [], [])
    assert placeholders == {"AWS_CREDENTIALS"}


HALF = "in .env is half a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."


@pytest.mark.parametrize(
    ("environment", "dotenv", "sentence"),
    [
        ({}, {"AWS_ACCESS_KEY_ID": KEY_ID}, f"AWS_ACCESS_KEY_ID {HALF}"),
        ({}, {"AWS_SECRET_ACCESS_KEY": SECRET}, f"AWS_SECRET_ACCESS_KEY {HALF}"),
        ({}, {"AWS_SESSION_TOKEN": TOKEN}, f"AWS_SESSION_TOKEN {HALF}"),
        ({}, {**KEY_NAMES, "AWS_ACCESS_KEY_ID": "your-access-key-id"}, f"AWS_SECRET_ACCESS_KEY {HALF}"),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "ca nary"},
            {},
            "AWS_BEARER_TOKEN_BEDROCK in the environment must be ASCII letters, digits and signs without spaces: "
            "copy it again.",
        ),
    ],
)
def test_a_login_that_cannot_be_used_is_kept_as_its_sentence(
    environment: dict[str, str], dotenv: dict[str, str], sentence: str
) -> None:
    """It stops those only who need it; with another login it is ignored and told."""
    login = read(environment, dotenv).login
    assert isinstance(login, ConfigError) and str(login) == sentence
    told: list[str] = []
    names = read_aws(Names(environment, {**dotenv, "AWS_PROFILE": "work"}, Path()), set(), told, [])
    assert (names.login, told) == (AwsLogin("work"), [f"Ignored, since {sentence}"])


@pytest.mark.parametrize(
    ("dotenv", "expected"),
    [
        (
            {"AWS_ACCESS_KEY_ID": TEMPORARY_ID, "AWS_SECRET_ACCESS_KEY": SECRET},
            [
                "AWS_ACCESS_KEY_ID in .env is a temporary key (ASIA…) without its session token: "
                "add that, or use a profile."
            ],
        ),
        (
            {
                "AWS_BEARER_TOKEN_BEDROCK": "ca nary",
                **KEY_NAMES,
                "AWS_SECRET_ACCESS_KEY": "ca nary",
                "AWS_PROFILE": "[x]",
            },
            [
                "AWS_BEARER_TOKEN_BEDROCK in .env must be ASCII letters, digits and signs without spaces: "
                "copy it again.",
                "The secret access key of AWS_ACCESS_KEY_ID in .env must be ASCII letters, digits and signs without "
                "spaces: copy it again.",
                "AWS_PROFILE in .env must be the name of a profile, as `aws configure list-profiles` shows them.",
            ],
        ),
    ],
)
def test_broken_logins_are_told(dotenv: dict[str, str], expected: list[str]) -> None:
    assert complaints(dotenv=dotenv) == expected


def test_no_secret_in_the_repr() -> None:
    names = read(
        {"AWS_CREDENTIALS": f"{TEMPORARY_ID}:{SECRET}:us-east-1:{TOKEN}"}, {"AWS_BEARER_TOKEN_BEDROCK": "canary"}
    )
    assert "canary" not in repr((names, read(dotenv=TEMPORARY)))

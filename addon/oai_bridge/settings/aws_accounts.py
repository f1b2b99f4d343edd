"""What people write down as an AWS credential, in every form they have it, checked and made `AwsAccount`s.

AWS's own names may be there for another program: what is wrong with them stops those only who need them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .account_lists import models_named, regions_named
from .config_schema import AwsEntry
from .names import Names, Value, checked, sound, unused
from .texts import bare, entries, is_placeholder, key_named
from .values import AwsAccount, AwsApiKey, AwsKeys, AwsLogin, AwsSource, ConfigError, shown

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-[0-9]")
_KEY_ID = re.compile(r"\w{1,128}", re.ASCII)
_IAM_KEY_ID = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,}")
_EXAMPLE_SECRETS = ("mysecretkey", "anothersecretkey", "somesecretkey")  # oai-reverse-proxy's
_FORM = "<access key id>:<secret access key>:<region>, with :<session token> for a temporary key"
_REGION_EXAMPLES = "such as us-east-1 or eu-central-1"
_Login = tuple[str, AwsSource | ConfigError] | None  # where its name stands, and what it is or why it can't be used


@dataclass(frozen=True, slots=True)
class AwsNames:
    """What the names say: `accounts` are those of AWS_CREDENTIALS, `login` is the one that AWS's own names make up, or
    why they make up none."""

    accounts: tuple[AwsAccount, ...] = ()
    login: AwsSource | ConfigError | None = None
    login_where: str = ""
    region: Value | None = None  # not checked: that of another program, perhaps, and never used here


def aws_region_named(where: str, text: str) -> str:
    """A region of AWS, fit for a host name. The text itself is not told: it may be a piece of a torn key."""
    if _REGION.fullmatch(text) is None:
        raise ConfigError(f"{where} is not a region of AWS: use one {_REGION_EXAMPLES}.")
    return text


def read_aws(names: Names, placeholders: set[str], told: list[str], problems: list[str]) -> AwsNames:
    """AWS_CREDENTIALS, and AWS's own names: an API key in either place, an access key or a profile in `.env`.

    Of these the first counts, in the order of AWS's own tools; the others are told.
    """
    region = names.get("AWS_REGION", "AWS_DEFAULT_REGION")
    accounts: list[AwsAccount] = []
    for value in names.all("AWS_CREDENTIALS"):
        found, left_over = accounts_in_string(value.where, value.text, region, problems)
        accounts += found
        if left_over:
            placeholders.add("AWS_CREDENTIALS")
    logins: list[tuple[str, AwsSource]] = []
    wrong: list[ConfigError] = []
    for read in (_api_key, _access_key, _profile):
        match read(names, problems):
            case (_, ConfigError() as error):
                wrong.append(error)
            case (where, source):
                logins.append((where, source))
    if logins:
        told += [unused("Bedrock", True, error) for error in wrong]
    if len(logins) > 1:
        told.append(f"Ignored because of {logins[0][0]}: {', '.join(where for where, _ in logins[1:])}.")
    where, login = logins[0] if logins else ("", wrong[0] if wrong else None)
    return AwsNames(tuple(accounts), login, where, region)


def aws_accounts(
    written: Sequence[AwsEntry], names: AwsNames, told: list[str], problems: list[str]
) -> list[AwsAccount]:
    """The accounts of config.yaml, the one of AWS's own names, those of AWS_CREDENTIALS.

    An account of config.yaml without credentials uses the one of the names, which then is not one more; without
    that it is what AWS's own tools would use. When the names make up no account that can be used, it is told.
    """
    wanted: list[tuple[str, AwsSource, tuple[str | None, ...], tuple[str, ...]]] = []
    for index, entry in enumerate(written):
        where = f"bedrock.accounts[{index}]"
        try:
            source = _source(where, entry, names.login)
            regions = regions_named(where, entry.region, entry.regions, aws_region_named)
            wanted.append((where, source, regions, models_named(where, entry.models)))
        except ConfigError as error:
            problems.append(str(error))
    found: list[AwsAccount] = []
    for where, source, regions, models in wanted:
        try:
            for rank, region in enumerate(regions):
                account = _account(where, source, region, names.region)
                found.append(replace(account, models=models, rank=rank))
        except ConfigError as error:
            problems.append(str(error))
    try:
        login = sound(names.login)
        if login and all(source is not login for _, source, *_ in wanted):
            named = sound(checked(_region_of_names, names.region, problems))
            found.append(_account(names.login_where, login, named, None))
    except ConfigError as error:
        told.append(unused("Bedrock", bool(found or names.accounts), error))
    return [*found, *names.accounts]


def accounts_in_string(
    where: str, value: str, region: Value | None, problems: list[str]
) -> tuple[list[AwsAccount], int]:
    """oai-reverse-proxy's `AWS_CREDENTIALS`: its accounts, and how many entries were placeholders.

    `region` is for entries that name none. Each broken entry adds one sentence to `problems`, with its number and
    without its text.
    """
    accounts: list[AwsAccount] = []
    placeholders = 0
    if bare(value).startswith("{"):
        problems.append(f"{where} is JSON: write {_FORM}.")
        return accounts, placeholders
    found = entries(value)
    for number, entry in enumerate(found, 1):
        place = f"{where}, entry {number} of {len(found)}"
        parts = [bare(part) for part in entry.split(":")]
        if any(is_placeholder(part) or part in _EXAMPLE_SECRETS for part in parts):
            placeholders += 1
            continue
        if len(parts) not in (2, 3, 4):
            problems.append(f"{place} is not of the form {_FORM}.")
            continue
        key_id, secret, named, token = (*parts, "", "")[:4]
        try:
            source = _keys(place, key_id, secret, token or None)
            own = aws_region_named(f"The region of {place}", named) if named else None
            accounts.append(_account(place, source, own, region))
        except ConfigError as error:
            problems.append(str(error))
    return accounts, placeholders


def _account(where: str, source: AwsSource, region: str | None, default: Value | None) -> AwsAccount:
    if not region and default:
        region = _region_of_names(default.where, default.text)
    if not region and not isinstance(source, AwsLogin):  # a profile may have a region, a key has none
        raise ConfigError(f"{where} names no region: add one {_REGION_EXAMPLES}, or set AWS_REGION.")
    return AwsAccount(region or None, source)


def _region_of_names(where: str, text: str) -> str:
    return aws_region_named(f"{where} ({shown(text)})", text)


def _source(where: str, entry: AwsEntry, login: AwsSource | ConfigError | None) -> AwsSource:
    keys = (entry.access_key_id, entry.secret_access_key, entry.session_token)
    has_keys = any(key is not None for key in keys)
    ways = {"api_key": entry.api_key is not None, "access_key_id": has_keys, "profile": entry.profile is not None}
    chosen = [name for name, there in ways.items() if there]
    if len(chosen) > 1:
        raise ConfigError(f"{where} has {' and '.join(chosen)}: keep the one to be used.")
    if entry.api_key is not None:
        return AwsApiKey(key_named(f"{where}.api_key", entry.api_key))
    if entry.profile is not None:
        return AwsLogin(_profile_named(f"{where}.profile", entry.profile))
    if not has_keys:
        return sound(login) or AwsLogin()
    if entry.access_key_id is None or entry.secret_access_key is None:
        raise ConfigError(f"{where} has half a key: set access_key_id and secret_access_key together.")
    return _keys(where, entry.access_key_id, entry.secret_access_key, entry.session_token)


def _api_key(names: Names, problems: list[str]) -> _Login:
    value = names.get("AWS_BEARER_TOKEN_BEDROCK")
    return _login(value, checked(lambda where, text: AwsApiKey(key_named(where, text)), value, problems))


def _access_key(names: Names, problems: list[str]) -> _Login:
    key_id, secret = names.get("AWS_ACCESS_KEY_ID"), names.get("AWS_SECRET_ACCESS_KEY")
    token = names.get("AWS_SESSION_TOKEN")
    if key_id and secret:
        given = (secret.text, token.text if token else None)
        return _login(key_id, checked(lambda where, text: _keys(where, text, *given), key_id, problems))
    half = key_id or secret or token
    sentence = "is half a key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together."
    return _login(half, ConfigError(f"{half.where} {sentence}") if half else None)


def _profile(names: Names, problems: list[str]) -> _Login:
    value = names.get("AWS_PROFILE")
    return _login(value, checked(lambda where, text: AwsLogin(_profile_named(where, text)), value, problems))


def _login(value: Value | None, source: AwsSource | ConfigError | None) -> _Login:
    return (value.where, source) if value and source else None


def _keys(where: str, key_id: str, secret: str, token: str | None) -> AwsKeys:
    key_id, secret = bare(key_id), key_named(f"The secret access key of {where}", secret)
    if _IAM_KEY_ID.fullmatch(secret):
        raise ConfigError(f"{where} has the access key's id where its secret belongs: swap the two.")
    if _KEY_ID.fullmatch(key_id) is None:
        raise ConfigError(f"The access key id of {where} must be letters and digits such as AKIA…: copy it again.")
    if token is not None:
        token = key_named(f"The session token of {where}", token)
    elif key_id.startswith("ASIA"):
        raise ConfigError(f"{where} is a temporary key (ASIA…) without its session token: add that, or use a profile.")
    return AwsKeys(key_id, secret, token)


def _profile_named(where: str, text: str) -> str:
    name = bare(text)
    if not name or not name.isprintable() or set(name) & set("[]"):
        raise ConfigError(f"{where} must be the name of a profile, as `aws configure list-profiles` shows them.")
    return name

"""The Google accounts of config.yaml and of the names in the environment and `.env`, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .account_lists import models_named, regions_named
from .config_schema import Account
from .environment import FromNames
from .google_sources import account_from, project_named, region_named, source_from
from .names import unused
from .values import AmbientLogin, ConfigError, GoogleAccount, GoogleSource, shown


def google_accounts(
    written: Sequence[Account], names: FromNames, folder: Path, told: list[str], problems: list[str]
) -> list[GoogleAccount]:
    """Those of config.yaml, of GCP_CREDENTIALS, of GOOGLE_APPLICATION_CREDENTIALS; else the named project's login.

    An account of config.yaml without credentials uses GOOGLE_APPLICATION_CREDENTIALS, which then is not one more.
    `folder` is where relative paths in config.yaml start.
    """
    fallback = names.vertex_project or names.fallback_project
    wanted: list[tuple[str, GoogleSource, str | None, tuple[str | None, ...], tuple[str, ...]]] = []
    for index, entry in enumerate(written):
        where = f"vertex.accounts[{index}]"
        try:
            source = _source(f"{where}.credentials", entry.credentials, names, folder)
            project = entry.project and project_named(f"{where}.project ({shown(entry.project)})", entry.project)
            regions = regions_named(where, entry.region, entry.regions, region_named)
            wanted.append((where, source, project, regions, models_named(where, entry.models)))
        except ConfigError as error:
            problems.append(str(error))
    if names.google and all(source is not names.google for _, source, *_ in wanted):
        wanted.append((names.google_where, names.google, names.vertex_project, (None,), ()))
    if names.vertex_project and not written and not wanted and not names.accounts:
        return _named_project(names.vertex_project, names, told, problems)
    found: list[GoogleAccount] = []
    for where, source, project, regions, models in wanted:
        try:
            for rank, region in enumerate(regions):
                account = account_from(where, source, project, region or _region(names), fallback)
                found.append(replace(account, models=models, rank=rank))
        except ConfigError as error:
            problems.append(str(error))
    return [*found, *names.accounts]


def _named_project(project: str, names: FromNames, told: list[str], problems: list[str]) -> list[GoogleAccount]:
    """The machine's login for the project of ANTHROPIC_VERTEX_PROJECT_ID, which may be there for another program."""
    try:
        return [account_from("ANTHROPIC_VERTEX_PROJECT_ID", AmbientLogin(), project, _region(names), None)]
    except ConfigError as error:
        if names.vertex_is_ours:
            problems.append(str(error))
        else:
            told.append(unused("Vertex AI", False, error))
        return []


def _region(names: FromNames) -> str:
    return region_named(f"CLOUD_ML_REGION ({shown(names.region)})", names.region) if names.region else "global"


def _source(where: str, given: str | Mapping[str, Any] | None, names: FromNames, folder: Path) -> GoogleSource:
    if given is None:
        return names.google or AmbientLogin()
    if isinstance(given, str) and given.strip().lower() == "adc":
        return AmbientLogin()
    return source_from(where, given, folder)

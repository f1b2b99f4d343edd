"""`oai-vertex doctor`: the examination in a terminal, line by line, or as one JSON document for programs."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from ..directory import Directory
from ..models.catalog import Catalog, CatalogError
from ..outward.network import ssl_context
from ..settings.config import load_config, settings_files
from ..settings.values import Config, ConfigError
from .examine import examine
from .findings import Finding, healthy
from .sentences import document, last_line, line

_INTERRUPTED = 130  # as shells have it


def doctor(path: Path | None, folders: Sequence[Path], *, as_json: bool, paid: bool, host: str | None = None) -> int:
    """Prints the findings about the settings of `path`, or of those found in `folders`. Returns the exit code: 0 where
    nothing failed, 1 where something has, 2 where the settings can't be used."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a console of Windows may not have each letter
    logging.disable()  # what goes wrong is told as findings; the libraries' own words may hold secrets
    try:
        config = load_config(path, os.environ, folders)
        catalog = Catalog(config.model_overrides)
        Directory(config, catalog)  # it looks at names that stand for each other
        if config.network.ca_file:
            ssl_context(config.network)
        config = replace(config, host=host or config.host)
        found = asyncio.run(_told(config, catalog, settings_files(path, folders), as_json=as_json, paid=paid))
    except (ConfigError, CatalogError) as error:
        found = [Finding("settings", "the settings", "failed", sentence) for sentence in str(error).splitlines()]
        print(document(found) if as_json else "\n".join(map(line, found)))
        return 2
    except KeyboardInterrupt:
        return _INTERRUPTED
    print(document(found) if as_json else last_line(found))
    return 0 if healthy(found) else 1


async def _told(config: Config, catalog: Catalog, files: Sequence[Path], *, as_json: bool, paid: bool) -> list[Finding]:
    found = []
    async with aclosing(examine(config, catalog, files=files, paid=paid)) as findings:
        async for finding in findings:
            found.append(finding)
            if not as_json:
                print(line(finding), flush=True)
    return found

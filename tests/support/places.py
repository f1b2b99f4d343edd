"""Where a refusal says that a request is wrong: whether there is such a place."""

from __future__ import annotations

import re
from typing import Any


def stands_in(body: dict[str, Any], param: str | None) -> bool:
    """Whether this is a place in the request, or a field that is missing in one."""
    if param is None:
        return False
    here: Any = body
    *way, last = re.findall(r"[^.\[\]]+", param)
    for step in way:
        try:
            here = here[int(step)] if isinstance(here, list) else here[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return not isinstance(here, list) or (last.isdigit() and int(last) < len(here))

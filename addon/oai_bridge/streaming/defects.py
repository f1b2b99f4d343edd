"""How a defect of this program is logged: where and of what kind, never in words that may hold a part of a request."""

from __future__ import annotations

import logging
import traceback

from ..answer import BrokenAnswer

logger = logging.getLogger(__name__)


def report_defect(what: str, error: BaseException) -> None:
    """Logs where an exception came from and its kind, but not its text, which may hold a part of a request."""
    kind = f"{type(error).__name__}: {error}" if isinstance(error, BrokenAnswer) else type(error).__name__
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s (%s). This is a defect of the program: please report it with these lines.\n%s", what, kind, frames)

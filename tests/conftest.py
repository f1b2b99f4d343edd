"""What holds for all tests: no deadline for examples, since several run at a time, long files first, Ctrl-C ends."""

from __future__ import annotations

import signal

import pytest
from hypothesis import settings

LONG = {"test_start.py", "test_fuzz.py", "test_run.py", "test_transcript.py", "test_whole_requests.py"}
"""Files that take half a minute or so: when one of them is the last, all other cores wait for it."""

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# A shell's job in the background ignores Ctrl-C, and so would each program that a test starts and wants to stop by it.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)

"""What holds for all tests: examples have no deadline, since several run at a time, and long files come first."""

from __future__ import annotations

import pytest
from hypothesis import settings

LONG = {"test_start.py", "test_fuzz.py", "test_run.py", "test_transcript.py", "test_whole_requests.py"}
"""Files that take half a minute or so: when one of them is the last, all other cores wait for it."""

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)

"""What holds for all tests: examples have no deadline (several run at the same time), helpers' asserts explain."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Before any test file, in whichever order they are read, can import one of them.
pytest.register_assert_rewrite("tests.support.fetching", "tests.support.raw_client", "tests.support.toy_addon")

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

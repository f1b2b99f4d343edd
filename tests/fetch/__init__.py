"""What a chat names by URL comes in time and in bounds, or the chat fails clearly; nobody else waits."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.support.fetching")  # so that its asserts explain

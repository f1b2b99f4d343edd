"""The stream layer's contract, behaviour by behaviour, in a real proxy with real sockets."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.support.raw_client", "tests.support.toy_addon")  # so that their asserts explain

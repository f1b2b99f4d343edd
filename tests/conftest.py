"""What holds for all tests: examples have no deadline, since several tests run at the same time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

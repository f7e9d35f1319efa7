"""What holds for every test: a clean environment, speaking asserts, no stop-watch on properties."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A promise of the shipped suites that fails says what it saw, as a test of our own does.
pytest.register_assert_rewrite("headrace.testing")

# A developer's own settings and credentials decide nothing here, and no test reaches a real account.
# At import, so that fixtures of any scope and the processes they start see the same environment.
# HEADRACE_TEST_… is how a person tells a test something.
for _name in list(os.environ):
    if _name.startswith(("AWS_", "HEADRACE_")) and not _name.startswith("HEADRACE_TEST_"):
        del os.environ[_name]

# A deadline per example measures the machine. The blob of a failure can be pasted to repeat it.
settings.register_profile("headrace", deadline=None, print_blob=True)
settings.load_profile("headrace")

"""The daemon killed at any millisecond, and what it does when it starts again."""

import pytest

pytest.register_assert_rewrite("tests.crash.process", "tests.crash.repeats")

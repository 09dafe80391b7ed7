"""Whole journeys: a post comes in at the door, and the sandbox CRMs hold what must follow from it."""

import pytest

pytest.register_assert_rewrite("tests.journeys.crms", "tests.journeys.crowd", "tests.journeys.house")

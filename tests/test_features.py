"""docs/features.md names tests that are there, and no row without one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
BUILT, _, TO_COME = (HOUSE / "docs" / "features.md").read_text(encoding="utf-8").partition("## Still to come")
ROWS = [
    line for line in BUILT.splitlines() if line.startswith("| ") and not line.startswith("| what is wanted")
]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("row", ROWS)
def test_each_feature_has_tests_that_are_there(row):
    wanted, does, shown = (cell.strip() for cell in row.strip("|").split(" | "))
    assert wanted
    assert does
    found = NAMED.findall(shown)
    assert found, "a row without a test"
    for file, name in found:
        tree = ast.parse((HOUSE / file).read_text(encoding="utf-8"))
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in tests if name else any(one.startswith("test_") for one in tests), f"{file}::{name}"


def test_what_is_to_come_claims_no_test():
    assert not NAMED.findall(TO_COME)
    assert TO_COME.count("\n| ") > 2

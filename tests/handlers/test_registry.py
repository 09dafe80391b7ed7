"""The playbook's order is the order the handlers run in."""

from __future__ import annotations

import pytest

from handlers.registry import HANDLERS, build
from mappings.compile import DEFAULT_HANDLERS
from mappings.problems import PlaybookError
from tests.builders import PIPELINE, a_playbook


def test_every_handler_is_built_in_the_playbook_s_order():
    turned = tuple(reversed(PIPELINE))
    assert tuple(name for name, _ in build(a_playbook(pipeline=turned))) == turned
    assert set(PIPELINE) <= set(HANDLERS) == set(DEFAULT_HANDLERS)


def test_every_name_that_is_no_handler_is_reported_with_the_nearest_one():
    with pytest.raises(PlaybookError) as raised:
        build(a_playbook(pipeline=("scren", "score", "asign")))
    report = str(raised.value)
    assert 'pipeline.yaml:1:1: there is no handler "scren"' in report
    assert 'Did you mean "assign"?' in report

"""Which leads are joined without a person: how sure, by which weights, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings.matcher.banding import is_sure, why_asked
from mappings.matcher.model import Evidence, Verdict
from mappings.matcher.model import shipped as shipped_model
from mappings.playbook import SHIPPED, LevelShares, Matching, Weights

AGREES = Evidence("phone", "same", 9.0)
OTHER_NAME = Evidence("first_name", "other", -3.8)
OTHER_DOMAIN = Evidence("domain", "other", -0.8)


def learned(pairs: int) -> Weights:
    """Return the shipped weights, as if they had been learned from so many pairs."""
    model = shipped_model()
    fields = {one.name: LevelShares(model.m[one.name], model.u[one.name]) for one in model.comparisons}
    return Weights(pairs, model.prior, fields)


SAME = Matching(0.95, same=0.999, weights=learned(4000))


@pytest.mark.parametrize(
    ("same", "probability", "expected"), [(None, 0.9999, False), (0.999, 0.999, True), (0.999, 0.9989, False)]
)
def test_nobody_is_sure_unless_the_playbook_says_from_where_on(same, probability, expected):
    assert is_sure(replace(SAME, same=same), Verdict(probability, (AGREES,))) is expected


@pytest.mark.parametrize(
    ("matching", "evidence", "why"),
    [
        (SAME, (AGREES, OTHER_DOMAIN), ""),
        (SAME, (AGREES, OTHER_NAME), "first_name other -3.8 speaks against it"),
        (replace(SAME, weights=None), (AGREES,), "the weights are the shipped ones, not learned"),
        (replace(SAME, weights=None, same_weights=SHIPPED), (AGREES,), ""),
        (
            replace(SAME, weights=learned(300)),
            (AGREES,),
            "the weights were learned from 300 pairs, and 1000 are needed",
        ),
    ],
)
def test_one_contradiction_or_weights_that_nobody_learned_are_enough_to_ask(matching, evidence, why):
    assert why_asked(matching, Verdict(0.9999, evidence)) == why

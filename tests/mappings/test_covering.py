"""Which territories earlier ones leave nothing: by values, ranges, comparisons, domains, beginnings."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mappings.compiling.covering import Coverage, covered
from mappings.conditions import ConditionCompiler
from mappings.loader import Document
from model.lead import LEAD_FIELDS, Lead

STAGES = ("suspect", "mql", "customer", "nurture")
COVERAGE = Coverage(LEAD_FIELDS, STAGES)


def takers(*conditions: str) -> list[int]:
    """Return which of the conditions before take all of the last; none where it is left something."""
    found = dict(covered([yaml.safe_load(text) for text in conditions], COVERAGE))
    return found.get(len(conditions) - 1, [])


@pytest.mark.parametrize(
    ("wider", "narrower"),
    [
        ("country: [DE, AT]", "country: de"),
        ("employees: {at_least: 50}", "employees: {at_least: 200, at_most: 900}"),
        ("employees: {at_least: 50}", "employees: {between: [50-99, 200-300]}"),
        ("employees: {at_least: 50}", "employees: 50"),
        ("employees: {between: 50-200}", "employees: {more_than: 50, less_than: 100}"),
        ("annual_revenue: {less_than: 5}", "annual_revenue: {at_most: 4.9}"),
        ("postal_code: {between: 80000-87999}", "postal_code: {between: [80000-80999, 81000-81999]}"),
        ("postal_code: {between: 80000-87999}", 'postal_code: "80331"'),
        ("postal_code: {starts_with: [SW, EC]}", "postal_code: {starts_with: sw1}"),
        ("email: {domain_in: [acme.com, globex.com]}", "email: {domain_in: [eu.acme.com]}"),
        ("email: {domain_in: [acme.com]}", "email: ada@mail.acme.com"),
        ("title: {contains: chief}", "title: {starts_with: Chief Ex}"),
        ("title: {contains: [vp, head]}", "title: {contains: head of}"),
        ("title: {matches: '^vp'}", "title: [VP Sales, vp it]"),
        ("stage: {at_least: mql}", "stage: customer"),
        ("stage: {is_not: suspect}", "stage: {in: [mql, nurture]}"),
        ("country: {is_blank: false}", "country: {starts_with: d}"),
        ("any: [{country: DE}, {employees: {at_least: 50}}]", "employees: {at_least: 60}"),
        ("country: DE", "all: [{country: DE}, {employees: {at_least: 60}}]"),
        ("country: DE", "{country: DE, not: {city: Bonn}}"),
    ],
)
def test_what_takes_it_all_is_found_and_not_the_other_way_round(wider, narrower):
    assert takers(wider, narrower) == [0]
    assert takers(narrower, wider) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{country: DE, city: Bonn}", "country: DE"),
        ("employees: {at_least: 50}", "employees: {at_least: 49}"),
        ("annual_revenue: {more_than: 49}", "annual_revenue: {at_least: 49}"),
        ("employees: {between: [50-99, 200-300]}", "employees: {between: 50-300}"),
        ("postal_code: {between: 8000-8799}", "postal_code: {between: 80000-80999}"),
        ("email: {domain_in: [acme.com]}", "email: {domain_in: [notacme.com]}"),
        ("title: {starts_with: vp}", "title: {contains: vp}"),
        ("not: {country: DE}", "country: AT"),
        ("country: {is_not: DE}", "state: BY"),
        ("stage: {at_least: mql}", "stage: {in: [customer, nurture]}"),
    ],
)
def test_where_something_may_be_left_nothing_is_said(first, second):
    assert takers(first, second) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("employees: {more_than: 49}", "employees: {at_least: 50}"),
        ("opted_out: {is_not: true}", "opted_out: false"),
        ("{country: DE, city: [Bonn, Ulm]}", "all: [{city: [ulm, BONN]}, {country: {in: [DE]}}]"),
    ],
)
def test_the_same_in_other_words_is_the_same(one, other):
    assert takers(one, other) == takers(other, one) == [0]


def test_several_together_may_take_it_all():
    assert takers("country: DE", "employees: {at_least: 50}", "country: [DE]") == [0]
    parts = ("country: DE", "country: AT", "any: [{country: DE, city: Bonn}, {country: AT}]")
    assert takers(*parts) == [0, 1]


PIECES = st.fixed_dictionaries(
    {},
    optional={
        "employees": st.one_of(
            st.integers(0, 4),
            st.dictionaries(
                st.sampled_from(["at_least", "at_most", "more_than", "less_than"]),
                st.integers(0, 4),
                min_size=1,
            ),
            st.sampled_from([{"between": "1-3"}, {"between": ["0-1", "3-4"]}, {"is_blank": False}]),
        ),
        "title": st.sampled_from(
            [
                "a",
                ["a", "ab"],
                {"contains": "a"},
                {"starts_with": ["a", "b"]},
                {"is_not": "b"},
                {"ends_with": "b"},
                {"is_blank": True},
            ]
        ),
    },
).filter(bool)
CONDITIONS = st.one_of(PIECES, st.builds(lambda a, b: {"any": [a, b]}, PIECES, PIECES))
LEADS = [
    Lead("", fields={"employees": number, "title": title})
    for number in (None, 0, 1, 2, 3, 4, 5)
    for title in (None, "a", "ab", "b", "ba", "c")
]


@given(st.lists(CONDITIONS, min_size=2, max_size=4))
def test_whatever_is_said_to_be_taken_is(conditions):
    made = [ConditionCompiler(Document("x"), LEAD_FIELDS, STAGES).compile(one) for one in conditions]
    for n, earlier in covered(conditions, COVERAGE):
        mine = made[n]
        assert mine is not None
        for lead in filter(mine.matches, LEADS):
            assert any(made[m] is not None and made[m].matches(lead) for m in earlier)

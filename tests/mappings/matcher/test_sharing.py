"""Whether the people of a domain are of one company or of many, by the names that they give."""

from __future__ import annotations

import pytest

from mappings.matcher.sharing import are_many, companies

FIRMS = {"bosch": 1, "siemens": 1, "zeiss": 1, "haribo": 1, "miele": 1}


def test_names_that_are_alike_are_of_one_company_called_as_most_people_do():
    names = {"acme": 2, "acme gmbh": 9, "acmee": 1, "siemens energy": 2, "siemens ag": 3}
    assert companies(names | {"...": 4}) == {"acme gmbh": 12, "siemens ag": 5}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (FIRMS, True),
        (FIRMS | {"acme": 5}, True),  # half of the people at most
        (FIRMS | {"acme": 6}, False),  # the domain is Acme's, and others are its guests
        (dict.fromkeys([*FIRMS][:4], 9), False),
        ({}, False),
    ],
)
def test_so_many_companies_share_a_domain_that_it_stands_for_none(names, expected):
    assert are_many(names) is expected

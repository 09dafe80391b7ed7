"""Whether people of one domain are of one company, by what they call it; pure."""

from __future__ import annotations

from collections.abc import Mapping

from mappings.matcher.levels import LEVELS, compare
from mappings.matcher.person import Comparison, Person, person

NAMES = (Comparison("company", "company", "company"),)
OTHER = LEVELS["company"].index("other")

LEAST = 5  # companies; below it slips, brands and subsidiaries explain them
MOST_OF_ONE = 0.5  # of the people; a company of which more are has the domain, and the others are its guests


def companies(names: Mapping[str, int]) -> dict[str, int]:
    """Return the companies that these names are of, with their people, the most people first.

    ``names`` says how many people gave each name. Names that are alike are of one company, called by the
    one that most people gave.
    """
    ordered = sorted(names.items(), key=lambda one: (-one[1], one[0]))
    found: dict[str, int] = {}
    known: dict[str, Person] = {}
    for name, people in ordered:
        said = person({"company": name}, NAMES)
        if not said:
            continue
        of = next((one for one, each in known.items() if compare(said, each, NAMES) != (OTHER,)), name)
        known.setdefault(of, said)
        found[of] = found.get(of, 0) + people
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def are_many(found: Mapping[str, int]) -> bool:
    """Say whether these are so many companies that the domain stands for none of them."""
    return len(found) >= LEAST and max(found.values()) <= MOST_OF_ONE * sum(found.values())

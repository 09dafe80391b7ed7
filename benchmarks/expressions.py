"""What an expression costs beside the declarative condition that means the same, in one run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.figures import Table
from benchmarks.house import House
from mappings.conditions import ConditionCompiler
from mappings.loader import Document
from mappings.playbook import Condition
from model.lead import LEAD_FIELDS, Lead

DECLARATIVE = {"employees": {"at_least": 50}, "country": ["US", "CA"], "title": {"contains": "vp"}}
EXPRESSION = "employees >= 50 && country in ['US', 'CA'] && lower(title).contains('vp')"
LEADS = 20_000
ROUNDS = 3  # of which the fastest counts: the machine has other work


def measure(_house: House, *, quick: bool = False) -> Iterator[Table]:
    """Ask both of leads that all differ, and of the same lead again and again."""
    number = LEADS // 10 if quick else LEADS
    different = [_lead(n) for n in range(number)]
    same = [_lead(7)] * number
    rows = []
    for what, leads in (("leads that all differ", different), ("the same lead again", same)):
        declared = _rate(_compiled(DECLARATIVE), leads)
        told = _rate(_compiled({"expression": EXPRESSION}), leads)
        rows.append((what, f"{declared:,.0f}", f"{told:,.0f}", f"{declared / told:.1f}"))
    yield Table("Conditions", ("of", "declarative/s", "expression/s", "ratio"), rows, f"`{EXPRESSION}`")


def _lead(n: int) -> Lead:
    return Lead("", fields={"employees": n, "country": ("US", "CA", "DE")[n % 3], "title": f"VP {n}"})


def _compiled(data: dict[str, Any]) -> Condition:
    condition = ConditionCompiler(Document("bench.yaml"), LEAD_FIELDS, ()).compile(data)
    if condition is None:
        raise ValueError(f"{data} is no condition")
    return condition


def _rate(condition: Condition, leads: Sequence[Lead]) -> float:
    """Return how many leads a second are tested."""
    best = 0.0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for lead in leads:
            condition.matches(lead)
        best = max(best, len(leads) / (time.perf_counter() - began))
    return best

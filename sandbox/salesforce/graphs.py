"""``POST composite/graph``: several composites in one call, each of them all or none."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.composite import Match, calls_of, run_all
from sandbox.salesforce.errors import SalesforceError

MAX_GRAPHS, MAX_NODES = 75, 500
MAX_FAILED = 14  # after so many failed graphs the others are not run


def graphs(ask: Ask, match: Match) -> Reply:
    """Run the graphs in order."""
    wanted = ask.fields().get("graphs")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(one, dict) for one in wanted):
        raise SalesforceError("JSON_PARSER_ERROR", "graphs is missing or is not a JSON array")
    if len(wanted) > MAX_GRAPHS:
        raise SalesforceError("LIMIT_EXCEEDED", f"The request has more than {MAX_GRAPHS} graphs")
    calls = [calls_of(one, most=MAX_NODES) for one in wanted]
    if sum(len(each) for each in calls) > MAX_NODES:
        raise SalesforceError("LIMIT_EXCEEDED", f"The request has more than {MAX_NODES} nodes")
    told: list[dict[str, Any]] = []
    failed = 0
    for one, each in zip(wanted, calls, strict=True):
        shown, well = run_all(ask, match, each, all_or_none=True, halted=failed >= MAX_FAILED)
        failed += not well
        told.append({
            "graphId": str(one.get("graphId", "")), "graphResponse": {"compositeResponse": shown},
            "isSuccessful": well,
        })  # fmt: skip
    return Reply(200, {"graphs": told})

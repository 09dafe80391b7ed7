"""Why an example came out otherwise: which rule took it, and what the expected one lacked. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from mappings.examples import Expected
from mappings.playbook import Playbook
from mappings.truth import RuleTruth
from model.event import EventState

SCORED = ("score", "band", "grade")
PROFILED = ("icp_tier", "icp_score", "icp_reasons")
MADE_BY = {"tasks": "follow_up", "messages": "notify"}


def why_otherwise(expected: Expected, rules: Sequence[RuleTruth], playbook: Playbook) -> Iterator[str]:
    """Yield what the rules of something that is not as expected asked, as the last post was decided."""
    field = expected.of[0] if expected.what == "lead" else expected.what
    if field in ("pool", "owner"):
        places = {
            str(one.place) for one in playbook.routing.territories if expected.value in (one.pool, one.owner)
        }
        shares = {str(one.place) for one in playbook.routing.shares if one.pool == expected.value}
        yield from _told([one for one in rules if one.handler == "assign"], places | shares)
    elif field == "stage":
        stage = playbook.lifecycle.stage(expected.value)
        places = {str(one.place) for one in playbook.lifecycle.rules if one.to == expected.value}
        places |= {str(stage.place)} if stage else set()
        yield from _told([one for one in rules if one.handler == "qualify"], places)
    elif field in SCORED:
        counted = [one for one in rules if one.handler == "score"]
        yield from _told(counted, {one.at for one in counted})
    elif field in PROFILED:
        criteria = [one for one in rules if one.handler == "icp"]
        yield from _told(criteria, {one.at for one in criteria})
    elif field in MADE_BY:
        made = [one for one in rules if one.handler == MADE_BY[field]]
        tasks = {str(one.place): one.name for one in playbook.follow_up.rules}
        named = tasks | {str(one.place): one.name for one in playbook.notifications.rules}
        yield from _told(made, {place for place, name in named.items() if name in expected.value})
    elif field == "outcome":
        screens = [one for one in rules if one.handler == "screen"]
        is_kept_out = expected.value in (EventState.SPAM, EventState.QUARANTINED)
        yield from _told(screens, {one.at for one in screens} if is_kept_out else ())


def _told(rules: Sequence[RuleTruth], wanted: Collection[str]) -> Iterator[str]:
    """Yield the rules that took, then the wanted ones that did not, each line once."""
    yield from dict.fromkeys(_lines(rules, wanted))


def _lines(rules: Sequence[RuleTruth], wanted: Collection[str]) -> Iterator[str]:
    for one in rules:
        if one.took:
            yield f"took: {one.name}  [{one.at}]" if one.at else f"took: {one.name}"
    for one in rules:
        if one.took or one.at not in wanted:
            continue
        if lacking := one.lacking():
            yield f"not: {one.name}: {lacking}"
        elif one.holds:
            yield f"held, and did not take: {one.name}  [{one.at}]"
        elif one.holds is None:
            yield f"not asked: {one.name}, for an earlier one took"

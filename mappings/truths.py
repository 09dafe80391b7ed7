"""Which rule held for a lead, and which did not, down to each condition. Pure.

What rules ask of a lead is kept with each decision (``seen``). With the files of the version that decided,
the truth of every rule is computed from it when somebody asks (``rules``): deciding pays for the facts alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mappings import gates, truths_of_stages, truths_of_telling
from mappings.memory import once_each
from mappings.playbook import SHARE_IS_FULL, Criterion, Icp, Playbook
from mappings.playbook.condition import Condition
from mappings.playbook.routing import GETS_IT_BACK
from mappings.truth import (
    CAUSED,
    CUT,
    DID,
    HAS,
    OF_ACCOUNT,
    TURN,
    Judge,
    RuleTruth,
    Truth,
    all_of,
    any_of,
    ruled,
)
from mappings.values.texts import is_blank
from model.event import JsonValue
from model.lead import IN_REVIEW, STAGE_FIELDS, Lead

JUDGES = frozenset({"score", "qualify", "assign"})
"""Handlers whose rules ask for facts of the lead."""

SCORED = ("band", "grade")  # fields that `score` makes and rules behind it ask for, beside the score
QUALIFIED = (IN_REVIEW, *STAGE_FIELDS)  # … that `qualify` makes, beside the stage
OWNED = ("owner", "account")  # … that `assign` and `account` make
LONGEST = 500  # characters of a text that are kept; what is longer is not judged again


def seen(lead: Lead, playbook: Playbook) -> dict[str, JsonValue]:
    """Return what the rules of a playbook ask of this lead; blank fields are left out."""
    asked = _asked(playbook)
    facts: dict[str, JsonValue] = {}
    cut: list[str] = []
    for name in asked.fields:
        value = lead.get(name) if "." in name else lead.fields.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str) and len(value) > LONGEST:
            cut.append(name)
            continue
        facts[name] = value
    if cut:
        facts[CUT] = cut
    facts[HAS] = [name for name in asked.filled if not is_blank(lead.get(name))]
    kinds = asked.activities
    if kinds and (did := Counter(deed.kind for deed in lead.deeds() if deed.kind in kinds)):
        facts[DID] = dict(did)
    return facts


def behind(lead: Lead, playbook: Playbook) -> dict[str, JsonValue]:
    """Return what the rules made of the lead that other rules ask for."""
    fields = lead.fields
    more = {name: fields.get(name) for name in _asked(playbook).made}
    return {"score": lead.score, "stage": lead.stage, **more}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the rules of a playbook ask for."""

    fields: tuple[str, ...]
    filled: tuple[str, ...]  # only whether they are blank
    made: tuple[str, ...]  # of the fields those that rules make, beside score and stage
    activities: frozenset[str]


@once_each
def _asked(playbook: Playbook) -> _Asked:
    routing, lifecycle = playbook.routing, playbook.lifecycle
    conditions: list[Condition | None] = [rule.when for rule in playbook.scoring.rules]
    conditions += [rule.when for rule in lifecycle.rules]
    conditions += [one.when for one in routing.territories]
    conditions += [one.when for one in routing.shares]
    conditions += [member.takes for pool in routing.pools.values() for member in pool.members]
    conditions += [pool.credit.when for pool in routing.pools.values() if pool.credit is not None]
    conditions += [one.when for one in playbook.icp.criteria] if playbook.icp is not None else []
    conditions += [one.when for one in playbook.follow_up.rules]
    conditions += [one.when for one in playbook.notifications.rules]
    kinds = {rule.activity for rule in playbook.scoring.rules} | {rule.activity for rule in lifecycle.rules}
    filled: set[str] = set()
    for gate in (gate for stage in lifecycle.stages for gate in (stage.entry, stage.exit)):
        filled.update(gate.mandatory)
        for one in _tests(gate.criteria):
            conditions.append(one.when)
            kinds.update(one.activities)
    fields = {name for one in conditions if one is not None for name in one.fields} | {"stage", "score"}
    if playbook.consent.gates:
        fields.update(playbook.consent.telling)
    made = tuple(name for name in (*SCORED, *QUALIFIED, *OWNED) if name in fields)
    return _Asked(tuple(sorted(fields)), tuple(sorted(filled - fields)), made, frozenset(kinds - {""}))


def _tests(criteria: Iterable[Criterion]) -> Iterator[Criterion]:
    for one in criteria:
        yield one
        yield from _tests(one.any_of)


def rules(
    facts: Mapping[str, JsonValue],
    then: Mapping[str, JsonValue],
    reasons: Sequence[Mapping[str, Any]],
    playbook: Playbook,
    at: datetime,
) -> list[RuleTruth]:
    """Return every rule with its truth for one decision: profile, points, stages, owners, messages, consent.

    ``facts`` are those before the rules, ``then`` what they made of score and stage (``behind``), ``reasons``
    what was said, ``at`` the moment of the decision.
    """
    said = {(str(one["handler"]), str(one["at"])) for one in reasons}
    is_whole = HAS in facts  # else it was decided when less was kept, and blank may mean not kept
    judge = Judge(facts)
    found: list[RuleTruth] = []
    handlers = {handler for handler, _ in said}
    if "icp" in playbook.pipeline and playbook.icp is not None and OF_ACCOUNT in facts:
        found += _profile(Judge({**facts, **facts[OF_ACCOUNT]}), playbook.icp)
    if "score" in playbook.pipeline:
        for rule in playbook.scoring.rules:
            asks = (*judge.of(rule.when), *judge.did(rule.activity))
            found.append(ruled("score", rule.name, rule.place, asks, said))
    if "qualify" in playbook.pipeline:
        scored = Judge({**facts, **{name: then[name] for name in ("score", *SCORED) if name in then}})
        found += truths_of_stages.rules(scored, playbook.lifecycle, reasons)
        found += truths_of_stages.gates(scored, playbook.lifecycle) if is_whole else ()
    qualified = Judge({**facts, **{name: value for name, value in then.items() if name not in OWNED}})
    if TURN in facts:
        found += _credit(qualified, facts[TURN], playbook, reasons)
    if "assign" in handlers:
        found += _territories(qualified, playbook, said)
        found += _shares(qualified, playbook, reasons)
        found += _takes(qualified, playbook, said) if is_whole else ()
    behind_all = Judge({**facts, **then})
    if CAUSED in facts:
        found += truths_of_telling.rules(behind_all, facts[CAUSED], playbook, reasons)
    found += _consent(behind_all.lead, playbook, said, at) if is_whole else ()
    return found


def _territories(judge: Judge, playbook: Playbook, said: set[tuple[str, str]]) -> Iterator[RuleTruth]:
    """Yield the territories in their order: the first that holds takes, those behind it are not asked."""
    is_taken = not any(
        ("assign", str(place)) in said
        for place in (*(one.place for one in playbook.routing.territories), playbook.routing.fallback_place)
    )
    if is_taken:
        return
    for one in playbook.routing.territories:
        asks = tuple(judge.of(one.when))
        truth = ruled("assign", f"territory {one.name}", one.place, asks, said)
        yield RuleTruth("assign", truth.name, truth.at, None, took=False, asks=asks) if is_taken else truth
        is_taken = is_taken or truth.took


def _shares(judge: Judge, playbook: Playbook, reasons: Sequence[Mapping[str, Any]]) -> Iterator[RuleTruth]:
    """Yield each share with what its pool had, as the decision said: it took where that left room for one."""
    said = {str(one["at"]): str(one["text"]) for one in reasons if one["handler"] == "assign"}
    for one in playbook.routing.shares:
        asks = tuple(judge.of(one.when))
        text = said.get(str(one.place), "")
        if not text:  # an owner, or somebody before it in the order, took the lead, or it did not match
            holds = False if any(each.holds is False for each in asks) else None
            yield RuleTruth("assign", f"share {one.name}", str(one.place), holds, took=False, asks=asks)
            continue
        has_room = not text.endswith(SHARE_IS_FULL)
        room = Truth(text.partition(": ")[2].removesuffix(SHARE_IS_FULL), has_room)
        name, at = f"share {one.name}", str(one.place)
        yield RuleTruth("assign", name, at, has_room, took=has_room, asks=(*asks, room))


def _takes(judge: Judge, playbook: Playbook, said: set[tuple[str, str]]) -> Iterator[RuleTruth]:
    """Yield which leads members of the pools that were asked take, where they do not take all."""
    for pool in playbook.routing.pools.values():
        if ("assign", str(pool.place)) not in said:
            continue
        for member in pool.members:
            if member.takes is not None:
                asks = tuple(judge.of(member.takes))
                yield ruled("assign", f"{member.email} takes, in {pool.name}", member.place, asks, said)


def _credit(
    judge: Judge, turn: Mapping[str, Any], playbook: Playbook, reasons: Sequence[Mapping[str, Any]]
) -> Iterator[RuleTruth]:
    """Yield what the turn of this lead is given back for: one of two is enough, while credits are left."""
    pool = playbook.routing.pools[turn["pool"]]
    if (credit := pool.credit) is None:
        return
    parts = [all_of(judge.of(credit.when))] if credit.when is not None else []
    if credit.reassigned:
        now = turn["now"]
        is_anothers = bool(now) and now != turn["owner"]
        parts.append(Truth(f"the lead is no longer {turn['owner']}'s", is_anothers, now or "nobody's"))
    asks: tuple[Truth, ...] = (any_of(parts),)
    place = str(credit.place)
    text = next((str(one["text"]) for one in reasons if str(one["at"]) == place), "")
    took = GETS_IT_BACK in text
    if text and not took:  # it ends in how many the month has had
        asks += (Truth("a credit is left", holds=False, was=text.rpartition(" had ")[2]),)
    yield replace(ruled("assign", f"credit of {pool.name}", place, asks, set()), took=took)


def _profile(judge: Judge, icp: Icp) -> Iterator[RuleTruth]:
    """Yield the criteria of the profile; a field that is blank with the lead is its account's."""
    for one in icp.criteria:
        marks = [f"weight {one.weight}"] if one.weight else []
        marks += ["required"] if one.is_required else []
        name = f"{one.name} ({', '.join(marks)})"
        yield ruled("icp", name, one.place, tuple(judge.of(one.when)), set())


def _consent(lead: Lead, playbook: Playbook, said: set[tuple[str, str]], at: datetime) -> Iterator[RuleTruth]:
    """Yield the gates of consent: one that holds back what it is for is shut; what it held back says so."""
    places = {place for _, place in said}
    for act, kept in playbook.consent.gates.items():
        is_shut = set(map(id, gates.shut(playbook.consent, act, lead, at)))
        for gate in kept:
            asked = gates.asked(gate, playbook.consent, lead, at)
            asks = tuple(Truth(one.text, one.holds, one.was, fields=one.fields) for one in asked)
            only = f" ({', '.join(sorted(gate.only))})" if gate.only else ""
            name, place = f"keeps back {act}{only} without {gate.purpose}", str(gate.place)
            yield RuleTruth("consent", name, place, id(gate) in is_shut, place in places, asks)

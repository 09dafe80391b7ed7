"""Finds leads that may be one person: a walk through all of them once, then along the audit, step by step.

Deciding costs nothing of it: whoever was decided is a line of the audit, and is compared a moment later.
A step that is broken off is done again, to the same end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.matcher import blocking
from mappings.matcher.banding import is_sure, why_asked
from mappings.matcher.blocking import LARGEST_BLOCK
from mappings.matcher.person import Person, person
from mappings.matcher.weighing import comparisons_of, fingerprint, model_of, why_apart
from mappings.playbook import Matching
from model.lead import Lead
from sync import inbox, leads
from sync.alike import pairs, sure
from sync.alike.pairs import FILTERED, OPEN, SAME, UNSETTLED, ordered
from sync.alike.sure import EVIDENCE, HELD
from sync.audit import DECIDER
from sync.database import Store, insert_for
from sync.tables import audit, match_keys, match_pairs, match_walks
from sync.tables import leads as lead_rows

STEP = 100  # leads, or lines of the audit, at a time
KEYS = 1_000  # in one IN list
LONGEST_SAVE = timedelta(minutes=10)  # no decision's transaction is open for so long: its lease would be gone
ASKED = "not joined without a person: "
JUDGED = ("state", "probability", "evidence", "model", "why")  # what another look may change

_K, _P, _W = match_keys.c, match_pairs.c, match_walks.c


@dataclass(frozen=True, slots=True)
class Walk:
    """How far the comparing has come."""

    fingerprint: str
    lead_id: str = ""
    is_through: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A pair as it was judged."""

    one: str
    other: str
    probability: float
    evidence: list[list[Any]]
    why_apart: str
    why_asked: str = ""  # of two who are sure: what stands in the way of joining them without a person


def step(store: Store, space: str, matching: Matching, now: datetime, limit: int = STEP) -> int:
    """Compare the next leads with those that share a key; return how many leads or lines that were."""
    with store.snapshot() as snapshot:
        walk = _walk(snapshot, space, fingerprint(matching))
        ids, after, taken = _next(snapshot, space, walk, now, limit)
        people = _people(snapshot, ids, matching)
    if taken == 0 and after == walk:
        return 0
    keyed = {one: blocking.keys(each, comparisons_of(matching)) for one, (_, each) in people.items()}
    store.write(partial(_keep_keys, space=space, ids=ids, keyed=keyed))
    with store.snapshot() as snapshot:
        found = _judged(snapshot, space, matching, people, keyed)
    version = model_of(matching).version
    keep = partial(_keep, space=space, ids=ids, found=found, version=version, walk=after, now=now)
    if store.write(partial(_keep_and_hand_in, keep=keep, space=space, matching=matching, ids=ids, now=now)):
        store.signals.announce("inbox")
    return max(taken, 1)


def remind(store: Store, space: str, now: datetime) -> int:
    """Hand "same" in once more where the two could not be joined then; return how many.

    What a person says meanwhile counts: the decider ignores a reminder of a word that stands no more.
    """
    with store.snapshot() as snapshot:
        waiting = pairs.agreed(snapshot, space)
    if waiting:
        events = [
            sure.reminder(space, one.one, one.other, now=now)
            if one.by == EVIDENCE
            else pairs.answer_event(space, one.one, one.other, SAME, by=one.by, now=now, is_reminder=True)
            for one in waiting
        ]
        inbox.append(store, events)
    return len(waiting)


def _walk(snapshot: Connection, space: str, wanted: str) -> Walk:
    """Return where the walk stands; at its beginning where what is compared is another by now."""
    row = snapshot.execute(sa.select(match_walks).where(_W.space == space)).first()
    if row is not None and row.fingerprint == wanted:
        return Walk(row.fingerprint, row.lead_id, row.is_through, row.line)
    last = sa.select(sa.func.coalesce(sa.func.max(audit.c.id), 0)).where(audit.c.actor == DECIDER)
    return Walk(wanted, line=int(snapshot.execute(last).scalar_one()))


def _next(
    snapshot: Connection, space: str, walk: Walk, now: datetime, limit: int
) -> tuple[list[str], Walk, int]:
    """Return whom to compare now, where the walk stands after that, and how much was taken.

    PostgreSQL gives out a line's id before the line is committed, so that a line of somebody else's may be
    seen before a decider's with a lesser id. Among the decider's own that cannot be, for one decider saves at
    a time: only they move the walk on. Lines of others alone are passed once no save can be older.
    """
    if not walk.is_through:
        c = lead_rows.c
        asked = sa.select(c.id).where(c.space == space, c.id > walk.lead_id).order_by(c.id).limit(limit)
        ids = list(snapshot.execute(asked).scalars())
        after = replace(walk, lead_id=ids[-1] if ids else walk.lead_id, is_through=len(ids) < limit)
        return ids, after, len(ids)
    a = audit.c
    decided = sa.select(a.id, a.space, a.lead_id).where(a.id > walk.line, a.actor == DECIDER)
    lines = snapshot.execute(decided.order_by(a.id).limit(limit)).all()
    if not lines:
        passed = sa.select(sa.func.max(a.id)).where(a.id > walk.line, a.at < now - LONGEST_SAVE)
        last = snapshot.execute(passed).scalar_one()
        return [], walk if last is None else replace(walk, line=last), 0
    told = dict.fromkeys(line.lead_id for line in lines if line.space == space and line.lead_id)
    return list(told), replace(walk, line=lines[-1].id), len(lines)


def _people(snapshot: Connection, ids: Iterable[str], matching: Matching) -> dict[str, tuple[Lead, Person]]:
    """Return these leads as they are compared; those that are gone, and test leads, are not."""
    comparisons = comparisons_of(matching)
    loaded = leads.load(snapshot, ids, ledgers=False)
    return {
        one: (lead, person(lead.fields, comparisons))
        for one, lead in sorted(loaded.items())
        if not lead.is_test
    }


def _keep_keys(
    connection: Connection, space: str, ids: Sequence[str], keyed: Mapping[str, Sequence[str]]
) -> None:
    """Store by what these leads are found from now on; of who is gone by now nothing is stored."""
    if not ids:
        return
    there = leads.versions(connection, list(keyed))
    connection.execute(sa.delete(match_keys).where(_K.lead_id.in_(ids)))
    rows = [
        {"space": space, "key": key, "lead_id": lead_id}
        for lead_id, some in keyed.items()
        if lead_id in there
        for key in some
    ]
    if rows:
        connection.execute(sa.insert(match_keys), rows)


def _judged(
    snapshot: Connection,
    space: str,
    matching: Matching,
    people: Mapping[str, tuple[Lead, Person]],
    keyed: Mapping[str, Sequence[str]],
) -> list[Found]:
    """Compare leads with all who share a key; return who may be one person."""
    members = _blocks(snapshot, space, {key for some in keyed.values() for key in some})
    beside: dict[str, set[str]] = defaultdict(set)
    for lead_id, some in keyed.items():
        for key in some:
            beside[lead_id].update(members.get(key, ()))
    strangers = {one for some in beside.values() for one in some} - people.keys()
    known = {**_people(snapshot, strangers, matching), **people}
    model, found = model_of(matching), []
    for a, b in sorted({ordered(one, each) for one, some in beside.items() for each in some if each != one}):
        if a not in known or b not in known:
            continue
        (ours, one), (theirs, other) = known[a], known[b]
        verdict = model.judge(one, other)
        if verdict.probability >= matching.review:
            evidence = [[each.name, each.level, round(each.weight, 2)] for each in verdict.evidence]
            across = f"never across unit: {ours.unit}, {theirs.unit}" if ours.unit != theirs.unit else ""
            apart = across or why_apart(matching, ours.fields, theirs.fields)
            asked = why_asked(matching, verdict) if is_sure(matching, verdict) else ""
            found.append(Found(a, b, verdict.probability, evidence, apart[:200], asked[:200]))
    return found


def _blocks(snapshot: Connection, space: str, keys: Iterable[str]) -> dict[str, list[str]]:
    """Return who shares each of these keys; those that too many share are left out, and not read."""
    found: dict[str, list[str]] = defaultdict(list)
    wanted = sorted(keys)
    for start in range(0, len(wanted), KEYS):
        some = sa.and_(_K.space == space, _K.key.in_(wanted[start : start + KEYS]))
        counted = sa.select(_K.key).where(some).group_by(_K.key)
        small = snapshot.execute(counted.having(sa.func.count() <= LARGEST_BLOCK)).scalars().all()
        asked = sa.select(_K.key, _K.lead_id).where(_K.space == space, _K.key.in_(small))
        for key, lead_id in snapshot.execute(asked):
            found[key].append(lead_id)
    return found


def _keep_and_hand_in(
    connection: Connection,
    keep: Callable[[Connection], None],
    space: str,
    matching: Matching,
    ids: Sequence[str],
    now: datetime,
) -> int:
    """Store the pairs, and hand in those of them that are sure; return how many events those are."""
    keep(connection)
    events = sure.hand_in(connection, space, matching, ids, now)
    return sum(not one.duplicate for one in inbox.insert_new(connection, events))


def _keep(
    connection: Connection,
    space: str,
    ids: Sequence[str],
    found: Sequence[Found],
    version: str,
    walk: Walk,
    now: datetime,
) -> None:
    """Store the pairs of these leads as they were judged, and how far the walk is; people's words stay."""
    if ids:
        kept = {(one.one, one.other) for one in found}
        asked = sa.select(_P.id, _P.one, _P.other).where(
            _P.space == space, _P.state.in_(UNSETTLED), sa.or_(_P.one.in_(ids), _P.other.in_(ids))
        )
        over = [row.id for row in connection.execute(asked) if (row.one, row.other) not in kept]
        if over:
            connection.execute(sa.delete(match_pairs).where(_P.id.in_(over)))
    there = leads.versions(connection, sorted({each for one in found for each in (one.one, one.other)}))
    rows = [
        {
            "space": space,
            "one": one.one,
            "other": one.other,
            "by": "",
            "since": now,
            "state": FILTERED if one.why_apart else OPEN,
            "probability": one.probability,
            "evidence": one.evidence,
            "model": version,
            "why": one.why_apart or (f"{ASKED}{one.why_asked}" if one.why_asked else ""),
        }
        for one in found
        if one.one in there and one.other in there
    ]
    if rows:
        insert = insert_for(connection, match_pairs)
        new = insert.excluded
        is_as_before = sa.and_(
            _P.state == new.state, _P.probability == new.probability, _P.model == new.model
        )
        is_held = sa.and_(is_as_before, new.why == "", _P.why.startswith(HELD, autoescape=True))
        judged = {name: new[name] for name in JUDGED}
        judged["why"] = sa.case(
            (is_held, _P.why), else_=new.why
        )  # what the decider left to a person stays so
        key = ["space", "one", "other"]
        unsettled = sa.or_(*(_P.state == state for state in UNSETTLED))  # many rows take no IN
        connection.execute(
            insert.on_conflict_do_update(index_elements=key, set_=judged, where=unsettled), rows
        )
    place = {
        "fingerprint": walk.fingerprint,
        "lead_id": walk.lead_id,
        "is_through": walk.is_through,
        "line": walk.line,
    }
    insert = insert_for(connection, match_walks).values(space=space, **place)
    connection.execute(insert.on_conflict_do_update(index_elements=["space"], set_=place))

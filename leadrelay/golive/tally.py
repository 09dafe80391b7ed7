"""Counts what delivery would do, lead by lead, with samples field by field. Pure; small for any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.inspection import Fields
from leadrelay.doctor.fields import unfit
from mappings.outward import Compared, compare
from mappings.playbook import CrmField, CrmMap, Lifecycle, ObjectMap
from model.decision import EntityKind
from model.event import JsonValue
from sync.people import People
from sync.prospects import CREATE, MATCH, SAME, SKIP, UPDATE, Prospect

MOST_VALUES = 200  # different values counted apart, for each problem of a field
OTHERS = "(others)"
ACTIONS = (CREATE, MATCH, UPDATE, SAME, SKIP)

Sample = dict[str, Any]


@dataclass
class Tally:
    """The counts of one connection; ``add`` takes leads in as they are read."""

    crm: CrmMap
    lifecycle: Lifecycle
    people: People
    held: Mapping[str, Fields | None]  # what the account's objects have, where that could be read
    most_samples: int = 3
    actions: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(ACTIONS, 0)))
    objects: Counter[tuple[str, str]] = field(default_factory=Counter)  # (action, object)
    skips: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)  # connection that a record is waited for in
    conflicts: int = 0  # leads with at least one
    written: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (object, vendor field, action)
    conflicting: Counter[tuple[str, str, bool, str]] = field(default_factory=Counter)
    owners: Counter[tuple[str, str]] = field(default_factory=Counter)  # (who, what is wrong with them)
    unfit: dict[tuple[str, str, str], Counter[str]] = field(default_factory=dict)
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    companies: dict[str, set[str]] = field(default_factory=dict)  # object -> accounts that may be written
    associations: int = 0  # people who are yet to be associated with their company

    def add(self, prospects: Iterable[Prospect]) -> None:
        """Take leads in."""
        for one in prospects:
            self.actions[one.action] += 1
            if one.action == SKIP:
                self.skips[one.reason] += 1
                self._sample(f"{SKIP}: {one.reason}", one, ())
                continue
            self.waiting.update(one.waits_for)
            self._take(one)
            self._take_company(one)

    def _take(self, one: Prospect) -> None:
        name = one.wanted.object or (one.link.object if one.link else self.crm.create_object)
        mapped = self.crm.objects[name]
        self.objects[one.action, name] += 1
        differing = (
            compare(one.wanted.draft, one.link, mapped, self.lifecycle, of=one.lead) if one.link else []
        )
        for remote, value in one.wanted.values.items() if one.action != MATCH else ():
            self.written[name, remote, one.action] += 1
            self._fits(name, remote, value)
        against = [each for each in differing if each.is_conflict]
        for each in against:
            self.conflicting[name, each.rule.remote, each.is_written, each.why] += 1
        self.conflicts += bool(against)
        self._look_at_owner(one, mapped)
        if one.action in (CREATE, MATCH):
            self._sample(one.action, one, (_new(rule, one.wanted.values) for rule in mapped.fields))
        elif one.action == UPDATE:
            self._sample(UPDATE, one, map(_line, differing))
        if against:
            self._sample("conflict", one, map(_line, against))

    def _take_company(self, one: Prospect) -> None:
        for wish in one.company:
            if wish.row.is_given_up:
                continue
            if wish.wanted.kind is EntityKind.ACCOUNT:
                self.companies.setdefault(wish.wanted.object, set()).add(wish.wanted.entity_id)
            else:
                self.associations += 1

    def _fits(self, name: str, remote: str, value: JsonValue) -> None:
        held = self.held.get(name)
        known = held.by_name.get(remote) if held else None
        problem = unfit(known, value) if known else ""
        if problem:
            values = self.unfit.setdefault((name, remote, problem), Counter())
            shown = str(value)[:80]
            values[shown if shown in values or len(values) < MOST_VALUES else OTHERS] += 1

    def _look_at_owner(self, one: Prospect, mapped: ObjectMap) -> None:
        """Count owners who cannot be written, and those over there whom leadrelay does not know."""
        connection = self.crm.connection
        for rule in mapped.fields:
            if rule.kind != "owner" and rule.field != "owner":
                continue
            if email := one.lead.owner:
                mate = self.people.teammate(email)
                if mate is None or connection not in mate.ids:
                    self.owners[email, f"no owner in {connection}, so none is written"] += 1
                elif not mate.can_own_on(connection):
                    self.owners[email, f"inactive in {connection}, so none is written"] += 1
            held = str(one.link.shadow.get(rule.remote) or "") if one.link else ""
            if held and not any(held.startswith(each.rstrip("*")) for each in rule.blank_values):
                mate = self.people.teammate_by_id(connection, held)
                if mate is None:
                    self.owners[held, f"an owner in {connection} whom nobody here is; kept"] += 1
                elif not mate.can_own_on(connection):
                    self.owners[mate.email, f"owns there, and is inactive in {connection}; kept"] += 1

    def _sample(self, category: str, one: Prospect, lines: Iterable[dict[str, Any]]) -> None:
        kept = self.samples.setdefault(category, [])
        if len(kept) >= self.most_samples:
            return
        kept.append(
            {
                "lead": one.lead.id,
                "who": one.lead.get("email") or one.lead.get("phone"),
                "object": one.link.object if one.link else self.crm.create_object,
                "record": one.link.remote_id if one.link else None,
                "why": one.reason or one.wanted.because.text,
                "error": one.row.error if one.row.is_given_up else None,
                "fields": [line for line in lines if line["ours"] is not None],
            }
        )


def _line(each: Compared) -> dict[str, Any]:
    return {
        "field": each.rule.remote,
        "ours": each.ours,
        "theirs": each.theirs,
        "written": each.ours if each.is_written else None,
        "why": each.why,
        "rule": str(each.rule.place),
    }


def _new(rule: CrmField, values: Mapping[str, JsonValue]) -> dict[str, Any]:
    value = values.get(rule.remote)
    return {
        "field": rule.remote,
        "ours": value,
        "theirs": None,
        "written": value,
        "why": "a new record",
        "rule": str(rule.place),
    }

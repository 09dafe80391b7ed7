"""The plan: what delivery would write to one account now, and what stands in its way. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from connectors.base import Endpoint
from connectors.inspection import Account, Fields
from connectors.making import NewField
from connectors.registry import INSPECTORS
from leadrelay.doctor.fields import check_map
from leadrelay.doctor.findings import OK, PROBLEM, Area, Finding
from leadrelay.golive.mirror import MirrorState
from leadrelay.golive.tally import ACTIONS, Tally
from leadrelay.golive.wishes import wishes
from mappings.playbook import CrmMap, Playbook
from model.decision import EntityKind
from sync import outbox, releases, tables
from sync.prospects import CREATE, UPDATE, WRITTEN, Prospects
from sync.releases import Release


@dataclass(frozen=True, slots=True)
class Survey:
    """What an account tells of itself, as far as a plan needs it."""

    account: Account
    fields: Mapping[str, Fields | None]  # by object of the map
    missing: Sequence[NewField]
    findings: Sequence[Finding]  # the doctor's, but what is well

    @property
    def problems(self) -> list[Finding]:
        """What must be mended before the account can be written to."""
        return [one for one in self.findings if one.level == PROBLEM]


def survey(crm: CrmMap, playbook: Playbook, point: Endpoint) -> Survey:
    """Read who the account is and what its objects have. Raises ``ConnectorError``."""
    inspector = INSPECTORS[crm.kind](point)
    account = inspector.account()
    of = {name: inspector.fields(name) for name in crm.described}
    stages = list(playbook.lifecycle.by_name)
    told = check_map(Area(crm.connection), crm, of, playbook.fields, stages)
    found = [one for one in told if one.level != OK]
    return Survey(account, of, wishes(crm, of, playbook.fields), found)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written now, counted."""

    connection: str
    mode: str
    at: datetime
    playbook: str
    survey: Survey
    tally: Tally
    mirror: MirrorState
    settled: Sequence[Mapping[str, Any]]  # differences that were settled while observing
    release: Release | None
    backlog: int  # rows that wait for their release
    deals: int = 0  # that are to be made or changed there

    @property
    def writes(self) -> int:
        """How many records would be written, at most."""
        people = sum(self.tally.actions[action] for action in WRITTEN)
        return people + sum(self.companies.values()) + self.deals

    @property
    def companies(self) -> dict[str, int]:
        """How many companies may have to be written, by object; what is there may suffice."""
        return {name: len(found) for name, found in self.tally.companies.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        tally, account = self.tally, self.survey.account
        return {
            "connection": self.connection,
            "account": {"id": account.id, "name": account.name, "user": account.user},
            "mode": self.mode,
            "at": self.at.isoformat(),
            "playbook": self.playbook,
            "mirror": asdict(self.mirror) | {"warning": self.mirror.sentence(self.connection)},
            "counts": {
                "leads": tally.actions.total(),
                **{action: tally.actions[action] for action in ACTIONS},
                "conflict": tally.conflicts,
            },
            "objects": [
                {"action": action, "object": name, "leads": n}
                for (action, name), n in sorted(tally.objects.items())
            ],
            "skipped": [{"reason": reason, "leads": n} for reason, n in tally.skips.most_common()],
            "waiting_for": [{"connection": name, "leads": n} for name, n in tally.waiting.most_common()],
            "fields": self._fields(),
            "conflicts": [
                {
                    "object": name,
                    "field": remote,
                    "stands": "ours" if is_written else "theirs",
                    "why": why,
                    "rule": self._rule(name, remote),
                    "leads": n,
                }
                for (name, remote, is_written, why), n in tally.conflicting.most_common()
            ],
            "settled": list(self.settled),
            "owners": [
                {"owner": who, "problem": problem, "leads": n}
                for (who, problem), n in tally.owners.most_common()
            ],
            "unfit": [
                {"object": name, "field": remote, "problem": problem, "value": value, "leads": n}
                for (name, remote, problem), values in sorted(tally.unfit.items())
                for value, n in values.most_common()
            ],
            "missing": [asdict(one) for one in self.survey.missing],
            "findings": [asdict(one) for one in self.survey.findings],
            "release": self.release.as_dict() if self.release else None,
            "backlog": self.backlog,
            "companies": [{"object": name, "records": n} for name, n in self.companies.items()],
            "associations": tally.associations,
            "deals": self.deals,
            "samples": tally.samples,
        }

    def _fields(self) -> list[dict[str, Any]]:
        counted: dict[tuple[str, str], dict[str, int]] = {}
        for (name, remote, action), n in self.tally.written.items():
            counted.setdefault((name, remote), {CREATE: 0, UPDATE: 0})[action] = n
        return [
            {"object": name, "field": remote, **numbers, "rule": self._rule(name, remote)}
            for (name, remote), numbers in sorted(counted.items())
        ]

    def _rule(self, name: str, remote: str) -> str:
        mapped = self.tally.crm.objects[name]
        return next(str(rule.place) for rule in mapped.fields if rule.remote == remote)


def left_over(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the findings of a plan that go-live does not mend by making what is missing."""
    made = {one["object"] for one in told["missing"]}

    def is_mended(fact: str) -> bool:
        is_of_made = fact.partition(":")[0].partition(".")[0] in made
        return is_of_made and ("not there, or hidden" in fact or "is not there" in fact)

    return [one for one in told["findings"] if not is_mended(one["fact"])]


def make_plan(
    snapshot: Connection,
    space: str,
    crm: CrmMap,
    playbook: Playbook,
    found: Survey,
    *,
    mode: str,
    at: datetime,
    samples: int,
) -> Plan:
    """Go through all leads of one moment, some thousand in memory at a time."""
    prospects = Prospects.open(snapshot, space, crm, playbook)
    tally = Tally(crm, playbook.lifecycle, prospects.people, found.fields, samples)
    for piece in prospects.chunks(snapshot):
        tally.add(piece)
    return Plan(
        crm.connection,
        mode,
        at,
        playbook.version,
        found,
        tally,
        MirrorState.read(snapshot, space, crm),
        _settled(snapshot, space, crm.connection),
        releases.load(snapshot, space).get(crm.connection),
        releases.backlog(snapshot, space).get(crm.connection, 0),
        outbox.count_wanted(snapshot, space, crm.connection, EntityKind.DEAL),
    )


def _settled(snapshot: Connection, space: str, connection: str) -> list[dict[str, Any]]:
    """Count the leads on which both sides differed when the record was found, by how that ended."""
    c = tables.conflicts.c
    statement = (
        sa.select(c.field, c.rule, sa.func.count(sa.distinct(c.lead_id)))
        .where(c.space == space, c.connection == connection)
        .group_by(c.field, c.rule)
        .order_by(c.field, c.rule)
    )
    return [{"field": name, "why": why, "leads": n} for name, why, n in snapshot.execute(statement)]

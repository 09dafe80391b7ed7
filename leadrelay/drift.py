"""Compares what the maps use with what the accounts have: once connected, by night, after refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from connectors.inspection import Inspector
from leadrelay.connected import Connected
from leadrelay.doctor.fields import check_object
from leadrelay.doctor.findings import PROBLEM, Area
from mappings.playbook import CrmField, CrmMap, Playbook
from model.errors import ConnectorError, StoreBusy
from model.priority import Priority
from model.times import Clock
from sync import schema_looks
from sync.database import Store
from sync.schema_looks import Look, Looked

log = structlog.get_logger("leadrelay.drift")

AFTER_REFUSAL = timedelta(minutes=10)  # at least, between a look and one because a write was refused
WHILE_WRONG = timedelta(hours=1)  # between two looks at what did not fit, so that its end is told
AFTER_FAILURE = timedelta(minutes=15)  # until an account is asked again that did not answer


@dataclass(slots=True)
class Drift:
    """Looks at the accounts that are connected, each when it is due; what is found stands in the store."""

    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    connected: Callable[[], Mapping[str, Connected]]
    space: str = "main"
    _not_before: dict[str, datetime] = field(default_factory=dict)

    def run(self) -> list[str]:
        """Look where it is due; return whose fields were read."""
        playbook, now = self.playbook(), self.clock.now()
        with self.store.snapshot() as snapshot:
            known = schema_looks.load(snapshot, self.space)
        done = []
        for name, one in self.connected().items():
            crm = playbook.crms.get(name)
            if crm is None or now < self._not_before.get(name, now):
                continue
            mark = mark_of(crm, playbook, one.reach.base_url, writes=one.writes)
            before = known.get(name)
            reason = self._why_due(name, crm, mark, before, now)
            if reason and self._look(crm, playbook, one, mark, before, reason):
                done.append(name)
        return done

    def _why_due(self, name: str, crm: CrmMap, mark: str, before: Looked | None, now: datetime) -> str:
        """Say why the fields are to be read now; blank while they are not."""
        if before is None or before.mark != mark:
            return "connected or mapped anew"
        night = now.replace(hour=0, minute=0, second=0, microsecond=0) + crm.reconcile.at
        if before.at < (night if night <= now else night - timedelta(days=1)):
            return "by night"
        if before.findings and now - before.at >= WHILE_WRONG:
            return "it did not fit"
        if now - before.at >= AFTER_REFUSAL:
            with self.store.snapshot() as snapshot:
                if schema_looks.is_refused_since(snapshot, self.space, name, before.at):
                    return "a write was refused"
        return ""

    def _look(
        self, crm: CrmMap, playbook: Playbook, one: Connected, mark: str, before: Looked | None, reason: str
    ) -> bool:
        name = crm.connection
        inspector = one.inspector(Priority.BACKFILL)
        # Whether rights changed is not told by the date of a describe, so that after a refusal all is read.
        kept = before.objects if before and before.mark == mark and reason == "by night" else {}
        try:
            objects = compared(crm, playbook, inspector, kept)
        except ConnectorError as error:
            self._not_before[name] = self.clock.now() + AFTER_FAILURE
            log.info("drift.put_off", connection=name, reason=type(error).__name__)
            return False
        looked = Looked(self.clock.now(), mark, objects)
        try:
            self.store.write(partial(schema_looks.save, space=self.space, name=name, looked=looked))
        except StoreBusy:
            return False  # the next run does it
        log.info("drift.looked", connection=name, reason=reason, findings=len(looked.findings))
        return True


def compared(
    crm: CrmMap, playbook: Playbook, inspector: Inspector, kept: Mapping[str, Look]
) -> dict[str, Look]:
    """Compare each object that a map describes with what the account has, as the doctor does.

    What the vendor says is unchanged lacks what it lacked. Raises ``ConnectorError``.
    """
    area, stages = Area(crm.connection), list(playbook.lifecycle.by_name)
    found: dict[str, Look] = {}
    for name in dict.fromkeys(crm.described):
        before = kept.get(name)
        told = inspector.describe(name, before.modified if before else "")
        if told.is_unchanged and before is not None:
            found[name] = before
            continue
        findings = check_object(area, crm, name, told.fields, playbook.fields, stages)
        wrong = [(one.fact, one.fix) for one in findings if one.level == PROBLEM]
        found[name] = Look(told.modified, wrong)
    return found


def mark_of(crm: CrmMap, playbook: Playbook, address: str, *, writes: bool) -> str:
    """Return a hash of what a look goes by: another one is due when it is another.

    Going live is among it: it makes fields that were missing.
    """
    lines = [
        (name, [_line(rule) for rule in mapped.fields], mapped.id_field)
        for name, mapped in crm.all_objects.items()
    ]
    types = sorted((name, kind.__name__) for name, kind in playbook.fields.items())
    said = (
        address,
        writes,
        lines,
        crm.create_object,
        crm.creates_deals,
        crm.tasks,
        types,
        [*playbook.lifecycle.by_name],
    )
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _line(rule: CrmField) -> tuple[object, ...]:
    made = rule.expression.kind if rule.expression else ""
    more = (sorted(rule.values.items()), rule.default, rule.max_length, rule.zone, rule.when is None, made)
    return (rule.field, rule.remote, rule.kind, rule.read_only, rule.write_only, str(rule.place), *more)

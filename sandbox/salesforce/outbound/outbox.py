"""The notifications that wait for their acknowledgement: tried at growing intervals, for a day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.salesforce import ids
from sandbox.salesforce.outbound.envelope import Told, acknowledges, envelope
from sandbox.salesforce.outbound.rules import Rule
from sandbox.salesforce.soql.binding import getter

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

FIRST_INTERVAL, LONGEST_INTERVAL = timedelta(seconds=15), timedelta(hours=2)
GIVEN_UP_AFTER = timedelta(hours=24)

Post = Callable[[str, bytes, float], tuple[int, bytes]]  # url, body, timeout -> status and answer


@dataclass(slots=True)
class Notification:
    """A change of a record that somebody shall be told."""

    id: str
    rule: Rule
    record_id: str
    made_at: datetime
    due_at: datetime
    attempts: int = 0

    def as_json(self) -> dict[str, Any]:
        """The form of the control endpoint."""
        return {
            "id": self.id, "action": self.rule.id, "record": self.record_id, "attempts": self.attempts,
            "made_at": self.made_at.isoformat(), "due_at": self.due_at.isoformat(),
        }  # fmt: skip


class Outbox:
    """The rules and what waits because of them. Callers hold the org's lock but for ``deliver``."""

    def __init__(self, org: Org, post: Post) -> None:
        self._org, self._post = org, post
        self.rules: dict[str, Rule] = {}
        self.waiting: list[Notification] = []
        self.counts = {"sent": 0, "acknowledged": 0, "failed": 0, "dropped": 0, "gone": 0}
        self._randoms: dict[str, Random] = {}
        self._number = 0

    def mint_action(self) -> str:
        """A new rule's id."""
        self._number += 1
        return ids.mint("04k", self._number)

    def add_rule(self, rule: Rule) -> None:
        """Tell from now on."""
        self.rules[rule.id] = rule
        self._randoms[rule.id] = Random(rule.seed)

    def note(self, kind: str, object_name: str, record_id: str) -> bool:
        """Take in a change; whether it is to be told. Deletes and derived values never are."""
        now, noted = self._org.now(), False
        due = now + timedelta(milliseconds=self._fault("push_delay_ms"))
        for rule in self.rules.values():
            if rule.object == object_name and kind in rule.on:
                self._number += 1
                self.waiting.append(Notification(ids.mint("04l", self._number), rule, record_id, now, due))
                noted = True
        return noted

    def deliver(self) -> int:
        """Send everything that is due, an envelope at a time; the number of envelopes sent."""
        number = 0
        with self._org.lock:
            due = self._due()
        for batch in due:
            with self._org.lock:
                batch = [one for one in batch if one in self.waiting]
                told = self._told(batch)
            if not told:
                continue
            number += 1
            rule = batch[0].rule
            session = self._org.session_for(rule) if rule.send_session_id else None
            acked = self._sent(rule, envelope(rule.id, session, told))
            with self._org.lock:
                self._org.is_changed = True
                self._settle(rule, [one for one in batch if one in self.waiting], acked)
        return number

    def _due(self) -> list[list[Notification]]:
        now, batches = self._org.now(), []
        for rule in self.rules.values():
            found = [one for one in self.waiting if one.rule is rule and one.due_at <= now]
            if rule.reorder or self._fault("push_reorder_rate") > self._randoms[rule.id].random():
                self._randoms[rule.id].shuffle(found)
            batches += [found[at : at + rule.batch] for at in range(0, len(found), rule.batch)]
        return batches

    def _fault(self, key: str) -> float:
        """What the fault setting says of things that vendors send by themselves."""
        return float(self._org.faults.setting[key])

    def _told(self, batch: list[Notification]) -> list[Told]:
        """The notifications with the record's latest data; one whose record is gone is dropped."""
        told = []
        for one in list(batch):
            record = self._org.rows(one.rule.object).get(one.record_id)
            if record is None or record.archived_at is not None:
                self.waiting.remove(one)
                batch.remove(one)
                self.counts["gone"] += 1
                continue
            kind = self._org.kind(one.rule.object)
            fields = [field for name in one.rule.fields if (field := kind.field(name)) is not None]
            values = {field.name: getter(field)(record.values) for field in fields}
            told.append(Told(one.id, one.rule.object, values))
        return told

    def _sent(self, rule: Rule, body: bytes) -> bool:
        self.counts["sent"] += 1
        try:
            status, answer = self._post(rule.url, body, rule.timeout_s)
        except OSError:
            return False
        return status == 200 and acknowledges(answer)

    def _settle(self, rule: Rule, batch: list[Notification], acked: bool) -> None:
        now = self._org.now()
        if acked:
            self.counts["acknowledged"] += len(batch)
            rate = max(rule.duplicate_rate, self._fault("push_duplicate_rate"))
            again = self._randoms[rule.id].random() < rate
            for one in batch:
                if again and one.attempts >= 0:
                    one.attempts, one.due_at = -1, now  # -1: sent once more, whatever is said to it
                else:
                    self.waiting.remove(one)
            return
        for one in batch:
            one.attempts += 1
            wait = min(FIRST_INTERVAL * 2 ** min(one.attempts - 1, 20), LONGEST_INTERVAL)
            one.due_at = now + wait
            self.counts["failed"] += 1
            if one.attempts <= 0 or now - one.made_at >= GIVEN_UP_AFTER:
                self.waiting.remove(one)
                self.counts["dropped"] += one.attempts > 0

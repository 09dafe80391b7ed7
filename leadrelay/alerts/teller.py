"""Tells people what is wrong: once when it begins, once a day while it lasts, once when it is over."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from connectors.channels import Channel, Sent
from leadrelay.alerts.looks import Alarm
from model.errors import StoreBusy
from model.faults import traceback_of
from model.message import Message
from sync import alerts
from sync.alerts import Key, Raised
from sync.database import Store

log = structlog.get_logger("leadrelay.alerts")

AGAIN_AFTER = timedelta(days=1)
OVER_AFTER = timedelta(minutes=5)  # what comes and goes is one alarm
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)  # until sending is tried again


class Teller:
    """Keeps what stands in memory and in the store: it works while the store does not."""

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        house: str,
        *,
        space: str = "main",
        observe: Callable[[str], None] = lambda _outcome: None,
    ) -> None:
        self._store, self._channels, self._house, self._space = store, channels, house, space
        self._observe = observe
        self._standing: dict[Key, Raised] = {}
        self._gone_since: dict[Key, datetime] = {}
        self._stored: set[Key] = set()  # as the store was last seen
        self._wait = FIRST_WAIT
        self._not_before: datetime | None = None

    @property
    def standing(self) -> list[Raised]:
        """What is wrong, as far as it was looked at: here, or by who looks after it."""
        return list(self._standing.values())

    def tell(self, wrong: Sequence[Alarm], now: datetime, kinds: Collection[str] | None = None) -> None:
        """Take in what is wrong now and say what is to be said.

        ``kinds`` are those that this process looks after, ``None`` all of them. What stands of the others
        is what the store says: another process tells it and its end.
        """
        self._recall(kinds)
        over = self._take_in([one for one in wrong if _is_of(one, kinds)], now, kinds)
        began = [
            one
            for one in self._standing.values()
            if _is_of(one, kinds)
            and one.key not in self._gone_since
            and (not one.told_at or now - one.told_at >= AGAIN_AFTER)
        ]
        ended = [one for one in over if one.told_at]
        is_told = True
        if began or ended:
            is_told = self._say(began, ended, now)
            if is_told:
                self._standing |= {one.key: replace(one, told_at=now) for one in began}
        settled = [one.key for one in over if is_told or not one.told_at]  # the others are told later
        for key in settled:
            del self._standing[key], self._gone_since[key]
        raised = [one for one in self._standing.values() if _is_of(one, kinds)]
        if raised or settled:
            self._remember(raised, settled)

    def _take_in(self, wrong: Sequence[Alarm], now: datetime, kinds: Collection[str] | None) -> list[Raised]:
        """Bring what stands up to now; return what is over."""
        for alarm in wrong:
            key = (alarm.kind, alarm.subject)
            known = self._standing.get(key)
            if known is None:
                log.warning("alert.began", kind=alarm.kind, subject=alarm.subject, text=alarm.text)
            since, told_at = (known.since, known.told_at) if known else (now, None)
            self._standing[key] = Raised(alarm.kind, alarm.subject, alarm.text, since, told_at)
            self._gone_since.pop(key, None)
        present = {(alarm.kind, alarm.subject) for alarm in wrong}
        over = []
        for key, one in self._standing.items():
            if not _is_of(one, kinds) or key in present:
                continue
            if now - self._gone_since.setdefault(key, now) >= OVER_AFTER:
                over.append(one)
                log.info("alert.over", kind=one.kind, subject=one.subject)
        return over

    def _say(self, began: Sequence[Raised], ended: Sequence[Raised], now: datetime) -> bool:
        """Send one message with all of it; true when a channel took it, or none is set up."""
        if not self._channels:
            return True
        if self._not_before and now < self._not_before:
            return False
        taken = send(self._channels, message_of(self._house, began, ended), self._observe)
        if taken:
            self._wait, self._not_before = FIRST_WAIT, None
            return True
        self._not_before, self._wait = now + self._wait, min(LONGEST_WAIT, 2 * self._wait)
        return False

    def _recall(self, kinds: Collection[str] | None) -> None:
        """Take over what another process, or this one before a restart, has told, and what it has ended."""
        try:
            with self._store.snapshot() as snapshot:
                stored = alerts.load(snapshot, self._space)
        except (SQLAlchemyError, StoreBusy):
            return
        ended = self._stored - stored.keys()
        others = {key for key, one in self._standing.items() if not _is_of(one, kinds)}
        for key in ended | others:
            self._standing.pop(key, None)
            self._gone_since.pop(key, None)
        self._stored = set(stored)
        for key, one in stored.items():
            mine = self._standing.get(key)
            if mine is None or (one.told_at and (mine.told_at is None or one.told_at > mine.told_at)):
                self._standing[key] = one

    def _remember(self, raised: Sequence[Raised], over: Sequence[Key]) -> None:
        try:
            self._store.write(partial(alerts.save, space=self._space, raised=raised, over=over))
        except (SQLAlchemyError, StoreBusy) as error:
            log.warning("alert.not_stored", reason=type(error).__name__)
            return
        self._stored = (self._stored | {one.key for one in raised}) - set(over)


def _is_of(one: Alarm | Raised, kinds: Collection[str] | None) -> bool:
    return kinds is None or one.kind in kinds


def message_of(house: str, began: Sequence[Raised], ended: Sequence[Raised]) -> Message:
    """Write the message: what is wrong first, then what is over."""
    lines = [f"{one.text} (since {one.since:%Y-%m-%d %H:%M} UTC)" for one in began]
    lines += [f"over: {one.text}" for one in ended]
    if len(lines) == 1:
        return Message.of_text(f"alert-{uuid.uuid4().hex}", f"leadrelay {house}: {lines[0]}")
    title = f"leadrelay {house}: {len(began)} wrong, {len(ended)} over"
    return Message.of_text(f"alert-{uuid.uuid4().hex}", title, lines)


def send(channels: Sequence[Channel], message: Message, observe: Callable[[str], None]) -> int:
    """Send to every channel; return how many took it. What a channel does not take is logged."""
    taken = 0
    for channel in channels:
        try:
            outcome = channel.send(message)
        except Exception as error:  # noqa: BLE001 - one channel's fault keeps no other from being told
            observe("failed")
            log.error("alert.not_sent", channel=channel.name, outcome="failed", reason=traceback_of(error))
            continue
        observe(type(outcome).__name__.lower())
        if isinstance(outcome, Sent):
            taken += 1
        else:
            log.error(
                "alert.not_sent",
                channel=channel.name,
                outcome=type(outcome).__name__.lower(),
                reason=outcome.reason,
            )
    return taken

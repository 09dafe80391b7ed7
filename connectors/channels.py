"""What carries a message to people: one message in, one outcome out.

A message (``model.message``) has no mark-up. Each channel writes its words in a form of its own, so that
nothing a stranger typed into a form becomes a link, a mention or a format.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from model.cause import REJECTED
from model.message import Message


class Promise(StrEnum):
    """What a channel does when it cannot know whether a message arrived."""

    AT_MOST_ONCE = "at_most_once"  # nobody reads it twice: it is marked unknown, counted and shown
    AT_LEAST_ONCE = "at_least_once"  # it is sent again: somebody may read it twice


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has taken the message; ``remote_id`` is its name for it, where it gives one."""

    remote_id: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """This message will never be taken as it is; ``reason`` is in the other side's words."""

    reason: str
    code: str = REJECTED  # the other side's own, where it says one


@dataclass(frozen=True, slots=True)
class Postponed:
    """Nothing was taken: send it again after ``wait`` seconds (``None``: the usual backoff)."""

    reason: str
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """No message gets through before a person acts: an address revoked, a channel gone, a wrong password."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The message may have been taken: the answer did not come, or said nothing that can be read."""

    reason: str


Outcome = Sent | Rejected | Postponed | Closed | Lost


class Channel(Protocol):
    """A way to people: a Slack or Teams channel, a mailbox.

    An implementation holds an address and credentials, and nothing else: no store, no retry
    loop. ``send`` makes at most one attempt and never raises for what the other side does.
    Safe to use from several threads.
    """

    @property
    def name(self) -> str:
        """What the playbook calls it."""

    @property
    def kind(self) -> str:
        """``slack``, ``teams`` or ``mail``."""

    @property
    def promise(self) -> Promise:
        """What becomes of a message whose answer was lost."""

    @property
    def pace(self) -> float:
        """Seconds between two messages that the other side's limits ask for."""

    @property
    def capacity(self) -> int:
        """Characters that one message may have (``Message.size``)."""

    def send(self, message: Message) -> Outcome:
        """Send one message and say what became of it."""

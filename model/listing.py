"""A CRM's records one page after the other, and how a walk through them goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model.change import Record
from model.event import RecordRef
from model.lead import Identity


@dataclass(frozen=True, slots=True)
class Listed:
    """One record of a page.

    ``record.fields`` has every name that was asked for, ``None`` where the record holds nothing.
    ``keys`` are what finds it, as the CRM spells them: kinds ``email``, ``lead`` (our own id) and
    ``domain``; of deals ``person`` and ``company``, the ids of those who take part. ``became`` is the
    id of the Contact that a converted Lead turned into, ``replaces`` are the ids of the records that were
    merged into this one. ``about`` are the people whom an engagement (a call, a task) concerns.
    """

    record: Record
    keys: tuple[Identity, ...] = ()
    became: str | None = None
    replaces: tuple[str, ...] = ()
    about: tuple[RecordRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Records in the order of their ids; ``after`` is where the next page begins, ``None``: there is none."""

    listed: Sequence[Listed]
    after: str | None
    total: int | None = None  # records at and after this page, as the CRM counts them; None: not told
    absent: tuple[str, ...] = ()  # names asked for that the object does not have
    skipped: int = 0  # records of the page that could not be read


@dataclass(frozen=True, slots=True)
class Changes:
    """Records that have changed, each as it was when it was asked for, and where the next look begins.

    ``position`` is the connector's own text, at most 190 characters; what it says of time is by the
    vendor's clock. A record that was deleted is among them (``record.archived``) where the vendor
    lists it. ``is_drained``: nothing more was known to have changed.
    """

    listed: Sequence[Listed]
    position: str
    is_drained: bool
    absent: tuple[str, ...] = ()  # names asked for that the object does not have
    skipped: int = 0  # records that could not be read

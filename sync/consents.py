"""The ledger of consent: what people said of each purpose, when, where and to which words; how all stand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings import gates
from mappings.playbook import Consent
from model.consent import CONFIRMED, confirmed_field_of, field_of, why_not
from model.event import Event, EventKind, EventState
from model.lead import Lead
from model.times import to_text
from sync import leads
from sync.tables import consents, inbox_events
from sync.tables import leads as leads_table

SOURCE = "consent"  # of the events
PAGE = 500  # leads that are looked at together

COLUMNS = (
    consents.c.id,
    consents.c.at,
    consents.c.event,
    consents.c.purpose,
    consents.c.act,
    consents.c.source,
    consents.c.said_at,
    consents.c.text_version,
    consents.c.basis,
    consents.c.counts,
    consents.c.by,
)


def of_lead(lead_id: str) -> sa.Select[Any]:
    """Build the query of a lead's entries, in no order."""
    return sa.select(*COLUMNS).where(consents.c.lead_id == lead_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one purpose stands with a lead."""

    purpose: str
    title: str
    stands: str  # "yes" | "no" | "not asked"
    is_confirmed: bool
    source: str  # who said so; blank where nobody did
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Shut:
    """What is not done with a lead, and why."""

    act: str
    why: str
    at: str  # the gate's place in the playbook


@dataclass(frozen=True, slots=True)
class Picture:
    """All that consent says of a lead, as it is now."""

    regions: tuple[str, ...]  # none: the country is not known
    opted_out: str  # why nothing at all is sent; blank where it may be
    purposes: tuple[Standing, ...]
    shut: tuple[Shut, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; moments stay moments."""
        return asdict(self)


def picture(lead: Lead, policy: Consent, now: datetime) -> Picture:
    """Say how each purpose stands with a lead, and which gates are shut."""
    country = lead.fields.get("country")
    return Picture(
        gates.regions_of(policy, country),
        why_not(lead),
        tuple(_standings(lead, policy)),
        tuple(
            Shut(act, gates.reason(gate, policy, lead), str(gate.place))
            for act in policy.gates
            for gate in gates.shut(policy, act, lead, now)
        ),
    )


def _standings(lead: Lead, policy: Consent) -> Iterator[Standing]:
    for name, purpose in policy.purposes.items():
        value, origin = lead.fields.get(field_of(name)), lead.provenance.get(field_of(name))
        is_confirmed = value is True and lead.fields.get(confirmed_field_of(name)) is True
        is_known = value is not None and origin is not None
        yield Standing(
            name,
            purpose.title,
            gates.STANDS[value],
            is_confirmed,
            origin.source if origin is not None and is_known else "",
            origin.at if origin is not None and is_known else None,
        )


def event_of(
    lead_id: str,
    purpose: str,
    act: str,
    *,
    space: str,
    by: str,
    now: datetime,
    note: str = "",
    text_version: str = "",
    request: str = "",
) -> Event:
    """Return the event of what a person said of a purpose, as somebody notes it here or a link says it.

    ``request`` names the mail with the link: what it confirms is said once.
    """
    stamp = request if act == CONFIRMED else to_text(now)
    payload = {"lead_id": lead_id, "purpose": purpose, "act": act, "by": by[:64], "note": note}
    return Event(
        source=SOURCE,
        event_id=f"{act}-{lead_id}-{purpose}-{stamp}",
        kind=EventKind.CONSENT,
        payload=payload | ({"text_version": text_version[:200]} if text_version else {}),
        occurred_at=now,
        received_at=now,
        space=space,
    )


def is_used(snapshot: Connection, space: str, lead_ids: Collection[str], purpose: str, request: str) -> bool:
    """Say whether the link of a mail has confirmed already, whatever was said since."""
    c = inbox_events.c
    ids = [f"{CONFIRMED}-{lead_id}-{purpose}-{request}" for lead_id in lead_ids]
    decided = sa.select(c.id).where(
        c.space == space, c.source == SOURCE, c.event_id.in_(ids), c.state != EventState.WAITING
    )
    return snapshot.execute(decided.limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class Kept:
    """A lead that a policy keeps something back of."""

    lead_id: str
    email: str
    country: str
    stage: str
    shut: tuple[Shut, ...]


def impact(snapshot: Connection, space: str, policy: Consent, at: datetime) -> Iterator[Kept]:
    """Yield every lead with whom something would not be done at a moment, a page of leads after the other.

    Who opted out is not among them, for nothing is sent to them by any policy, nor are test leads.
    """
    c = leads_table.c
    last = ""
    while ids := list(
        snapshot.execute(
            sa.select(c.id)
            .where(c.space == space, c.is_test.is_(False), c.id > last)
            .order_by(c.id)
            .limit(PAGE)
        ).scalars()
    ):
        last = ids[-1]
        yield from _kept(leads.load(snapshot, ids, ledgers=False).values(), policy, at)


def _kept(some: Iterable[Lead], policy: Consent, at: datetime) -> Iterator[Kept]:
    for lead in some:
        if why_not(lead):
            continue
        if shut := picture(lead, policy, at).shut:
            fields = lead.fields
            email, country = str(fields.get("email") or ""), str(fields.get("country") or "")
            yield Kept(lead.id, email, country, lead.stage or "", shut)

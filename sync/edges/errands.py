"""The first step of delivering one-shot effects: who may still be told, in which words, under which lease."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Connection

from connectors.base import Connector
from connectors.channels import Channel, Promise
from mappings import gates, templates
from mappings.masking import NO_VEIL, veil_of
from mappings.playbook import FollowUpRule, NotifyRule, Playbook
from mappings.playbook.privacy import MESSAGES
from model import consent
from model.cause import NO_CONSENT
from model.change import Deleting, Merging, Task
from model.event import JsonValue, RecordRef
from model.lead import Lead
from model.message import Message, Part
from model.teammate import Teammate
from model.times import Clock, to_text
from sync import leads
from sync.database import Store
from sync.edges import effects, opt_outs, wording
from sync.edges.effects import TASK, DueEffect, Settled
from sync.edges.wording import Address
from sync.leases import new_token
from sync.links_of_consent import ConsentLinks
from sync.people import People

MOST_AT_ONCE = 200  # messages that are looked at for one digest


@dataclass(slots=True)
class Outlet:
    """One connection or channel with all that sending one-shot effects to it needs.

    ``writing`` names the connections that are written to, ``readers`` gives those that can be
    asked whether a person has opted out meanwhile, ``unreachable`` names those that are set up and
    cannot be asked just now: they are made anew, or nobody can sign in to them.
    """

    name: str
    store: Store
    clock: Clock
    playbook: Callable[[], Playbook]
    writing: Callable[[], Collection[str]]
    readers: Callable[[], Mapping[str, Connector]]
    address: Address
    unreachable: Callable[[], Collection[str]] = frozenset
    channel: Channel | None = None  # else it is a connection, with
    connector: Connector | None = None
    ready_in: Callable[[], float] = lambda: 0.0  # seconds until the budget allows a call
    space: str = "main"
    lease_term: timedelta = timedelta(seconds=120)
    links: ConsentLinks | None = None  # by which people confirm a yes; none: no such mail is sent
    observe: Callable[[str, float], None] | None = None  # outcome, seconds since it was wanted
    mark: str = ""  # of this process, with which its leases begin
    waits: Sequence[float] = ()  # seconds before what came of a call is recorded once more

    @property
    def limit(self) -> int:
        """The most effects that are looked at together."""
        return self.connector.batch_size if self.connector else MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Errand:
    """An effect that may be sent, in its words of now."""

    row: DueEffect
    lead: Lead
    what: Message | Task | Merging | Deleting
    stale: tuple[RecordRef, ...] = ()  # records whose opt-out was not read lately
    unlinked: tuple[str, ...] = ()  # connections where the person may be without our knowing

    @property
    def in_doubt(self) -> bool:
        """Whether an earlier attempt may have arrived."""
        return self.row.in_flight is not None

    @property
    def unsure_on(self) -> set[str]:
        """The connections that are to be asked whether the person opted out."""
        return {*(ref.connection for ref in self.stale), *self.unlinked}


@dataclass(frozen=True, slots=True)
class ClaimedErrands:
    """Effects under one lease."""

    token: str
    errands: Sequence[Errand]


def claim(outlet: Outlet) -> ClaimedErrands | None:
    """Lease due effects; what must not be sent, or sent again, is settled at once.

    Whether a person opted out is looked at here once more: the word may have come since the
    decision. A lead that changed between the look and the lease is left for the next claim.
    ``None`` when nothing is due. One thread of a process claims for an outlet at a time.
    """
    while planned := _plan_due(outlet):
        now, token = outlet.clock.now(), new_token(outlet.mark)
        ours = outlet.store.write(partial(_lease, outlet=outlet, planned=planned, token=token, now=now))
        errands = [one for one in planned if isinstance(one, Errand) and one.row.id in ours]
        if errands:
            return ClaimedErrands(token, errands)
        if any(isinstance(one, Errand) for one in planned):
            return None  # another process was faster, or a lead has just changed
    return None


Planned = Errand | tuple[DueEffect, Settled]


def _plan_due(outlet: Outlet) -> list[Planned]:
    """Read the next due effects and say what becomes of each; nothing when none may be claimed."""
    now, playbook = outlet.clock.now(), outlet.playbook()
    with outlet.store.snapshot() as snapshot:
        rows = effects.due(snapshot, outlet.space, outlet.name, now, outlet.limit, outlet.writing())
        if not rows:
            return []
        people = People.load(snapshot, outlet.space)
        known = leads.load(snapshot, [row.lead_id for row in rows], ledgers=False)
        asking = {row.lead_id for row in rows if row.kind == effects.CONFIRM}
        sent = effects.confirmations(snapshot, asking, now) if asking else {}
    planned = [
        _plan_confirmation(row, known.get(row.lead_id), outlet, playbook, sent.get(row.lead_id, 0), now)
        if row.kind == effects.CONFIRM
        else _plan(row, known.get(row.lead_id), outlet, playbook, people, now)
        for row in rows
    ]
    return _as_one(planned, outlet.channel) if outlet.channel else planned


def _as_one(planned: list[Planned], channel: Channel) -> list[Planned]:
    """Keep as many messages as one can carry; the others stay due."""
    errands = [one for one in planned if isinstance(one, Errand)]
    messages = [one.what for one in errands if isinstance(one.what, Message)]
    if not messages:
        return planned
    alone = next((n for n, one in enumerate(errands) if one.row.kind == effects.CONFIRM), len(errands))
    number = wording.fitting(messages[: alone or 1], channel.capacity)  # a person's mail is theirs alone
    kept = {one.row.id for one in errands[:number]}
    return [one for one in planned if not isinstance(one, Errand) or one.row.id in kept]


def _plan(
    row: DueEffect, lead: Lead | None, outlet: Outlet, playbook: Playbook, people: People, now: datetime
) -> Planned:
    """Say what becomes of a due effect: sent, withheld, or marked as unknown."""
    if row.in_flight is not None and outlet.channel and outlet.channel.promise is Promise.AT_MOST_ONCE:
        why = "the process ended, or its lease ran out, while the message was sent: it may have arrived"
        return row, Settled(row.id, effects.UNKNOWN, error=why)
    if row.kind in effects.DEEDS:  # on records, whosever they are by now; nobody is told anything
        return Errand(row, lead or Lead(row.lead_id, outlet.space), _deed(row, outlet.name))
    if lead is None:
        return row, Settled(row.id, effects.WITHHELD, error="there is no such lead any more")
    why = consent.why_not(lead)
    if why and row.in_flight is not None:
        text = f"{why}; an earlier attempt, whose answer was lost, may have arrived"
        return row, Settled(row.id, effects.UNKNOWN, error=text)
    if why:
        return row, Settled(row.id, effects.WITHHELD, error=why)
    names = (str(row.payload.get("rule")), outlet.name)
    why = gates.why_shut(playbook.consent, effects.ACTS[row.kind], lead, now, names)
    if why and row.in_flight is None:
        return row, Settled(row.id, effects.WITHHELD, error=why, cause=NO_CONSENT)
    if why:
        text = f"{why}; an earlier attempt, whose answer was lost, may have arrived"
        return row, Settled(row.id, effects.UNKNOWN, error=text)
    rule = wording.rule_named(playbook, row.kind, row.payload.get("rule"))
    if rule is None:
        why = f'the playbook has no rule "{row.payload.get("rule")}" any more'
        return row, Settled(row.id, effects.WITHHELD, error=why)
    if row.payload.get("held") and rule.when is not None and not rule.when.matches(lead):
        why = "it waited for a provider's answer, and its condition does not hold now"
        return row, Settled(row.id, effects.WITHHELD, error=why)
    owner = people.teammate(lead.owner) if lead.owner else None
    # A task goes to the record in the CRM, where the person's data is anyway.
    country = lead.fields.get("country")
    veil = NO_VEIL if row.kind == TASK else veil_of(playbook.privacy, MESSAGES, country)
    facts = wording.facts_of(lead, row.payload, owner, outlet.address, veil)
    if row.kind == TASK:
        what: Message | Task | None = _task(row, lead, rule, facts, outlet, playbook, people)
    else:
        what = _message(row, lead, rule, facts, is_active=_is_active(owner, people))
    if what is None:
        why = "nobody active owns the lead"
        if row.kind == TASK:
            why = "the record it is about is not linked any more"
        return row, Settled(row.id, effects.WITHHELD, error=why)
    stale, unlinked = opt_outs.stale(lead, playbook, now), opt_outs.unlinked(lead, playbook)
    return Errand(row, lead, what, tuple(stale), tuple(unlinked))


def _plan_confirmation(
    row: DueEffect, lead: Lead | None, outlet: Outlet, playbook: Playbook, sent: int, now: datetime
) -> Planned:
    """Say what becomes of a mail that asks somebody to confirm a yes: it must still be theirs to confirm."""
    name = str(row.payload.get("rule"))
    purpose = playbook.consent.purposes.get(name)
    email = lead.fields.get("email") if lead is not None else None
    if row.in_flight is not None:
        why = "the process ended, or its lease ran out, while the mail was sent: it may have arrived"
        return row, Settled(row.id, effects.UNKNOWN, error=why)
    if lead is None or not email:
        why = "there is no such lead any more, or it has no e-mail"
    elif purpose is None or purpose.confirm is None:
        why = f'the playbook asks nobody to confirm "{name}" any more'
    elif opted_out := consent.why_not(lead):
        why = opted_out
    elif lead.fields.get(consent.field_of(name)) is not True:
        why = "the person does not agree any more"
    elif lead.fields.get(consent.confirmed_field_of(name)) is True:
        why = "it is confirmed already"
    elif sent >= purpose.confirm.at_most:
        why = f"{sent} such mails went to the person within a day, at most {purpose.confirm.at_most} do"
    elif outlet.links is None:
        why = "LEADRELAY_PUBLIC_URL and LEADRELAY_SECRET_KEY must both be set for links"
    else:
        facts = wording.facts_of(lead, row.payload, None, outlet.address, NO_VEIL)  # to the person themselves
        url = outlet.links.url(row.lead_id, name, str(email), row.key, now + purpose.confirm.expires)
        lines = [*templates.lines(purpose.confirm.body, facts), (Part(purpose.title, url),)]
        mail = Message(
            row.key, templates.one_line(purpose.confirm.subject, facts), tuple(lines), (str(email),)
        )
        stale, unlinked = opt_outs.stale(lead, playbook, now), opt_outs.unlinked(lead, playbook)
        return Errand(row, lead, mail, tuple(stale), tuple(unlinked))
    return row, Settled(row.id, effects.WITHHELD, error=why)


def _is_active(owner: Teammate | None, people: People) -> bool:
    """Say whether an owner works here still: in some CRM, as far as any has told who does."""
    return not people.rosters or (owner is not None and any(owner.active.values()))


def _message(
    row: DueEffect, lead: Lead, rule: NotifyRule, facts: templates.Facts, *, is_active: bool
) -> Message | None:
    """Return the message; ``None`` for one to the owner of a lead that nobody active owns."""
    if rule.to_owner and not (lead.owner and is_active):
        return None
    to = (str(lead.owner),) if rule.to_owner else ()
    return wording.message(row.key, rule.title, rule.lines, facts, to)


def _task(
    row: DueEffect,
    lead: Lead,
    rule: FollowUpRule,
    facts: templates.Facts,
    outlet: Outlet,
    playbook: Playbook,
    people: People,
) -> Task | None:
    """Return the task for whoever owns the lead now; an owner who cannot act there is left out."""
    crm, link = playbook.crms.get(outlet.name), lead.links.get(outlet.name)
    if crm is None or crm.tasks is None or link is None:
        return None
    owner = people.teammate(lead.owner) if lead.owner else None
    owner_id = owner.ids[outlet.name] if owner and owner.can_own_on(outlet.name) else None
    return Task(
        key=row.key,
        about=RecordRef(link.connection, link.object, link.remote_id),
        subject=templates.one_line(rule.subject, facts),
        lines=templates.lines(rule.body, facts),
        due_at=row.raised_at + rule.due_in,
        key_field=crm.tasks.key_field,
        owner_id=owner_id,
        priority=rule.priority,
        type=rule.type,
    )


def _lease(
    connection: Connection, outlet: Outlet, planned: Sequence[Planned], token: str, now: datetime
) -> set[int]:
    """Settle what is not sent and lease the rest, where it is still as it was read."""
    rows = [one.row if isinstance(one, Errand) else one[0] for one in planned]
    free = effects.lock_free(connection, [row.id for row in rows], now)
    errands = [one for one in planned if isinstance(one, Errand)]
    present = leads.versions(connection, [one.lead.id for one in errands])
    claims = {
        one.row.id: in_flight(one.what)
        for one in errands
        if one.row.id in free
        and (one.row.kind in effects.DEEDS or present.get(one.lead.id) == one.lead.version)
    }
    settled = [one[1] for one in planned if not isinstance(one, Errand) and one[0].id in free]
    effects.settle(connection, settled, now)
    for one in settled:
        told(outlet, one.state, next(row for row in rows if row.id == one.id), now)
    effects.lease(connection, claims, token, now + outlet.lease_term)
    return set(claims)


def told(outlet: Outlet, outcome: str, row: DueEffect, now: datetime) -> None:
    """Let the metrics know how an effect ended."""
    if outlet.observe:
        outlet.observe(outcome, (now - row.raised_at).total_seconds())


def _deed(row: DueEffect, connection: str) -> Merging | Deleting:
    ref = RecordRef(connection, *row.payload["record"])
    if row.kind == effects.DELETE:
        return Deleting(row.key, ref)
    return Merging(row.key, RecordRef(connection, *row.payload["keep"]), ref)


def in_flight(what: Message | Task | Merging | Deleting) -> dict[str, JsonValue]:
    """Return the exact words about to be sent, as the row keeps them."""
    if isinstance(what, Message):
        return wording.to_row(what)
    if isinstance(what, Merging):
        return {"keep": [what.keep.object, what.keep.id], "lose": [what.lose.object, what.lose.id]}
    if isinstance(what, Deleting):
        return {"delete": [what.ref.object, what.ref.id]}
    lines = [[[part.text, part.url] for part in line] for line in what.lines]
    return {
        "about": what.about.id,
        "subject": what.subject,
        "lines": lines,
        "due_at": to_text(what.due_at),
        "owner_id": what.owner_id,
    }

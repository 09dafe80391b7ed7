"""What a batch of events touches, held in memory: lookups for the handlers, drafts for the save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.engine import Connection

from handlers.base import Seat
from mappings.domains import possible_domains
from mappings.playbook import CrmMap, Playbook
from model.account import Account, account_id
from model.change import OwnerRecord
from model.deal import Deal
from model.decision import AnswerDeletion, AnswerProposal, Assigned, ClaimIdentity, KeepEngagement
from model.event import JsonValue, RecordRef
from model.lead import Identity, Lead, Link
from model.teammate import Teammate
from sync import (
    accounts,
    deals,
    deletions,
    engagements,
    joins,
    leads,
    links,
    matching,
    outbox,
    proposals,
    seats,
    teammates,
)
from sync.deletions import Standing
from sync.doubt import Doubt
from sync.joins import Join
from sync.links import record_key
from sync.matching import Hits
from sync.named import people_before
from sync.pipeline import Result
from sync.proposals import ANSWERED, Proposal


@dataclass(slots=True)
class People:
    """Teammates and the stride ledgers: small, so the decider keeps them between batches.

    Only the decider writes them; it drops its copy when a save fails.
    """

    teammates: dict[str, Teammate]
    rosters: frozenset[str]
    seats: dict[str, dict[str, Seat]]
    by_id: dict[tuple[str, str], Teammate] = field(init=False)

    def __post_init__(self) -> None:
        self.by_id = {}
        for mate in self.teammates.values():
            for connection, remote_id in mate.ids.items():
                known = self.by_id.get((connection, remote_id))
                if known is None or not known.can_own_on(connection):  # one who changed address has both
                    self.by_id[connection, remote_id] = mate

    @classmethod
    def load(cls, snapshot: Connection, space: str) -> People:
        """Read them from the store."""
        return cls(
            teammates.load(snapshot, space),
            teammates.known_rosters(snapshot, space),
            seats.load(snapshot, space),
        )

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail."""
        return self.teammates.get(email)

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""
        return self.by_id.get((connection, remote_id))


Post = tuple[Sequence[Identity], Sequence[str]]
"""A post's keys, and the leads that a person named for it."""


class Batch:
    """The leads a batch touches, as its earlier events have left them; implements ``Lookups``."""

    def __init__(self, people: People, shut: Callable[[], Mapping[str, str]] = dict) -> None:
        self.people = people
        self._shut = shut
        self.proposals: dict[int, Proposal] = {}  # that events of this batch answer, as they leave them
        self.deletions = Standing()
        self.forgotten: frozenset[str] = frozenset()  # hashes of addresses, of those that were looked for
        self.forgotten_records: Mapping[RecordRef, datetime] = {}  # and since when
        self._owners: dict[Identity, str] = {}
        self._leads: dict[str, Lead] = {}
        self.loaded: dict[str, Lead] = {}  # as the store has them
        self.results: list[Result] = []
        self.changed: dict[str, Lead] = {}
        self.claimed: dict[Identity, str] = {}
        self.seats_moved: dict[tuple[str, str], Seat] = {}
        self.rosters_read: dict[str, datetime] = {}
        self.mates_changed: dict[str, Teammate] = {}
        self._accounts: dict[str, Account] = {}
        self.loaded_accounts: dict[str, Account] = {}  # as they were
        self._company_holders: dict[RecordRef, str] = {}
        self.accounts_changed: dict[str, Account] = {}
        self._deals: dict[str, Deal] = {}
        self.loaded_deals: dict[str, Deal] = {}  # as they were
        self._deal_holders: dict[RecordRef, str] = {}
        self.deals_changed: dict[str, Deal] = {}
        self.hits = Hits()
        self._in_flight: dict[tuple[str, str], Doubt] = {}
        self._under_way: set[str] = set()
        self._present_ids: dict[str, str] = {}  # leads that were taken into others, and into whom
        self.joined: list[Join] = []

    def load(
        self, snapshot: Connection, space: str, keys: Iterable[Identity], lead_ids: Iterable[str]
    ) -> None:
        """Read whom these keys belong to, and those leads."""
        self._owners |= leads.find(snapshot, space, keys)
        wanted = {*self._owners.values(), *lead_ids}
        self.loaded |= leads.load(snapshot, wanted)
        if missing := wanted - self.loaded.keys():  # some may have been taken into others
            self._present_ids |= joins.present_ids(snapshot, missing)
            self.loaded |= leads.load(snapshot, set(self._present_ids.values()) - self.loaded.keys())
        self._leads |= self.loaded

    def load_in_flight(self, snapshot: Connection, space: str, refs: Iterable[RecordRef]) -> None:
        """Read what is on its way just now to those who are loaded, whose records these may be."""
        names = {ref.connection for ref in refs}
        ids = {*self._leads, *self._accounts, *self._deals}
        if names and ids:
            self._in_flight |= outbox.in_flight(snapshot, space, names, ids)

    def load_deletions(
        self,
        snapshot: Connection,
        space: str,
        crms: Mapping[str, CrmMap],
        gone: Sequence[RecordRef],
        held: Iterable[int],
        now: datetime,
    ) -> None:
        """Read what is known of records that are gone, and whether these are too many at once."""
        self.deletions = deletions.look(snapshot, space, gone, held)
        self.deletions.own = proposals.being_deleted(snapshot, space, gone) if gone else set()
        new = Counter(ref.connection for ref in set(gone) - self.deletions.own if self._is_news(ref))
        self.deletions.braked = deletions.brake(snapshot, space, crms, new, now)

    def _is_news(self, ref: RecordRef) -> bool:
        """Say whether a lead is linked to a record, and nothing has followed yet from its being gone."""
        holder = self._owners.get(record_key(ref))
        link = self._leads[holder].links.get(ref.connection) if holder in self._leads else None
        if link is None or (link.object, link.remote_id) != (ref.object, ref.id):
            return False
        return link.gone_at is None or self.deletions.is_pending(ref)

    def load_engagements(
        self, snapshot: Connection, kinds: Collection[str], refs: Collection[RecordRef]
    ) -> None:
        """Read what was done with the loaded leads: what rules count, and what events tell of."""
        if self._leads and (kinds or refs):
            for lead_id, one in engagements.load(snapshot, self._leads, kinds, refs):
                self._leads[lead_id].engagements[one.ref] = one

    def load_under_way(self, snapshot: Connection, space: str, now: datetime) -> None:
        """Read to whom of the loaded leads a call is under way."""
        self._under_way |= outbox.under_way(snapshot, space, self._leads.keys(), now)

    def in_flight(self, connection: str, entity_id: str) -> Doubt:
        """Return the values that may have reached a lead's, an account's or a deal's record unanswered."""
        return self._in_flight.get((connection, entity_id), {})

    def load_accounts(
        self,
        snapshot: Connection,
        space: str,
        playbook: Playbook,
        posted: Iterable[Mapping[str, JsonValue]],
        account_ids: Iterable[str] = (),
        companies: Iterable[RecordRef] = (),
    ) -> None:
        """Read the accounts that the loaded leads may belong to once these fields are posted.

        ``companies`` are records of whom it must be known which account has them.
        """
        wanted = set(account_ids)
        if playbook.joins_accounts:
            fields = [*posted, *(lead.fields for lead in self._leads.values())]
            domains = {one for each in fields for one in possible_domains(each, playbook.accounts)}
            wanted |= {account_id(space, domain) for domain in domains}
            wanted |= {str(one) for lead in self._leads.values() if (one := lead.fields.get("account"))}
        held = links.ACCOUNTS.held(snapshot, space, companies)
        self._company_holders |= held
        wanted |= set(held.values())
        self.loaded_accounts = accounts.load(snapshot, wanted)
        self._accounts = dict(self.loaded_accounts)

    def load_deals(
        self,
        snapshot: Connection,
        space: str,
        playbook: Playbook,
        held: Mapping[RecordRef, str],
        wanted: Iterable[str],
    ) -> None:
        """Read these deals, and who it is that their records named when they were last merged.

        ``held`` are the records of deals that events tell of, with whose they are.
        """
        self._deal_holders |= held
        self.loaded_deals = deals.load(snapshot, wanted)
        self._deals = dict(self.loaded_deals)
        people = {
            key
            for deal in self._deals.values()
            for link in deal.links.values()
            if (crm := playbook.crms.get(link.connection)) is not None
            for key in people_before(link, crm)
        }
        self._owners |= leads.find(snapshot, space, people - self._owners.keys())

    def ask_mirror(self, snapshot: Connection, space: str, playbook: Playbook, posts: Iterable[Post]) -> None:
        """Read what the mirror knows of those whom these posts are about, where they have no record yet.

        Only mirrors that are whole are asked, of connections whose owners are known: a batch of
        people who are linked everywhere costs no query.
        """
        names = [name for name in playbook.crms if name in self.people.rosters]
        unlinked = [(keys, known) for keys, known in map(self._known, posts) if _lack(known, names)]
        if not unlinked:
            return
        asked: dict[str, list[Identity]] = {}
        for name in matching.whole(snapshot, space, (playbook.crms[each] for each in names)):
            for keys, known in unlinked:
                if _lack(known, (name,)):
                    asked.setdefault(name, []).extend(
                        (*keys, *(key for lead in known for key in matching.keys_of(lead)))
                    )
        if not asked:
            return
        self.hits = matching.load(snapshot, space, asked)
        self._owners |= leads.find(snapshot, space, map(record_key, self.hits.refs()))

    def _known(self, post: Post) -> tuple[list[Identity], list[Lead]]:
        """Return the addresses of a post, and the leads it may be about."""
        keys, named = post
        ids = dict.fromkeys((*filter(None, map(self._owners.get, keys)), *named))
        addresses = [key for key in keys if key.kind == "email"]
        return addresses, [self._leads[each] for each in ids if each in self._leads]

    # Lookups -------------------------------------------------------------------------

    def lead_id_of(self, identity: Identity) -> str | None:
        """Return the lead a key belongs to."""
        return self._owners.get(identity)

    def lead(self, lead_id: str) -> Lead:
        """Return a known lead as the batch has left it; ``KeyError`` for an unknown one.

        An id that was taken into another lead's leads there.
        """
        return self._leads[self.present_id(lead_id)]

    def present_id(self, lead_id: str) -> str:
        """Return the id of the lead that an id means by now."""
        return self._present_ids.get(lead_id, lead_id)

    def may_be_joined(self, lead_id: str) -> bool:
        """Say whether a lead is as the store has it: one that this batch has changed waits for the next."""
        return lead_id in self.loaded and lead_id not in self.changed

    def is_under_way(self, lead_id: str) -> bool:
        """Say whether a call is under way to the lead, whose answer would find nobody after a join."""
        return lead_id in self._under_way

    def knows(self, lead_id: str) -> bool:
        """Say whether there is such a lead."""
        return self.present_id(lead_id) in self._leads

    def account(self, account_id: str) -> Account | None:
        """Return an account as the batch has left it; ``None`` for one that nobody belongs to yet."""
        return self._accounts.get(account_id)

    def deal(self, deal_id: str) -> Deal | None:
        """Return a deal as the batch has left it; ``None`` for one that is not known."""
        return self._deals.get(deal_id)

    def deal_holder(self, ref: RecordRef) -> str | None:
        """Return the deal that has this record."""
        return self._deal_holders.get(ref)

    def deals_of(self, lead_id: str) -> list[Deal]:
        """Return the loaded deals in which a lead takes part, in the order of their ids."""
        return self.deals_with((lead_id,))

    def deals_with(self, party_ids: Iterable[str]) -> list[Deal]:
        """Return the loaded deals in which one of these leads or accounts takes part."""
        asked = {self.present_id(one) for one in party_ids}
        return sorted(
            (
                deal
                for deal in self._deals.values()
                if not asked.isdisjoint(map(self.present_id, deal.party_ids))
            ),
            key=lambda deal: deal.id,
        )

    def company_holder(self, ref: RecordRef) -> str | None:
        """Return the account that has this record."""
        return self._company_holders.get(ref)

    def teammate(self, email: str) -> Teammate | None:
        """Return a teammate by e-mail."""
        return self.people.teammate(email)

    def teammate_by_id(self, connection: str, remote_id: str) -> Teammate | None:
        """Return the teammate behind a CRM's owner or user id."""
        return self.people.teammate_by_id(connection, remote_id)

    def why_shut(self, target: str) -> str:
        """Say why nothing is sent to a connection or channel; blank where it is."""
        return self._shut().get(target, "")

    def rosters(self) -> frozenset[str]:
        """Return the connections whose owners have been read at least once."""
        return self.people.rosters

    def seats(self, pool: str) -> Mapping[str, Seat]:
        """Return the stride ledger of a pool."""
        return self.people.seats.get(pool, {})

    # Taking results in ---------------------------------------------------------------

    def take_in(self, result: Result) -> None:
        """Make what an event decided visible to the events after it."""
        self.results.append(result)
        for effect in result.effects:
            if isinstance(effect, AnswerProposal):
                known = self.proposals[effect.proposal]
                self.proposals[effect.proposal] = replace(known, state=ANSWERED[effect.accepts], progress="")
            elif isinstance(effect, AnswerDeletion):
                self.deletions.answered(effect.deletion, accepts=effect.accepts)
        if result.account is not None:
            self._take_in_account(result.account)
        for deal in result.deals:
            self._deals[deal.id] = self.deals_changed[deal.id] = deal
            for link in deal.links.values():
                self._deal_holders[RecordRef(link.connection, link.object, link.remote_id)] = deal.id
        lead = result.lead
        if lead is None:
            self._keep_engagements(result)
            return
        self._leads[lead.id] = lead
        self.changed[lead.id] = lead
        for gone in result.absorbed:
            self._take_over(gone, lead.id, result.stored.id)
        for effect in result.effects:
            match effect:
                case ClaimIdentity(identity):
                    if identity not in self._owners:
                        self._owners[identity] = self.claimed[identity] = lead.id
                case Assigned(owner=owner, pool=pool, virtual_time=virtual_time) if pool:
                    seat = Seat(virtual_time, result.stored.decided_seq)
                    self.people.seats.setdefault(pool, {})[owner] = seat
                    self.seats_moved[pool, owner] = seat
                case _:
                    pass
        for link in lead.links.values():
            self._owners[record_key(RecordRef(link.connection, link.object, link.remote_id))] = lead.id

    def _keep_engagements(self, result: Result) -> None:
        """Let later events of the batch know what was done with a lead that is as it was else."""
        for effect in result.effects:
            if isinstance(effect, KeepEngagement) and result.lead_id:
                self.lead(result.lead_id).engagements[effect.engagement.ref] = effect.engagement

    def _take_over(self, gone: Lead, into: str, event: int) -> None:
        for result in self.results:  # what this batch decided of the other is the survivor's, too
            if result.lead_id == gone.id:
                result.lead_id = into
        self.joined.append(Join(self.loaded[gone.id], into, event))
        self._leads.pop(gone.id, None)
        led_there = [one for one, present in self._present_ids.items() if present == gone.id]
        self._present_ids |= dict.fromkeys((*led_there, gone.id), into)
        theirs = [key for key, holder in self._owners.items() if holder == gone.id]
        for key in theirs:
            if key.kind == "record":  # the survivor's records are its links
                del self._owners[key]
            else:
                self._owners[key] = into

    def _take_in_account(self, account: Account) -> None:
        self._accounts[account.id] = self.accounts_changed[account.id] = account
        for link in account.links.values():
            self._company_holders[RecordRef(link.connection, link.object, link.remote_id)] = account.id

    def take_in_roster(self, connection: str, listed: Iterable[OwnerRecord], at: datetime) -> None:
        """Make a CRM's list of owners visible to the events after it."""
        before = self.people.teammates
        after = teammates.with_roster(before, connection, listed)
        self.mates_changed |= {email: mate for email, mate in after.items() if before.get(email) != mate}
        self.rosters_read[connection] = at
        self.people = People(after, self.people.rosters | {connection}, self.people.seats)

    def loaded_revs(self) -> dict[tuple[str, str], int]:
        """Return the revisions of the links that changed leads were decided with: (lead id, connection)."""
        return _revs(self.changed, _links_of(self.loaded))

    def loaded_account_revs(self) -> dict[tuple[str, str], int]:
        """Return those of the accounts that were looked at: (account id, connection)."""
        joined = {str(one) for lead in self.changed.values() if (one := lead.fields.get("account"))}
        return _revs({*joined, *self.accounts_changed}, _links_of(self.loaded_accounts))

    def loaded_deal_revs(self) -> dict[tuple[str, str], int]:
        """Return those of the deals that changed: (deal id, connection)."""
        return _revs(self.deals_changed, _links_of(self.loaded_deals))

    def dropped_links(self) -> list[tuple[str, Link]]:
        """Return the loaded links that are no more, or gave way to another record, with their lead's id."""
        gone = [(one.absorbed.id, link) for one in self.joined for link in one.absorbed.links.values()]
        return [*_dropped(self.changed, _links_of(self.loaded)), *gone]

    def dropped_account_links(self) -> list[tuple[str, Link]]:
        """Return the same of accounts."""
        return _dropped(self.accounts_changed, _links_of(self.loaded_accounts))

    def changed_links(self) -> list[tuple[str, Link]]:
        """Return the links that differ from those loaded, with their lead's id."""
        return _changed(self.changed, _links_of(self.loaded))

    def dropped_deal_links(self) -> list[tuple[str, Link]]:
        """Return the same of deals."""
        return _dropped(self.deals_changed, _links_of(self.loaded_deals))

    def changed_deal_links(self) -> list[tuple[str, Link]]:
        """Return the deals' links that differ from those loaded, with their deal's id."""
        return _changed(self.deals_changed, _links_of(self.loaded_deals))

    def new_links(self) -> list[tuple[str, RecordRef]]:
        """Return the records that became a lead's or an account's by this batch, with whose they are now."""
        links_now = [
            *((link, _links_of(self.loaded)) for link in self.changed_links()),
            *((link, _links_of(self.loaded_accounts)) for link in self.changed_account_links()),
        ]
        return [
            (whose, RecordRef(link.connection, link.object, link.remote_id))
            for (whose, link), loaded in links_now
            if (known := loaded.get(whose, {}).get(link.connection)) is None
            or (known.object, known.remote_id) != (link.object, link.remote_id)
        ]

    def changed_account_links(self) -> list[tuple[str, Link]]:
        """Return the accounts' links that differ from those loaded, with their account's id."""
        return _changed(self.accounts_changed, _links_of(self.loaded_accounts))


def _links_of(
    loaded: Mapping[str, Lead] | Mapping[str, Account] | Mapping[str, Deal],
) -> Mapping[str, Mapping[str, Link]]:
    return {one.id: one.links for one in loaded.values()}


def _revs(ids: Iterable[str], loaded: Mapping[str, Mapping[str, Link]]) -> dict[tuple[str, str], int]:
    return {(one, name): link.rev for one in ids for name, link in loaded.get(one, {}).items()}


def _dropped(
    entities: Mapping[str, Lead] | Mapping[str, Account] | Mapping[str, Deal],
    loaded: Mapping[str, Mapping[str, Link]],
) -> list[tuple[str, Link]]:
    return [
        (entity.id, link)
        for entity in entities.values()
        for name, link in loaded.get(entity.id, {}).items()
        if (now := entity.links.get(name)) is None or (now is not link and now.rev == 0)
    ]


def _changed(
    entities: Mapping[str, Lead] | Mapping[str, Account] | Mapping[str, Deal],
    loaded: Mapping[str, Mapping[str, Link]],
) -> list[tuple[str, Link]]:
    return [
        (entity.id, link)
        for entity in entities.values()
        for name, link in entity.links.items()
        if loaded.get(entity.id, {}).get(name) is not link
    ]


def _lack(known: Sequence[Lead], names: Iterable[str]) -> bool:
    """Say whether someone has no record on one of these connections: a new person has none."""
    return not known or any(name not in lead.links for lead in known for name in names)

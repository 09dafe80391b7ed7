"""What a batch of events touches, held in memory: lookups for the handlers, drafts for the save."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.base import Seat
from handlers.eligible import why_not
from handlers.workload import Workload
from model.account import Account, Likely
from model.change import OwnerRecord
from model.deal import Deal
from model.decision import (
    AnswerDeletion,
    AnswerProposal,
    Assigned,
    ClaimIdentity,
    GiveBack,
    JudgePair,
    KeepEngagement,
    SettleReview,
)
from model.event import JsonValue, RecordRef
from model.lead import MATCHER, Identity, Lead
from model.question import Question
from model.teammate import Teammate
from sync import links, teammates
from sync.alike.pairs import DIFFERENT, SAME, ordered
from sync.deciding.alike import Alike
from sync.deciding.touched import OfOwner, Touched, ref_of
from sync.deletions import Standing
from sync.doubt import Doubt
from sync.inbox import Taken
from sync.joins import Join
from sync.links import LinkTable, record_key
from sync.matching import Hits
from sync.people import People
from sync.proposals import ANSWERED, Proposal
from sync.remembered import Memory, Parting
from sync.result import Result
from sync.undoing import Traces


@dataclass(frozen=True, slots=True)
class LinkChanges:
    """What is to be compared, removed and stored in one table of links."""

    table: LinkTable
    loaded: list[OfOwner]  # as they were: what was decided stands on them
    dropped: list[OfOwner]
    changed: list[OfOwner]


class Batch:
    """The leads a batch touches, as its earlier events have left them; implements ``Lookups``."""

    def __init__(self, people: People, shut: Callable[[], Mapping[str, str]] = dict) -> None:
        self.people = people
        self._shut = shut
        self._workload = Workload()
        self.open_stages: frozenset[str] = frozenset()  # in which leads count as open, where that is asked
        self.leads: Touched[Lead] = Touched()
        self.accounts: Touched[Account] = Touched()
        self.deals: Touched[Deal] = Touched()
        self.alike = Alike()
        self.owners: dict[Identity, str] = {}  # keys and records, and whose they are
        self.present_ids: dict[str, str] = {}  # leads that were taken into others, and into whom
        self.under_way: set[str] = set()  # leads to whom a call is under way
        self.doubts: dict[tuple[str, str], Doubt] = {}  # by connection and lead, account or deal
        self.looked_for: dict[RecordRef, set[str]] = {}  # a deal's record -> parties whose deals it may be
        self.hits = Hits()  # what the mirror knows
        self.proposals: dict[int, Proposal] = {}  # that events of this batch answer, as they leave them
        self.questions: dict[int, Question] = {}  # the same
        self.deletions = Standing()
        self.agreed: set[tuple[str, str]] = set()  # pairs, of those reminded of, that wait to be joined
        self.apart: set[tuple[str, str]] = set()  # pairs that people said are two, of those that are sure
        self.rivals: dict[str, set[str]] = {}  # of such a lead: who is surely the same person, too
        self.joined_alone: list[datetime] = []  # when leads were joined by evidence alone, in the last day
        self.traces: dict[tuple[str, str], Traces] = {}  # of a file that is taken back: (batch, lead)
        self.rows: dict[int, Taken] = {}  # of such a file, that became nobody
        self.braked_undo: dict[str, str] = {}  # connection -> why so many deletions wait for a person
        self.forgotten: frozenset[str] = frozenset()  # hashes of addresses, of those that were looked for
        self.forgotten_records: Mapping[RecordRef, datetime] = {}  # and since when
        self.results: list[Result] = []
        self.claimed: dict[Identity, str] = {}
        self.joined: list[Join] = []
        self.memories: dict[str, Memory | str] = {}  # of joins that are to be undone; else why there is none
        self.parted: list[Parting] = []
        self.seats_moved: dict[tuple[str, str], Seat] = {}
        self.rosters_read: dict[str, datetime] = {}
        self.mates_changed: dict[str, Teammate] = {}
        self.came_back: set[str] = set()  # who can own leads by the rosters, and could not

    def lead_id_of(self, identity: Identity) -> str | None:
        """Return the lead a key belongs to."""
        return self.owners.get(identity)

    def lead(self, lead_id: str) -> Lead:
        """Return a known lead as the batch has left it; ``KeyError`` for an unknown one.

        An id that was taken into another lead's leads there.
        """
        return self.leads.now[self.present_id(lead_id)]

    def present_id(self, lead_id: str) -> str:
        """Return the id of the lead that an id means by now."""
        return self.present_ids.get(lead_id, lead_id)

    def may_be_joined(self, lead_id: str) -> bool:
        """Say whether a lead is as the store has it: one that this batch has changed waits for the next."""
        return lead_id in self.leads.loaded and lead_id not in self.leads.changed

    def is_under_way(self, lead_id: str) -> bool:
        """Say whether a call is under way to the lead, whose answer would find nobody after a join."""
        return lead_id in self.under_way

    def in_flight(self, connection: str, entity_id: str) -> Doubt:
        """Return the values that may have reached a lead's, an account's or a deal's record unanswered."""
        return self.doubts.get((connection, entity_id), {})

    def knows(self, lead_id: str) -> bool:
        """Say whether there is such a lead."""
        return self.present_id(lead_id) in self.leads.now

    def account(self, account_id: str) -> Account | None:
        """Return an account as the batch has left it; ``None`` for one that nobody belongs to yet."""
        return self.accounts.now.get(account_id)

    def accounts_like(self, fields: Mapping[str, JsonValue]) -> Likely:
        """Return the accounts that share a key with the company of these fields of a lead."""
        return self.alike.of(fields, self.accounts.now)

    def deal(self, deal_id: str) -> Deal | None:
        """Return a deal as the batch has left it; ``None`` for one that is not known."""
        return self.deals.now.get(deal_id)

    def deal_holder(self, ref: RecordRef) -> str | None:
        """Return the deal that has this record."""
        return self.deals.holders.get(ref)

    def deals_of(self, lead_id: str) -> list[Deal]:
        """Return the loaded deals in which a lead takes part, in the order of their ids."""
        return self.deals_with((lead_id,))

    def deals_with(self, party_ids: Iterable[str]) -> list[Deal]:
        """Return the loaded deals in which one of these leads or accounts takes part."""
        asked = {self.present_id(one) for one in party_ids}
        return sorted(
            (
                deal
                for deal in self.deals.now.values()
                if not asked.isdisjoint(map(self.present_id, deal.party_ids))
            ),
            key=lambda deal: deal.id,
        )

    def company_holder(self, ref: RecordRef) -> str | None:
        """Return the account that has this record."""
        return self.accounts.holders.get(ref)

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

    def workload(self) -> Workload:
        """Return who was given how much, as far as rules ask."""
        return self._workload

    def load_workload(self, workload: Workload, open_stages: frozenset[str]) -> None:
        """Take in what was read of it from the store."""
        self._workload, self.open_stages = workload, open_stages

    def take_in(self, result: Result) -> None:
        """Make what an event decided visible to the events after it."""
        self.results.append(result)
        for effect in result.effects:
            if isinstance(effect, AnswerProposal):
                known = self.proposals[effect.proposal]
                self.proposals[effect.proposal] = replace(known, state=ANSWERED[effect.accepts], progress="")
            elif isinstance(effect, SettleReview) and effect.review in self.questions:
                asked = self.questions[effect.review]
                self.questions[effect.review] = replace(asked, state=effect.state)
            elif isinstance(effect, AnswerDeletion):
                self.deletions.answered(effect.deletion, accepts=effect.accepts)
            elif isinstance(effect, JudgePair):
                self._judged(effect, result)
        if result.account is not None:
            self.accounts.put(result.account)
            self.accounts.hold(result.account)
            self.alike.put(result.account)
        for deal in result.deals:
            self.deals.put(deal)
            self.deals.hold(deal)
        lead = result.lead
        if lead is None:
            self._keep_engagements(result)
            return
        if self.open_stages:
            self._workload.changed(self.leads.now.get(lead.id), lead, self.open_stages)
        survivor = self.leads.now.get(lead.id)
        self.leads.put(lead)
        for gone in result.absorbed:
            self._take_over(_join_of(gone, survivor, result))
        if result.parted is not None:
            self._take_apart(result.parted)
        for effect in result.effects:
            match effect:
                case ClaimIdentity(identity):
                    if identity not in self.owners:
                        self.owners[identity] = self.claimed[identity] = lead.id
                case Assigned(owner=owner, pool=pool, virtual_time=virtual_time, clock=clock):
                    self._workload.assigned(lead.id, effect)
                    if pool:
                        seat = Seat(virtual_time, result.stored.decided_seq, clock, effect.credit)
                        self._move(pool, owner, seat)
                case GiveBack(owner, pool):
                    self._workload.gave_back(lead.id, effect)
                    seat = self.seats(pool).get(owner, Seat())
                    self._move(pool, owner, replace(seat, credit=seat.credit + 1))
                case _:
                    pass
        for link in lead.links.values():
            self.owners[record_key(ref_of(link))] = lead.id

    def _judged(self, judged: JudgePair, result: Result) -> None:
        """Let later events of the batch know what was said of two leads, and how many were joined unasked."""
        pair = ordered(judged.one, judged.other)
        self.agreed.discard(pair)  # said anew, or joined by now
        if judged.state == DIFFERENT:
            self.apart.add(pair)
        elif judged.state == SAME and result.stored.event.source == MATCHER:
            self.joined_alone.append(result.stored.decided_at)

    def _move(self, pool: str, owner: str, seat: Seat) -> None:
        self.people.seats.setdefault(pool, {})[owner] = seat
        self.seats_moved[pool, owner] = seat

    def _keep_engagements(self, result: Result) -> None:
        """Let later events of the batch know what was done with a lead that is as it was else."""
        for effect in result.effects:
            if isinstance(effect, KeepEngagement) and result.lead_id:
                self.lead(result.lead_id).engagements[effect.engagement.ref] = effect.engagement

    def _take_apart(self, parting: Parting) -> None:
        """Let a lead be one of its own again, for the events that come after."""
        lead = parting.restored
        if self.open_stages:
            self._workload.changed(None, lead, self.open_stages)
        self.leads.put(lead)
        self.parted.append(parting)
        memory = self.memories.pop(lead.id)
        self.present_ids.pop(lead.id, None)
        if isinstance(memory, Memory):
            self.present_ids |= dict.fromkeys(memory.through, lead.id)
        self.owners |= {key: lead.id for key in lead.identities if key in self.owners}
        self.owners |= {record_key(ref_of(link)): lead.id for link in lead.links.values()}

    def _take_over(self, join: Join) -> None:
        gone, into = self.leads.loaded[join.absorbed.id], join.into
        for result in self.results:  # what this batch decided of the other is the survivor's, too
            if result.lead_id == gone.id:
                result.lead_id = into
        if self.open_stages:
            self._workload.absorbed(gone, into, self.open_stages)
        self.joined.append(replace(join, absorbed=gone))
        self.leads.now.pop(gone.id, None)
        led_there = [one for one, present in self.present_ids.items() if present == gone.id]
        self.present_ids |= dict.fromkeys((*led_there, gone.id), into)
        theirs = [key for key, holder in self.owners.items() if holder == gone.id]
        for key in theirs:
            if key.kind == "record":  # the survivor's records are its links
                del self.owners[key]
            else:
                self.owners[key] = into

    def take_in_roster(self, connection: str, listed: Iterable[OwnerRecord], at: datetime) -> None:
        """Make a CRM's list of owners visible to the events after it."""
        before = self.people.teammates
        after = teammates.with_roster(before, connection, listed)
        changed = {email: mate for email, mate in after.items() if before.get(email) != mate}
        were_away = [email for email in changed if why_not(email, self)]
        self.mates_changed |= changed
        self.rosters_read[connection] = at
        self.people = People(after, self.people.rosters | {connection}, self.people.seats)
        self.came_back |= {email for email in were_away if not why_not(email, self)}

    def link_changes(self) -> Iterator[LinkChanges]:
        """Yield what becomes of each table of links, in the order in which all lock them."""
        absorbed = [(one.absorbed.id, link) for one in self.joined for link in one.absorbed.links.values()]
        of_leads, of_accounts, of_deals = self.leads, self.accounts, self.deals
        yield LinkChanges(
            links.LEADS,
            of_leads.loaded_links(of_leads.changed),
            [*of_leads.dropped_links(), *absorbed],
            of_leads.changed_links(),
        )
        # Accounts that were looked at count, too: a lead's draft follows from its company's record.
        joined = {str(one) for lead in of_leads.changed.values() if (one := lead.fields.get("account"))}
        yield LinkChanges(
            links.ACCOUNTS,
            of_accounts.loaded_links({*joined, *of_accounts.changed}),
            of_accounts.dropped_links(),
            of_accounts.changed_links(),
        )
        yield LinkChanges(
            links.DEALS,
            of_deals.loaded_links(of_deals.changed),
            of_deals.dropped_links(),
            of_deals.changed_links(),
        )

    def moved_links(self) -> list[OfOwner]:
        """Return the links, as they were, of whom another record is known by now, or that it is gone."""
        return [one for each in (self.leads, self.accounts, self.deals) for one in each.moved_links()]

    def new_links(self) -> list[tuple[str, RecordRef]]:
        """Return the records that became a lead's or an account's by this batch, with whose they are now."""
        return [*self.leads.new_links(), *self.accounts.new_links()]


def _join_of(absorbed: Lead, survivor: Lead | None, result: Result) -> Join:
    """Return what is stored of a join; by a person's word, what both were, for the way back."""
    event, lead = result.stored.id, result.lead
    words = [one for one in result.effects if isinstance(one, JudgePair) and one.state == SAME]
    if lead is None or not words or words[0].undo_until is None:
        return Join(absorbed, lead.id if lead else "", event)
    return Join(absorbed, lead.id, event, survivor, lead, words[0].undo_until)

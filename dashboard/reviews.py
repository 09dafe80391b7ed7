"""The page of reviews: what leadrelay could do to records once a person agrees, and what became of it.

Deletions that were too many at once wait here, too, records that may be a deal that is known, and leads
of the band under review.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from mappings.playbook import Playbook
from mappings.playbook.privacy import PAGES
from mappings.reviewing import DISQUALIFY, VERDICTS, ruling
from model.lead import LEAD_FIELDS
from sync import account_questions, borderline, deletions, inbox, leads, proposals, remembered, same_deals
from sync.alike import pairs
from sync.alike.pairs import Pair
from sync.deciding import carrying
from sync.proposals import Alike, Proposal, Side

SOME = 12  # people who are named of many
LONGEST_NUMBER = 18  # digits
PAGE = 20  # of what waits, and of what was answered, on one page
ANSWERS = {"agree": True, "refuse": False}
COMPARED = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "title",
    "company",
    "city",
    "country",
    "stage",
    "owner",
)
RELEASES = {"release": True, "dismiss": False}


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal with what a person wants to see of it."""

    proposal: Proposal
    sides: list[Side]  # fields of the records, as the mirror last saw them
    hindrance: str  # why leadrelay cannot do it by itself; blank where it can
    urls: tuple[str | None, str | None]  # of the record that is kept, and of the other


@dataclass(frozen=True, slots=True)
class AskedMany:
    """Many deletions for one reason, with some of the people."""

    alike: Alike
    some: list[tuple[Proposal, str | None]]  # with the address of the record
    hindrance: str


@dataclass(frozen=True, slots=True)
class AskedPair:
    """Two leads that may be one person, side by side."""

    pair: Pair
    sides: list[tuple[str, Any, Any]]  # field, and what the one and the other have


class ReviewPages:
    """The proposals that wait, and a person's word on them."""

    def __init__(self, house: House) -> None:
        self.house = house

    def reviews(self) -> ResponseReturnValue:
        """Show what waits for a person's word, then what was answered."""
        return self._page()

    def answer(self, number: int) -> ResponseReturnValue:
        """Take a person's word: it is an event, decided like any other."""
        house, said = self.house, request.form.get("answer", "")
        if said not in ANSWERS:
            abort(404)
        with house.reading() as snapshot:
            one = proposals.load(snapshot, house.space, [number]).get(number)
        if one is None:
            abort(404)
        if not one.is_open:
            return self._page(f"{one.what}: it is settled already ({one.outcome or one.state}).", 409)
        if ANSWERS[said] and (why := self._hindrance(one)):
            return self._page(f"{one.what}: {why}.", 422)
        event = proposals.answer_event(
            one, house.space, accepts=ANSWERS[said], by=g.who, now=house.clock.now()
        )
        inbox.append(house.store, [event])
        return redirect(url_for("pages.reviews", said="agreed" if ANSWERS[said] else "refused"), 303)

    def answer_alike(self, number: int) -> ResponseReturnValue:
        """Take a person's word on many deletions for one reason: an event for each that was shown."""
        house, said, last = self.house, request.form.get("answer", ""), request.form.get("last", "")
        if said not in ANSWERS or not (last.isascii() and last.isdigit() and len(last) <= LONGEST_NUMBER):
            abort(404)
        with house.reading() as snapshot:
            first = proposals.load(snapshot, house.space, [number]).get(number)
            if first is None or first.kind != proposals.DELETE:
                abort(404)
            shown = Alike(first.connection, first.why, 0, number, int(last))
            waiting = proposals.open_ones(snapshot, house.space, limit=None, of=shown)
        if not waiting:
            return self._page("These do not wait for a word any more.", 409)
        accepts, now = ANSWERS[said], house.clock.now()
        if accepts and (why := self._hindrance(waiting[0])):
            return self._page(f"{why}.", 422)
        events = [
            proposals.answer_event(one, house.space, accepts=accepts, by=g.who, now=now) for one in waiting
        ]
        inbox.append(house.store, events)
        return redirect(url_for("pages.reviews", said="agreed" if accepts else "refused"), 303)

    def deal_answer(self, number: int) -> ResponseReturnValue:
        """Take a person's word on which deal a record is."""
        house = self.house
        said, _, deal_id = request.form.get("answer", "").partition(" ")
        if said not in (same_deals.SAME, same_deals.ANOTHER, same_deals.LEAVE):
            abort(404)
        with house.reading() as snapshot:
            found = same_deals.open_ones(snapshot, house.space, house.playbook(), limit=1, number=number)
            if not found:
                return self._page("That does not wait for a word any more.", 409)
            [one] = found
            is_offered = {
                same_deals.SAME: deal_id in one.may_be,
                same_deals.ANOTHER: one.may_be_new,
                same_deals.LEAVE: True,
            }[said]
            if not is_offered:
                return self._page(f"{one.question.what}: that has changed since you looked.", 422)
            now = house.clock.now()
            event = same_deals.answer_event(snapshot, one, house.space, said, deal_id, by=g.who, now=now)
        inbox.append(house.store, [event])
        outcome = "refused" if said == same_deals.LEAVE else "agreed"
        return redirect(url_for("pages.reviews", said=outcome), 303)

    def pair_answer(self, lead: str, other: str) -> ResponseReturnValue:
        """Take a person's word on whether two leads are one person."""
        house, said = self.house, request.form.get("answer", "")
        if said not in pairs.ANSWERS:
            abort(404)
        with house.reading() as snapshot:
            is_known = any(each.beside(lead) == other for each in pairs.of_lead(snapshot, lead))
            there = leads.load(snapshot, [lead, other], ledgers=False)
        if not is_known or len(there) != len({lead, other}):
            return self._page("That does not wait for a word any more.", 409)
        now = house.clock.now()
        inbox.append(house.store, [pairs.answer_event(house.space, lead, other, said, by=g.who, now=now)])
        outcome = "agreed" if said == pairs.SAME else "refused"
        return redirect(url_for("pages.reviews", said=outcome), 303)

    def account_answer(self, lead_id: str) -> ResponseReturnValue:
        """Take a person's word on which account a lead belongs to; blank: none of those it looks like."""
        house, said = self.house, request.form.get("answer", "")
        with house.reading() as snapshot:
            asked = account_questions.of_lead(snapshot, house.space, lead_id)
        if not asked:
            return self._page("That does not wait for a word any more.", 409)
        if said not in ("none", *(one.account for one in asked)):
            abort(404)
        account = "" if said == "none" else said
        now = house.clock.now()
        inbox.append(
            house.store, [account_questions.answer_event(house.space, lead_id, account, by=g.who, now=now)]
        )
        return redirect(url_for("pages.reviews", said="agreed" if account else "refused"), 303)

    def part(self, lead_id: str, absorbed: str) -> ResponseReturnValue:
        """Take a person's word that a lead was taken into this one by mistake."""
        house = self.house
        now = house.clock.now()
        with house.reading() as snapshot:
            known = [one for one, _, _ in remembered.undoable(snapshot, lead_id, now)]
            memory = remembered.load(snapshot, house.space, absorbed, now)
        if absorbed not in known or isinstance(memory, str):
            return self._page("These two leads cannot be parted any more.", 409)
        if memory.why_not:
            return self._page(f"Not undone: {memory.why_not}.", 422)
        inbox.append(house.store, [pairs.undo_event(house.space, absorbed, by=g.who, now=now)])
        return redirect(url_for("pages.lead", lead_id=lead_id), 303)

    def release(self, name: str) -> ResponseReturnValue:
        """Take a person's word on the deletions of a connection that were held, as far as they were shown."""
        house, said, last = self.house, request.form.get("answer", ""), request.form.get("last", "")
        if said not in RELEASES or not (last.isascii() and last.isdigit() and len(last) <= 18):
            abort(404)
        with house.reading() as snapshot:
            events = deletions.answer_events(
                snapshot,
                house.space,
                name,
                int(last),
                accepts=RELEASES[said],
                by=g.who,
                now=house.clock.now(),
            )
        if not events:
            return self._page(f"{name}: nothing is held there any more.", 409)
        for part in deletions.pieces(events):
            inbox.append(house.store, part)
        return redirect(url_for("pages.reviews", said="released" if RELEASES[said] else "dismissed"), 303)

    def verdict(self, lead_id: str) -> ResponseReturnValue:
        """Take a person's verdict on a lead of the band under review."""
        house, said = self.house, request.form.get("answer", "")
        if said not in VERDICTS:
            abort(404)
        reason = request.form.get("reason", "") if said == DISQUALIFY else ""
        with house.reading() as snapshot:
            known = leads.load(snapshot, {lead_id}).get(lead_id)
        if known is None:
            abort(404)
        found = ruling(house.playbook().lifecycle, known, said, reason)
        if not found.allowed:
            return self._page(f"The lead was not {VERDICTS[said]}: {found.why}.", 409)
        now = house.clock.now()
        event = borderline.answer_event(house.space, lead_id, said, reason, by=g.who, now=now)
        inbox.append(house.store, [event])
        return redirect(url_for("pages.reviews", said=said), 303)

    def _page(self, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        house = self.house
        after = request.args.get("after", "")
        singly = request.args.get("singly", "")
        if any(
            one and not (one.isascii() and one.isdigit() and len(one) <= LONGEST_NUMBER)
            for one in (after, singly)
        ):
            abort(404)
        with house.reading() as snapshot:
            many = proposals.alike(snapshot, house.space)
            chosen = next((one for one in many if str(one.first) == singly), None)
            waiting = proposals.open_ones(
                snapshot,
                house.space,
                limit=PAGE + 1,
                after=int(after or 0),
                of=chosen,
                but=() if chosen else many,
            )
            together = [] if chosen or after else [self._many(snapshot, one) for one in many]
            told = proposals.answered(snapshot, house.space, limit=PAGE)
            held = deletions.held_back(snapshot, house.space, people=deletions.SAMPLE)
            asked = [self._asked(snapshot, one) for one in waiting[:PAGE]]
            sales = same_deals.open_ones(snapshot, house.space, house.playbook(), limit=PAGE)
            people = self._pairs(snapshot)
            whose = account_questions.open_ones(snapshot, house.space, limit=PAGE)
            cards = borderline.open_ones(
                snapshot, house.space, house.playbook(), house.clock.now(), limit=PAGE
            )
            cards_waiting = borderline.count_open(snapshot, house.space)
            sight = house.sight(snapshot, PAGES, g.who)
            sight.meet(snapshot, [one.lead_id for one in (*waiting, *told)])
            sight.meet(snapshot, [one.lead for one in whose])
            sight.meet(snapshot, [each.lead_id for one in together for each, _ in one.some])
            sight.meet(snapshot, [lead_id for one in held for lead_id, _ in one.people])
        page = render_template(
            "dashboard/reviews.html",
            people=people,
            whose_account=[
                list(some) for _, some in groupby(map(sight.account, whose), key=lambda one: one.lead)
            ],
            cards=[sight.card(one) for one in cards],
            many_cards=cards_waiting,
            own_fields=_own_fields(house.playbook()),
            together=[
                replace(one, some=[(sight.proposal(each), url) for each, url in one.some]) for one in together
            ],
            singly=chosen,
            review=house.playbook().lifecycle.review,
            asked=[
                replace(
                    one, proposal=sight.proposal(one.proposal), sides=sight.sides(one.proposal, one.sides)
                )
                for one in asked
            ],
            sales=[(one, self._urls_of(one)) for one in sales],
            shown=same_deals.SHOWN,
            more=waiting[PAGE - 1].id if len(waiting) > PAGE else None,
            told=[sight.proposal(one) for one in told],
            held=[(sight.held(one), self._on_delete(one.connection)) for one in held],
            wrong=wrong,
        )
        return page, code

    def _pairs(self, snapshot: Any) -> list[AskedPair]:
        """Return the likeliest pairs that wait, with what the two hold."""
        waiting = pairs.open_ones(snapshot, self.house.space, limit=PAGE)
        known = leads.load(
            snapshot, {each for one in waiting for each in (one.one, one.other)}, ledgers=False
        )
        sight = self.house.sight(snapshot, PAGES, g.who)
        found = []
        for one in waiting:
            ours, theirs = (sight.lead(known[each]).fields for each in (one.one, one.other))
            rows = [(name, ours.get(name), theirs.get(name)) for name in COMPARED]
            found.append(AskedPair(one, [row for row in rows if row[1] is not None or row[2] is not None]))
        return found

    def _many(self, snapshot: Any, one: Alike) -> AskedMany:
        waiting = proposals.open_ones(snapshot, self.house.space, limit=SOME, of=one)
        url = self.house.record_url
        some = [(each, url(each.connection, each.object, each.record)) for each in waiting]
        return AskedMany(one, some, self._hindrance(waiting[0]) if waiting else "")

    def _asked(self, snapshot: Any, one: Proposal) -> Asked:
        crm = self.house.playbook().crms.get(one.connection)
        sides = proposals.sides(snapshot, self.house.space, one, crm.objects if crm else {})
        url = self.house.record_url
        kept = url(one.connection, one.keep_object, one.keep) if one.keep else None
        return Asked(one, sides, self._hindrance(one), (kept, url(one.connection, one.object, one.record)))

    def _urls_of(self, one: same_deals.Asked) -> list[tuple[str, str | None]]:
        """Return the records that a question names, with where each is."""
        asked, url = one.question, self.house.record_url
        return [(each, url(asked.connection, asked.object, each)) for each in asked.records]

    def _on_delete(self, name: str) -> str:
        crm = self.house.playbook().crms.get(name)
        return crm.on_delete if crm is not None else ""

    def _hindrance(self, one: Proposal) -> str:
        why = carrying.why_not(one, self.house.playbook().crms)
        mode = self.house.facts()["connections"].get(one.connection, {}).get("mode")
        if not why and mode != "write" and one.kind != proposals.FORGET:
            standing = "only observed" if mode else "not connected"
            return f"{one.connection} is {standing}: nothing is written there"
        return why


def _own_fields(playbook: Playbook) -> list[str]:
    """Return the lead fields that the playbook declares, but for consent, which has its own place."""
    known = {*LEAD_FIELDS, *playbook.consent.by_field}
    return [one for one in playbook.fields if one not in known and not one.startswith("consent_")]

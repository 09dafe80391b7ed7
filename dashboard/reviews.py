"""The page of reviews: what leadrelay could do to records once a person agrees, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from sync import carrying, inbox, proposals
from sync.proposals import Proposal, Side

PAGE = 20  # of what waits, and of what was answered, on one page
ANSWERS = {"agree": True, "refuse": False}


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal with what a person wants to see of it."""

    proposal: Proposal
    sides: list[Side]  # fields of the records, as the mirror last saw them
    hindrance: str  # why leadrelay cannot do it by itself; blank where it can
    urls: tuple[str | None, str | None]  # of the record that is kept, and of the other


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
        if one.state != proposals.OPEN:
            return self._page(f"{one.what}: it is settled already ({one.outcome or one.state}).", 409)
        if ANSWERS[said] and (why := self._hindrance(one)):
            return self._page(f"{one.what}: {why}.", 422)
        event = proposals.answer_event(
            one, house.space, accepts=ANSWERS[said], by=g.who, now=house.clock.now()
        )
        inbox.append(house.store, [event])
        return redirect(url_for("pages.reviews", said="agreed" if ANSWERS[said] else "refused"), 303)

    def _page(self, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        house = self.house
        after = request.args.get("after", "")
        if after and not (after.isascii() and after.isdigit() and len(after) <= 18):
            abort(404)
        with house.reading() as snapshot:
            waiting = proposals.open_ones(snapshot, house.space, limit=PAGE + 1, after=int(after or 0))
            told = proposals.answered(snapshot, house.space, limit=PAGE)
            asked = [self._asked(snapshot, one) for one in waiting[:PAGE]]
        page = render_template(
            "dashboard/reviews.html",
            asked=asked,
            more=waiting[PAGE - 1].id if len(waiting) > PAGE else None,
            told=told,
            wrong=wrong,
        )
        return page, code

    def _asked(self, snapshot: Any, one: Proposal) -> Asked:
        crm = self.house.playbook().crms.get(one.connection)
        sides = proposals.sides(snapshot, self.house.space, one, crm.objects if crm else {})
        url = self.house.record_url
        kept = url(one.connection, one.keep_object, one.keep) if one.keep else None
        return Asked(one, sides, self._hindrance(one), (kept, url(one.connection, one.object, one.record)))

    def _hindrance(self, one: Proposal) -> str:
        why = carrying.why_not(one, self.house.playbook().crms)
        mode = self.house.facts()["connections"].get(one.connection, {}).get("mode")
        if not why and mode != "write":
            standing = "only observed" if mode else "not connected"
            return f"{one.connection} is {standing}: nothing is written there"
        return why

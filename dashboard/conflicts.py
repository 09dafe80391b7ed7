"""The page of conflicts: what waits for a person first, then the values that lost."""

from __future__ import annotations

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from mappings.playbook.privacy import PAGES
from sync import holds, inbox
from sync.merging.oscillation import mark

PAGE = 50  # holds, and values that lost, on one page
FILTERS = ("field", "connection", "lead")


class ConflictPages:
    """The hold queue with a person's choice, and the conflict log."""

    def __init__(self, house: House) -> None:
        self.house = house

    def conflicts(self) -> ResponseReturnValue:
        """Show what waits for a person, then what lost, by what is asked for."""
        return self._page()

    def choose(self, number: int) -> ResponseReturnValue:
        """Take a person's choice: it is an event, decided like any other."""
        house, choice = self.house, request.form.get("choice", "")
        value = request.form.get("value", "").strip() or None
        with house.reading() as snapshot:
            hold = holds.one(snapshot, house.space, number)
            sight = house.sight(snapshot, PAGES, g.who)
            sight.meet(snapshot, [hold.entity_id] if hold else [])
        if hold is None:
            abort(404)
        if request.form.get("theirs") != _fingerprint(sight.hold(hold)):
            return self._page(f"{hold.field} has changed since you looked. Look again.", 409)
        if wrong := holds.why_not(hold, choice, value, house.playbook()):
            return self._page(f"{hold.field}: {wrong}", 422)
        event = holds.choice_event(hold, house.space, choice, by=g.who, now=house.clock.now(), value=value)
        inbox.append(house.store, [event])
        return redirect(url_for("pages.conflicts", said="chosen"), 303)

    def _page(self, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        house = self.house
        asked = {name: request.args.get(name, "").strip()[:128] for name in FILTERS}
        before, after = _number("before"), _number("after") or 0
        with house.reading() as snapshot:
            waiting = holds.open_holds(
                snapshot, house.space, limit=PAGE + 1, after=after, entity_id=asked["lead"] or None
            )
            lost = holds.log(
                snapshot,
                house.space,
                limit=PAGE + 1,
                before=before,
                field=asked["field"],
                connection=asked["connection"],
                entity_id=asked["lead"],
            )
            shown, gone = house.sight(snapshot, PAGES, g.who).disputed(snapshot, waiting, lost)
        page = render_template(
            "dashboard/conflicts.html",
            waiting=[(one, _fingerprint(one)) for one in shown[:PAGE]],
            more_waiting=waiting[PAGE - 1].id if len(waiting) > PAGE else None,
            lost=gone[:PAGE],
            more_lost=lost[PAGE - 1].id if len(lost) > PAGE else None,
            asked=asked,
            given={name: value for name, value in asked.items() if value},
            connections=sorted(house.playbook().crms),
            wrong=wrong,
        )
        return page, code


def _fingerprint(hold: holds.Hold) -> str:
    """Return what a form sends along, so that nobody decides about a value that they did not see.

    It is made of what was shown: that of a masked value would let a guess be tested.
    """
    return mark(hold.theirs)


def _number(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        abort(404)
    return int(text)

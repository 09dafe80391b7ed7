"""The pages of what waits for a person: events set aside, and what was given up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from dashboard.unmasking import unmask
from mappings.inward import settable
from mappings.playbook.privacy import PAGES
from model.cause import Cause
from model.event import Event
from sync import explain, inbox, status
from sync.lists import Page
from sync.replays import advice, letters, mending, replay, replaying
from sync.replays.letters import ASIDE, CHANGE, EFFECT, SHELVES, Asked, Group
from sync.replays.mending import Told
from sync.replays.replaying import Order, Progress

TABS = {
    "quarantined": "Quarantine",
    "review": "Review",
    "spam": "Spam",
    "dead": "Dead events",
    "letters": "Dead letters",
}
SHELVES_OF = {**{state: (state,) for state in ASIDE}, "letters": (CHANGE, EFFECT)}
CAPTIONS = {CHANGE: "Changes that a CRM refused", EFFECT: "Tasks and messages that were given up"}
AGES = {  # of the filter: since how long ago, until how long ago
    "hour": ("the last hour", timedelta(hours=1), None),
    "day": ("the last day", timedelta(days=1), None),
    "week": ("the last week", timedelta(days=7), None),
    "older": ("older than a week", None, timedelta(days=7)),
}
MOST_SHOWN = 20  # groups; the filter has them all
CORRECTIONS = 3  # fields that can be corrected in one go
ASKED = (
    "email",
    "first_name",
    "last_name",
    "company",
    "phone",
    "country",
)  # corrected most often: listed first


@dataclass(frozen=True, slots=True)
class List:
    """One shelf's rows on a page."""

    shelf: str
    caption: str
    rows: list[Told]
    following: str | None  # where the next page begins
    before: str  # the parameter that says so


class LetterPages:
    """The lists with their groups and filters, a letter, an event, and what can be done with them."""

    def __init__(self, house: House) -> None:
        self.house = house

    def first(self) -> ResponseReturnValue:
        """Go to the first list."""
        return redirect(url_for("pages.aside", tab=next(iter(TABS))), 303)

    def aside(self, tab: str) -> str:
        """List what waits for a person, by cause and one by one."""
        names = SHELVES_OF.get(tab) or abort(404)
        asked, given = self._asked()
        counted = [self.house.groups(name) for name in names]
        groups = [group for one in counted if one for group in one.value]
        fitting = sorted((one for one in groups if one.fits(asked)), key=lambda one: -one.count)
        with self.house.reading() as snapshot:
            lists = [self._list(snapshot, name, asked) for name in names]
            orders = replaying.recent(snapshot, self.house.space, names)
        return render_template(
            "dashboard/aside.html",
            tab=tab,
            tabs=TABS,
            lists=[one for one in lists if one.rows],
            groups=[(one, advice.on(one.cause, one.shelf)) for one in fitting[:MOST_SHOWN]],
            more_groups=max(0, len(fitting) - MOST_SHOWN),
            is_counted=all(counted),
            count=sum(one.count for one in fitting) if all(counted) and not given.get("age") else None,
            choices=_choices(groups),
            ages={name: label for name, (label, _, _) in AGES.items()},
            given=given,
            orders=[one for one in orders if self._is_news(one)],
            is_further=any(request.args.get(one.before) for one in lists),
        )

    def _list(self, snapshot: Any, name: str, asked: Asked) -> List:
        before = "effects_before" if name == EFFECT else "before"
        page: Page[letters.Letter] = letters.page(
            snapshot, self.house.space, SHELVES[name], asked, _number_in(before)
        )
        told = self._shown(snapshot, mending.tell(snapshot, page.rows, self.house.playbook()))
        return List(name, CAPTIONS.get(name, TABS.get(name, "")), told, page.next, before)

    def _shown(self, snapshot: Any, found: Sequence[Told]) -> list[Told]:
        """Return letters as who asks may see them."""
        sight = self.house.sight(snapshot, PAGES, g.who)
        sight.meet(snapshot, [one.letter.lead_id for one in found])
        return [sight.told(one) for one in found]

    def _is_news(self, order: Progress) -> bool:
        """Say whether an order is under way, or was a moment ago."""
        ago = self.house.clock.now() - order.moved_at
        return order.is_running or ago < timedelta(minutes=10)

    def _asked(self) -> tuple[Asked, dict[str, str]]:
        """Return the filter of this request, and its words as they are handed on."""
        names = ("place", "object", "cause", "age")
        given = {name: value[:200] for name in names if (value := request.values.get(name, "").strip())}
        if given.get("age") not in AGES:
            given.pop("age", None)
        _, newest, oldest = AGES.get(given.get("age", ""), ("", None, None))
        now = self.house.clock.now()
        asked = Asked(
            given.get("place", ""),
            given.get("object", ""),
            given.get("cause", ""),
            now - newest if newest else None,
            now - oldest if oldest else None,
        )
        return asked, given

    def letter(self, shelf: str, number: int) -> str:
        """Show one change, task or message that was given up, and where it is put right."""
        if shelf not in SHELVES_OF["letters"]:
            abort(404)
        with self.house.reading() as snapshot:
            found = letters.load(snapshot, self.house.space, SHELVES[shelf], [number])
            told = self._shown(snapshot, mending.tell(snapshot, found, self.house.playbook()))
        if not told:
            abort(404)
        [one] = told
        url = self.house.record_url(one.letter.place, *one.record) if one.record else None
        return render_template("dashboard/letter.html", told=one, letter=one.letter, url=url, tabs=TABS)

    def event(self, number: int) -> ResponseReturnValue:
        """Show one event as it came in, why it was set aside, and what can be done."""
        return self._event(number)

    def _event(self, number: int, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        with self.house.reading() as snapshot:
            found = explain.set_aside(snapshot, self.house.space, number)
            sight = self.house.sight(snapshot, PAGES, g.who)
            sight.meet(snapshot, [found["lead_id"]] if found else [])
        if found is None:
            abort(404)
        shown = sight.event(found)
        fields = settable(self.house.playbook())
        page = render_template(
            "dashboard/event.html",
            event=shown,
            is_masked=shown["payload"] != found["payload"],
            until=sight.lifted.events.get(number) or sight.until(found["lead_id"]),
            reasons=found["reasons"] or [],
            advice=advice.on(Cause.parse(found["cause"]), found["state"]) if found["state"] in ASIDE else "",
            is_aside=found["state"] in ASIDE,
            is_post=found["kind"] in status.SENDERS,
            fields=sorted(fields, key=lambda name: (name not in ASKED, name)),
            corrections=CORRECTIONS,
            tabs=TABS,
            wrong=wrong,
        )
        return page, code

    def unmask_event(self, number: int) -> ResponseReturnValue:
        """Show one post, or the lead it became, plain to who asks, for a time, with a reason that is kept."""
        with self.house.reading() as snapshot:
            found = explain.set_aside(snapshot, self.house.space, number)
        if found is None:
            abort(404)
        whose = {"lead_id": found["lead_id"]} if found["lead_id"] else {"event": number}
        if wrong := unmask(self.house, **whose):
            return self._event(number, wrong, 422)
        return redirect(url_for("pages.event", number=number), 303)

    def replay_event(self, number: int) -> ResponseReturnValue:
        """Send one event on its way again, with a person's corrections."""
        overrides: dict[str, Any] = {}
        pairs = zip(request.form.getlist("field"), request.form.getlist("value"), strict=False)
        overrides |= {name: value for name, value in pairs if name}
        if unknown := sorted(overrides.keys() - set(settable(self.house.playbook()))):
            return self._event(number, f"There is no field {', '.join(unknown)} to set.", 422)
        if request.form.get("release"):
            overrides["release"] = True
        whose = request.form.get("lead", "").strip()
        now, space = self.house.clock.now(), self.house.space
        with self.house.reading() as snapshot:
            if whose:
                found = replay.verdict(snapshot, space, whose)
                if found is None:
                    return self._event(number, f"No lead is known by {whose}.", 422)
                overrides["lead"] = found
            if problem := replay.unfit(snapshot, space, number):
                return self._event(number, problem, 409)
            events = replay.of_events(snapshot, space, [number], by=g.who, now=now, overrides=overrides)
        return self._send(events, url_for("pages.event", number=number))

    def replay_some(self, tab: str) -> ResponseReturnValue:
        """Send the letters that were chosen on their way again."""
        names, now, space = SHELVES_OF.get(tab) or abort(404), self.house.clock.now(), self.house.space
        chosen = {name: _numbers(name) for name in names}
        _, given = self._asked()
        back = _list_address(tab, given)
        if not any(chosen.values()):
            return redirect(_with(back, "unnamed"), 303)
        with self.house.reading() as snapshot:
            events = [
                event
                for name, ids in chosen.items()
                for event in replay.of_shelf(snapshot, space, SHELVES[name], ids, by=g.who, now=now)
            ]
        return self._send(events, back)

    def replay_all(self, tab: str) -> ResponseReturnValue:
        """Have all letters that a filter lets through sent again, chunk by chunk."""
        names, now = SHELVES_OF.get(tab) or abort(404), self.house.clock.now()
        asked, given = self._asked()
        orders = [Order(name, asked, g.who) for name in names]
        total = self.house.store.write(
            lambda on: sum(replaying.begin(on, self.house.space, order, now) for order in orders)
        )
        back = _list_address(tab, given)
        return redirect(_with(back, "ordered" if total else "nothing"), 303)

    def _send(self, events: list[Event], back: str) -> ResponseReturnValue:
        if events:
            inbox.append(self.house.store, events)
        return redirect(_with(back, "replayed" if events else "nothing"), 303)


def _list_address(tab: str, given: Mapping[str, Any]) -> str:
    return url_for("pages.aside", tab=tab, **given)


def _with(address: str, said: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}said={said}"


def _choices(groups: list[Group]) -> dict[str, list[str]]:
    """Return what the filters offer: all that lies there."""
    found = {
        "place": {one.place for one in groups},
        "object": {one.object for one in groups},
        "cause": {str(one.cause) or letters.NAMELESS for one in groups},
    }
    return {name: sorted(filter(None, values)) for name, values in found.items()}


def _number_in(name: str) -> int | None:
    text = request.args.get(name, "")
    if not text:
        return None
    if not _is_number(text):
        abort(404)
    return int(text)


def _numbers(name: str) -> list[int]:
    """Return the ids that a form names; 400 for one that is none."""
    given = request.form.getlist(name)
    if not all(map(_is_number, given)):
        abort(400)
    return [int(text) for text in given]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19

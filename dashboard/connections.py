"""The pages of the CRM accounts: how each stands, what would be written to it, and the way to writing."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from mappings.playbook.privacy import PAGES
from model.errors import LeadRelayError

ACTIONS = (  # as plans count them
    ("create", "New records", "made there"),
    ("update", "Changed records", "found there, and changed"),
    ("same", "Left as they are", "they hold it all already"),
    ("skip", "Not written", "the reasons are below"),
)
MOST_WRITES = 10**9
MOST_ROWS = 50  # of one list of a plan; the command prints all


class ConnectionPages:
    """All connections, and one of them with its plan."""

    def __init__(self, house: House) -> None:
        self.house = house

    def connections(self) -> str:
        """Show how each CRM account stands: mode, budget, mirror, outbox, last poll."""
        house, facts, queues = self.house, self.house.facts(), self.house.queues()
        crms = house.playbook().crms
        return render_template(
            "dashboard/connections.html",
            facts=facts,
            queues=queues,
            counted=house.totals(),
            crms=crms,
            standings={name: house.grants.look(name) for name in crms},
            names=sorted({*crms, *facts["connections"], *queues.connections}),
            checks={name: check() for name, check in house.checks.items()},
        )

    def connection(self, name: str) -> ResponseReturnValue:
        """Show one account with its plan and what can be done."""
        return self._page(name)

    def plan_connection(self, name: str) -> ResponseReturnValue:
        """Begin to plan."""
        return self._act(name, lambda: self.house.openings.plan(name))

    def go_live(self, name: str) -> ResponseReturnValue:
        """Open the account for writing, by the plan that was looked at."""
        agreed, at_most = request.form.get("plan", ""), request.form.get("at_most", -1, type=int)
        if not 0 <= at_most <= MOST_WRITES:
            return self._page(name, "A whole number is needed after which it stops", 422)
        return self._act(name, lambda: self.house.openings.go_live(name, agreed, at_most, g.who))

    def observe(self, name: str) -> ResponseReturnValue:
        """Write no more to the account."""
        return self._act(name, lambda: self.house.openings.observe(name, g.who))

    def tell(self, name: str, text: str, code: int) -> ResponseReturnValue:
        """Show the account's page with what became of an act of its sign-in."""
        if code >= HTTPStatus.BAD_REQUEST:
            return self._page(name, text.rstrip("."), code)
        return self._page(name, said=text)

    def _act(self, name: str, act: Any) -> ResponseReturnValue:
        self._check(name)
        try:
            act()
        except LeadRelayError as error:
            return self._page(name, str(error), 409)
        return redirect(url_for("pages.connection", name=name), 303)

    def _page(self, name: str, wrong: str = "", code: int = 200, said: str = "") -> ResponseReturnValue:
        self._check(name)
        house, facts, counted = self.house, self.house.facts(), self.house.totals()
        opening = house.openings.look(name)
        if opening.plan is not None:
            with house.reading() as snapshot:
                sight = house.sight(snapshot, PAGES, g.who)
                sight.meet(
                    snapshot, (one["lead"] for kept in opening.plan["samples"].values() for one in kept)
                )
            if sight:
                opening = replace(opening, plan=sight.plan(name, opening.plan))
        page = render_template(
            "dashboard/connection.html",
            name=name,
            one=facts["connections"].get(name),
            facts=facts,
            queue=house.queues().connections.get(name),
            release=counted and counted.value.releases.get(name),
            mirror=counted and counted.value.mirror.get(name, {}),
            following=counted and counted.value.following.get(name),
            opening=opening,
            actions=ACTIONS,
            most=MOST_ROWS,
            standing=house.grants.look(name),
            wrong=wrong,
            **({"said": said} if said else {}),
        )
        return page, code

    def _check(self, name: str) -> None:
        if name not in self.house.playbook().crms:
            abort(404)

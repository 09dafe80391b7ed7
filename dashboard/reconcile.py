"""The pages of comparisons: what each CRM holds beside what is here, why they differ, and mending."""

from __future__ import annotations

from dataclasses import replace

from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.house import House
from mappings.playbook.privacy import PAGES
from model.errors import LeadRelayError, StoreBusy
from sync.reconciling import books, finds, mends
from sync.reconciling.comparisons import Comparisons
from sync.reconciling.finds import Filter
from sync.reconciling.kinds import KINDS
from sync.reconciling.mends import Order
from sync.reconciling.runs import Asked

RUNS = 5  # of each connection
PAGE = 50  # differences
FILTERS = ("kind", "object", "field")
SAMPLES = (200, 1_000)
ALL = "all"


class ReconcilePages:
    """The last comparisons of each connection, one of them with what differs, and what may be asked for."""

    def __init__(self, house: House) -> None:
        self.house = house

    def comparisons(self) -> str:
        """List the last comparisons of each connection, with a form that asks for another."""
        house, connected = self.house, self.house.facts().get("connections", {})
        with house.reading() as snapshot:
            runs = {name: books.recent(snapshot, house.space, name, RUNS) for name in house.playbook().crms}
        return render_template(
            "dashboard/comparisons.html",
            runs=runs,
            connected=connected,
            maps=house.playbook().crms,
            samples=SAMPLES,
            kinds=KINDS,
        )

    def compare(self, name: str) -> ResponseReturnValue:
        """Begin to compare a connection, or show the comparison that is under way."""
        crm, sample = self.house.playbook().crms.get(name), request.form.get("sample", "")
        if crm is None or name not in self.house.facts().get("connections", {}):
            abort(404)
        if sample != ALL and not (sample.isascii() and sample.isdigit() and 0 < int(sample) <= SAMPLES[-1]):
            abort(400)
        asked = Asked(None if sample == ALL else int(sample))
        number = self._asking().begin(name, asked, g.who)
        return redirect(url_for("pages.comparison", number=number, said="compared"), 303)

    def comparison(self, number: int) -> ResponseReturnValue:
        """Show one comparison: the counts, what differs by kind, and each difference with its reason."""
        return self._page(number)

    def mend(self, number: int) -> ResponseReturnValue:
        """Have what fits the filter mended, once a person has seen how much that is."""
        agreed = request.form.get("agreed", "")
        if agreed and not (agreed.isascii() and agreed.isdigit() and 0 < len(agreed) <= 9):
            abort(400)
        order = Order(number, self._wanted(request.form), g.who, int(agreed) if agreed else None)
        try:
            total = self._asking().mend(order)
        except StoreBusy:
            raise
        except LeadRelayError as error:
            return self._page(number, f"{error}.", 409)
        said = "mending" if total else "nothing"
        return redirect(url_for("pages.comparison", number=number, said=said), 303)

    def _asking(self) -> Comparisons:
        return Comparisons(self.house.store, self.house.clock, self.house.space)

    def _wanted(self, given: object) -> Filter:
        get = given.get  # type: ignore[attr-defined]
        return Filter(*(get(name, "").strip()[:128] for name in FILTERS))

    def _page(self, number: int, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        house, after = self.house, request.args.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) <= 18):
            abort(404)
        wanted = self._wanted(request.values)
        mendable = Filter(wanted.kind, wanted.object, wanted.field, mendable=True)
        with house.reading() as snapshot:
            run = books.one(snapshot, house.space, number) or abort(404)
            page = finds.page(snapshot, house.space, number, wanted, int(after), PAGE)
            sight = house.sight(snapshot, PAGES, g.who)
            sight.meet(snapshot, [one.difference.entity_id for one in page.rows])
            names = sight.named(finds.names(snapshot, page.rows))
            to_mend, _ = finds.total(snapshot, house.space, number, mendable)
            [newest] = books.recent(snapshot, house.space, run.connection)
            orders = mends.recent(snapshot, house.space, number)
        given = {name: value for name in FILTERS if (value := getattr(wanted, name))}
        text = render_template(
            "dashboard/comparison.html",
            run=run,
            page=replace(
                page, rows=[replace(one, difference=sight.difference(one.difference)) for one in page.rows]
            ),
            names=names,
            kinds=KINDS,
            given=given,
            after=int(after),
            to_mend=to_mend if run.id == newest.id else 0,
            brake=mends.brake_of(run),
            orders=orders,
            newest=newest.id,
            most_kept=finds.MOST_KEPT,
            wrong=wrong,
        )
        return text, code

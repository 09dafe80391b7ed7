"""The pages of deals: the list, and one deal's story."""

from __future__ import annotations

from flask import abort, g, render_template, request

from dashboard.house import House
from mappings.playbook.privacy import PAGES
from sync import deal_books, holds


class DealPages:
    """Deals as the CRMs' people made them, and what became of them."""

    def __init__(self, house: House) -> None:
        self.house = house

    def deals(self) -> str:
        """Show a page of deals, the newest first, by how they stand."""
        outcome, after = request.args.get("outcome", ""), request.args.get("after", "")
        if outcome not in ("", *deal_books.OUTCOMES):
            abort(404)
        with self.house.reading() as snapshot:
            try:
                page = deal_books.page(snapshot, self.house.space, outcome, after)
            except ValueError:
                abort(404)
        return render_template(
            "dashboard/deals.html",
            page=page,
            outcome=outcome,
            after=after,
            outcomes=deal_books.OUTCOMES,
            keeps=self.house.playbook().keeps_deals,
        )

    def deal(self, deal_id: str) -> str:
        """Tell one deal's story."""
        house = self.house
        with house.reading() as snapshot:
            story = deal_books.story(snapshot, house.space, deal_id)
            if story is None:
                abort(404)
            sight = house.sight(snapshot, PAGES, g.who)
            story = sight.deal(snapshot, story)
            waiting = holds.open_holds(snapshot, house.space, limit=deal_books.MOST, entity_id=deal_id)
        urls = {
            name: house.record_url(name, link.object, link.remote_id)
            for name, link in story.deal.links.items()
        }
        return render_template("dashboard/deal.html", story=story, deal=story.deal, urls=urls, holds=waiting)

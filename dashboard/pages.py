"""The pages of the daemon: server-rendered, each with what is there, what is not, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from dashboard import problems, words
from dashboard.conflicts import ConflictPages
from dashboard.connections import ConnectionPages
from dashboard.deals import DealPages
from dashboard.doors import Doors
from dashboard.house import DAYS, House
from dashboard.letters import LetterPages
from dashboard.moving import move
from dashboard.oauth import OAuthPages
from dashboard.playbook import PlaybookPages
from dashboard.reconcile import ReconcilePages
from dashboard.reviews import ReviewPages
from dashboard.unmasking import unmask
from mappings.playbook.privacy import PAGES
from model.errors import Refused, StoreBusy
from model.faults import traceback_of
from sync import (
    access,
    consents,
    deal_books,
    engagements,
    explain,
    holds,
    leads,
    lists,
    proposals,
    questions,
    ruling,
    stages,
    status,
)
from sync.lists import NOBODY, Wanted

log = structlog.get_logger("leadrelay.http")

Views = tuple[tuple[str, Callable[..., ResponseReturnValue]], ...]
NAVIGATION = (
    ("overview", "Overview", ("overview",)),
    ("leads_list", "Leads", ("leads_list", "lead", "move_lead", "unmask_lead")),
    ("deals", "Deals", ("deals", "deal")),
    ("sources", "Sources", ("sources",)),
    ("first", "Set aside", ("aside", "letter", "event")),
    ("conflicts", "Conflicts", ("conflicts", "choose")),
    ("comparisons", "Reconcile", ("comparisons", "comparison", "compare", "mend")),
    (
        "reviews",
        "Reviews",
        (
            "reviews",
            "answer",
            "answer_alike",
            "release",
            "deal_answer",
            "pair_answer",
            "account_answer",
            "part",
            "verdict",
        ),
    ),
    (
        "connections",
        "Connections",
        (
            "connections",
            "connection",
            "plan_connection",
            "go_live",
            "observe",
            "disconnect",
            "oauth_start",
            "oauth_callback",
        ),
    ),
    ("playbook", "Playbook", ("playbook",)),
)
SAID = {
    "approve": "Approved: your word is on its way.",
    "disqualify": "Disqualified: your word is on its way.",
    "moved": "Your word is on its way. The stage shows here, and in the CRMs, in a moment.",
    "ordered": "They are being sent again, the oldest first. New leads go before them.",
    "unnamed": "Nothing was chosen, so nothing was sent.",
    "replayed": "Sent on the way again. What becomes of it shows here in a moment.",
    "nothing": "There was nothing to send again.",
    "chosen": "Your choice is on its way. The CRM is written in a moment.",
    "compared": "It was asked for. A comparison goes behind everything else that is called.",
    "mending": "It is being mended, a few at a time. Compare once more to see what is left.",
    "agreed": "Your word is on its way. It is done in a moment.",
    "released": "Your word is on its way. What the playbook says follows now.",
    "dismissed": "Your word is on its way. Nothing follows from these deletions.",
    "refused": "Your word is on its way. Nothing is done.",
    "connected": "The account is connected.",
    "password": "Your password is changed. Every other session has ended.",
}
NUMBER, IN_RANGE = "<int:number>", f"<int(max={10**18}):number>"  # beyond, no store has a row
MOST_CHAPTERS = 100  # of each list of a lead's page


def blueprint(house: House) -> Blueprint:
    """Build the pages, their checks and their errors."""
    routes = Blueprint(
        "pages", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    Doors(house, routes)
    for name, write in words.FILTERS.items():
        routes.add_app_template_filter(write, name)
    views, accounts, conflicts = _Pages(house), ConnectionPages(house), ConflictPages(house)
    waiting, sales = LetterPages(house), DealPages(house)
    comparisons, reviews = ReconcilePages(house), ReviewPages(house)
    looks: Views = (
        ("/", views.overview),
        ("/leads", views.leads_list),
        ("/leads/<lead_id>", views.lead),
        ("/deals", sales.deals),
        ("/deals/<deal_id>", sales.deal),
        ("/sources", views.sources),
        ("/aside", waiting.first),
        ("/aside/<tab>", waiting.aside),
        ("/aside/letters/<shelf>/<int:number>", waiting.letter),
        ("/events/<int:number>", waiting.event),
        ("/conflicts", conflicts.conflicts),
        ("/reconcile", comparisons.comparisons),
        ("/reconcile/<int:number>", comparisons.comparison),
        ("/reviews", reviews.reviews),
        ("/connections", accounts.connections),
        ("/connections/<name>", accounts.connection),
        ("/playbook", PlaybookPages(house).playbook),
    )
    for path, view in looks:
        routes.add_url_rule(path.replace(NUMBER, IN_RANGE), view_func=view, methods=["GET"])
    acts: Views = (
        ("/connections/<name>/plan", accounts.plan_connection),
        ("/connections/<name>/go-live", accounts.go_live),
        ("/connections/<name>/observe", accounts.observe),
        ("/conflicts/<int:number>", conflicts.choose),
        ("/reconcile/<name>/compare", comparisons.compare),
        ("/reconcile/<int:number>/mend", comparisons.mend),
        ("/reviews/<int:number>", reviews.answer),
        ("/reviews/<int:number>/alike", reviews.answer_alike),
        ("/reviews/deletions/<name>", reviews.release),
        ("/reviews/deals/<int:number>", reviews.deal_answer),
        ("/reviews/people/<lead>/<other>", reviews.pair_answer),
        ("/reviews/accounts/<lead_id>", reviews.account_answer),
        ("/reviews/leads/<lead_id>", reviews.verdict),
        ("/reviews/joined/<lead_id>/<absorbed>", reviews.part),
        ("/leads/<lead_id>/unmask", views.unmask_lead),
        ("/leads/<lead_id>/stage", views.move_lead),
        ("/events/<int:number>/unmask", waiting.unmask_event),
        ("/events/<int:number>/replay", waiting.replay_event),
        ("/aside/<tab>/replay", waiting.replay_some),
        ("/aside/<tab>/replay-all", waiting.replay_all),
    )
    for path, view in acts:
        routes.add_url_rule(path.replace(NUMBER, IN_RANGE), view_func=view, methods=["POST"])
    browser = OAuthPages(house, accounts.tell)
    routes.add_url_rule("/oauth/<name>/start", "oauth_start", browser.start, methods=["POST"])
    routes.add_url_rule("/oauth/<kind>/callback", "oauth_callback", browser.callback, methods=["GET"])
    routes.add_url_rule("/connections/<name>/disconnect", "disconnect", browser.disconnect, methods=["POST"])
    routes.context_processor(views.frame)
    _answer_errors(routes)
    return routes


class _Pages:
    """One method a page; what is read comes from one snapshot."""

    def __init__(self, house: House) -> None:
        self.house = house

    def frame(self) -> dict[str, Any]:
        """Return what every page shows around its own."""
        here = (request.endpoint or "").removeprefix("pages.")
        return {
            "navigation": [
                (to, label, here in ends)
                for to, label, ends in NAVIGATION
                if to != "deals" or self.house.playbook().keeps_deals
            ],
            "who": g.get("who"),
            "role": g.get("role"),
            "may_unmask": g.get("role") == access.ADMIN,
            "is_open": self.house.is_open,
            "csrf": g.get("csrf", ""),
            "now": self.house.clock.now(),
            "said": SAID.get(request.args.get("said", "")),
        }

    def overview(self) -> str:
        """Show what is wrong first, then how much there is and how it flows."""
        house, facts, now = self.house, self.house.facts(), self.house.clock.now()
        counted, table, queues = house.totals(), house.days(), house.queues()
        with house.reading() as snapshot:
            waiting = questions.read(snapshot, house.space)
        return render_template(
            "dashboard/overview.html",
            facts=facts,
            counted=counted,
            queues=queues,
            hours=table and table.value.hours,
            chart=_chart(table.value.hours if table else []),
            day=table and sum(count for _, count in table.value.hours),
            troubles=problems.find(house, facts, queues, table.value if table else None, waiting, now),
            stages=counted and _by_stage(counted.value),
            crms=house.playbook().crms,
        )

    def leads_list(self) -> str:
        """Show a page of leads by what is asked for."""
        order = request.args.get("order", "")
        wanted = Wanted(
            search=request.args.get("q", "").strip()[:200],
            stage=request.args.get("stage", ""),
            owner=request.args.get("owner", ""),
            order=order if order in ("score", "created_at") else "created_at",
            after=request.args.get("after", ""),
        )
        with self.house.reading() as snapshot:
            try:
                sight = self.house.sight(snapshot, PAGES, g.who)
                page = lists.leads_page(
                    snapshot, self.house.space, replace(wanted, prefixes=sight.prefixes())
                )
            except ValueError:
                abort(404)
            rows = sight.rows(snapshot, page.rows)
            owners = lists.owners(snapshot, self.house.space)
            known = lists.stages(snapshot, self.house.space)
        asked = {"q": wanted.search, "stage": wanted.stage, "owner": wanted.owner, "order": wanted.order}
        return render_template(
            "dashboard/leads.html",
            page=replace(page, rows=rows),
            searches_all=len(sight.prefixes()) == len(lists.SEARCHED),
            searches_some="company" in sight.prefixes(),
            wanted=wanted,
            asked={name: value for name, value in asked.items() if value},
            owners=owners,
            stages=known,
            nobody=NOBODY,
            most=lists.MOST_FOUND,
        )

    def lead(self, lead_id: str) -> ResponseReturnValue:
        """Tell one lead's story, the newest first."""
        return self._lead(lead_id)

    def _lead(self, lead_id: str, wrong: str = "", code: int = 200) -> ResponseReturnValue:
        with self.house.reading() as snapshot:
            if not leads.load(snapshot, [lead_id], ledgers=False):
                abort(404)
            story = explain.read(snapshot, lead_id, MOST_CHAPTERS)
            looked_at = [one for one in story.chapters if str(one.event) == request.args.get("rules")]
            sight = self.house.sight(snapshot, PAGES, g.who)
            ruled = sight.ruled(story.lead, ruling.ruled(snapshot, self.house.space, looked_at))
            waiting = holds.open_holds(snapshot, self.house.space, limit=MOST_CHAPTERS, entity_id=lead_id)
            answer = engagements.first_response(snapshot, story.lead, self.house.clock.now())
            asked = proposals.open_ones(snapshot, self.house.space, limit=MOST_CHAPTERS, lead_id=lead_id)
            sales = deal_books.of_lead(snapshot, story.lead.id, MOST_CHAPTERS)
            lifecycle = self.house.playbook().lifecycle
            life = stages.life_of(snapshot, story.lead.id, lifecycle, self.house.clock.now())
            consent = consents.picture(story.lead, self.house.playbook().consent, self.house.clock.now())
        story = sight.story(story)
        waiting, asked = [sight.hold(one) for one in waiting], [sight.proposal(one) for one in asked]
        urls = {
            (one.connection, one.object): self.house.record_url(one.connection, one.object, one.remote_id)
            for one in story.writes
            if one.remote_id and one.kind != "association"  # its id is the company's
        }
        for one in story.engagements:
            one["url"] = self.house.record_url(one["connection"], one["object"], one["remote_id"])
        name = " ".join(words.plain(story.lead.get(part)) for part in ("first_name", "last_name")).strip()
        page = render_template(
            "dashboard/lead.html",
            story=story,
            lead=story.lead,
            life=life,
            name=name,
            urls=urls,
            holds=waiting,
            answer=answer,
            follows=any(crm.polling.activities for crm in self.house.playbook().crms.values()),
            asked=asked,
            deals=sales,
            consent=consent,
            chapters=story.chapters[::-1],
            ruled=ruled,
            is_masked=bool(sight.of(story.lead.id)),
            until=sight.until(lead_id),
            wrong=wrong,
        )
        return page, code

    def unmask_lead(self, lead_id: str) -> ResponseReturnValue:
        """Show one lead plain to who asks, for a time, with a reason that is kept."""
        with self.house.reading() as snapshot:
            if not leads.load(snapshot, [lead_id], ledgers=False):
                abort(404)
        if wrong := unmask(self.house, lead_id=lead_id):
            return self._lead(lead_id, wrong, 422)
        return redirect(url_for("pages.lead", lead_id=lead_id), 303)

    def move_lead(self, lead_id: str) -> ResponseReturnValue:
        """Take a person's word that a lead goes to another stage."""
        with self.house.reading() as snapshot:
            lead = leads.load(snapshot, [lead_id]).get(lead_id)
        if lead is None:
            abort(404)
        if wrong := move(self.house, lead):
            return self._lead(lead_id, wrong, 409)
        return redirect(url_for("pages.lead", lead_id=lead_id, said="moved"), 303)

    def sources(self) -> str:
        """Show the reconciliation by source and day."""
        asked = request.args.get("days", "")
        number = int(asked) if asked.isascii() and asked.isdigit() and int(asked) in DAYS else DAYS[0]
        table = self.house.days(number)
        return render_template(
            "dashboard/sources.html",
            table=table,
            number=number,
            choices=DAYS,
            ends=status.ENDS,
            known=self.house.playbook().sources,
        )


def _chart(hours: Sequence[tuple[datetime, int]]) -> dict[str, list[float]]:
    return {"at": [at.timestamp() for at, _ in hours], "posts": [count for _, count in hours]}


def _by_stage(counted: status.Status) -> list[tuple[str, int, int]]:
    """Return each stage with its count and its share of the largest, in percent."""
    most = max(counted.leads_by_stage.values(), default=0)
    rows = sorted(counted.leads_by_stage.items(), key=lambda one: -one[1])
    return [(stage, count, round(100 * count / most)) for stage, count in rows]


def _answer_errors(routes: Blueprint) -> None:
    """Make every failure a page that says what happened and what to do."""

    @routes.errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        page = render_template(
            "dashboard/problem.html", status=error.status, title=error.message, fix=error.fix
        )
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return page, error.status, headers

    @routes.errorhandler(StoreBusy)
    def busy(_error: StoreBusy) -> ResponseReturnValue:
        fix = "Nothing was changed. Go back and send it again in a moment."
        return refused(Refused(503, "store_busy", "The store cannot commit now", fix, retry_after=5))

    @routes.errorhandler(HTTPException)
    def http(error: HTTPException) -> ResponseReturnValue:
        status = error.code or 500
        title = {404: "There is nothing at this address", 413: "The form is too large"}.get(
            status, error.name
        )
        return refused(Refused(status, "http", title, "Check the address, or begin at the overview."))

    @routes.errorhandler(Exception)
    def failed(error: Exception) -> ResponseReturnValue:
        log.error("http.failed", endpoint=request.endpoint, exception=traceback_of(error))
        fix = "The daemon's log has why, under http.failed. Intake is not touched by it."
        return refused(Refused(500, "internal", "This page failed", fix))

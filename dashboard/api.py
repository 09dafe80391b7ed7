"""The read API: what the pages show, as JSON, for programs with a token."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from dashboard.house import LONG_PATIENCE_SECONDS, House
from mappings.playbook.privacy import EXPORTS
from mappings.values.identity import keys_of
from model.errors import Refused
from model.times import from_text, to_text
from sync import (
    access,
    consents,
    deal_books,
    deletions,
    engagements,
    explain,
    holds,
    leads,
    proposals,
    ruling,
    same_deals,
    stages,
)
from sync.explain import WriteState
from sync.reconciling import books, finds, mends
from sync.reconciling.finds import Filter
from sync.replays import advice, letters, mending, replaying
from sync.replays.letters import SHELVES, Asked
from sync.replays.mending import Told
from sync.sight import Sight

MOST_RUNS = 20  # of each connection
FILTERS = ("kind", "object", "field")  # of what a comparison found
MOST_TOLD = 1_000  # of each list of a lead's story in one answer
FIX = "Send `Authorization: Bearer TOKEN`; `leadrelay token add NAME` makes one."


def blueprint(house: House) -> Blueprint:
    """Build ``/api/v1``; every route asks for a token, in the sandbox run, too."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")

    @routes.before_request
    def check_token() -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        with house.reading() as snapshot:
            reader = access.reader(snapshot, token.strip()) if scheme.lower() == "bearer" else None
        if reader is None:
            raise Refused(401, "token", "The token is missing or wrong", FIX)
        g.sees_plain = reader.sight == access.PLAIN

    @routes.after_request
    def keep_private(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    @routes.get("/leads")
    def find() -> ResponseReturnValue:
        """Return the lead with an e-mail."""
        email = request.args.get("email", "").strip()
        if "@" not in email:
            raise Refused(400, "email", "An e-mail is needed", "Ask for /api/v1/leads?email=ada@example.com.")
        with house.reading() as snapshot:
            lead_id = explain.find_lead(snapshot, house.space, email, keys_of(email))
            found = [] if lead_id is None else [_brief(snapshot, lead_id, house)]
        return jsonify(leads=found)

    @routes.get("/leads/<lead_id>")
    def lead(lead_id: str) -> ResponseReturnValue:
        """Return one lead: fields, records and how the writes stand."""
        with house.reading() as snapshot:
            _check_known(snapshot, lead_id)
            return jsonify(_brief(snapshot, lead_id, house))

    @routes.get("/leads/<lead_id>/explain")
    def story(lead_id: str) -> ResponseReturnValue:
        """Return what was decided on a lead, and why; of more than ``MOST_TOLD`` events the newest."""
        with house.reading() as snapshot:
            _check_known(snapshot, lead_id)
            sight = _sight(snapshot, house)
            read = explain.read(snapshot, lead_id, MOST_TOLD)
            found = sight.story(read)
            told = found.as_dict() | {"lifecycle": _life(snapshot, lead_id, house)}
            if request.args.get("rules") == "1":
                ruled = sight.ruled(read.lead, ruling.ruled(snapshot, house.space, read.chapters))
                told["rules"] = {str(event): [one.as_dict() for one in all_] for event, all_ in ruled.items()}
            return jsonify(_plain(told))

    @routes.get("/leads/<lead_id>/consent")
    def consent(lead_id: str) -> ResponseReturnValue:
        """Return how each purpose stands with a lead, which gates are shut, and all that was ever said."""
        with house.reading() as snapshot:
            _check_known(snapshot, lead_id)
            lead = leads.load(snapshot, [lead_id], ledgers=False)[lead_id]
            said = [dict(row._mapping) for row in snapshot.execute(consents.of_lead(lead_id))]
        found = consents.picture(lead, house.playbook().consent, house.clock.now())
        return jsonify(_plain(found.as_dict() | {"ledger": sorted(said, key=lambda one: one["id"])}))

    @routes.get("/deals")
    def deals() -> ResponseReturnValue:
        """Return a page of deals, the newest first; ``outcome``: only those that stand so."""
        outcome, after = request.args.get("outcome", ""), request.args.get("after", "")
        if outcome not in ("", *deal_books.OUTCOMES):
            fix = f"There are {', '.join(deal_books.OUTCOMES)}."
            raise Refused(400, "outcome", "There is no such outcome", fix)
        with house.reading() as snapshot:
            try:
                page = deal_books.page(snapshot, house.space, outcome, after)
            except ValueError as error:
                fix = "Hand in what the last page said as next."
                raise Refused(400, "after", "after is no place of the list", fix) from error
        return jsonify(_plain({"deals": [asdict(row) for row in page.rows], "next": page.next}))

    @routes.get("/deals/<deal_id>")
    def deal(deal_id: str) -> ResponseReturnValue:
        """Return one deal with its people, what became of it and when, and their touches before."""
        with house.reading() as snapshot:
            story = deal_books.story(snapshot, house.space, deal_id)
            story = story and _sight(snapshot, house).deal(snapshot, story)
        if story is None:
            raise Refused(404, "unknown_deal", "There is no such deal", "Ask for the list: /api/v1/deals.")
        return jsonify(_plain(story.as_dict()))

    @routes.get("/conflicts")
    def conflicts() -> ResponseReturnValue:
        """Return what waits for a person, and a page of the values that lost, the newest first."""
        before, asked = request.args.get("before", ""), request.args.get
        if before and not (before.isascii() and before.isdigit()):
            raise Refused(400, "before", "`before` is no number", "Take `next` of the page before.")
        with house.reading() as snapshot:
            waiting = holds.open_holds(
                snapshot, house.space, limit=MOST_TOLD, entity_id=asked("lead") or None
            )
            lost = holds.log(
                snapshot,
                house.space,
                limit=MOST_TOLD,
                before=int(before) if before else None,
                connection=asked("connection", ""),
                field=asked("field", ""),
                entity_id=asked("lead", ""),
            )
            waiting, lost = _sight(snapshot, house).disputed(snapshot, waiting, lost)
        return jsonify(
            waiting=[one.as_json() for one in waiting],
            lost=[one.as_json() for one in lost],
            next=lost[-1].id if len(lost) == MOST_TOLD else None,
        )

    @routes.get("/reconciles")
    def reconciles() -> ResponseReturnValue:
        """Return the last comparisons of each connection, newest first."""
        with house.reading() as snapshot:
            found = {
                name: [one.as_dict() for one in books.recent(snapshot, house.space, name, MOST_RUNS)]
                for name in house.playbook().crms
            }
        return jsonify(_plain({"connections": found}))

    @routes.get(f"/reconciles/<int(max={10**18}):number>")
    def reconcile(number: int) -> ResponseReturnValue:
        """Return a comparison, a page of what differs, and what was asked to be mended of it."""
        kind, object_type, field = (request.args.get(one, "") for one in FILTERS)
        wanted, after = Filter(kind, object_type, field), request.args.get("after", "")
        if after and not (after.isascii() and after.isdigit() and len(after) < 19):
            raise Refused(400, "after", "after is a number", "Hand in what the last page said as next.")
        with house.reading() as snapshot:
            run = books.one(snapshot, house.space, number)
            if run is None:
                raise Refused(
                    404, "unknown_run", "There is no such comparison", "Look at /api/v1/reconciles."
                )
            page = finds.page(snapshot, house.space, number, wanted, int(after or 0), MOST_TOLD)
            orders = mends.recent(snapshot, house.space, number)
            sight = _sight(snapshot, house)
            sight.meet(snapshot, [one.difference.entity_id for one in page.rows])
        shown = [replace(one, difference=sight.difference(one.difference)) for one in page.rows]
        rows = [one.as_dict() for one in shown]
        told = {"differences": rows, "next": page.next, "mends": [one.as_dict() for one in orders]}
        return jsonify(_plain(run.as_dict() | told))

    @routes.get("/reviews")
    def reviews() -> ResponseReturnValue:
        """Return what waits for a person's word, what was answered last, deletions held back, and deals."""
        with house.reading() as snapshot:
            waiting = proposals.open_ones(snapshot, house.space, limit=MOST_TOLD)
            told = proposals.answered(snapshot, house.space, limit=MOST_TOLD)
            held = deletions.held_back(snapshot, house.space, people=deletions.SAMPLE)
            sales = same_deals.open_ones(snapshot, house.space, house.playbook(), limit=MOST_TOLD)
            sight = _sight(snapshot, house)
            sight.meet(snapshot, [one.lead_id for one in (*waiting, *told)])
            sight.meet(snapshot, [lead_id for one in held for lead_id, _ in one.people])
        return jsonify(
            waiting=[sight.proposal(one).as_json() for one in waiting],
            answered=[sight.proposal(one).as_json() for one in told],
            deletions=[sight.held(one).as_json() for one in held],
            deals=[one.as_json() for one in sales],
        )

    @routes.get("/letters/<shelf>")
    def waiting(shelf: str) -> ResponseReturnValue:
        """Return what waits for a person on a shelf: the causes with their counts, and a page of letters."""
        if shelf not in SHELVES:
            raise Refused(404, "unknown_shelf", "There is no such list", f"There are {', '.join(SHELVES)}.")
        asked, before = _asked(), request.args.get("before", "")
        if before and not (before.isascii() and before.isdigit() and len(before) < 19):
            raise Refused(400, "before", "before is a number", "Hand in what the last page said as next.")
        counted = house.groups(shelf, patience=LONG_PATIENCE_SECONDS)
        with house.reading() as snapshot:
            page = letters.page(snapshot, house.space, SHELVES[shelf], asked, int(before) if before else None)
            told = mending.tell(snapshot, page.rows, house.playbook())
            sight = _sight(snapshot, house)
            sight.meet(snapshot, [one.letter.lead_id for one in told])
            told = [sight.told(one) for one in told]
            orders = replaying.recent(snapshot, house.space, [shelf])
        groups = [one for one in counted.value if one.fits(asked)] if counted else []
        return jsonify(
            _plain(
                {
                    "groups": [one.as_dict() | {"advice": advice.on(one.cause, shelf)} for one in groups],
                    "letters": [one.as_dict() | {"url": _record_url(house, one)} for one in told],
                    "next": page.next,
                    "replays": [one.as_dict() for one in orders],
                }
            )
        )

    @routes.get("/status")
    def status() -> ResponseReturnValue:
        """Return where everything stands, as the overview counts it."""
        counted, table = house.status(), house.days(patience=LONG_PATIENCE_SECONDS)
        sources = {
            source.name: {
                "last_post": source.last_post,
                "usual_gap_seconds": None if source.usual_gap is None else source.usual_gap.total_seconds(),
                "is_silent": source.is_silent,
                "gap": source.gap,
            }
            for source in (table.value.sources.values() if table else ())
        }
        return jsonify(
            _plain(
                counted.value.as_dict()
                | {
                    "counted_at": counted.at,
                    "listening": sources,
                    "daemon": {"running": True} | house.facts(),
                }
            )
        )

    return routes


def _asked() -> Asked:
    """Return the filter of this request. ``Refused`` (400) for a moment that is none."""
    place, thing, cause = (request.args.get(name, "")[:200] for name in ("place", "object", "cause"))
    return Asked(place, thing, cause, _moment("since"), _moment("until"))


def _moment(name: str) -> datetime | None:
    text = request.args.get(name, "")
    try:
        return from_text(text) if text else None
    except ValueError as error:
        fix = "Write it as 2026-11-22T03:00:00Z."
        raise Refused(400, name, f"{name} is no moment", fix) from error


def _record_url(house: House, told: Told) -> str | None:
    return house.record_url(told.letter.place, *told.record) if told.record else None


def _check_known(snapshot: Any, lead_id: str) -> None:
    if not leads.load(snapshot, [lead_id], ledgers=False):
        raise Refused(404, "unknown_lead", "There is no such lead", "Ask by e-mail: /api/v1/leads?email=…")


def _brief(snapshot: Any, lead_id: str, house: House) -> dict[str, Any]:
    lead = leads.load(snapshot, [lead_id], ledgers=False)[lead_id]
    answer = engagements.first_response(snapshot, lead, house.clock.now())
    sight = _sight(snapshot, house)
    shown, veil = sight.lead(lead), sight.of(lead.id)
    found: dict[str, Any] = _plain(
        {
            "id": lead.id,
            "email": shown.get("email"),
            "stage": lead.stage,
            "score": lead.score,
            "owner": lead.owner,
            "lifecycle": _life(snapshot, lead.id, house),
            "created_at": lead.created_at,
            "first_response": answer and {"at": answer.at, "kind": answer.kind, "by": answer.by},
            "fields": shown.fields,
            "consent": consents.picture(lead, house.playbook().consent, house.clock.now()).as_dict(),
            "deals": [deal_books.brief(one) for one in deal_books.of_lead(snapshot, lead.id)],
            "records": [
                {
                    "connection": one.connection,
                    "object": one.object,
                    "id": one.remote_id,
                    "state": one.state,
                    "error": veil.text(one.error),
                    "url": _url_of(house, one),
                }
                for one in explain.records(snapshot, lead)
            ],
        }
    )
    return found


def _sight(snapshot: Any, house: House) -> Sight:
    """Return what the program that asks may see of people's data."""
    return house.sight(snapshot, EXPORTS, is_plain=g.sees_plain)


def _life(snapshot: Any, lead_id: str, house: House) -> dict[str, Any]:
    return stages.life_of(snapshot, lead_id, house.playbook().lifecycle, house.clock.now()).as_json()


def _plain(value: Any) -> Any:
    """Write moments as every other part of the product does."""
    if isinstance(value, datetime):
        return to_text(value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _url_of(house: House, one: WriteState) -> str | None:
    """Return where a record is on the vendor's pages; an association has none."""
    if not one.remote_id or one.kind == "association":
        return None
    return house.record_url(one.connection, one.object, one.remote_id)

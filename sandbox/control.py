"""The endpoints under /__sandbox: tests, demos and checks look behind a vendor and steer it with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, jsonify, request, stream_with_context

from sandbox.faults import BadSetting
from sandbox.people import TEAM
from sandbox.reading import sent_json, whole_number
from sandbox.records import Record, Table
from sandbox.vendor import Done, Refused, Vendor, plain_template

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

BASIC = ("create", "edit", "delete")
NOT_YET = ("merge", "convert")

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)  # of the clock


def blueprint(vendor: Vendor, api_name: str) -> Blueprint:
    """Build the control endpoints of a vendor; ``api_name`` is the blueprint of its own endpoints."""
    routes = Blueprint("control", __name__, url_prefix="/__sandbox")

    @routes.get("/stats")
    def stats() -> ResponseReturnValue:
        """Calls received, answers given, records kept."""
        records = {name: len(vendor.tables[name]) for name in vendor.views}
        return jsonify(calls=dict(vendor.stats.calls), answers=dict(vendor.stats.answers), records=records)

    @routes.post("/reset")
    def reset() -> ResponseReturnValue:
        """Be as new, at the real time."""
        vendor.clock.run_free()
        vendor.reset()
        return "", 204

    @routes.get("/faults")
    def show_faults() -> ResponseReturnValue:
        """The present fault setting."""
        return jsonify(vendor.faults.as_json())

    @routes.post("/faults")
    def set_faults() -> ResponseReturnValue:
        """Replace the fault setting; {} ends all faults."""
        try:
            vendor.faults.set(_body())
        except BadSetting as error:
            raise Refused(400, "bad_fault", str(error), f"Correct or leave out {error.key}.") from None
        return jsonify(vendor.faults.as_json())

    @routes.get("/clock")
    def show_clock() -> ResponseReturnValue:
        """The virtual time."""
        return jsonify(
            now=vendor.clock.now().isoformat(), real=vendor.clock.is_real, frozen=vendor.clock.is_frozen
        )

    @routes.post("/clock")
    def set_clock() -> ResponseReturnValue:
        """Put the clock to a time, move it on, or let it tell the real time again."""
        _move(vendor, _body())
        return show_clock()

    @routes.get("/records/<name>")
    def records(name: str) -> ResponseReturnValue:
        """The records of an object type, oldest first; all of them without a limit."""
        table = _table(vendor, name)
        after, archived = request.args.get("after"), request.args.get("archived", "").lower() == "true"
        if after and table.get(after) is None:
            raise Refused(
                400, "bad_argument", f"after={after} is no {name} id", "Use the `after` of the last page."
            )
        rows = table.after(after, archived=archived)
        stream = _stream_records(vendor, name, rows, _limit())
        return Response(stream_with_context(stream), mimetype="application/json")

    @routes.get("/history")
    def history() -> ResponseReturnValue:
        """The writes to all records, oldest first."""
        since = _whole("since_call") or 0
        with vendor.lock:
            writes = vendor.history.select(object_name=request.args.get("object"), since_call=since)
            shown = [write.as_json() for write in islice(writes, _limit())]
        return jsonify(writes=shown)

    @routes.get("/history/<name>/<record_id>")
    def history_of(name: str, record_id: str) -> ResponseReturnValue:
        """The writes to one record, oldest first; empty for one that never was."""
        _table(vendor, name)
        with vendor.lock:
            return jsonify(writes=[write.as_json() for write in vendor.history.of(name, record_id)])

    @routes.post("/act/<verb>")
    def act(verb: str) -> ResponseReturnValue:
        """Do what a person does in the vendor's pages."""
        with vendor.lock:
            return _act(vendor, verb, _body())

    @routes.post("/seed")
    def seed() -> ResponseReturnValue:
        """Fill the account with invented records: how many of each object, and the seed of the draws."""
        return jsonify(made=vendor.seed(*_seeds(vendor, _body()))), 201

    @routes.get("/endpoints")
    def endpoints() -> ResponseReturnValue:
        """The vendor's endpoints that are built; every other one answers 501."""
        rules = [
            rule for rule in current_app.url_map.iter_rules() if rule.endpoint.startswith(f"{api_name}.")
        ]
        built = {
            f"{method} {plain_template(rule.rule)}" for rule in rules for method in _methods(rule.methods)
        }
        return jsonify(endpoints=sorted(built))

    @routes.app_errorhandler(Refused)
    def refused(error: Refused) -> ResponseReturnValue:
        """Say what is wrong and what to do."""
        return jsonify(code=error.code, message=error.message, fix=error.fix), error.status

    vendor.add_control(routes)

    @routes.route("/<path:rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def unknown(rest: str) -> ResponseReturnValue:
        """Everything else under /__sandbox."""
        raise Refused(
            404,
            "no_such_control",
            f"{request.method} /__sandbox/{rest} does not exist",
            "See docs/sandbox.md.",
        )

    return routes


def _act(vendor: Vendor, verb: str, body: dict[str, Any]) -> ResponseReturnValue:
    own = vendor.acts().get(verb)
    if own is None and verb in NOT_YET:
        raise Refused(501, "not_built", f"the sandbox cannot {verb} yet")
    if own is None and verb not in BASIC:
        known = ", ".join([*BASIC, *vendor.acts()])
        raise Refused(404, "no_such_act", f'there is no act "{verb}"', f"Use one of: {known}.")
    name, by = str(body.get("object", "")), str(body.get("by") or TEAM[0].email)
    _table(vendor, name)
    fields = body.get("fields", {})
    if not isinstance(fields, dict):
        raise Refused(400, "bad_argument", '"fields" must be an object of names and values')
    vendor.begin_call(f"ACT {verb}", by=by)
    if verb == "create":
        record = vendor.create_by_hand(name, fields, by=by)
        return jsonify(_shown(vendor, name, record)), 201
    done = do(vendor, verb, name, body, by)
    if done is None:
        return "", 204
    shown = _shown(vendor, done.object_name, done.record)
    told = {"object": done.object_name, **shown} if own is not None else shown
    return jsonify(told), 201 if done.is_new else 200


def do(vendor: Vendor, verb: str, name: str, body: Mapping[str, Any], by: str) -> Done | None:
    """Do what a person does to a record; the record it leaves, and none where that is gone."""
    found = vendor.find_for(verb, name, str(body.get("id", "")))
    if found is None:
        raise Refused(404, "no_such_record", f'there is no {name} record "{body.get("id", "")}"')
    own = vendor.acts().get(verb)
    if own is not None:
        return own(name, found, body, by)
    if verb == "edit":
        vendor.edit_by_hand(name, found, body.get("fields", {}), by=by)
        return Done(name, found)
    if verb != "delete":
        raise Refused(404, "no_such_act", f'there is no act "{verb}"')
    vendor.delete_by_hand(name, found, by=by)
    return None


def _seeds(vendor: Vendor, body: dict[str, Any]) -> tuple[dict[str, int], int]:
    """How many of each object, and the seed; "people" stands for what goes with so many people."""
    counts, number = {**body}, body.get("seed", 0)
    counts.pop("seed", None)
    wrong = [
        name
        for name, count in {**counts, "seed": number}.items()
        if isinstance(count, bool) or not isinstance(count, int)
    ]
    if wrong or any(count < 0 for count in counts.values()):
        raise Refused(
            400, "bad_argument", f"{', '.join(wrong) or 'a count'}: a whole number, 0 or more, is needed"
        )
    people = counts.pop("people", None)
    unknown = sorted(counts.keys() - vendor.seeds.keys())
    if unknown:
        known = ", ".join(["people", *vendor.seeds, "seed"])
        raise Refused(400, "bad_argument", f"{', '.join(unknown)} cannot be seeded", f"Known: {known}.")
    return (vendor.shares_of(people) if people is not None else {}) | counts, number


def _move(vendor: Vendor, body: dict[str, Any]) -> None:
    match body:
        case {"real": True}:
            vendor.clock.run_free()
        case {"advance": int() | float() as seconds}:
            farthest = (LATEST - EARLIEST).total_seconds()
            _check_time(vendor.clock.now() + timedelta(seconds=max(-farthest, min(seconds, farthest))))
            vendor.clock.advance(timedelta(seconds=seconds))
        case {"now": str() as text}:
            try:
                at = datetime.fromisoformat(text)
            except ValueError:
                raise Refused(400, "bad_argument", f'"{text}" is no ISO 8601 time') from None
            moment = at if at.tzinfo else at.replace(tzinfo=UTC)
            _check_time(moment)
            vendor.clock.set(moment, frozen=bool(body.get("frozen")))
        case _:
            fix = 'Send {"now": "2026-11-21T09:00:00Z", "frozen": false}, {"advance": 60} or {"real": true}.'
            raise Refused(400, "bad_argument", "that moves no clock", fix)


def _check_time(at: datetime) -> None:
    """Refuse a time at which the vendors could not reckon a few years back or on."""
    if not EARLIEST <= at <= LATEST:
        raise Refused(
            400, "bad_argument", f"the clock goes from {EARLIEST.year} to {LATEST.year}", "Stay within it."
        )


def _stream_records(vendor: Vendor, name: str, rows: Iterator[Record], limit: int | None) -> Iterator[str]:
    """Yield the answer in pieces, so that a million records neither hold the lock nor fill the memory."""
    yield f'{{"object":{json.dumps(name)},"total":{len(vendor.tables[name])},"records":['
    left, comma, last = limit, "", None
    while left is None or left > 0:
        with vendor.lock:
            piece = [
                _shown(vendor, name, row) for row in islice(rows, 500 if left is None else min(left, 500))
            ]
        if not piece:
            break
        yield comma + ",".join(json.dumps(row) for row in piece)
        comma, last, left = ",", piece[-1]["id"], None if left is None else left - len(piece)
    more = last if left == 0 and next(rows, None) is not None else None
    yield f'],"after":{json.dumps(more)}}}'


def _shown(vendor: Vendor, name: str, record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "fields": vendor.fields_of(name, record),
        "created_at": record.created_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "archived": record.archived_at is not None,
    }


def _table(vendor: Vendor, name: str) -> Table:
    if name not in vendor.views:
        raise Refused(
            404, "no_such_object", f'there is no object "{name}"', f"Known: {', '.join(vendor.views)}."
        )
    return vendor.tables[name]


def _methods(methods: set[str] | None) -> set[str]:
    return (methods or set()) - {"HEAD", "OPTIONS"}


def _body() -> dict[str, Any]:
    body = sent_json() if request.get_data() else {}
    if not isinstance(body, dict):
        raise Refused(400, "bad_json", "the body is no JSON object", "Send a JSON object.")
    return body


def _limit() -> int | None:
    return _whole("limit")


def _whole(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    number = whole_number(text)
    if number is None:
        raise Refused(400, "bad_argument", f"{name}={text} is no whole number")
    return number

"""The pages on which a person looks at a vendor's records and their history, and changes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from sandbox.control import do
from sandbox.people import TEAM
from sandbox.records import Record
from sandbox.vendor import Refused, Vendor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PAGE = 50
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:?00)")
CHUNK = 5_000  # records searched before the lock is given to others


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the list shows it."""

    id: str
    title: str
    fields: dict[str, Any]


def blueprint(vendor: Vendor) -> Blueprint:
    """Build the pages of a vendor."""
    routes = Blueprint("pages", __name__)
    routes.add_app_template_filter(plain)

    @routes.app_context_processor
    def frame() -> dict[str, Any]:
        """What the frame of every page shows."""
        return {"vendor": vendor, "counts": {name: len(vendor.tables[name]) for name in vendor.views}}

    @routes.get("/")
    def home() -> ResponseReturnValue:
        """The first object's list."""
        return redirect(url_for("pages.listing", name=next(iter(vendor.views))))

    @routes.get("/browse/<name>")
    def listing(name: str) -> ResponseReturnValue:
        """A page of records, oldest first."""
        view = vendor.views.get(name) or abort(404)
        words = request.args.get("q", "").strip()
        rows = list(islice(_matches(vendor, name, words, request.args.get("after")), PAGE + 1))
        more = rows[PAGE - 1].id if len(rows) > PAGE else None
        return render_template(
            "sandbox/list.html",
            name=name,
            view=view,
            words=words,
            rows=rows[:PAGE],
            more=more,
            after=request.args.get("after"),
        )

    @routes.get("/browse/<name>/<record_id>")
    def single(name: str, record_id: str) -> ResponseReturnValue:
        """A record with its fields, its history, and what a person can do to it."""
        return _record_page(vendor, name, record_id)

    @routes.post("/browse/<name>/<record_id>/<verb>")
    def act(name: str, record_id: str, verb: str) -> ResponseReturnValue:
        """Do what a form of the page says."""
        if name not in vendor.views:
            abort(404)
        sent = request.form.to_dict()
        by = sent.pop("by", "") or TEAM[0].email
        fields = {
            key.removeprefix("fields."): text for key, text in sent.items() if key.startswith("fields.")
        }
        try:
            with vendor.lock:
                vendor.begin_call(f"ACT {verb}", by=by)
                done = do(vendor, verb, name, {**sent, "id": record_id, "fields": fields}, by)
        except Refused as error:
            page = _record_page(vendor, name, record_id, problem=error.message, opened=verb)
            return make_response(page, error.status)
        if done is None:
            return redirect(url_for("pages.listing", name=name), 303)
        return redirect(url_for("pages.single", name=done.object_name, record_id=done.record.id), 303)

    @routes.get("/__sandbox/style.css")
    def style() -> ResponseReturnValue:
        """The look of the pages."""
        with routes.open_resource("static/style.css") as file:
            return Response(file.read(), mimetype="text/css", headers={"Cache-Control": "max-age=60"})

    return routes


def _record_page(vendor: Vendor, name: str, record_id: str, **told: Any) -> str:
    view = vendor.views.get(name) or abort(404)
    with vendor.lock:
        record = vendor.tables[name].get(record_id) or abort(404)
        row, writes = _row(vendor, name, record), vendor.history.of(name, record_id)
        forms = vendor.forms_of(name, record)
    return render_template(
        "sandbox/record.html",
        name=name,
        view=view,
        record=record,
        row=row,
        writes=writes[:-201:-1],
        write_count=len(writes),
        forms=forms,
        people=[person for person in TEAM if person.active],
        **told,
    )


def plain(value: Any) -> Any:
    """A value as a person reads it: a vendor's time to the second, anything else as it is."""
    time = TIME.fullmatch(value) if isinstance(value, str) else None
    return f"{time[1]} {time[2]}" if time else value


def _matches(vendor: Vendor, name: str, words: str, after: str | None) -> Iterator[Row]:
    """Yield the records that carry all the words, in chunks so that a long search stops nobody."""
    wanted = words.lower().split()
    records = vendor.tables[name].after(after)
    while True:
        with vendor.lock:
            chunk = list(islice(records, CHUNK if wanted else PAGE + 1))
            rows = [_row(vendor, name, record) for record in chunk if _carries(record, wanted)]
        if not chunk:
            return
        yield from rows


def _carries(record: Record, wanted: list[str]) -> bool:
    if not wanted:
        return True
    text = " ".join(
        [record.id, *(value for value in record.values.values() if isinstance(value, str))]
    ).lower()
    return all(word in text for word in wanted)


def _row(vendor: Vendor, name: str, record: Record) -> Row:
    fields = vendor.page_fields(name, record)
    title = " ".join(str(fields[field]) for field in vendor.views[name].title if fields.get(field))
    return Row(record.id, title or f"#{record.id}", fields)

"""The pages on which a person looks at a vendor's records and their history, and changes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for

from sandbox.control import do
from sandbox.people import TEAM
from sandbox.records import Record
from sandbox.vendor import Blank, Done, Form, Refused, Vendor

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

PAGE = 50
SHOWN = 6  # lists in the header; the others are behind "More"
RELATED = 30  # related records on a page
COOKIE = "acting_as"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:?00)")
CHUNK = 5_000  # records searched before the lock is given to others


@dataclass(frozen=True, slots=True)
class Row:
    """One record as the list shows it."""

    name: str  # of its object
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
        names, here = list(vendor.views), (request.view_args or {}).get("name")
        shown = names[:SHOWN] if here in names[:SHOWN] or here not in names else [*names[: SHOWN - 1], here]
        return {
            "vendor": vendor,
            "counts": {name: len(vendor.tables[name]) for name in names},
            "shown": shown,
            "hidden": [name for name in names if name not in shown],
            "people": [person for person in TEAM if person.active],
            "acting_as": request.cookies.get(COOKIE, TEAM[0].email),
        }

    @routes.get("/")
    def home() -> ResponseReturnValue:
        """The first object's list."""
        return redirect(url_for("pages.listing", name=next(iter(vendor.views))))

    @routes.get("/browse/<name>")
    def listing(name: str) -> ResponseReturnValue:
        """A page of records, oldest first."""
        return _list_page(vendor, name)

    @routes.get("/browse/<name>/<record_id>")
    def single(name: str, record_id: str) -> ResponseReturnValue:
        """A record with its fields, its history, and what a person can do to it."""
        return _record_page(vendor, name, record_id)

    @routes.post("/browse/<name>/<verb>")
    @routes.post("/browse/<name>/<record_id>/<verb>")
    def act(name: str, verb: str, record_id: str | None = None) -> ResponseReturnValue:
        """Do what a form of the page says, and remember who did it."""
        if name not in vendor.views:
            abort(404)
        by = request.form.get("by") or TEAM[0].email
        try:
            with vendor.lock:
                vendor.begin_call(f"ACT {verb}", by=by)
                done = _done(vendor, name, record_id, verb, by)
        except Refused as error:
            told = {"problem": error.message, "opened": verb}
            page = (
                _record_page(vendor, name, record_id, **told)
                if record_id
                else _list_page(vendor, name, **told)
            )
            return make_response(page, error.status)
        if done is None:
            response = redirect(url_for("pages.listing", name=name), 303)
        else:
            response = redirect(url_for("pages.single", name=done.object_name, record_id=done.record.id), 303)
        response.set_cookie(COOKIE, by, samesite="Strict")
        return response

    @routes.get("/__sandbox/style.css")
    def style() -> ResponseReturnValue:
        """The look of the pages."""
        with routes.open_resource("static/style.css") as file:
            return Response(file.read(), mimetype="text/css", headers={"Cache-Control": "max-age=60"})

    return routes


def _done(vendor: Vendor, name: str, record_id: str | None, verb: str, by: str) -> Done | None:
    record = vendor.tables[name].get(record_id) if record_id else None
    form = next((form for form in vendor.forms_of(name, record) if form.verb == verb), None)
    if form is None:
        raise Refused(404, "no_such_act", f'the page has no form "{verb}"')
    body = _filled_in(form)
    if record_id is None:
        return Done(name, vendor.create_by_hand(name, body["fields"], by=by), is_new=True)
    done = do(vendor, verb, name, {**body, "id": record_id}, by)
    if record is not None and verb.startswith("log_"):
        return Done(name, record)  # what was logged is now among its related records
    return done


def _filled_in(form: Form) -> dict[str, Any]:
    """What was filled in: of an edit only what it changes, else only what is not empty."""
    body: dict[str, Any] = {"fields": {}}
    for blank in form.blanks:
        value = _typed(blank)
        if value == blank.value if form.verb == "edit" else value in ("", False):
            continue
        if blank.name.startswith("fields."):
            body["fields"][blank.name.removeprefix("fields.")] = None if value == "" else value
        else:
            body[blank.name] = value
    return body


def _typed(blank: Blank) -> str | bool:
    """What came for a blank; one that did not come stays as it is."""
    if blank.kind == "check":
        return request.form.get(blank.name) == "on"
    if blank.name not in request.form:
        return blank.value
    text = request.form[blank.name].replace("\r\n", "\n").strip()
    return blank.value if text == str(blank.value).replace("\r\n", "\n").strip() else text


def _as_typed(forms: Sequence[Form], opened: str | None) -> list[Form]:
    """The forms; one that was refused comes back with what was typed."""
    return [
        replace(form, blanks=tuple(replace(blank, value=_typed(blank)) for blank in form.blanks))
        if form.verb == opened
        else form
        for form in forms
    ]


def _list_page(vendor: Vendor, name: str, **told: Any) -> str:
    view = vendor.views.get(name) or abort(404)
    words = request.args.get("q", "").strip()
    rows = list(islice(_matches(vendor, name, words, request.args.get("after")), PAGE + 1))
    with vendor.lock:
        forms = vendor.forms_of(name, None)
    return render_template(
        "sandbox/list.html",
        name=name,
        view=view,
        words=words,
        rows=rows[:PAGE],
        more=rows[PAGE - 1].id if len(rows) > PAGE else None,
        after=request.args.get("after"),
        forms=_as_typed(forms, told.get("opened")),
        **told,
    )


def _record_page(vendor: Vendor, name: str, record_id: str, **told: Any) -> str:
    view = vendor.views.get(name) or abort(404)
    with vendor.lock:
        record = vendor.tables[name].get(record_id) or abort(404)
        row, writes = _row(vendor, name, record), vendor.history.of(name, record_id)
        forms = vendor.forms_of(name, record)
        related = [_row(vendor, *one) for one in islice(vendor.related_to(name, record), RELATED)]
    return render_template(
        "sandbox/record.html",
        name=name,
        view=view,
        record=record,
        row=row,
        writes=writes[:-201:-1],
        write_count=len(writes),
        forms=_as_typed(forms, told.get("opened")),
        related=related,
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
    return Row(name, record.id, title or f"#{record.id}", fields)

"""The forms in the pages: a person edits, hands over, logs a call, converts a lead, wins a deal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request

from sandbox.people import TEAM
from sandbox.records import Record
from sandbox.salesforce.schema import TEXT, Field, ObjectType
from sandbox.vendor import Refused

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

COOKIE = "acting_as"

# The fields that the form of each object shows; those of other objects are only looked at.
FORMS = {
    "Lead": ("FirstName", "LastName", "Company", "Title", "Email", "Phone", "Status", "LeadSource", "Rating",
             "Industry", "City", "Country", "HasOptedOutOfEmail", "Description"),
    "Contact": ("FirstName", "LastName", "AccountId", "Title", "Email", "Phone", "LeadSource", "MailingCity",
                "MailingCountry", "HasOptedOutOfEmail", "Description"),
    "Account": ("Name", "Website", "Phone", "Industry", "Type", "NumberOfEmployees", "AnnualRevenue",
                "BillingCity", "BillingCountry", "Description"),
    "Opportunity": ("Name", "AccountId", "StageName", "Amount", "CloseDate", "Probability", "LeadSource",
                    "NextStep", "CampaignId", "Description"),
    "Task": ("Subject", "Status", "Priority", "ActivityDate", "WhoId", "WhatId", "Description"),
    "Event": ("Subject", "StartDateTime", "DurationInMinutes", "Location", "WhoId", "WhatId"),
    "Campaign": ("Name", "Type", "Status", "StartDate", "EndDate", "IsActive", "BudgetedCost"),
    "CampaignMember": ("CampaignId", "LeadId", "ContactId", "Status"),
    "Case": ("Subject", "Status", "Priority", "Origin", "ContactId", "AccountId", "Description"),
    "User": ("FirstName", "LastName", "Email", "Title", "IsActive", "TimeZoneSidKey"),
}  # fmt: skip
_WITHOUT_NEW = ("User",)
_INPUTS = {"date": "date", "email": "email", "int": "number", "phone": "tel"}


@dataclass(frozen=True, slots=True)
class Input:
    """One line of a form."""

    name: str
    label: str
    kind: str  # "text", "date", …; "select", "area" or "check"
    value: Any
    required: bool
    choices: tuple[str, ...] = ()


def forms(org: Org, name: str, record: Record | None) -> str:
    """What a person can do with a record, or on the list of its object, as HTML."""
    kind = org.schema.get(name)
    if kind is None or name not in FORMS or (record is None and name in _WITHOUT_NEW):
        return ""
    return render_template(
        "salesforce/hand.html", name=name, record=record, label=kind.label,
        inputs=list(_inputs(org, kind, record)), acts=_acts(name, record), team=TEAM,
        owners=[one for one in TEAM if one.active], acting_as=request.cookies.get(COOKIE, TEAM[0].email),
        problem=request.args.get("problem"),
    )  # fmt: skip


def add_controls_to(routes: Blueprint, org: Org) -> None:
    """Add the addresses that the forms are sent to, under /__sandbox."""

    @routes.post("/hand/<verb>/<name>")
    @routes.post("/hand/<verb>/<name>/<record_id>")
    def hand(verb: str, name: str, record_id: str | None = None) -> Response:
        """Do it, and go back to the page; what the org refuses is told there."""
        by = request.form.get("by", TEAM[0].email)
        place = f"/browse/{name}" + (f"/{record_id}" if record_id else "")
        try:
            with org.lock:
                org.begin_call(f"ACT {verb}", by=by)
                place = _done(org, verb, name, record_id, by) or place
        except Refused as error:
            place = f"{place}?{urlencode({'problem': error.message})}"
        response: Response = redirect(place, 303)  # type: ignore[assignment]
        response.set_cookie(COOKIE, by, samesite="Strict")
        return response


def _done(org: Org, verb: str, name: str, record_id: str | None, by: str) -> str | None:
    """Where to go afterwards, if not back to the record."""
    kind = org.schema.get(name)
    if kind is None:
        raise Refused(404, "no_such_object", f'there is no object "{name}"')
    if record_id is None:
        made = org.create_by_hand(name, _given(kind, None), by=by)
        return f"/browse/{name}/{made.id}"
    record = org.find_for(verb, name, record_id)
    if record is None:
        raise Refused(404, "no_such_record", f"{name} {record_id} is not there for that")
    if verb == "edit":
        org.edit_by_hand(name, record, _given(kind, record), by=by)
    elif verb == "delete":
        org.delete_by_hand(name, record, by=by)
    elif verb in org.acts():
        body: dict[str, Any] = {"fields": _given(org.kind("Task"), None) if verb.startswith("log_") else {}}
        body |= {key: request.form[key] for key in ("owner", "other") if request.form.get(key)}
        if verb == "convert":
            body["fields"] = _conversion()
        org.acts()[verb](name, record, body, by)
    else:
        raise Refused(404, "no_such_act", f'there is no act "{verb}"')
    return None


def _conversion() -> dict[str, Any]:
    told: dict[str, Any] = {"doNotCreateOpportunity": request.form.get("opportunity") != "on"}
    for name in ("opportunityName", "accountId", "contactId"):
        if request.form.get(name):
            told[name] = request.form[name].strip()
    return told


def _given(kind: ObjectType, record: Record | None) -> dict[str, Any]:
    """The fields of the form that was sent; of a record only those that it changes."""
    given: dict[str, Any] = {}
    for name in request.form.getlist("field"):
        field = kind.field(name)
        if field is None:
            continue
        text = request.form.get(name, "").replace("\r\n", "\n").strip()
        value: Any = text == "on" if field.type == "boolean" else (text or None)
        if record is None and value in (None, False):
            continue
        if record is None or _shown(field, record.values) != ("" if value is None else value):
            given[field.name] = value
    return given


def _inputs(org: Org, kind: ObjectType, record: Record | None) -> Iterator[Input]:
    values = record.values if record else kind.defaults
    for name in FORMS[kind.name]:
        field = kind.field(name)
        if field is None or not (field.updateable if record else field.createable):
            continue
        shown = _shown(field, values)
        choices = _choices(org, field, shown)
        yield Input(name, field.label, _input(field, choices), shown, field.required, choices)


def _choices(org: Org, field: Field, shown: Any) -> tuple[str, ...]:
    if field.name == "StageName":
        listed = tuple(str(stage.values["ApiName"]) for stage in org.rows("OpportunityStage").every())
    else:
        listed = field.picklist
    return (*listed, shown) if listed and shown and shown not in listed else listed


def _input(field: Field, choices: tuple[str, ...]) -> str:
    if field.type == "boolean":
        return "check"
    if choices and field.type != "combobox":
        return "select"
    return "area" if field.type == "textarea" and field.length > 255 else _INPUTS.get(field.type, "text")


def _shown(field: Field, values: Mapping[str, Any]) -> Any:
    value = values.get(field.name)
    if field.type == "boolean":
        return bool(value)
    if value is None:
        return ""
    return value if field.type in TEXT else f"{value:g}" if isinstance(value, float) else str(value)


def _acts(name: str, record: Record | None) -> list[str]:
    if record is None:
        return []
    found = ["owner"] if name not in ("User", "CampaignMember") else []
    if name in ("Lead", "Contact", "Account", "Opportunity", "Case"):
        found.append("log_call")
    if name == "Lead" and not record.values.get("IsConverted"):
        found.append("convert")
    if name in ("Lead", "Contact", "Account"):
        found.append("merge")
    if name == "Opportunity" and not record.values.get("IsClosed"):
        found.append("close")
    return found if name == "User" else [*found, "delete"]

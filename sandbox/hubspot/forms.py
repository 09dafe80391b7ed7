"""The forms of the account, and what a submission does to a contact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.objects import Objects, Values
from sandbox.hubspot.values import EMAIL, as_text

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

FORM = "b7c5a1de-3f24-4c1a-9d0b-5f1f0c2a7e10"
FIELDS = ("email", "firstname", "lastname", "phone", "company", "jobtitle", "website", "message")
MOST_FIELDS, OLDEST = 1_000, timedelta(days=31)
CONTACT_TYPES = ("", "0-1")


@dataclass
class Form:
    """A form and what was submitted through it."""

    guid: str
    name: str
    fields: Sequence[str] = FIELDS
    required: Sequence[str] = ("email",)
    redirect_uri: str = ""
    submissions: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The form the control endpoints answer."""
        return {
            "guid": self.guid,
            "name": self.name,
            "fields": list(self.fields),
            "required": list(self.required),
            "redirect_uri": self.redirect_uri,
            "submissions": self.submissions,
        }


def problems_of(account: HubSpot, form: Form, sent: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield what is wrong with a submission, in HubSpot's words."""
    rows = sent.get("fields")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        yield _problem("REQUIRED_FIELD", "Required field 'fields' is missing")
        return
    if len(rows) > MOST_FIELDS:
        message = f"The number of submitted values {len(rows)} is above {MOST_FIELDS}"
        yield _problem("MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED", message)
        return
    values = _values(rows)
    for name in values:
        if name not in form.fields:
            yield _problem(
                "FIELD_NOT_IN_FORM_DEFINITION",
                f"Error in 'fields.{name}'. The field is not in the form definition",
            )
    for name in form.required:
        if not values.get(name, "").strip():
            yield _problem("REQUIRED_FIELD", f"Error in 'fields.{name}'. Required field '{name}' is missing")
    if values.get("email") and not EMAIL.fullmatch(values["email"].strip()):
        yield _problem("INVALID_EMAIL", f"Error in 'fields.email'. Invalid email address '{values['email']}'")
    if not _is_recent(sent.get("submittedAt"), account.now()):
        yield _problem("INVALID_METADATA", "Error in 'submittedAt'. The time is more than a month ago")


def submit(objects: Objects, form: Form, sent: Mapping[str, Any]) -> None:
    """Write a submission to the contact with its address, or to a new one."""
    account = objects.account
    values = {name: text for name, text in _values(sent["fields"]).items() if text.strip()}
    record = objects.find(values.get("email", ""), "email")
    if record is not None:
        values.pop("email")  # a secondary address stays one
    kept = objects.read(values, record) | _page(record.values if record else {}, sent.get("context"))
    if record is None:
        record = objects.create(kept)
    else:
        objects.update(record, kept)
    form.submissions.append({"at": account.now().isoformat(), "contact": record.id, "values": values})


def _values(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        as_text(row.get("name")): as_text(row.get("value"))
        for row in rows
        if as_text(row.get("objectTypeId")) in CONTACT_TYPES
    }


def _page(present: Mapping[str, Any], context: object) -> Values:
    """What HubSpot notes of the page by itself."""
    address = as_text(context.get("pageUri")) if isinstance(context, Mapping) else ""
    if not address:
        return {}
    first = {} if present.get("hs_analytics_first_url") else {"hs_analytics_first_url": address}
    return {"hs_analytics_last_url": address, **first}


def _is_recent(submitted_at: object, now: datetime) -> bool:
    text = as_text(submitted_at)
    if not text:
        return True
    try:
        return now - datetime.fromtimestamp(int(text) / 1000, UTC) <= OLDEST
    except (ValueError, OverflowError, OSError):
        return False


def _problem(error_type: str, message: str) -> dict[str, str]:
    return {"message": message, "errorType": error_type}


def not_valid(problems: Sequence[Mapping[str, str]]) -> ApiError:
    """400 for a submission; the form API knows no category."""
    return ApiError(400, "The request is not valid", None, errors=list(problems))

"""What HubSpot's refusals mean: how long to wait, what to split, whose fault it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.batches import CallRefused
from connectors.waits import retry_after
from model.cause import REJECTED
from model.change import Gone, Outcome, Postponed, RecordChange, Rejected
from model.errors import AnswerLost, ConnectorError, NotAuthorized, RetryLater

# 429: HubSpot "API usage guidelines" documents no Retry-After for it; where there is one, it counts.
BURST_WAIT = 10.0  # the window rolls over ten seconds
SEARCH_WAIT = 1.0
DAILY_WAIT = 900.0  # until midnight of the account's zone; so long where that is not known

LOCK_WAIT = 2.0  # 423: records locked by a high volume of writes; HubSpot "Error handling": lasts 2 s
MOVE_WAIT = 300.0  # 477: the account moves to another data centre, for up to 24 h; Retry-After says

# Refusals for what is in the call: cut down until the culprit stands alone.
ABOUT_CONTENTS = frozenset({400, 404, 409, 413, 414, 422})

MISCONFIGURED_WAIT = 900.0  # any other 4xx is about our set-up: no record is to blame, a person must act

# A row's category -> what becomes of it. What is not listed waits and is tried again.
REJECTING = frozenset({
    "VALIDATION_ERROR",
    "CONFLICT",  # on update: the new e-mail belongs to another contact
    "MISSING_SCOPES",  # of one property; the call as a whole was allowed
})  # fmt: skip

# The second is said of a custom property whose values are unique (recorded traffic, not documented).
_EXISTING_ID = re.compile(r"Existing ID:\s*(\d+)|(\d+) already has that value")
_TAKEN = re.compile(r"propertyName=(\w+),.*already has that value")  # of such a property, on an update
_SUBJECTS = ("objectWriteTraceId", "ids", "id", "objectId")  # where a row's error may name its input


class Refused(CallRefused):
    """HubSpot took nothing of the call because of something in it."""

    def __init__(self, message: str, body: Mapping[str, Any]) -> None:
        super().__init__(message, tuple(dict.fromkeys(property_names(body))), code_of(body))
        self.body = body

    @property
    def is_not_found(self) -> bool:
        """Whether it was refused for a record that is not there."""
        return self.body.get("category") == "OBJECT_NOT_FOUND"


class Clash(Refused):
    """A record of the call exists already; HubSpot names only the first such."""


def to_connector_error(
    status: int, headers: Mapping[str, str], body: Mapping[str, Any], *, writes: bool
) -> ConnectorError:
    """Turn an answer that is no success into the error that says what to do next."""
    said = f"HubSpot {status}: {words(body)}"
    if status in (401, 403):
        return NotAuthorized(said)
    if status == 429:
        wait, stops = limit_of(body)
        return RetryLater(said, retry_after(headers) or wait, stops)
    if status == 423:
        return RetryLater(said, max(retry_after(headers) or 0.0, LOCK_WAIT))
    if status == 477:
        return RetryLater(said, retry_after(headers) or MOVE_WAIT, "connection")
    if status >= 500:
        return AnswerLost(said, retry_after(headers)) if writes else RetryLater(said, retry_after(headers))
    if status == 404 and body.get("category") != "OBJECT_NOT_FOUND":  # the path is wrong, not the record
        return RetryLater(said, wait=MISCONFIGURED_WAIT)
    if status == 409 or is_clash(body):
        return Clash(said, body)
    if status in ABOUT_CONTENTS:
        return Refused(said, body)
    return RetryLater(said, wait=MISCONFIGURED_WAIT)


def row_outcome(change: RecordChange, error: Mapping[str, Any]) -> Outcome:
    """Turn the error of one row, or of a call that carried one row only, into its outcome."""
    category = str(error.get("category", ""))
    said = f"HubSpot {category or 'error'}: {words(error)}"
    if category == "OBJECT_NOT_FOUND" and change.remote_id is not None:
        return Gone(change.key, said)
    if category in REJECTING or category == "OBJECT_NOT_FOUND":
        return Rejected(change.key, said, tuple(dict.fromkeys(property_names(error))), code_of(error))
    return Postponed(change.key, said)


def refused_alone(change: RecordChange, refusal: CallRefused) -> Outcome:
    """The outcome of the one record of a call that was refused."""
    if isinstance(refusal, Refused) and refusal.is_not_found:
        return row_outcome(change, refusal.body)
    taken = _TAKEN.search(str(refusal.body.get("message", ""))) if isinstance(refusal, Refused) else None
    return Rejected(change.key, str(refusal), refusal.fields, refusal.code, is_taken=taken is not None)


def limit_of(body: Mapping[str, Any]) -> tuple[float, str]:
    """Return how long a limit lasts, in seconds, and what it stops; a 429 has one of three shapes or none."""
    policy = f"{body.get('policyName', '')} {body.get('message', '')}".lower()
    if "daily" in policy:
        return DAILY_WAIT, "day"
    if "secondly" in policy and "ten_secondly" not in policy:  # search: "your secondly limit"
        return SEARCH_WAIT, "search"
    return BURST_WAIT, "connection"


def words(error: Mapping[str, Any]) -> str:
    """HubSpot's own sentence, with the scopes that are missing."""
    said = "; ".join(str(row["message"]) for row in _invalid_values(error) if row.get("message"))
    said = said or str(error.get("message") or "no message")
    for detail in _details(error):
        if scopes := _listed(detail, "requiredGranularScopes"):
            return f"{said} Required: {', '.join(scopes)}."
    return said


def code_of(error: Mapping[str, Any]) -> str:
    """HubSpot's word for what is wrong: that of the first value it blames, else the category."""
    for row, name in [(row, "error") for row in _invalid_values(error)] + [
        (row, "code") for row in _details(error)
    ]:
        if row.get(name):
            return str(row[name])
    return str(error.get("category") or REJECTED)


def property_names(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the properties that an error blames, wherever this shape of it says so."""
    for detail in (error, *_details(error)):
        yield from _listed(detail, "propertyName")
    yield from (str(row["name"]) for row in _invalid_values(error) if row.get("name"))
    if str(error.get("message", "")).startswith("Contact already exists"):
        yield "email"
    if taken := _TAKEN.search(str(error.get("message", ""))):
        yield taken[1]


def subjects(error: Mapping[str, Any]) -> set[str]:
    """The trace ids or record ids of the inputs that a row's error is about."""
    return {value for name in _SUBJECTS for value in _listed(error, name)}


def existing_id(error: Mapping[str, Any]) -> str | None:
    """The record that stands in the way, where the sentence names it."""
    match = _EXISTING_ID.search(str(error.get("message", "")))
    return match[1] or match[2] if match else None


def is_clash(error: Mapping[str, Any]) -> bool:
    """Whether the record exists already, by its address or another value that HubSpot keeps unique."""
    return error.get("category") == "CONFLICT" or existing_id(error) is not None


def _invalid_values(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The JSON list that stands as text inside the sentence of a validation error; it may be cut off."""
    _, _, listing = str(error.get("message", "")).partition("Property values were not valid: ")
    try:
        rows = json.loads(listing) if listing else []
    except ValueError:
        return []
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _details(error: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = error.get("errors")
    return [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []


def _listed(error: Mapping[str, Any], name: str) -> list[str]:
    context = error.get("context")
    values = context.get(name) if isinstance(context, dict) else None
    return [str(value) for value in values] if isinstance(values, list) else []

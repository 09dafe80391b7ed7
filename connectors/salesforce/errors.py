"""What Salesforce's errors mean: the error code decides, the HTTP status only where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.batches import CallRefused
from model.cause import REJECTED
from model.change import Outcome, Postponed, RecordChange, Rejected
from model.errors import AnswerLost, ConnectorError, NotAuthorized, RetryLater

Error = Mapping[str, Any]

DAILY_WAIT = 900.0  # the day's allowance is a rolling 24 h, and nothing says when it gives calls again
CONCURRENT_WAIT = 30.0  # the same code for too many calls that run 20 s or longer at once: they end
MISCONFIGURED_WAIT = 900.0  # our set-up is wrong: no record is to blame, a person must act

# Passes by itself: the record was not written, the same change may be sent again.
RETRYABLE = frozenset({
    "UNABLE_TO_LOCK_ROW",  # another transaction holds the record or its parent
    "SERVER_UNAVAILABLE",
    "UNKNOWN_EXCEPTION",
    "REQUEST_LIMIT_EXCEEDED",
    "QUERY_TIMEOUT",
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",  # another item failed; we never ask for it, a trigger may
    "PROCESSING_HALTED",  # an earlier subrequest failed
    "BATCH_PROCESSING_HALTED",
})  # fmt: skip

DEAD_SESSION = frozenset({"INVALID_SESSION_ID", "INVALID_AUTH_HEADER"})

TAKEN = "DUPLICATE_VALUE"
EXISTS = frozenset({TAKEN, "DUPLICATES_DETECTED"})

# Said of the record itself, or of one it refers to: only a look tells which.
MAYBE_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY"})

CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"

# About the names in a call, so its halves would fail alike.
SCHEMA = frozenset({"INVALID_FIELD", "INVALID_TYPE"})

# HTTP statuses for what is in the call: cut down until the culprit stands alone.
ABOUT_CONTENTS = frozenset({400, 413, 414, 431})

_DUPLICATE_OF = re.compile(r"record with id: (\w{18}|\w{15})\b")
_DUPLICATE_IN = re.compile(r"duplicate value found: (\w+) duplicates value")


class DeadSession(NotAuthorized):
    """The session has ended; a new token may help, once."""


class Refused(CallRefused):
    """Salesforce took nothing of the call because of something in it."""

    def __init__(self, message: str, code: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message, fields, code)


def to_connector_error(status: int, content: Any, *, writes: bool) -> ConnectorError:
    """Turn an answer that is no success into the error that says what to do next."""
    error = first_error(content)
    code = code_of(error) or f"HTTP {status}"
    said = f"Salesforce {code}: {error.get('message') or 'no message'}"
    if code in DEAD_SESSION or status == 401:
        return DeadSession(said)
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "TotalRequests" in said:
            return RetryLater(said, DAILY_WAIT, "day")
        return RetryLater(said, CONCURRENT_WAIT, "connection")
    if status >= 500:
        return AnswerLost(said) if writes else RetryLater(said)
    if code in RETRYABLE:
        return RetryLater(said)
    if status == 403:
        return NotAuthorized(said)
    if status in ABOUT_CONTENTS:
        return Refused(said, code, fields_of([error]))
    return RetryLater(said, wait=MISCONFIGURED_WAIT)  # 404, 405, 410 (retired version), 415, 420, redirects


def item_outcome(change: RecordChange, errors: Sequence[Error]) -> Outcome:
    """Turn the errors of one item of a collection into its outcome."""
    said = words(errors)
    if errors and all(is_retryable(error) for error in errors):
        return Postponed(change.key, said)
    is_taken = codes(errors) == {TAKEN}
    return Rejected(change.key, said, fields_of(errors), first_code(errors), is_taken)


def refused_alone(change: RecordChange, refusal: CallRefused) -> Outcome:
    """The outcome of the one record of a call that was refused."""
    return Rejected(change.key, str(refusal), refusal.fields, refusal.code, refusal.code == TAKEN)


def is_retryable(error: Error) -> bool:
    """Whether the error passes by itself."""
    if code_of(error) in RETRYABLE:
        return True
    # A trigger that met a lock says so inside CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY.
    return "UNABLE_TO_LOCK_ROW" in str(error.get("message", ""))


def codes(errors: Sequence[Error]) -> set[str]:
    """The codes of an item's errors."""
    return {code_of(error) for error in errors}


def code_of(error: Error) -> str:
    """The error's code, which items of a collection call ``statusCode``."""
    return str(error.get("errorCode") or error.get("statusCode") or "")


def first_code(errors: Sequence[Error]) -> str:
    """The code of the first error that will not pass by itself."""
    return next((code for error in errors if not is_retryable(error) and (code := code_of(error))), REJECTED)


def words(errors: Sequence[Error]) -> str:
    """Salesforce's own sentences with their codes."""
    said = "; ".join(
        f"{code_of(error) or 'error'}: {error.get('message') or 'no message'}" for error in errors
    )
    return f"Salesforce {said or 'error: no message'}"


def fields_of(errors: Sequence[Error]) -> tuple[str, ...]:
    """The fields that errors blame; the one whose value another record holds is only in the sentence."""
    lists = (error.get("fields") for error in errors)
    named = [str(name) for names in lists if isinstance(names, list) for name in names]
    named += [match[1] for one in errors if (match := _DUPLICATE_IN.search(str(one.get("message", ""))))]
    return tuple(dict.fromkeys(named))


def first_error(content: Any) -> Error:
    """The first error of a body: a list of them, one object (OAuth), or no JSON at all."""
    first = content[0] if isinstance(content, list) and content else content
    return first if isinstance(first, dict) else {}


def ids_in_the_way(errors: Sequence[Error]) -> Iterator[str]:
    """Yield the ids of existing records that duplicate errors name."""
    for error in errors:
        match = _DUPLICATE_OF.search(str(error.get("message", "")))
        if match and code_of(error) == TAKEN:
            yield match[1]
        yield from _matched_ids(error)


def _matched_ids(error: Error) -> Iterator[str]:
    # Salesforce misspells the key; the right spelling is read too in case that is ever mended.
    result = error.get("duplicateResut") or error.get("duplicateResult")
    for match in _dicts(result.get("matchResults") if isinstance(result, dict) else None):
        for found in _dicts(match.get("matchRecords")):
            record = found.get("record")
            if isinstance(record, dict) and record.get("Id"):
                yield str(record["Id"])


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []

"""HubSpot's error bodies, as its documentation and recorded traffic have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.hubspot.kinds import Kind

PORTAL_ID = 62515


class ApiError(Exception):
    """A call or one row of a batch that HubSpot refuses."""

    def __init__(self, status: int, message: str, category: str | None, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.category, self.more = status, message, category, more

    def body(self, correlation_id: str) -> dict[str, Any]:
        """The body of a call that fails as a whole."""
        told = {"status": "error", "message": self.message, "correlationId": correlation_id, **self.more}
        return told | {"category": self.category} if self.category else told

    def row(self, **context: list[str]) -> dict[str, Any]:
        """The entry in ``errors`` of a 207 answer; the context says which row it was."""
        merged = {**self.more.get("context", {}), **context}
        return {"status": "error", "category": self.category, "message": self.message, "context": merged}


@dataclass(frozen=True, slots=True)
class Problem:
    """One property value that HubSpot does not take."""

    code: str
    name: str
    message: str


def not_valid(problems: Sequence[Problem]) -> ApiError:
    """400 for property values; the message carries a JSON list as text."""
    nested = [
        {
            "isValid": False,
            "message": problem.message,
            "error": problem.code,
            "name": problem.name,
            "localizedErrorMessage": problem.message,
            "portalId": PORTAL_ID,
        }
        for problem in problems
    ]
    errors = [
        {"message": problem.message, "code": problem.code, "context": {"propertyName": [problem.name]}}
        for problem in problems
    ]
    message = f"Property values were not valid: {json.dumps(nested, separators=(',', ':'))}"
    return ApiError(400, message, "VALIDATION_ERROR", errors=errors)


def bad_request(message: str, **more: Any) -> ApiError:
    """400 for a request that is wrong as such."""
    return ApiError(400, message, "VALIDATION_ERROR", **more)


def required_missing(code: str, names: Sequence[str]) -> ApiError:
    """400 for a new record that lacks what its type needs (recorded traffic)."""
    message = f"Error creating {code}. Some required properties were not set."
    return bad_request(message, context={"properties": list(names)})


def fields_missing(names: Sequence[str]) -> ApiError:
    """400 for a body without a required field (recorded traffic)."""
    named = ", ".join(names)
    return bad_request(
        f"Invalid input JSON on line 1, column 2. Some required fields were not set: [{named}]"
    )


def bad_associations(**context: list[str]) -> ApiError:
    """400 for an association with a wrong type or with a record that is not there (recorded traffic)."""
    return bad_request("One or more associations are invalid", context=context)


def already_exists(kind: Kind, existing_id: str | None) -> ApiError:
    """409 for an e-mail address that a contact has; no id where that contact is in the same batch."""
    message = f"{kind.singular.capitalize()} already exists"
    return ApiError(409, f"{message}. Existing ID: {existing_id}" if existing_id else message, "CONFLICT")


def value_taken(kind: Kind, name: str, value: str, record_id: str, holder_id: str) -> ApiError:
    """400 for the value of a custom unique property that another record has (recorded traffic)."""
    coordinates = (
        f"PropertyValueCoordinates{{portalId={PORTAL_ID}, objectTypeId=ObjectTypeId"
        f"{{legacyObjectType={kind.code}}}, propertyName={name}, value={value}}}"
    )
    return bad_request(f"Cannot set {coordinates} on {record_id}. {holder_id} already has that value.")


def not_found(message: str = "resource not found") -> ApiError:
    """404 for a single record, owner or property."""
    return ApiError(404, message, "OBJECT_NOT_FOUND")


def some_not_found(kind: Kind, ids: Sequence[str]) -> ApiError:
    """The row of a 207 answer that names the ids nothing was found for."""
    message = (
        f"Could not get some {kind.code} objects, they may be deleted or not exist. Check that ids are valid."
    )
    return ApiError(404, message, "OBJECT_NOT_FOUND", context={"ids": list(ids)})


def duplicate_ids(ids: Sequence[str]) -> ApiError:
    """400 for a batch that names a record twice."""
    message = f"Duplicate IDs found in batch input: [{', '.join(ids)}]. IDs must be unique"
    return bad_request(message, context={"ids": list(ids)})


def busy_row() -> ApiError:
    """A row of a batch that may be sent again; HubSpot documents no such row, so this one is ours."""
    return ApiError(429, "The request limit for this record was reached, try again.", "RATE_LIMITS")

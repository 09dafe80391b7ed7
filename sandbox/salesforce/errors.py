"""Salesforce's errors: a list of code, message and fields, and the HTTP status each code comes with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Every other code is a 400. Those of lock and cross-reference errors are inferred: see docs/sandbox.md.
_STATUS = {
    "INVALID_SESSION_ID": 401,
    "INVALID_AUTH_HEADER": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "VERSION_MISMATCH": 409,
    "GONE": 410,
    "PRECONDITION_FAILED": 412,
    "URI_TOO_LONG": 414,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNKNOWN_EXCEPTION": 500,
    "NOT_IMPLEMENTED": 501,  # the sandbox's own: Salesforce has it, the sandbox does not
    "SERVER_UNAVAILABLE": 503,
}


class SalesforceError(Exception):
    """What a single call is refused with, or one item of a collection."""

    def __init__(
        self,
        code: str,
        message: str,
        fields: Sequence[str] | None = None,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = None if fields is None else list(fields)
        self.extra = dict(extra or {})  # what else the body of a single call tells

    @property
    def status(self) -> int:
        """The HTTP status of a single call that fails so."""
        return _STATUS.get(self.code, 400)

    def body(self) -> list[dict[str, Any]]:
        """The body of a single call: a list, even of one."""
        told: dict[str, Any] = {**self.extra, "message": self.message, "errorCode": self.code}
        return [told if self.fields is None else {**told, "fields": self.fields}]

    def item(self) -> dict[str, Any]:
        """The error of one item of a collection, where the code is called ``statusCode``."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields or []}


def not_found(message: str = "The requested resource does not exist") -> SalesforceError:
    """There is no such record or resource."""
    return SalesforceError("NOT_FOUND", message)


def not_built(what: str) -> SalesforceError:
    """Salesforce has it, the sandbox has not; names it, so that nobody looks for a bug of theirs."""
    return SalesforceError("NOT_IMPLEMENTED", f"The sandbox does not build {what}; see docs/sandbox.md")

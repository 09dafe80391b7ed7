"""HubSpot's answers to the errors that a fault injects."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.hubspot import access
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.limits import too_many, too_many_searches
from sandbox.hubspot.values import iso

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


def answer_of(account: HubSpot, status: int, *, is_search: bool) -> Response:
    """The answer of that status, in the shape of whoever gives it."""
    if status == 429 and is_search:
        return account.refuse(too_many_searches())
    if status == 429:
        return account.refuse(
            too_many("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING")
        )
    if status in (502, 504) or status >= 520:  # from the edge in front of HubSpot, not from its API
        return Response(f"<html><body><h1>Error {status}</h1></body></html>", status, mimetype="text/html")
    message, category, more = _known(account.now()).get(status, ("internal error", "INTERNAL_ERROR", {}))
    response = account.refuse(ApiError(status, message, category, **more))
    if status == 477:
        response.headers["Retry-After"] = "5"
    return response


def _known(now: datetime) -> dict[int, tuple[str, str, dict[str, Any]]]:
    """Message, category and further keys of the statuses that have a shape of their own."""
    expired = access.expired(75, iso(now))
    return {
        401: (expired.message, "EXPIRED_AUTHENTICATION", expired.more),
        403: ("This app hasn't been granted all required scopes to make this call.", "MISSING_SCOPES", {}),
        # The bodies of these two are not confirmed.
        423: ("The record is locked by other writes. Try again in 2 seconds.", "LOCKED", {}),
        477: ("The account is being moved to another data centre.", "MIGRATION_IN_PROGRESS", {}),
    }

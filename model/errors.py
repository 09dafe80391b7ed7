"""Errors named by what the caller does next."""

from __future__ import annotations


class LeadRelayError(Exception):
    """Base of every error that is meant to be read by a person."""


class Refused(LeadRelayError):
    """A request's envelope is wrong: an HTTP status, a stable code, a sentence, and what to do."""

    def __init__(
        self, status: int, code: str, message: str, fix: str, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fix = fix
        self.retry_after = retry_after


class StoreBusy(LeadRelayError):
    """The store cannot commit now; nothing was taken, send again."""


class LostLease(LeadRelayError):
    """Another process took over this work; step down and discard what was not saved."""


class Conflict(LeadRelayError):
    """What was loaded has changed since; roll back everything and take again."""


class ConnectorError(LeadRelayError):
    """A whole call to a connected system failed; the subclass says what to do next."""


class NotAuthorized(ConnectorError):
    """The token is missing, expired or lacks a scope: nothing will work until a person acts."""


class GrantEnded(NotAuthorized):
    """What a person allowed us is over: the account works again once they connect it anew."""


class RetryLater(ConnectorError):
    """The other side is busy or away; the same call may succeed after ``wait`` seconds.

    ``stops`` says what rests meanwhile: "call" is this one alone, "search" all searches,
    "connection" every call, and "day" every call until the day's allowance is new.
    """

    def __init__(self, message: str, wait: float | None = None, stops: str = "call") -> None:
        super().__init__(message)
        self.wait = wait
        self.stops = stops


class NoBudget(RetryLater):
    """Our own budget lets no call out now: nothing was sent."""


class AnswerLost(RetryLater):
    """The call may or may not have taken effect: look before sending it again."""


class Refusal(ConnectorError):
    """The other side refused the call as a whole for what is in it; split it to find the culprit."""

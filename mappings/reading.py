"""What a source's mapping understood of one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.playbook import Source
from model.decision import Place
from model.event import JsonValue, StoredEvent
from model.lead import Activity, Identity, Touch

BAD_VALUE = "BAD_VALUE"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A value of the sender that could not be used: which field, why, and the rule that says so.

    ``fatal``: the event cannot become a lead as it is (shape, e-mail, a required field). Anything
    else costs only that field, and the raw event keeps what was sent.
    """

    field: str
    reason: str
    place: Place | None = None
    fatal: bool = True
    code: str = BAD_VALUE

    def __str__(self) -> str:
        return f"{self.field} {self.reason}"


@dataclass(frozen=True, slots=True)
class Reading:
    """One intake event in canonical words. Nothing here has been decided yet."""

    stored: StoredEvent
    source: Source
    fields: Mapping[str, JsonValue] = field(default_factory=dict)  # blank ones are absent
    identities: tuple[Identity, ...] = ()  # strongest first: record, email, phone
    touch: Touch | None = None
    activities: tuple[Activity, ...] = ()
    problems: tuple[FieldProblem, ...] = ()
    honeypot: tuple[str, ...] = ()  # honeypot fields that were filled in
    filled_in_ms: float | None = None  # how long the form was open; ``None``: not said
    captcha: str | None = None  # the token that came with the post; ``None``: none was asked for
    notice: str = ""  # number of the lead that the post names and that is still to be read
    ip: str = ""  # of the sender
    is_test: bool = False  # a marked lead of ``leadrelay source test``

"""What providers are asked about a lead, what they say, and when their word counts. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.event import JsonValue
from model.lead import Lead, Provenance

MACHINE = "provider:"
"""How the source of a provider's word begins; no sender and no connection is called so."""

LONGEST_ANSWER = 1_048_576  # bytes that are read of an answer


def source_of(provider: str) -> str:
    """Return the source of what a provider said, as the provenance of a value and its event name it."""
    return f"{MACHINE}{provider}"


def is_machine(origin: Provenance | None) -> bool:
    """Say whether a provider said it: a person's word counts more, whoever was later."""
    return origin is not None and origin.source.startswith(MACHINE)


def asked_of(provider: str, values: Mapping[str, JsonValue]) -> str:
    """Return by what a question is recognised: the provider, and the lead's values that it is about."""
    text = json.dumps([provider, dict(values)], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def why_kept(lead: Lead, name: str) -> str:
    """Return why a provider's word does not become the lead's value; blank where it does.

    A blank is filled and an older word of a provider replaced. What people said stays, and so does a field
    that they have emptied.
    """
    origin, value = lead.provenance.get(name), lead.fields.get(name)
    if is_machine(origin) or (value is None and origin is None):
        return ""
    if value is None:
        return f"{origin.source} has emptied it" if origin is not None else ""
    return f"{origin.source} said it" if origin is not None else "it is there already"


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it is to be made; secrets are in it, so it is neither kept nor shown."""

    method: str  # "GET" | "POST"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: JsonValue = field(default=None, repr=False)  # sent as JSON; ``None``: none
    form: Mapping[str, str] | None = field(default=None, repr=False)  # sent as a form, instead of ``body``
    timeout: float = 10.0  # seconds for the answer
    busy_codes: frozenset[int] = frozenset()  # of errors that mean "later", whatever their status


@dataclass(frozen=True, slots=True)
class Answered:
    """The provider's answer, a JSON object."""

    body: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Unknown:
    """The provider knows nothing of it (404)."""


@dataclass(frozen=True, slots=True)
class Later:
    """No answer this time: it may be asked again, after ``wait`` seconds where the provider says so.

    ``is_busy``: it wants to be left alone by all who ask (429).
    """

    reason: str
    wait: float | None = None
    is_busy: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will not answer this, however often it is asked."""

    reason: str


Outcome = Answered | Unknown | Later | Refused

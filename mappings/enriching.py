"""What a provider is asked about a lead, what is kept of its answer, and what that says. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mappings.inward import look_up, read_answer
from mappings.playbook import Playbook, Provider
from mappings.reading import Reading
from mappings.requesting import Secrets, filled, filled_body, moved_to
from mappings.values.converters import is_blank
from model.enrichment import Request
from model.event import JsonValue, StoredEvent
from model.lead import Lead

LONGEST_KEPT = 20_000  # characters, as JSON, of one value of an answer


def values_of(provider: Provider, lead: Lead) -> dict[str, JsonValue] | None:
    """Return the lead's values that the provider is told; ``None`` where one that is needed is blank."""
    found = {name: value for name in provider.asks_for if not is_blank(value := lead.get(name))}
    return found if provider.needs <= found.keys() else None


def request_of(provider: Provider, values: Mapping[str, JsonValue], secrets: Secrets, base: str) -> Request:
    """Return the call; ``base`` is another host to call instead, blank: the playbook's.

    Raises what ``secrets`` raises for a variable that is not set.
    """
    url = filled(provider.url, values, secrets, in_url=True)
    return Request(
        method=provider.method,
        url=moved_to(url, base) if base else url,
        headers={name: filled(words, values, secrets) for name, words in provider.headers.items()},
        query={
            name: text for name, words in provider.query.items() if (text := filled(words, values, secrets))
        },
        body=filled_body(provider.body, values, secrets) if provider.body is not None else None,
        timeout=provider.timeout,
    )


def kept_of(provider: Provider, body: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return what the playbook reads of an answer, by path; nothing else of it is kept."""
    found = {path: look_up(body, path) for path in provider.paths}
    return {path: value for path, value in found.items() if not is_blank(value) and _is_short(value)}


def _is_short(value: JsonValue) -> bool:
    return len(json.dumps(value, ensure_ascii=False)) <= LONGEST_KEPT


def reading_of(stored: StoredEvent, provider: Provider, playbook: Playbook) -> Reading:
    """Return what the kept part of an answer says in lead fields, and what of it cannot be used."""
    return read_answer(stored, provider.reader, stored.event.payload.get("values") or {}, playbook)

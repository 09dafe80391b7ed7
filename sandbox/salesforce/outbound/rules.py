"""Which changes are told to whom: an outbound message as an admin sets it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MAX_NOTIFICATIONS = 100


class BadRule(ValueError):
    """Settings that make no outbound message."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One outbound message; the last five are the sandbox's own."""

    id: str
    object: str
    fields: tuple[str, ...]
    url: str
    on: tuple[str, ...] = ("create", "update")
    send_session_id: bool = False
    batch: int = MAX_NOTIFICATIONS  # notifications in one envelope, at most
    timeout_s: float = 60.0
    duplicate_rate: float = 0.0  # share of acknowledged envelopes that are sent once more
    reorder: bool = False  # send what is due in any order
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The form of the control endpoint."""
        return asdict(self)


def rule_of(given: Mapping[str, Any], action_id: str, known_fields: Mapping[str, tuple[str, ...]]) -> Rule:
    """The rule of given settings; ``known_fields`` are those of each object."""
    names = {field.name for field in fields(Rule)} - {"id"}
    unknown = sorted(given.keys() - names)
    if unknown:
        raise BadRule(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(names))}")
    name, url = str(given.get("object", "")), str(given.get("url", ""))
    if name not in known_fields:
        raise BadRule(f'there is no object "{name}"')
    if not url.startswith(("http://", "https://")):
        raise BadRule("url must be an http or https address")
    wanted = given.get("fields") or ["Id"]
    wrong = [one for one in wanted if one not in known_fields[name]]
    if wrong:
        raise BadRule(f"{name} has no field {', '.join(map(str, wrong))}")
    chosen = ("Id", *sorted(set(wanted) - {"Id"}))  # the id first, then by name
    settings = {
        **given,
        "id": action_id,
        "fields": chosen,
        "on": tuple(given.get("on") or ("create", "update")),
    }
    rule = Rule(**settings)
    if not 1 <= rule.batch <= MAX_NOTIFICATIONS:
        raise BadRule(f"batch must be between 1 and {MAX_NOTIFICATIONS}")
    return rule

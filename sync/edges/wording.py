"""The words of tasks and messages, put together when they are sent: the lead as it is now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mappings import templates
from mappings.masking import Veil
from mappings.playbook import Playbook
from mappings.templates import Facts, Template
from model.event import JsonValue, RecordRef
from model.lead import Lead
from model.message import Message, Part
from model.teammate import Teammate

Address = Callable[[RecordRef], tuple[str, str] | None]
"""A record -> what its CRM is called and where a person sees it; ``None`` where that is not known."""


def facts_of(
    lead: Lead, payload: Mapping[str, JsonValue], owner: Teammate | None, address: Address, veil: Veil
) -> Facts:
    """Return what placeholders stand for, as the veil lets it be seen: templates get at nothing else."""
    known: dict[str, Any] = {"id": lead.id}
    shown = veil.fields(lead.fields)
    for name, value in shown.items():
        if isinstance(value, Mapping):  # a touch
            known |= {f"{name}.{part}": inner for part, inner in value.items()}
        else:
            known[name] = value
    full = " ".join(filter(None, (shown.get("first_name"), shown.get("last_name"))))
    known["name"] = full or shown.get("email") or shown.get("phone") or ""
    known["owner_name"] = (owner.name if owner else "") or lead.owner or ""
    known["because"] = list(payload.get("because") or ())
    refs = [RecordRef(link.connection, link.object, link.remote_id) for link in lead.links.values()]
    found = [address(ref) for ref in sorted(refs, key=lambda ref: ref.connection)]
    known["links"] = [one for one in found if one is not None]
    return known


def message(
    key: str, title: Template, lines: Sequence[Template], facts: Facts, to: Sequence[str] = ()
) -> Message:
    """Fill in a message."""
    return Message(key, templates.one_line(title, facts), templates.lines(lines, facts), tuple(to))


def to_row(message: Message) -> dict[str, JsonValue]:
    """Return a message as a row keeps it."""
    lines = [[[part.text, part.url] for part in line] for line in message.lines]
    return {"title": message.title, "lines": lines, "to": list(message.to)}


def digest(messages: Sequence[Message]) -> Message:
    """Combine messages into one that lists them all; a single one stays as it is."""
    if len(messages) == 1:
        return messages[0]
    lines = [line for one in messages for line in ((Part("— "), Part(one.title)), *one.lines)]
    return Message(messages[0].key, f"{len(messages)} messages", tuple(lines), messages[0].to)


def fitting(messages: Sequence[Message], capacity: int) -> int:
    """Return how many of the messages, from the first, fit into one: at least one."""
    size = 0
    for n, one in enumerate(messages):
        size += one.size + 3
        if one.to != messages[0].to or (n and size > capacity):
            return n
    return len(messages)


def rule_named(playbook: Playbook, kind: str, name: JsonValue) -> Any:
    """Return the follow-up or notification rule of that name; ``None`` when the playbook has it no more."""
    rules: Sequence[Any] = playbook.follow_up.rules if kind == "task" else playbook.notifications.rules
    return next((rule for rule in rules if rule.name == name), None)

"""Follow-ups and notifications: from the checked files to what handlers and deliveries use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mappings import templates
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import (
    ChannelRule,
    Condition,
    CrmMap,
    FollowUp,
    FollowUpRule,
    Notifications,
    NotifyRule,
)
from mappings.problems import did_you_mean
from mappings.schema import FollowUpFile, NotificationsFile
from mappings.templates import Template
from mappings.values.converters import Unusable, email
from mappings.values.durations import duration


def compile_follow_up(checked: Checked[FollowUpFile], crms: Mapping[str, CrmMap], scope: Scope) -> FollowUp:
    """Return the rules that make tasks; what they name wrongly is noted in the scope."""
    file, document = checked.model, checked.document
    rules = []
    for n, entry in enumerate(file.tasks):
        path = ("tasks", n)
        for m, name in enumerate(entry.connections):
            place = document.value_place(*path, "connections", m)
            known = scope.knows(place, "connection", name, list(scope.objects))
            if known and name in crms and crms[name].tasks is None:
                fix = f"Add tasks: {{key_field: …}} to {crms[name].place.file}."
                scope.fault(place, f'the map of "{name}" says nothing of tasks', fix)
        rules.append(
            FollowUpRule(
                name=entry.name,
                place=document.place(*path),
                subject=template(entry.subject, document, scope, *path, "subject"),
                body=_templates(entry.body, document, scope, *path, "body"),
                due_in=duration(entry.due_in),
                when=_condition(entry.when, document, scope, *path),
                priority=entry.priority,
                type=entry.type,
                connections=tuple(entry.connections),
            )
        )
    return FollowUp(tuple(rules))


def compile_notifications(checked: Checked[NotificationsFile], scope: Scope) -> Notifications:
    """Return the channels and the rules that send messages."""
    file, document = checked.model, checked.document
    channels = {name: _channel(name, checked, scope) for name in file.channels}
    rules = []
    seen: set[str] = set()
    for n, entry in enumerate(file.rules):
        path = ("rules", n)
        scope.knows(document.value_place(*path, "channel"), "channel", entry.channel, list(channels))
        channel = channels.get(entry.channel)
        if entry.to == "owner" and channel is not None and channel.kind != "mail":
            fix = "Name a channel of kind mail, or leave `to` out."
            scope.fault(
                document.value_place(*path, "to"), f"a {channel.kind} channel writes to all in it", fix
            )
        if entry.to == "channel" and channel is not None and channel.kind == "mail" and not channel.to:
            fix = "Add to: [address] to the channel, or to: owner here."
            scope.fault(document.place(*path), "this mail has no recipient", fix)
        if entry.name in seen:
            fix = "A rule sends once for each cause by its name: give this one another."
            scope.fault(
                document.value_place(*path, "name"), f'there are two rules called "{entry.name}"', fix
            )
        seen.add(entry.name)
        rules.append(
            NotifyRule(
                name=entry.name,
                place=document.place(*path),
                on=entry.on,
                channel=entry.channel,
                title=template(entry.title, document, scope, *path, "title"),
                lines=_templates(entry.text, document, scope, *path, "text"),
                when=_condition(entry.when, document, scope, *path),
                to_owner=entry.to == "owner",
            )
        )
    return Notifications(channels, tuple(rules), duration(file.wait_for_links))


def _channel(name: str, checked: Checked[NotificationsFile], scope: Scope) -> ChannelRule:
    entry, document = checked.model.channels[name], checked.document
    at = document.place("channels", name)
    if name in scope.objects:
        fix = "What waits for either is kept under its name: give one of the two another."
        scope.fault(at, f'a connection is called "{name}", too', fix)
    for n, address in enumerate(entry.to):
        try:
            email(address)
        except Unusable as error:
            scope.fault(document.value_place("channels", name, "to", n), f'"{address}" {error.reason}')
    for setting, kind in (("to", "mail"), ("channel", "slack")):
        if getattr(entry, setting) and entry.kind != kind:
            place = document.place("channels", name, setting)
            scope.fault(place, f"{setting} means nothing to a channel of kind {entry.kind}")
    return ChannelRule(name, entry.kind, at, entry.channel, tuple(entry.to), entry.promise)


def _condition(data: Any, document: Document, scope: Scope, *path: str | int) -> Condition | None:
    return scope.condition(document, data, *path, "when") if data is not None else None


def _templates(
    texts: Sequence[str], document: Document, scope: Scope, *path: str | int
) -> tuple[Template, ...]:
    return tuple(template(text, document, scope, *path, n) for n, text in enumerate(texts))


def template(text: str, document: Document, scope: Scope, *path: str | int) -> Template:
    """Parse a line; where it is wrong the fault is noted and the words stay as they are."""
    place = document.value_place(*path)
    known: Collection[str] = [*scope.field_names, *templates.MADE, "id"]
    try:
        return templates.parse(text, place, known)
    except templates.BadTemplate as error:
        if not error.name or "fields" not in scope.unread:
            scope.fault(place, str(error), did_you_mean(error.name, known) if error.name else "")
        return Template((text,), place)

"""``consent.yaml``: from the checked file to purposes, regions and gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

from mappings.compiling import messages as compile_messages
from mappings.compiling.scope import Scope
from mappings.compiling.validation import Checked
from mappings.loader import Document
from mappings.playbook import (
    ELSEWHERE,
    Confirm,
    ConfirmPage,
    Consent,
    ConsentGate,
    CrmMap,
    FollowUp,
    Notifications,
    Purpose,
    TextVersion,
)
from mappings.problems import did_you_mean
from mappings.schema import ConfirmPageMap, ConsentFile
from mappings.values import countries
from mappings.values.dates import how_to_write_day
from mappings.values.durations import duration
from model.consent import CONSENT_TEXT, confirmed_field_of, field_of
from model.decision import Place

CONFIRMED = "_confirmed"


def fields_of(document: Document | None) -> dict[str, type]:
    """Return the lead fields that the purposes of a file become, faulty ones included."""
    data = document.data.get("purposes") if document and isinstance(document.data, dict) else None
    if not isinstance(data, dict):
        return {}
    names = [str(name) for name in data]
    fields: dict[str, type] = {one(name): bool for name in names for one in (field_of, confirmed_field_of)}
    return fields | {CONSENT_TEXT: str}


def confirmed_of(document: Document | None) -> frozenset[str]:
    """Return those of them that say that a consent was confirmed."""
    return frozenset(name for name in fields_of(document) if name.endswith(CONFIRMED))


def compile_purposes(
    checked: Checked[ConsentFile], own_fields: Mapping[str, Any], scope: Scope
) -> dict[str, Purpose]:
    """Return the purposes; what is wrong with them is noted in the scope. ``own_fields``: of fields.yaml."""
    document = checked.document
    made: dict[str, Purpose] = {}
    for name, entry in checked.model.purposes.items():
        at = document.place("purposes", name)
        if name == "text" or name.endswith(CONFIRMED):
            fix = f"{CONSENT_TEXT} and consent_…{CONFIRMED} are fields of leadrelay's own."
            scope.fault(at, f'a purpose cannot be called "{name}"', fix)
        for field in (field_of(name), confirmed_field_of(name)):
            if field in own_fields:
                fix = "A purpose makes this field by itself: take it out of fields.yaml."
                scope.fault(at, f'"{field}" is in fields.yaml, too', fix)
        texts = tuple(
            TextVersion(one.version, _day(one.since, document, scope, "purposes", name, "texts", n), one.text)
            for n, one in enumerate(entry.texts)
        )
        _check_texts(texts, document, scope, "purposes", name, "texts")
        made[name] = Purpose(name, entry.title, entry.basis, texts, at)
    return made


def _check_texts(texts: tuple[TextVersion, ...], document: Document, scope: Scope, *path: str | int) -> None:
    """Note versions that are there twice or do not follow each other in time."""
    for n, one in enumerate(texts[1:], start=1):
        earlier = texts[:n]
        if one.version in {each.version for each in earlier}:
            fix = "The ledger names a text by its version: give each its own."
            at = document.value_place(*path, n, "version")
            scope.fault(at, f'there are two versions called "{one.version}"', fix)
        before = max((each.since for each in earlier if each.since is not None), default=None)
        if one.since is None or (before is not None and one.since <= before):
            fix = "Write since: with a day after that of the version before it."
            scope.fault(document.place(*path, n), "it is not said from when on this version is shown", fix)


def compile_consent(
    checked: Checked[ConsentFile],
    purposes: Mapping[str, Purpose],
    crms: Mapping[str, CrmMap],
    told: tuple[FollowUp, Notifications],
    scope: Scope,
) -> Consent:
    """Return the gates by act with the regions they name."""
    file, document = checked.model, checked.document
    regions = {name: region_of(name, listed, document, scope) for name, listed in file.regions.items()}
    names = _names(crms, *told)
    made = {
        name: replace(purpose, confirm=_confirm(name, checked, told[1], scope))
        for name, purpose in purposes.items()
    }
    gates: dict[str, list[ConsentGate]] = {}
    for n, entry in enumerate(file.gates):
        path = ("gates", n)
        scope.knows(document.value_place(*path, "needs"), "purpose", entry.needs, list(file.purposes))
        for m, region in enumerate(entry.regions):
            at = document.value_place(*path, "regions", m)
            scope.knows(at, "region", region, [*file.regions, ELSEWHERE])
        _check_only(entry.act, entry.only, names, document, scope, *path)
        if entry.double_opt_in and entry.basis != "consent":
            fix = "Take double_opt_in: out, or write basis: consent."
            at = document.value_place(*path, "double_opt_in")
            scope.fault(at, "where no yes is needed none can be confirmed", fix)
        elif entry.double_opt_in:
            purpose = file.purposes.get(entry.needs)
            if purpose is not None and purpose.confirm is None:
                _check_can_open(entry.needs, crms, document.value_place(*path, "double_opt_in"), scope)
        gates.setdefault(entry.act, []).append(
            ConsentGate(
                act=entry.act,
                purpose=entry.needs,
                place=document.place(*path),
                only=frozenset(entry.only),
                regions=tuple(entry.regions),
                basis=entry.basis,
                double_opt_in=entry.double_opt_in,
                since=_day(entry.since, document, scope, *path),
            )
        )
    return Consent(made, regions, {act: tuple(found) for act, found in gates.items()})


def _confirm(
    name: str, checked: Checked[ConsentFile], notifications: Notifications, scope: Scope
) -> Confirm | None:
    """Return the mail of a purpose's double opt-in; what is wrong with it is noted."""
    entry, document = checked.model.purposes[name].confirm, checked.document
    if entry is None:
        return None
    path = ("purposes", name, "confirm")
    at = document.value_place(*path, "channel")
    channel = notifications.channels.get(entry.channel)
    if channel is None:
        channels = list(notifications.channels)
        fix = did_you_mean(entry.channel, channels) or "Add one of kind mail to notifications.yaml."
        scope.fault(at, f'there is no channel "{entry.channel}"', fix)
    elif channel.kind != "mail":
        fix = "Name a channel of kind mail."
        scope.fault(at, f"a {channel.kind} channel does not reach the person", fix)
    return Confirm(
        channel=entry.channel,
        subject=compile_messages.template(entry.subject, document, scope, *path, "subject"),
        body=tuple(
            compile_messages.template(line, document, scope, *path, "body", n)
            for n, line in enumerate(entry.body)
        ),
        page=_page(entry.page),
        expires=duration(entry.expires),
        at_most=entry.at_most,
    )


def _page(entry: ConfirmPageMap | None) -> ConfirmPage:
    if entry is None:
        return ConfirmPage()
    words = entry.model_dump(exclude_none=True, exclude={"footer"})
    return ConfirmPage(**words, footer=tuple(entry.footer))


def _check_can_open(name: str, crms: Mapping[str, CrmMap], at: Place, scope: Scope) -> None:
    """Note a gate that waits for a confirmation of which no mail asks and no CRM tells."""
    field = confirmed_field_of(name)
    is_read = any(
        rule.field == field and not rule.write_only
        for crm in crms.values()
        for mapped in crm.objects.values()
        for rule in mapped.fields
    )
    if not is_read:
        fix = f"Give the purpose confirm: with a mail, or map {field} in a crm/*.yaml that tells it."
        scope.fault(at, f'nobody is asked to confirm "{name}", so that this gate never opens', fix)


def _names(
    crms: Mapping[str, CrmMap], follow_up: FollowUp, notifications: Notifications
) -> dict[str, list[str]]:
    """Return what `only` may name, by act."""
    return {
        "task": [*(rule.name for rule in follow_up.rules), *crms],
        "notify": [*(rule.name for rule in notifications.rules), *notifications.channels],
        "sync": list(crms),
        "assign": [],
    }


def _check_only(
    act: str,
    only: list[str],
    names: Mapping[str, list[str]],
    document: Document,
    scope: Scope,
    *path: str | int,
) -> None:
    if act == "assign" and only:
        fix = "An owner is given or not: take only: out."
        scope.fault(document.place(*path, "only"), "only means nothing to the act assign", fix)
        return
    for m, name in enumerate(only):
        kind = "connection" if act == "sync" else "rule, connection or channel"
        scope.knows(document.value_place(*path, "only", m), kind, name, names[act])


def region_of(name: str, listed: list[str], document: Document, scope: Scope) -> frozenset[str]:
    """Return the countries of a region; what is wrong with them is noted."""
    at = document.place("regions", name)
    if name == ELSEWHERE:
        fix = "It means the countries that are in no region: give this one another name."
        scope.fault(at, f'a region cannot be called "{ELSEWHERE}"', fix)
    if not listed:
        scope.fault(at, f'the region "{name}" has no country', "List its countries: [DE, AT].")
    found = set()
    for n, country in enumerate(listed):
        if countries.find(country) != country:
            meant = countries.find(country)
            fix = f"Write {meant}." if meant else "Write two letters, as ISO 3166-1 has them: DE."
            scope.fault(document.value_place("regions", name, n), f'"{country}" is no country code', fix)
        found.add(country)
    return frozenset(found)


def _day(text: str, document: Document, scope: Scope, *path: str | int) -> datetime | None:
    """Return the first moment of a day, in UTC; ``None`` for none, or for what is no day, which is noted."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        at = document.value_place(*path, "since")
        scope.fault(at, f'"{text}" is no day', how_to_write_day(text))
        return None
    return datetime.combine(day, time(), UTC)


def check_fields(fields: Mapping[str, type], crms: Mapping[str, CrmMap], scope: Scope) -> None:
    """Note lines of CRM maps by which a no would not be heard, or would not arrive."""
    for crm in crms.values():
        for object_map in crm.objects.values():
            for rule in object_map.fields:
                if rule.field in fields and fields[rule.field] is bool:
                    _check_line(rule.field, rule.authority, rule.place, scope, is_read=not rule.write_only)


def _check_line(field: str, authority: str, place: Place, scope: Scope, *, is_read: bool) -> None:
    if not is_read and not field.endswith(CONFIRMED):
        fix = "A no counts wherever it was said: write direction: from_crm or both."
        scope.fault(place, f'"{field}" is always read', fix)
    if authority not in ("newest", "leadrelay"):
        fix = "It has rules of its own, by which the no wins; write newest."
        scope.fault(place, f'"{authority}" cannot decide about "{field}"', fix)

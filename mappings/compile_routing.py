"""Territories and pools: from the checked file to what handlers use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mappings.conditions import GROUPS
from mappings.converters import Unusable, email
from mappings.loader import Document
from mappings.playbook import (
    Member,
    Pool,
    Routing,
    Territory,
)
from mappings.schema import (
    RoutingFile,
)
from mappings.scope import Scope
from mappings.validation import Checked


def compile_routing(checked: Checked[RoutingFile], scope: Scope) -> Routing:
    """Return the territories and pools."""
    file, document = checked.model, checked.document
    if file.from_stage:
        scope.knows(document.value_place("from_stage"), "stage", file.from_stage, scope.stages)
    scope.knows(document.value_place("fallback_pool"), "pool", file.fallback_pool, scope.pools)
    _check_reachable(file, document, scope)
    territories = []
    for n, entry in enumerate(file.territories):
        at = document.place("territories", n)
        if bool(entry.pool) == bool(entry.owner) and document.sound:
            scope.fault(at, f'the territory "{entry.name}" needs either a pool or an owner')
        if entry.pool:
            scope.knows(document.value_place("territories", n, "pool"), "pool", entry.pool, scope.pools)
        owner = _address(entry.owner, document, scope, "territories", n, "owner") if entry.owner else ""
        when = scope.condition(document, entry.when, "territories", n, "when")
        if when is not None:
            territories.append(Territory(entry.name, when, at, entry.pool, owner))
    return Routing(
        territories=tuple(territories),
        pools={name: _pool(name, checked, scope) for name in file.pools},
        fallback_pool=file.fallback_pool,
        fallback_place=document.place("fallback_pool"),
        place=document.place("territories"),
        from_stage=file.from_stage,
    )


def _pool(name: str, checked: Checked[RoutingFile], scope: Scope) -> Pool:
    document = checked.document
    members: dict[str, Member] = {}
    for n, entry in enumerate(checked.model.pools[name].members):
        at = document.place("pools", name, "members", n)
        address = _address(entry.email, document, scope, "pools", name, "members", n, "email")
        if address in members:
            fix = "For more leads, give one entry more weight: {email: …, weight: 2}."
            scope.fault(at, f'"{address}" is in the pool "{name}" twice', fix)
        members[address] = Member(address, entry.weight, at)
    if not members and checked.document.sound:
        fix = "Add a member, or send its territories to another pool."
        scope.fault(document.place("pools", name), f'the pool "{name}" has no members', fix)
    return Pool(name, tuple(members.values()), document.place("pools", name))


def _address(text: str, document: Document, scope: Scope, *path: str | int) -> str:
    try:
        return email(text)
    except Unusable as error:
        scope.fault(document.value_place(*path), f'"{text}" {error.reason}')
        return text


def _check_reachable(file: RoutingFile, document: Document, scope: Scope) -> None:
    """Find territories that an earlier one leaves nothing: it has the same condition, or a wider one."""
    first: dict[str, str] = {}
    wide: list[tuple[str, Mapping[str, frozenset[str]]]] = []
    for n, entry in enumerate(file.territories):
        at, form = document.place("territories", n), _normal_form(entry.when)
        sets = _sets(entry.when)
        wider = next((name for name, theirs in wide if _is_within(sets, theirs)), "")
        if form in first:
            message = f'no lead reaches the territory "{entry.name}": "{first[form]}" has the same condition'
            scope.fault(at, message, "The first territory that matches wins.")
        elif wider:
            message = f'no lead reaches the territory "{entry.name}": "{wider}" before it takes them all'
            scope.fault(at, message, f'The first territory that matches wins: move it before "{wider}".')
        first.setdefault(form, entry.name)
        if len(sets) == len(entry.when):  # nothing else is asked there
            wide.append((entry.name, sets))


def _sets(data: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the fields of a condition that are asked to be one of some values, with these values."""
    found = {}
    for name, value in data.items():
        operators = value if isinstance(value, dict) else {"in": value}
        listed = operators.get("in", operators.get("is"))
        if name in GROUPS or len(operators) != 1 or listed is None:
            continue
        values = listed if isinstance(listed, list) else [listed]
        if not any(isinstance(one, dict | list) for one in values):
            found[name] = frozenset(map(_normal_form, values))
    return found


def _is_within(sets: Mapping[str, frozenset[str]], wider: Mapping[str, frozenset[str]]) -> bool:
    """Say whether whatever is of these values is of the wider ones, too."""
    return bool(wider) and all(name in sets and sets[name] <= values for name, values in wider.items())


def _normal_form(data: Any) -> str:
    """Write a condition so that order and case, which do not matter, do not show."""
    if isinstance(data, dict):
        return "{" + ",".join(sorted(f"{key}:{_normal_form(value)}" for key, value in data.items())) + "}"
    if isinstance(data, list):
        return "[" + ",".join(sorted({_normal_form(item) for item in data})) + "]"
    return json.dumps(data.strip().casefold() if isinstance(data, str) else data)

"""The search endpoint: filters, sorting and paging over what the index knows by now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import bad_request
from sandbox.hubspot.filters import Test, reading, to_test, words_in
from sandbox.hubspot.index import indexed
from sandbox.hubspot.kinds import SPELLINGS
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.render import View
from sandbox.hubspot.singles import OBJECTS
from sandbox.hubspot.values import as_text
from sandbox.reading import whole_number
from sandbox.records import Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

MOST_GROUPS, MOST_IN_GROUP, MOST_FILTERS = 5, 6, 18
MOST_CHARACTERS, LARGEST_PAGE, LAST_RESULT = 3_000, 200, 10_000
ENDPOINT = "search "  # the account knows by this name which calls have a limit of their own

Filter = shapes.Object
Match = Callable[[Record], bool]


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoint under every path scheme."""

    def search(object_type: str) -> Response:
        objects = account.of(object_type)
        if len(request.get_data(as_text=True)) > MOST_CHARACTERS:
            raise bad_request(f"Invalid input JSON: the body is longer than {MOST_CHARACTERS} characters")
        sent = render.body()
        groups = _groups(sent)
        size, offset = _page(sent)
        with account.lock:
            matches = _matches(objects, groups, shapes.text(sent.get("query")))
            sorts = shapes.listed(sent.get("sorts"))
            found = None if sent.get("query") else _above(objects, groups, sorts)
            if found is None:
                candidates = _by_key(objects, groups) or indexed(objects)
                found = [record for record in candidates if matches(record)]
                _sort(objects, found, sorts)
            view = View(objects, shapes.texts(sent.get("properties")))
            told: dict[str, Any] = {"total": len(found)}
            told["results"] = [view.show(record) for record in found[offset : offset + size]]
        if offset + size < len(found):
            told["paging"] = {"next": {"after": str(offset + size)}}
        return answer(told)

    for base in OBJECTS:
        api.add_url_rule(f"{base}/<object_type>/search", f"{ENDPOINT}{base}", search, methods=["POST"])


def _groups(sent: Mapping[str, Any]) -> list[list[Filter]]:
    """The filters of each group, within HubSpot's limits."""
    told = sent.get("filterGroups") or ([{"filters": sent["filters"]}] if sent.get("filters") else [])
    if not isinstance(told, list) or not all(isinstance(group, dict) for group in told):
        raise bad_request("Invalid input JSON: filterGroups must be a list of objects")
    groups = [shapes.objects(group.get("filters")) for group in told]
    _at_most("filterGroups", len(groups), MOST_GROUPS)
    for group in groups:
        _at_most("filters per filterGroup", len(group), MOST_IN_GROUP)
    _at_most("filters", sum(len(group) for group in groups), MOST_FILTERS)
    return groups


def _at_most(what: str, count: int, most: int) -> None:
    if count > most:
        raise bad_request(f"Invalid input JSON: too many {what} (count: {count}, max allowed: {most})")


def _page(sent: Mapping[str, Any]) -> tuple[int, int]:
    limit, after = as_text(sent.get("limit")) or "10", as_text(sent.get("after")) or "0"
    size, offset = whole_number(limit), whole_number(after)
    if size is None or not 1 <= size <= LARGEST_PAGE:
        raise bad_request(f"Invalid limit: {limit}. It must be between 1 and {LARGEST_PAGE}.")
    if offset is None:
        raise bad_request(f"Invalid after: {after}. It must be a whole number.")
    if offset + size > LAST_RESULT:
        raise bad_request(f"Invalid after: {after}. A search goes to the first {LAST_RESULT} results only.")
    return size, offset


def _matches(objects: Objects, groups: Sequence[Sequence[Filter]], query: str) -> Match:
    """Whether a record passes any group, and carries every word of the query."""
    tests = [[_match(objects, told) for told in group] for group in groups]
    words = query.lower().split()
    searched = objects.kind.searched

    def carries(values: Mapping[str, Any]) -> bool:
        tokens = {token for name in searched for token in words_in(values.get(name) or "")}
        return all(any(token.startswith(word) for token in tokens) for word in words)

    def match(record: Record) -> bool:
        if words and not carries(record.values):
            return False
        return not tests or any(all(test(record) for test in group) for group in tests)

    return match


def _match(objects: Objects, told: Filter) -> Match:
    name = as_text(told.get("propertyName"))
    if name.startswith("associations."):
        return _associated(objects, name.removeprefix("associations."), told)
    definition = objects.definitions.get(name)
    if definition is None:
        raise bad_request(f'Invalid input JSON: there is no property "{name}" to filter by')
    test: Test = to_test(definition, told)
    return lambda record: test(record.values)


def _associated(objects: Objects, target: str, told: Filter) -> Match:
    """The pseudo-property ``associations.{type}``: the id of an associated record."""
    kind = SPELLINGS.get(target)
    if kind is None:
        raise bad_request(f"Invalid input JSON: there are no associations with {target}")
    links, source, operator = objects.account.links, objects.kind.name, told.get("operator")
    values = shapes.texts(told.get("values")) if operator == "IN" else [told.get("value")]
    wanted = {as_text(value) for value in values}
    match operator:
        case "EQ" | "IN":
            return lambda record: not wanted.isdisjoint(links.of((source, record.id), kind.name))
        case "HAS_PROPERTY" | "NOT_HAS_PROPERTY":
            has = operator == "HAS_PROPERTY"
            return lambda record: bool(links.of((source, record.id), kind.name)) == has
    raise bad_request(f"Invalid input JSON: operator {operator} does not go with associations")


def _above(
    objects: Objects, groups: Sequence[Sequence[Filter]], sorts: Sequence[object]
) -> list[Record] | None:
    """The records above an id, where that is all that is asked for: they are in order, none is looked at."""
    if len(groups) != 1 or len(groups[0]) != 1 or len(sorts) != 1:
        return None
    if objects.account.faults.setting["search_lag_ms"]:
        return None
    [told] = groups[0]
    number = whole_number(shapes.text(told.get("value")))
    is_keyset = (told.get("propertyName"), told.get("operator")) == ("hs_object_id", "GT")
    if not is_keyset or number is None or _sort_of(sorts[0]) != ("hs_object_id", False):
        return None
    return objects.table.above(number)


def _by_key(objects: Objects, groups: Sequence[Sequence[Filter]]) -> list[Record] | None:
    """The only records that can match, where every group names a key and the index is up to date."""
    if not groups or objects.account.faults.setting["search_lag_ms"]:
        return None
    found: dict[int, Record] = {}
    for group in groups:
        told = next((told for told in group if _names_keys(objects, told)), None)
        if told is None:
            return None
        name = told["propertyName"]
        for value in shapes.texts(told.get("values")) or [shapes.text(told.get("value"))]:
            record = objects.find_exact(as_text(value), name)
            if record is not None:
                found[record.position] = record
    return [found[position] for position in sorted(found)]


def _names_keys(objects: Objects, told: Filter) -> bool:
    """Whether a filter can only match holders of keys: an id, or an address; other keys differ in case."""
    is_key = told.get("propertyName") in ("hs_object_id", "email" if objects.kind.name == "contacts" else "")
    return is_key and told.get("operator") in ("EQ", "IN")


def _sort(objects: Objects, found: list[Record], sorts: Sequence[object]) -> None:
    """Order by one property, records without it last; by creation where none is named."""
    _at_most("sorts", len(sorts), 1)
    for told in sorts:
        name, descending = _sort_of(told)
        definition = objects.definitions.get(name)
        if definition is None:
            raise bad_request(f'Invalid input JSON: there is no property "{name}" to sort by')
        with_value = [record for record in found if record.values.get(name)]
        without = [record for record in found if not record.values.get(name)]
        with_value.sort(key=lambda record: reading(definition, record.values[name]), reverse=descending)
        found[:] = [*with_value, *without]


def _sort_of(told: object) -> tuple[str, bool]:
    if isinstance(told, dict):
        return as_text(told.get("propertyName")), as_text(told.get("direction")).upper() == "DESCENDING"
    text = as_text(told)
    return text.removeprefix("-"), text.startswith("-")

"""``POST composite/tree/X``: records with their children in one call, all or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.batches import attributes_of
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.single import writer

MAX_RECORDS, MAX_DEPTH = 200, 5


@dataclass(frozen=True, slots=True)
class Node:
    """One record of a tree."""

    kind: ObjectType
    reference_id: str
    fields: Mapping[str, Any]
    parent: str | None  # the reference id of the record above, and the field that shall refer to it
    parent_field: str | None


def create_tree(ask: Ask) -> Reply:
    """Make the records from the top down; the first error takes all back and is the only one told."""
    kind = ask.org.kind(ask.arguments["sobject"])
    records = ask.fields().get("records")
    nodes = list(_nodes(ask, kind, records, 1, None, None))
    _check(nodes)
    write, made = writer(ask), dict[str, str]()
    for node in nodes:
        parent = {node.parent_field: made[node.parent]} if node.parent and node.parent_field else {}
        try:
            made[node.reference_id] = write.create(node.kind, {**node.fields, **parent}).id
        except SalesforceError as error:
            ask.journal.roll_back()
            told = {"referenceId": node.reference_id, "errors": [error.item()]}
            return Reply(400, {"hasErrors": True, "results": [told]})
    results = [{"referenceId": reference, "id": record_id} for reference, record_id in made.items()]
    return Reply(201, {"hasErrors": False, "results": results})


def _nodes(
    ask: Ask, kind: ObjectType, records: Any, depth: int, parent: str | None, field: str | None
) -> Iterator[Node]:
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise SalesforceError("JSON_PARSER_ERROR", "The records are not a JSON array of objects")
    if depth > MAX_DEPTH:
        raise SalesforceError("INVALID_INPUT", f"A tree has at most {MAX_DEPTH} levels")
    for record in records:
        attributes = attributes_of(record)
        if str(attributes.get("type", "")).lower() != kind.name.lower():
            message = f"the record is not of type {kind.name}"
            raise SalesforceError("INVALID_TYPE", message)
        reference = str(attributes.get("referenceId", ""))
        children = {
            name: value for name, value in record.items() if isinstance(value, dict) and "records" in value
        }
        fields = {name: value for name, value in record.items() if name not in children}
        yield Node(kind, reference, fields, parent, field)
        for name, value in children.items():
            found = ask.org.schema.child(kind, name)
            if found is None:
                raise SalesforceError("INVALID_FIELD", f"No such relation '{name}' on entity '{kind.name}'")
            yield from _nodes(ask, found[0], value["records"], depth + 1, reference, found[1].name)


def _check(nodes: list[Node]) -> None:
    if len(nodes) > MAX_RECORDS:
        raise SalesforceError("EXCEEDED_ID_LIMIT", f"A tree has at most {MAX_RECORDS} records")
    names = [node.reference_id for node in nodes]
    if "" in names or len(set(names)) < len(names):
        raise SalesforceError(
            "INVALID_INPUT", "Include a unique reference ID for each record in the request."
        )

"""The endpoints that associate two records, and list who is associated."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render
from sandbox.hubspot.errors import bad_associations, bad_request
from sandbox.hubspot.link_types import LinkType, Spec
from sandbox.hubspot.links import End
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.render import limit_in
from sandbox.hubspot.values import iso
from sandbox.hubspot.wanted import specs_in, wrong_type
from sandbox.reading import sent_json, whole_number

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

OBJECTS = ("/crm/v4/objects", "/crm/objects/2026-03", "/crm/objects/2026-09")
LISTED = OBJECTS[:2]  # 2026-09 has only the batch read
LARGEST_PAGE = 500


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme that has them."""

    def default(object_type: str, record_id: str, to_type: str, to_id: str) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        with account.lock:
            source, target = pair.ends(record_id, to_id)
            account.links.add(source, target)
            shown = pair.both_ways(source, target)
        at = iso(account.now())
        return answer({"status": "COMPLETE", "results": shown, "startedAt": at, "completedAt": at})

    def labelled(object_type: str, record_id: str, to_type: str, to_id: str) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        specs = specs_in(sent_json())
        with account.lock:
            pair.check(specs)
            source, target = pair.ends(record_id, to_id)
            account.links.replace(source, target, specs)
            account.leads.drop_loose()
            return answer(pair.labels(source, target, specs), 201)

    def remove(object_type: str, record_id: str, to_type: str, to_id: str) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        with account.lock:
            account.links.remove((pair.source, record_id), (pair.target, to_id))
            account.leads.drop_loose()
        return Response(status=204)

    def listing(object_type: str, record_id: str, to_type: str) -> Response:
        pair = Pair(account.of(object_type), account.of(to_type))
        size, after = limit_in(LARGEST_PAGE, LARGEST_PAGE), request.args.get("after")
        with account.lock:
            shown, more = pair.page((pair.source, pair.existing(pair.one, record_id)), after, size)
        return answer(render.page(shown, more))

    for base in OBJECTS:
        others = f"{base}/<object_type>/<record_id>/associations"
        one = f"{others}/<to_type>/<to_id>"
        api.add_url_rule(f"{others}/default/<to_type>/<to_id>", f"associate {base}", default, methods=["PUT"])
        api.add_url_rule(one, f"label {base}", labelled, methods=["PUT"])
        api.add_url_rule(one, f"dissociate {base}", remove, methods=["DELETE"])
    for base in LISTED:
        rule = f"{base}/<object_type>/<record_id>/associations/<to_type>"
        api.add_url_rule(rule, f"associations {base}", listing, methods=["GET"])


class Pair:
    """Two object types that can be associated. Callers hold the vendor's lock."""

    def __init__(self, one: Objects, other: Objects) -> None:
        self.one, self.other = one, other
        self.source, self.target = one.kind.name, other.kind.name
        self._account = one.account
        self._types = one.account.link_types
        plain = self._types.unlabelled(self.source, self.target)
        if plain is None:
            message = f"{one.kind.code} and {other.kind.code} cannot be associated"
            raise bad_request(
                message, context={"fromObjectType": [self.source], "toObjectType": [self.target]}
            )
        self.plain: LinkType = plain

    def check(self, specs: list[Spec]) -> None:
        """Refuse types that do not exist in this direction."""
        if not specs:
            raise bad_request("Invalid input JSON: each association needs at least one type")
        for spec in specs:
            if self._types.get(self.source, self.target, spec) is None:
                raise wrong_type(spec)

    def existing(self, objects: Objects, record_id: str) -> str:
        """The id of the record, which may be asked for by one from before a merge."""
        record = objects.find(record_id)
        if record is None:
            code = objects.kind.code
            raise bad_associations(
                INVALID_OBJECT_IDS=[f"{code}={record_id} is not valid"],
                objectId=[record_id],
                objectType=[code],
            )
        return record.id

    def ends(self, record_id: str, to_id: str) -> tuple[End, End]:
        """Both records of an association."""
        source = self.source, self.existing(self.one, record_id)
        target = self.target, self.existing(self.other, to_id)
        if source == target:
            raise bad_request("A record cannot be associated with itself.")
        return source, target

    def both_ways(self, source: End, target: End) -> list[dict[str, Any]]:
        """The unlabelled association as its call answers it, there and back."""
        back = self._types.unlabelled(target[0], source[0])
        ways = [(source, target, self.plain), *([(target, source, back)] if back else [])]
        return [
            {"from": {"id": one[1]}, "to": {"id": other[1]}, "associationSpec": made.as_spec()}
            for one, other, made in ways
        ]

    def labels(self, source: End, target: End, specs: list[Spec]) -> dict[str, Any]:
        """What a call that sets labels answers."""
        types = (self._types.get(self.source, self.target, spec) for spec in specs)
        return {
            "fromObjectTypeId": self.one.kind.type_id,
            "fromObjectId": source[1],
            "toObjectTypeId": self.other.kind.type_id,
            "toObjectId": target[1],
            "labels": [made.label for made in types if made is not None and made.label],
        }

    def page(self, source: End, after: str | None, size: int) -> tuple[list[dict[str, Any]], str | None]:
        """The associated records after one, with their types; and the last id where there are more."""
        present = {
            other: specs
            for other, specs in self._account.links.of(source, self.target).items()
            if self.other.find(other) is not None
        }
        ids = sorted(present, key=int)
        if after:
            start = whole_number(after)
            ids = [] if start is None else [other for other in ids if int(other) > start]
        shown = [
            {"toObjectId": other, "associationTypes": self._shown(present[other])}
            for other in islice(ids, size)
        ]
        return shown, ids[size - 1] if len(ids) > size else None

    def _shown(self, specs: dict[Spec, None]) -> list[dict[str, Any]]:
        types = (self._types.get(self.source, self.target, spec) for spec in specs)
        return [made.as_json() for made in types if made is not None]

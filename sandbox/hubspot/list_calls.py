"""The endpoints for lists and their members."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import bad_request, fields_missing, not_found
from sandbox.hubspot.kinds import SPELLINGS
from sandbox.hubspot.lists import DYNAMIC, MANUAL, SNAPSHOT, RecordList, change_members
from sandbox.hubspot.render import flag_in, limit_in, names_in
from sandbox.hubspot.values import iso
from sandbox.reading import sent_json, whole_number

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

LISTS = ("/crm/v3/lists", "/crm/lists/2026-03", "/crm/lists/2026-09")
MOST_COPIED = 100_000


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def create() -> Response:
        sent = render.body()
        missing = [name for name in ("name", "objectTypeId", "processingType") if not sent.get(name)]
        if missing:
            raise fields_missing(missing)
        name, processing = shapes.text(sent["name"]), shapes.text(sent["processingType"])
        if processing not in (MANUAL, SNAPSHOT, DYNAMIC):
            raise bad_request(f"{processing} is no processing type of a list.")
        if processing == DYNAMIC and not sent.get("filterBranch"):
            raise bad_request("A dynamic list needs a filterBranch.")
        type_id, at = account.of(shapes.text(sent["objectTypeId"])).kind.type_id, account.now()
        with account.lock:
            made = account.lists.add(name, type_id, processing, at=at, filters=sent.get("filterBranch"))
        return answer({"list": made.as_json()})

    def several() -> Response:
        wanted = names_in("listIds")
        found = [one for one in account.lists.live() if one.list_id in wanted]
        return answer({"lists": [_shown(one) for one in found]})

    def read(list_id: str) -> Response:
        return answer({"list": _shown(account.lists.get(list_id))})

    def read_named(type_id: str, name: str) -> Response:
        found = account.lists.named(account.of(type_id).kind.type_id, name)
        if found is None:
            raise not_found(f"List does not exist with name {name}.")
        return answer({"list": _shown(found)})

    def search() -> Response:
        sent = render.body()
        words, kinds = shapes.text(sent.get("query")).lower(), shapes.texts(sent.get("processingTypes"))
        wanted_ids, type_id = shapes.texts(sent.get("listIds")), shapes.text(sent.get("objectTypeId"))
        size, offset = shapes.whole(sent.get("count") or 20), shapes.whole(sent.get("offset") or 0)
        found = [
            one
            for one in account.lists.live()
            if words in one.name.lower()
            and (not kinds or one.processing in kinds)
            and (not wanted_ids or one.list_id in wanted_ids)
            and (not type_id or one.type_id == type_id)
        ]
        shown = [_found(one) for one in found[offset : offset + size]]
        end = offset + len(shown)
        return answer({"lists": shown, "hasMore": end < len(found), "offset": end, "total": len(found)})

    def rename(list_id: str) -> Response:
        with account.lock:
            one = account.lists.get(list_id)
            one.name, one.changed_at = request.args.get("listName") or one.name, account.now()
        return answer({"updatedList": _shown(one)})

    def archive(list_id: str) -> Response:
        with account.lock:
            account.lists.get(list_id).deleted_at = account.now()
        return Response(status=204)

    def restore(list_id: str) -> Response:
        with account.lock:
            one = account.lists.by_id.get(list_id) or account.lists.get(list_id)
            one.deleted_at = None
        return Response(status=204)

    def members(list_id: str) -> Response:
        size, after = limit_in(100, 250), whole_number(request.args.get("after") or "0")
        if after is None:
            raise bad_request(f"Invalid after: {request.args['after']}")
        one = account.lists.get(list_id)
        ids = sorted(one.members, key=int)
        ids = [record_id for record_id in ids if int(record_id) > after]
        shown = [
            {"recordId": record_id, "membershipTimestamp": iso(one.members[record_id])}
            for record_id in islice(ids, size)
        ]
        more = ids[size - 1] if len(ids) > size else None
        return answer({**render.page(shown, more), "total": len(one.members)})

    def add(list_id: str) -> Response:
        with account.lock:
            return _change(account, list_id, _ids(_sent()), [])

    def remove(list_id: str) -> Response:
        with account.lock:
            return _change(account, list_id, [], _ids(_sent()))

    def add_and_remove(list_id: str) -> Response:
        sent = render.body()
        joining, leaving = (_ids(sent.get(name) or []) for name in ("recordIdsToAdd", "recordIdsToRemove"))
        with account.lock:
            return _change(account, list_id, joining, leaving)

    def add_from(list_id: str, source_id: str) -> Response:
        with account.lock:
            source = account.lists.get(source_id)
            if len(source.members) > MOST_COPIED:
                raise bad_request(f"List {source_id} has more than {MOST_COPIED} members.")
            _change(account, list_id, list(source.members), [])
        return Response(status=204)

    def remove_all(list_id: str) -> Response:
        with account.lock:
            _change(account, list_id, [], list(account.lists.get(list_id).members))
        return Response(status=204)

    def of_record(type_id: str, record_id: str) -> Response:
        kind = account.of(type_id).kind
        found = [
            one for one in account.lists.live() if one.type_id == kind.type_id and record_id in one.members
        ]
        shown = [_joined(one, record_id) for one in found]
        return answer({"results": shown, "total": len(shown)})

    for base in LISTS:
        one, some = f"{base}/<list_id>", f"{base}/<list_id>/memberships"
        for rule, name, call, method in (
            (base, "several", several, "GET"),
            (base, "create", create, "POST"),
            (one, "read", read, "GET"),
            (one, "archive", archive, "DELETE"),
            (f"{one}/restore", "restore", restore, "PUT"),
            (f"{one}/update-list-name", "rename", rename, "PUT"),
            (f"{base}/search", "find", search, "POST"),
            (f"{base}/object-type-id/<type_id>/name/<name>", "read named", read_named, "GET"),
            (some, "members", members, "GET"),
            (some, "remove all", remove_all, "DELETE"),
            (f"{some}/add", "add", add, "PUT"),
            (f"{some}/remove", "remove", remove, "PUT"),
            (f"{some}/add-and-remove", "add and remove", add_and_remove, "PUT"),
            (f"{some}/add-from/<source_id>", "add from", add_from, "PUT"),
            (f"{base}/records/<type_id>/<record_id>/memberships", "lists of", of_record, "GET"),
        ):
            api.add_url_rule(rule, f"{name} {base}", call, methods=[method])


def _shown(one: RecordList) -> dict[str, Any]:
    return one.as_json(with_filters=flag_in("includeFilters"))


def _found(one: RecordList) -> dict[str, Any]:
    told = one.as_json()
    size = told.pop("size")
    return {**told, "additionalProperties": {"hs_list_size": str(size)}}


def _joined(one: RecordList, record_id: str) -> dict[str, Any]:
    at = iso(one.members[record_id])
    return {"listId": one.list_id, "listVersion": 1, "firstAddedTimestamp": at, "lastAddedTimestamp": at}


def _sent() -> Any:
    return sent_json()


def _ids(sent: Any) -> list[str]:
    if sent is None:
        raise shapes.not_a("java.util.ArrayList")
    return list(dict.fromkeys(shapes.texts(sent)))


def _change(account: HubSpot, list_id: str, joining: list[str], leaving: list[str]) -> Response:
    one = account.lists.get(list_id)
    objects = account.objects[SPELLINGS[one.type_id].name]
    return answer(change_members(objects, one, joining, leaving))

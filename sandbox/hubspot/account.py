"""The HubSpot account: its owners, its properties, its limits, and what a person does in its pages."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from flask import Blueprint, Response, g, request

from sandbox.app import answer
from sandbox.clock import Clock
from sandbox.history import Write
from sandbox.hubspot import access, acts, failures, page_forms, seeding, steering
from sandbox.hubspot import forms as web_forms
from sandbox.hubspot.acts import as_refusal
from sandbox.hubspot.apps import APP_ID, Apps
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.kinds import KINDS, NOT_BUILT, SPELLINGS
from sandbox.hubspot.lead_rules import LeadRules
from sandbox.hubspot.limits import Budget, Window
from sandbox.hubspot.link_types import LinkType, LinkTypes
from sandbox.hubspot.links import End, Links
from sandbox.hubspot.lists import Lists
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.webhooks.desk import Desk
from sandbox.people import TEAM
from sandbox.records import Record, Table
from sandbox.vendor import Act, Form, Vendor, View, plain_template

FOUNDED = datetime(2026, 1, 5, 8, tzinfo=UTC)
FIRST_OWNER, FIRST_USER = 71_001, 81_001
SUBMISSIONS = "/submissions/"
SEARCHES = "hubspot.search "  # how the names of the search endpoints begin
TYPE_ARGUMENTS = ("object_type", "to_type")  # the names under which rules take an object type


class HubSpot(Vendor):
    """One HubSpot account with an installed app."""

    name, title = "hubspot", "HubSpot"
    limits: ClassVar = {"per_10s": 110, "daily": None, "search_per_s": 5, "forms_per_10s": 50}
    switches: ClassVar = {
        "batch_create_conflict": ("207", "409"),
        "batch_order": ("input", "shuffled"),
        "partial_in_2026_09": ("207", "200"),
        "new_contact_stage": ("none", "lead"),
        "refresh_token": ("same", "rotated"),
    }
    views: ClassVar = {name: kind.view for name, kind in KINDS.items()} | {
        "owners": View(
            "Owners", title=("firstName", "lastName"), columns={"email": "Email", "userId": "User id"}
        ),
    }

    seeds: ClassVar = seeding.SEEDS

    def __init__(self, clock: Clock) -> None:
        self.desk = Desk(self)
        super().__init__(clock)

    def clear(self) -> None:
        self.desk.clear()
        self.link_types = LinkTypes()
        self.links = Links(self.link_types, self._linked)
        self.objects = {name: Objects(self, kind) for name, kind in KINDS.items()}
        self.tables = {name: objects.table for name, objects in self.objects.items()} | {"owners": Table()}
        self.lists = Lists()
        self.apps = Apps()
        self.forms = {web_forms.FORM: web_forms.Form(web_forms.FORM, "Contact us")}
        self._app_of_call: dict[int, int] = {}  # calls of other apps than the usual one
        self.blocked: set[str] = set()  # addresses that were erased for privacy
        self.budget, self.searches, self.submissions = Budget(), Window(1), Window(10)
        self.leads = LeadRules(self)
        for place, person in enumerate(TEAM):
            owner = {
                "email": person.email,
                "firstName": person.first_name,
                "lastName": person.last_name,
                "userId": FIRST_USER + place,
            }
            self._add_owner(owner, FOUNDED, archived=not person.active)

    def gate(self) -> Response | None:
        """Check the credentials, then the limits; a call without credentials counts towards none."""
        g.correlation_id = str(uuid.uuid4())
        refused = access.refusal(self)
        if refused is None and not (request.endpoint or "").startswith(access.OPEN):
            with self.lock:
                refused = self._spend(self.clock.now())
        return self.refuse(refused) if refused else None

    def _spend(self, at: datetime) -> ApiError | None:
        """Count the call towards its limit; searches have one of their own and tell nothing about it."""
        if (request.endpoint or "").startswith(SEARCHES):
            return self.searches.take(self.faults.limits["search_per_s"], at)
        refusal = self.budget.take(self.faults.limits, at)
        g.rate_headers = self.budget.headers(self.faults.limits, at)
        return refusal

    def dress(self, response: Response) -> None:
        response.headers["X-HubSpot-Correlation-Id"] = g.correlation_id
        response.headers.extend(g.get("rate_headers", {}))

    def refuse(self, error: ApiError) -> Response:
        """The answer of a call that fails as a whole."""
        return answer(error.body(g.correlation_id), error.status)

    def failure(self, status: int) -> Response:
        return failures.answer_of(self, status, is_search=(request.endpoint or "").startswith(SEARCHES))

    def not_built(self) -> Response:
        return self.refuse(self.missing(f"{request.method} {request.path}"))

    def missing(self, what: str) -> ApiError:
        """501 for what the sandbox does not have."""
        return ApiError(501, f"The sandbox has not built {what}. See docs/sandbox.md.", "NOT_BUILT")

    def template(self, rule: str, arguments: Mapping[str, Any]) -> str:
        template = plain_template(rule)
        for name in TYPE_ARGUMENTS:
            if name in arguments:
                kind = SPELLINGS.get(str(arguments[name]).lower())
                template = template.replace(f"{{{name}}}", kind.name if kind else str(arguments[name]))
        return template

    def page_fields(self, object_name: str, record: Record) -> dict[str, Any]:
        fields = self.fields_of(object_name, record)
        owner = self.tables["owners"].get(str(fields.get("hubspot_owner_id")))
        if owner is not None:
            fields["hubspot_owner_id"] = (
                f"{owner.values['firstName']} {owner.values['lastName']} ({owner.id})"
            )
        return fields

    def of(self, object_type: str) -> Objects:
        """The records of the object type that a path or a body names, in any spelling."""
        named = object_type.lower()
        kind = SPELLINGS.get(named)
        if kind is not None:
            return self.objects[kind.name]
        if named in NOT_BUILT:
            raise self.missing(f"the object type {object_type}")
        if named.startswith(("2-", "p_")):
            raise self.missing(f"custom objects such as {object_type}")
        if object_type[:1].isdigit():
            raise ApiError(400, f"Invalid object or event type id: {object_type}", None)
        raise ApiError(400, f"Unable to infer object type from: {object_type}", None)

    def owner(self, owner_id: str) -> Record | None:
        """The active owner of that id."""
        owner = self.tables["owners"].get(owner_id)
        return owner if owner is not None and owner.archived_at is None else None

    def source_of(self, write: Write) -> tuple[str, str]:
        """Where a write came from, as property histories and webhooks name it."""
        if write.call.by:
            owners = self.tables["owners"].after()
            user_id = next(
                (owner.values["userId"] for owner in owners if owner.values["email"] == write.call.by), 0
            )
            return "CRM_UI", f"userId:{user_id}"
        if write.call.path.startswith(SUBMISSIONS):
            return "FORM", write.call.path.rpartition("/")[2]
        return "INTEGRATION", str(self._app_of_call.get(write.call.id, APP_ID))

    def wrote(
        self, kind: str, object_name: str, record_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        if g.get("app_id", APP_ID) != APP_ID:
            self._app_of_call[self.call.id] = g.app_id
        super().wrote(kind, object_name, record_id, before, after)
        self.desk.wrote(self.history.writes[-1])

    def next_event_id(self) -> int:
        """A number for a webhook event."""
        return self.desk.next_event_id()

    def seed(self, counts: Mapping[str, int], seed: int) -> Mapping[str, int]:
        return seeding.seed(self, counts, seed)

    # Keeping the account on disk.

    def fixed(self) -> Mapping[str, Any]:
        return KINDS

    def resume(self) -> None:
        self.desk.sender.resume()

    @contextmanager
    def still(self) -> Iterator[None]:
        with self.lock, self.desk.sender.still():
            yield

    # Associations.

    def _linked(self, source: End, target: End, made: LinkType, removed: bool) -> None:
        """Note that an association was set or removed."""
        field, text = f"associations.{target[0]}", f"{target[1]} ({made.name})"
        self.leads.noticed(source, made, removed)
        if removed:
            self.wrote("dissociate", *source, {field: text}, {field: None})
        else:
            self.wrote("associate", *source, {}, {field: text})
        self.desk.linked(self.history.writes[-1], target, made, removed)

    # What a person does in HubSpot's pages.

    def acts(self) -> Mapping[str, Act]:
        return acts.of(self)

    def forms_of(self, object_name: str, record: Record | None) -> Sequence[Form]:
        return page_forms.of(self, object_name, record)

    def related_to(self, object_name: str, record: Record) -> Sequence[tuple[str, Record]]:
        ends = [end for end, _ in self.links.ends((object_name, record.id))]
        found = [(kind, self.objects[kind].find(record_id)) for kind, record_id in ends]
        return [(kind, other) for kind, other in found if other is not None]

    def add_control(self, routes: Blueprint) -> None:
        steering.add_to(routes, self)

    def find_for(self, verb: str, object_name: str, record_id: str) -> Record | None:
        if verb == "restore" and object_name in self.objects:
            return self.objects[object_name].find_archived(record_id)
        return super().find_for(verb, object_name, record_id)

    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:  # noqa: ARG002
        if object_name == "owners":
            owners = self.tables["owners"]
            told = {"firstName": "", "lastName": "", "userId": FIRST_USER + len(owners) + 1, **fields}
            return self._add_owner(told, self.now(), archived=False)
        objects = self.objects[object_name]
        with as_refusal():
            values = objects.read(fields)
            blocked = [value for field, value in objects.keys_of(values) if field == "email"]
            if self.blocked.intersection(blocked):
                raise ApiError(403, f"{blocked[0]} was deleted for privacy and is blocked.", None)
            return objects.create(values)

    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:  # noqa: ARG002
        if object_name == "owners":
            before = {name: record.values.get(name) for name in fields}
            self.tables["owners"].replace(record, {**record.values, **fields}, at=self.now())
            self.wrote("update", "owners", record.id, before, dict(fields))
            return
        objects = self.objects[object_name]
        with as_refusal():  # in the pages a stage can also be set back
            objects.update(record, objects.read(fields, record), forward_only=False)

    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:  # noqa: ARG002
        if object_name != "owners":
            self.objects[object_name].archive(record)
            return
        self.tables["owners"].archive(record, at=self.now())
        self.wrote("delete", "owners", record.id, {"archived": False}, {"archived": True})

    def _add_owner(self, values: Mapping[str, Any], at: datetime, *, archived: bool) -> Record:
        owners = self.tables["owners"]
        number = sum(1 for _ in owners.after()) + sum(1 for _ in owners.after(archived=True))
        owner = Record(str(FIRST_OWNER + number), dict(values), at, at)
        owners.add(owner)
        if archived:
            owners.archive(owner, at=at)
        return owner

"""A vendor with one object and two endpoints, to test what all vendors share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from flask import Blueprint, Flask, Response, request

from sandbox.app import answer, build
from sandbox.clock import Clock
from sandbox.records import Record, Table
from sandbox.vendor import Vendor, View


class Toy(Vendor):
    """Keeps things; each has a name."""

    name, title = "toy", "Toy"
    limits: ClassVar = {"daily": 1000}
    switches: ClassVar = {"mood": ("good", "bad")}
    views: ClassVar = {"things": View("Things", title=("name",), columns={"colour": "Colour"})}

    def clear(self) -> None:
        self.tables = {"things": Table()}

    def gate(self) -> Response | None:
        return answer({"error": "who are you"}, 401) if request.headers.get("X-Stranger") else None

    def failure(self, status: int) -> Response:
        return answer({"error": "injected"}, status)

    def not_built(self) -> Response:
        return answer({"error": "not built"}, 501)

    def dress(self, response: Response) -> None:
        response.headers["X-Toy"] = "yes"

    def make(self, fields: Mapping[str, Any]) -> Record:
        with self.lock:
            at = self.now()
            record = Record(str(len(self.tables["things"]) + 101), dict(fields), at, at)
            self.tables["things"].add(record)
            self.wrote("create", "things", record.id, {}, record.values)
        return record

    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:
        return self.make(fields)

    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:
        changed = {name: value for name, value in fields.items() if record.values.get(name) != value}
        before = {name: record.values.get(name) for name in changed}
        self.tables[object_name].replace(record, {**record.values, **changed}, at=self.now())
        self.wrote("update", object_name, record.id, before, changed)

    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:
        self.tables[object_name].archive(record, at=self.now())
        self.wrote("delete", object_name, record.id, {"archived": False}, {"archived": True})


def toy_app() -> Flask:
    """The toy vendor's app."""
    toy, api = Toy(Clock()), Blueprint("api", __name__)

    @api.get("/things/<thing_id>")
    def read(thing_id: str) -> Response:
        record = toy.tables["things"].get(thing_id)
        return answer(dict(record.values)) if record else answer({}, 404)

    @api.post("/things")
    def create() -> Response:
        return answer({"id": toy.make(request.get_json()).id}, 201)

    @api.post("/things/batch")
    def create_many() -> Response:
        rows = [None if toy.plan.item_fails() else toy.make(row).id for row in request.get_json()]
        return answer(rows, 201)

    return build(toy, api)

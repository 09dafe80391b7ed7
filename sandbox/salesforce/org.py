"""One Salesforce org: its records and people, its sign-in, its daily limit, and what can go wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta, tzinfo
from functools import cache
from typing import Any, ClassVar
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import MethodNotAllowed

from sandbox.clock import Clock
from sandbox.records import Record
from sandbox.salesforce import acts, founding, hand, ids, seeding
from sandbox.salesforce import schema as schemas
from sandbox.salesforce.answers import Reply, to_response
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.errors import SalesforceError, not_built, not_found
from sandbox.salesforce.field_security import GRANTING, seen_fields
from sandbox.salesforce.lag import as_of
from sandbox.salesforce.locators import Locators
from sandbox.salesforce.oauth import controls as oauth
from sandbox.salesforce.oauth.apps import App, default_app
from sandbox.salesforce.oauth.hosts import serves_data
from sandbox.salesforce.oauth.tokens import Tokens
from sandbox.salesforce.outbound import controls as outbound
from sandbox.salesforce.outbound.outbox import Outbox
from sandbox.salesforce.outbound.rules import Rule
from sandbox.salesforce.outbound.sender import Sender, post
from sandbox.salesforce.quota import Quota
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.schema import Field, ObjectType, Schema
from sandbox.salesforce.switches import SWITCHES
from sandbox.salesforce.tooling import mint_field_id
from sandbox.salesforce.versions import check_version
from sandbox.salesforce.views import RELATED, VIEWS
from sandbox.vendor import Act, Form, Vendor, View, plain_template

TOKEN = "00Dsandbox!sandbox-token"
MAX_URI_BYTES = 16_384
FIRST_NUMBER = 2_718_281_828  # ids look like those of an org that has been in use

_INJECTED = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    404: ("NOT_FOUND", "The requested resource does not exist"),
    # Salesforce has no 429: too many long calls at once are a 403 with the code of the daily limit.
    429: ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    500: ("UNKNOWN_EXCEPTION", "An unexpected error occurred."),
    503: ("SERVER_UNAVAILABLE", "Server Unavailable"),
}


class Org(Vendor):
    """The org behind the API user's token."""

    name = "salesforce"
    title = "Salesforce"
    limits: ClassVar[Mapping[str, int | None]] = {"daily": 100_000}
    switches: ClassVar[Mapping[str, tuple[str, ...]]] = SWITCHES
    views: ClassVar[Mapping[str, View]] = VIEWS
    takes_packed: ClassVar[tuple[str, ...]] = ("gzip", "deflate")
    packs: ClassVar[tuple[str, ...]] = ("gzip", "deflate")
    seeds: ClassVar[Mapping[str, float]] = seeding.SEEDS
    # Schemas are made anew; the rest of a long query is held by what the code knows of its columns.
    fleeting: ClassVar[frozenset[str]] = Vendor.fleeting | {"_schemas", "locators"}

    def __init__(self, clock: Clock) -> None:
        self.sender = Sender(self)
        super().__init__(clock)

    def clear(self) -> None:
        """Make an org with users and a queue, and no leads."""
        self.new_outbox()
        self.tables = {kind.name: Rows(kind) for kind in _schema(hidden=False, restricted=False)}
        self.opened_at = self.schema_changed_at = self.now()
        self._added_fields: tuple[tuple[str, Field], ...] = ()
        self._schemas: dict[tuple[str, ...], Schema] = {}
        self.locators = Locators()
        self.jobs = Jobs()
        self._numbers: dict[str, int] = {}
        self.went_along: dict[str, list[str]] = {}  # deleted record -> those that its deletion took along
        self._quota = Quota()
        self.user_id = ids.mint("005", FIRST_NUMBER + 1)  # the first user is the API's own
        self.queue_id = founding.populate(self)
        self.tokens = Tokens(founding.ORG_ID)
        app = default_app(founding.API_USER[2])
        self.apps: dict[str, App] = {app.client_id: app}

    def new_outbox(self) -> None:
        """Forget all outbound messages."""
        self.outbox = Outbox(self, post)

    def seed(self, counts: Mapping[str, int], seed: int) -> Mapping[str, int]:
        """Fill the org with invented records."""
        return seeding.seed(self, counts, seed)

    def resume(self) -> None:
        """Go on after the org was read from disk: with its own fields, and what it has to tell."""
        self._schemas = {}
        if self.outbox.rules:
            self.sender.start()

    def session_for(self, rule: Rule) -> str:
        """A session to send along; only a rule that opts in asks for one."""
        with self.lock:
            return self.tokens.open_session(rule.id, self.user_id, ("api",), self.now(), None)

    def wrote(
        self, kind: str, object_name: str, record_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Note a write in the history, and in the outbox where somebody wants to be told."""
        super().wrote(kind, object_name, record_id, before, after)
        if object_name in GRANTING:
            self.see_fields_anew()
        if self.outbox.rules and self.outbox.note(kind, object_name, record_id):
            self.sender.wake()

    @property
    def schema(self) -> Schema:
        """The object types as the API user sees them now."""
        setting = self.faults.setting
        key = (
            setting["consent_fields"],
            setting["lead_status"],
            setting["own_fields"],
            setting["new_fields"],
        )
        if key not in self._schemas:
            added = self._added_fields if key[3] == "shown" else tuple(seen_fields(self, self._added_fields))
            self._schemas[key] = _schema(
                hidden=key[0] == "hidden",
                restricted=key[1] == "restricted",
                has_own=key[2] == "there",
                added=added,
            )
        return self._schemas[key]

    def has_field(self, object_name: str, name: str) -> bool:
        """Whether an object has a field of that name, be it hidden from the API user."""
        made = ((kind, field.name.lower()) for kind, field in self._added_fields)
        return self.kind(object_name).field(name) is not None or (object_name, name.lower()) in made

    def add_field(self, object_name: str, field: Field) -> str:
        """Give an object a custom field; returns the field's id. Nobody sees it until it is granted."""
        self._added_fields = (*self._added_fields, (object_name, field))
        self.see_fields_anew()
        whole = _schema(hidden=False, restricted=False, added=self._added_fields).get(object_name)
        assert whole is not None
        self.rows(object_name).widen(whole)
        return mint_field_id(self.next_number("CustomField"))

    def see_fields_anew(self) -> None:
        """Go by field-level security as it is now."""
        self._schemas, self.schema_changed_at = {}, self.now()

    @property
    def assigns_on_update(self) -> bool:
        """Whether the assignment rule also runs on an update that does not say."""
        return bool(self.faults.setting["assignment_on_update"] == "on")

    def kind(self, name: str) -> ObjectType:
        """The object type of that name in any case; raises 404, or 501 for one that Salesforce has."""
        kind = self.schema.get(name)
        if kind is not None:
            return kind
        if name.lower() in (other.lower() for other in schemas.NOT_BUILT):
            raise not_built(f"the object {name}")
        raise not_found()

    def rows(self, name: str) -> Rows:
        """The records of an object type."""
        rows = self.tables[name]
        assert isinstance(rows, Rows)
        return rows

    def find(self, record_id: str) -> Record | None:
        """The record of any object type with that 18-character id."""
        kind = self.schema.of_id(record_id)
        return self.tables[kind.name].get(record_id) if kind else None

    def zone_of(self, user_id: str) -> tzinfo:
        """The time zone in which a user's days begin."""
        user = self.find(user_id)
        try:
            return ZoneInfo(str(user.values.get("TimeZoneSidKey")) if user else "GMT")
        except ZoneInfoNotFoundError:
            return ZoneInfo("GMT")

    def lagging(self, name: str) -> Iterable[Record] | None:
        """The records as queries still see them, where the fault ``search_lag_ms`` makes them lag."""
        lag = self.faults.setting["search_lag_ms"]
        moment = self.now() - timedelta(milliseconds=lag)
        return as_of(self.rows(name), name, self.history, moment) if lag else None

    def next_id(self, kind: ObjectType) -> str:
        """A new id; none is given twice, also after a roll-back."""
        number = self._numbers.get(kind.key_prefix, FIRST_NUMBER) + 1
        self._numbers[kind.key_prefix] = number
        return ids.mint(kind.key_prefix, number)

    def next_number(self, name: str) -> int:
        """The next of an auto-number, such as a case's: 1000 and up."""
        self._numbers[name] = self._numbers.get(name, 999) + 1
        return self._numbers[name]

    def page_fields(self, object_name: str, record: Record) -> dict[str, Any]:
        """The fields, with the names of owner, account and the like beside their ids."""
        fields = self.fields_of(object_name, record)
        for name in ("Owner", "Account", "Who", "What"):
            related = self.find(record.values.get(f"{name}Id", ""))
            if related is not None:
                fields[name] = related.values.get("Name", related.id)
        return fields

    def told_id(self, record_id: str) -> str:
        """An id as DUPLICATE_VALUE names it."""
        return record_id[: int(self.faults.setting["duplicate_names_id_of"])]

    # The gate.

    def gate(self) -> Response | None:
        """Refuse a call for its address, its version, its token or the daily limit."""
        if not request.path.startswith("/services/data"):
            return None
        try:
            self._check_call()
        except SalesforceError as error:
            return to_response(Reply.of(error))
        return None

    def _check_call(self) -> None:
        if len(quote(request.path)) + len(request.query_string) + 1 > MAX_URI_BYTES:
            raise SalesforceError("URI_TOO_LONG", "The length of the URI exceeds the 16,384-byte limit.")
        version = request.path.rstrip("/").split("/")[3:4]
        if not version:
            return  # the list of versions asks for no token and is not metered
        check_version(version[0])
        self.check_token(request.headers.get("Authorization", ""))
        self.count_call()

    def count_call(self) -> None:
        """Count the present call; raises where the daily limit is used up."""
        g.sandbox_metered = True
        with self.lock:
            if self.calls_left() == 0:
                raise SalesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            self._quota.count(self.now())

    def check_token(self, header: str) -> None:
        """Remember the user of an Authorization header; raises where it has no live session."""
        scheme, _, token = header.partition(" ")
        if header and scheme not in ("Bearer", "OAuth"):
            raise SalesforceError("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        with self.lock:
            user_id = self.user_of_token(token.strip())
        if user_id is None or not serves_data(request.headers.get("Host", "")):
            raise SalesforceError("INVALID_SESSION_ID", "Session expired or invalid")
        g.sandbox_user = user_id

    def user_of_token(self, token: str) -> str | None:
        """The active user behind an access token; the sandbox's own token is the API user's."""
        if token == TOKEN:
            return self.user_id
        session = self.tokens.session(token, self.now())
        user = self.find(session.user_id) if session else None
        return user.id if user is not None and user.values.get("IsActive") else None

    def user_named(self, username: str) -> str | None:
        """The active user of that user name."""
        found = self.rows("User").with_key("Username", username)
        return next((user.id for user in found if user.values.get("IsActive")), None)

    @property
    def daily_limit(self) -> int:
        """Calls allowed in 24 hours."""
        limit = self.faults.limits["daily"]
        return 2**31 - 1 if limit is None else limit

    def calls_used(self) -> int:
        """Calls of the last 24 hours."""
        return self._quota.used(self.now())

    def calls_left(self) -> int:
        """Calls that the daily limit still allows."""
        return max(0, self.daily_limit - self.calls_used())

    def dress(self, response: Response) -> None:
        """Tell every metered call how much of the daily limit is used."""
        if g.get("sandbox_metered"):
            with self.lock:
                used = self.calls_used()
            response.headers["Sforce-Limit-Info"] = f"api-usage={used}/{self.daily_limit}"

    def failure(self, status: int) -> Response:
        """An injected error as Salesforce words it; statuses it never sends stay plain."""
        code, message = _INJECTED.get(status, ("UNKNOWN_EXCEPTION", f"injected by the sandbox: {status}"))
        body = [{"message": message, "errorCode": code}]
        return to_response(Reply(403 if status == 429 else status, body))

    def not_built(self) -> Response:
        """501 that names the endpoint; 405 where only the method is wrong."""
        problem = request.routing_exception
        if isinstance(problem, MethodNotAllowed):
            allowed = ",".join(sorted(set(problem.valid_methods or ()) - {"OPTIONS"}))
            message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
            return to_response(Reply.of(SalesforceError("METHOD_NOT_ALLOWED", message)))
        return to_response(Reply.of(not_built(f"{request.method} {request.path}")))

    def template(self, rule: str, arguments: Mapping[str, Any]) -> str:
        """The path template with version, object and field filled in: they are part of what is asked."""
        told = plain_template(rule)
        for name in ("version", "sobject", "field"):
            if f"{{{name}}}" in told and name in arguments:
                told = told.replace(f"{{{name}}}", self._in_its_case(name, arguments))
        return told

    def _in_its_case(self, name: str, arguments: Mapping[str, Any]) -> str:
        if name == "version":
            return str(arguments["version"])
        kind = self.schema.get(arguments["sobject"])
        if name == "sobject":
            return kind.name if kind else f"{{{name}}}"
        field = kind.field(arguments["field"]) if kind else None
        return field.name if field else f"{{{name}}}"

    # What a person does.

    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:
        """Make a record as a person does; no assignment rule runs."""
        record: Record = acts.by_hand(self, by, lambda writer: writer.create(self.kind(object_name), fields))
        return record

    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:
        """Change a record as a person does; ``IsConverted`` marks a lead as converted."""
        acts.by_hand(self, by, lambda writer: writer.update(self.kind(object_name), record, fields))

    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:
        """Delete a record as a person does."""
        acts.by_hand(self, by, lambda writer: writer.delete(self.kind(object_name), record))

    def forms_of(self, object_name: str, record: Record | None) -> Sequence[Form]:
        """The forms with which a person acts."""
        return hand.forms(self, object_name, record)

    def related_to(self, object_name: str, record: Record) -> Sequence[tuple[str, Record]]:
        """What the record refers to, then what refers to it."""
        kind = self.kind(object_name)
        named = {
            str(record.values[field.name]) for field in kind.fields
            if field.type == "reference" and record.values.get(field.name)
        }  # fmt: skip
        found = [(self.schema.of_id(one), self.find(one)) for one in sorted(named)]
        told = [
            (one.name, other) for one, other in found
            if one and other and one.name in VIEWS and one.name not in ("User", "Group", "Profile")
        ]  # fmt: skip
        return [*told, *self._children_of(record)]

    def _children_of(self, record: Record) -> Iterator[tuple[str, Record]]:
        for name, fields in RELATED.items():
            for field in fields:
                for child in self.rows(name).with_key(field, record.id):
                    if child.archived_at is None:
                        yield name, child

    def acts(self) -> Mapping[str, Act]:
        """What else a person does: convert, merge, restore, log a call, win a deal."""
        return acts.of(self)

    def find_for(self, verb: str, object_name: str, record_id: str) -> Record | None:
        """The record that an act is for: a deleted one to restore, a live one for all else."""
        record = self.rows(object_name).get(ids.parse(record_id) or "")
        wanted_deleted = verb == "restore"
        return record if record is not None and (record.archived_at is not None) is wanted_deleted else None

    def add_control(self, routes: Blueprint) -> None:
        """The control endpoints of Salesforce's own."""
        oauth.add_controls_to(routes, self)
        outbound.add_controls_to(routes, self)

    def user_with_email(self, email: str) -> str:
        """The user of that address; the API user for any other."""
        found = self.rows("User").every()
        return next((user.id for user in found if user.values.get("Email") == email), self.user_id)


def caller(org: Org) -> str:
    """The user on whose behalf the present call is made."""
    user_id: str = g.get("sandbox_user") or org.user_id
    return user_id


@cache
def _schema(
    *, hidden: bool, restricted: bool, has_own: bool = True, added: tuple[tuple[str, Field], ...] = ()
) -> Schema:
    return schemas.load(hide_consent=hidden, restrict_status=restricted, has_own=has_own, added=added)

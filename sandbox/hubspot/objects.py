"""The records of one object type: what HubSpot keeps, refuses and remembers of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError, Problem, already_exists, not_valid, required_missing, value_taken
from sandbox.hubspot.kinds import Kind
from sandbox.hubspot.link_types import LinkType
from sandbox.hubspot.pipelines import Pipelines
from sandbox.hubspot.properties import Definitions
from sandbox.hubspot.values import addresses_in, as_text, iso, read_value
from sandbox.records import Key, Record, Table

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

Values = dict[str, str]
Wanted = Sequence[tuple[str, LinkType]]  # the record a new one shall be associated with, and as what
RESTORABLE = timedelta(days=90)


class Objects:
    """The records of one object type. Callers hold the vendor's lock."""

    def __init__(self, account: HubSpot, kind: Kind) -> None:
        self.account, self.kind = account, kind
        self.definitions = Definitions(kind)
        self.table = Table(self.keys_of)
        self.pipelines = Pipelines(kind) if kind.pipeline else None
        self.moved: dict[str, str] = {}  # id of a record that was merged away -> id of the one it became
        self._last_id = kind.first_id - 1

    @property
    def next_id(self) -> str:
        """The id the next new record gets."""
        return str(self._last_id + 1)

    def keys_of(self, values: Mapping[str, Any]) -> Iterable[Key]:
        """Every address of a contact, first or additional, and every custom unique value."""
        if self.kind.name == "contacts":
            addresses = [values.get("email") or "", *(values.get("hs_additional_emails") or "").split(";")]
            yield from (("email", address) for address in addresses if address)
        yield from ((name, values[name]) for name in self.definitions.unique if values.get(name))

    # Reading what is sent.

    def sort_out(
        self, sent: Mapping[str, Any], present: Record | None = None
    ) -> tuple[Values, list[Problem]]:
        """The readable values, and the problems of the others; ``present`` is the record they change."""
        values: Values = {}
        problems: list[Problem] = []
        # Activities ignore what they do not know on update, and only there.
        lenient = self.kind.is_activity and present is not None
        for name, value in sent.items():
            definition = self.definitions.get(name)
            if definition is None:
                if not lenient:
                    problems.append(
                        Problem("PROPERTY_DOESNT_EXIST", name, f'Property "{name}" does not exist')
                    )
                continue
            if lenient and definition["modificationMetadata"]["readOnlyValue"]:
                continue
            read = self._read_external(name, value) or read_value(definition, value)
            if isinstance(read, Problem):
                problems.append(read)
            else:
                values[name] = read
        if self.pipelines is not None:
            problems += self.pipelines.check(values, present.values if present else {})
        return values, problems

    def read(self, sent: Mapping[str, Any], present: Record | None = None) -> Values:
        """The values HubSpot keeps for what is sent; all problems at once where it does not take them."""
        values, problems = self.sort_out(sent, present)
        if problems:
            raise not_valid(problems)
        return values

    def incomplete(self, values: Mapping[str, str], wanted: Wanted) -> ApiError | None:
        """The error where a new record lacks what its type needs."""
        missing = [group[0] for group in self.kind.required if not any(values.get(name) for name in group)]
        if missing:
            return required_missing(self.kind.code, missing)
        if self.kind.name == "leads" and not any(made.target == "contacts" for _, made in wanted):
            message = "A lead must be associated with an existing contact when it is created."
            return ApiError(400, message, "VALIDATION_ERROR")
        return None

    # Finding.

    def find(self, identifier: str, id_property: str | None = None) -> Record | None:
        """The live record of that id, address or unique value; an id from before a merge counts."""
        if id_property not in (None, "", "hs_object_id"):
            return self.table.find(str(id_property), self.key(identifier, id_property))
        record = self.table.get(identifier)
        if record is None or record.archived_at is None:
            return record
        return self.find(self.moved[identifier]) if identifier in self.moved else None

    def find_exact(self, identifier: str, id_property: str | None = None) -> Record | None:
        """The same, but not by an id from before a merge: batch updates know none."""
        record = self.find(identifier, id_property)
        return None if identifier in self.moved and id_property in (None, "", "hs_object_id") else record

    def find_archived(self, identifier: str) -> Record | None:
        """The record of that id in the recycle bin, where it stays for 90 days."""
        record = self.table.get(identifier)
        if record is None or record.archived_at is None or self.table.is_gone(record):
            return None
        return record if self.account.now() - record.archived_at <= RESTORABLE else None

    def key(self, identifier: str, id_property: str | None) -> str:
        """An identifier as it is compared: addresses without regard to case."""
        return identifier.strip().lower() if id_property == "email" else identifier

    def conflict(self, values: Mapping[str, Any], record: Record | None = None) -> ApiError | None:
        """The error where another record has one of these keys."""
        for field, value in self.keys_of(values):
            holder = self.table.find(field, value)
            if holder is not None and holder is not record:
                own_id = record.id if record else self.next_id
                return (
                    already_exists(self.kind, holder.id)
                    if field == "email"
                    else value_taken(self.kind, field, value, own_id, holder.id)
                )
        return None

    # Writing.

    def create(self, values: Values, wanted: Wanted = ()) -> Record:
        """Make a record of values that were read, with its associations."""
        error = self.incomplete(values, wanted) or self.conflict(values)
        if error:
            raise error
        record = self.place({name: value.lstrip(";") for name, value in values.items() if value})
        self.account.wrote("create", self.kind.name, record.id, {}, record.values)
        for other, made in wanted:
            self.account.links.add((self.kind.name, record.id), (made.target, other), [made.spec])
        if self.kind.name == "leads":
            self.account.leads.make_primary(record.id)
        return record

    def place(
        self, kept: Values, *, at: datetime | None = None, changed_at: datetime | None = None
    ) -> Record:
        """Put a new record into the table, with its id and times: now, if none are named."""
        at = at or self.account.now()
        changed_at = changed_at or at
        self._last_id += 1
        record_id = str(self._last_id)
        kept = {
            self.kind.created: iso(at),
            **kept,
            self.kind.modified: iso(changed_at),
        }  # a merge keeps the older date
        kept["hs_object_id"] = record_id
        if self.kind.name == "contacts" and self.account.faults.setting["new_contact_stage"] == "lead":
            kept.setdefault("lifecyclestage", "lead")
        if self.pipelines is not None:
            kept |= self.pipelines.outcome(kept)
        record = Record(record_id, kept, at, changed_at)
        self.table.add(record)
        return record

    def update(self, record: Record, values: Values, *, forward_only: bool = True) -> None:
        """Change a record; a stage that would go back stays as it is, and nothing says so."""
        old = record.values
        changed = {
            name: value
            for name, value in ((name, _joined(old, name, value)) for name, value in values.items())
            if value != (old.get(name) or "")
        }
        if forward_only and self._goes_back(old.get("lifecyclestage"), changed.get("lifecyclestage")):
            del changed["lifecyclestage"]
        kept = {name: value for name, value in {**old, **changed}.items() if value}
        if self.pipelines is not None and changed:
            derived = self.pipelines.outcome(kept)
            changed |= {name: value for name, value in derived.items() if value != old.get(name)}
            kept |= derived
        error = self.conflict(kept, record)
        if error:
            raise error
        at = self.account.now()
        before = {name: old.get(name) for name in changed}
        if changed:
            kept[self.kind.modified] = iso(at)
            self.table.replace(record, kept, at=at)
        after = {name: value or None for name, value in changed.items()}
        self.account.wrote("update", self.kind.name, record.id, before, after)

    def archive(self, record: Record) -> None:
        """Put a record into the recycle bin; its address is free again."""
        self.table.archive(record, at=self.account.now())
        self.account.wrote("delete", self.kind.name, record.id, {"archived": False}, {"archived": True})

    def restore(self, record: Record) -> None:
        """Take a record out of the recycle bin, which only a person can."""
        error = self.conflict(record.values, record)
        if error:
            raise error
        self.table.bring_back(record, at=self.account.now())
        self.account.wrote("restore", self.kind.name, record.id, {"archived": True}, {"archived": False})

    # Their peculiarities.

    def stage_place(self, stage: str | None) -> int:
        """Where a lifecycle stage is in the account's order."""
        definition = self.definitions.get("lifecyclestage") or {"options": []}
        order = {option["value"]: int(option["displayOrder"]) for option in definition["options"]}
        return order.get(str(stage), -1)

    def _goes_back(self, old: str | None, new: str | None) -> bool:
        return bool(old and new) and self.stage_place(new) < self.stage_place(old)

    def _read_external(self, name: str, value: Any) -> str | Problem | None:
        """Values whose options HubSpot keeps elsewhere: owners and additional addresses."""
        if name == "hubspot_owner_id":
            text = as_text(value)
            if text and self.account.owner(text) is None:
                return Problem("INVALID_OWNER_ID", name, f"{text} was not a valid owner ID")
        elif name == "hs_additional_emails":
            text = as_text(value)
            read = addresses_in(name, text) if text else None
            return f";{read}" if isinstance(read, str) and text.startswith(";") else read
        return None


def _joined(old: Mapping[str, Any], name: str, value: str) -> str:
    """A value with a semicolon in front is added to what a multiple choice has."""
    if not value.startswith(";"):
        return value
    parts = [*(old.get(name) or "").split(";"), *value.split(";")]
    return ";".join(dict.fromkeys(part for part in parts if part))

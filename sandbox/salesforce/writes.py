"""Creates, updates and deletes records of the org, with the rules that Salesforce applies to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce import duplicates, ids, parents
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.journal import Entry, Journal
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rows import Rows
from sandbox.salesforce.rules.base import live
from sandbox.salesforce.rules.registry import rules_of
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.validation import checked, malformed_id

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

SYSTEM_STAMPS = frozenset({"LastModifiedDate", "LastModifiedById", "SystemModstamp"})
# What only Salesforce itself sets; the control API may, to stand for a conversion or a merge.
SYSTEM_FIELDS = frozenset(
    {"IsConverted", "ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId",
     "MasterRecordId", "LastActivityDate", "IsEmailBounced", "EmailBouncedReason", "EmailBouncedDate"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes on behalf of one user; everything it does is in the journal."""

    org: Org
    journal: Journal
    user_id: str
    assign: bool | None = None  # the header Sforce-Auto-Assign: true, false, or not given
    by_hand: bool = False  # a person at Salesforce's pages, or the control API
    save_duplicates: bool = False  # the header Sforce-Duplicate-Rule-Header: allowSave
    tell_duplicates: bool = False  # and includeRecordDetails
    skip_duplicates: bool = False  # a part of a larger act, which no duplicate rule holds up

    def create(self, kind: ObjectType, given: Mapping[str, Any]) -> Record:
        """Make a record; raises where Salesforce refuses it."""
        self._check_allowed(kind, "create")
        if any(name.lower() == "id" for name in given):
            message = "cannot specify Id in an insert call"
            raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
        given = parents.named_by_id(self.org, kind, given)
        wanted = checked(kind, given, creating=True, also_writable=self._extra)
        values = {**kind.defaults, **self._set(wanted)}
        self._check_references(kind, values)
        if "OwnerId" in kind.by_exact_name:
            values.setdefault("OwnerId", self.user_id)
        self._apply_assignment_rule(kind, values, default=True)
        _put_name_together(kind, values)
        rules = rules_of(kind.name)
        rules.complete(self, values, wanted, {})
        self._check_unique(self.org.rows(kind.name), kind, values)
        self._check_duplicates(kind, values, {})
        record = self._add(kind, self._set(values))
        rules.settle(self, record, {})
        return record

    def add_row(self, name: str, values: Mapping[str, Any]) -> Record:
        """Make a row that Salesforce itself writes, such as one of a history."""
        return self._add(self.org.kind(name), self._set(values))

    def _add(self, kind: ObjectType, values: dict[str, Any]) -> Record:
        rows, now = self.org.rows(kind.name), self.org.now()
        record_id = self.org.next_id(kind)
        values |= {"Id": record_id, "CreatedDate": stamp(now), "CreatedById": self.user_id, **self._stamps()}
        if "PhotoUrl" in kind.by_exact_name:
            values["PhotoUrl"] = f"/services/images/photo/{record_id}"
        record = Record(record_id, values, created_at=now, updated_at=now)
        rows.add(record)
        self.journal.add(Entry(partial(rows.take_back, record), "create", kind.name, record_id, {}, values))
        return record

    def update(self, kind: ObjectType, record: Record, given: Mapping[str, Any]) -> None:
        """Change a record; raises where Salesforce refuses it."""
        self._check_allowed(kind, "update")
        _check_alive(record)
        if record.values.get("IsConverted") and not self.by_hand:
            raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        given = parents.named_by_id(self.org, kind, given)
        changes = checked(kind, given, creating=False, also_writable=self._extra)
        changed = {name: value for name, value in changes.items() if value != record.values.get(name)}
        self._check_references(kind, changed)
        self._apply_assignment_rule(kind, changed, default=self.org.assigns_on_update)
        if changed.get("IsConverted"):
            changed.setdefault("Status", "Closed - Converted")
            changed.setdefault("ConvertedDate", self.org.now().date().isoformat())
        rules, before, values = rules_of(kind.name), record.values, {**record.values, **changed}
        _put_name_together(kind, values)
        rules.complete(self, values, changes, before)
        rows = self.org.rows(kind.name)
        self._check_unique(rows, kind, values, besides=record)
        self._check_duplicates(kind, values, before)
        self._replace(kind, record, {**values, **self._stamps()})
        rules.settle(self, record, before)

    def derive(self, name: str, record: Record, changes: Mapping[str, Any]) -> None:
        """Change what Salesforce derives by itself; that moves no stamp."""
        if any(record.values.get(field) != value for field, value in changes.items()):
            values = {**record.values, **changes}
            self._replace(self.org.kind(name), record, values, at=record.updated_at, what="derive")

    def system_update(self, kind: ObjectType, record: Record, changes: Mapping[str, Any]) -> None:
        """Change a record as a part of a larger act, such as a conversion; the stamps move."""
        self._replace(kind, record, {**record.values, **changes, **self._stamps()})

    def _replace(
        self,
        kind: ObjectType,
        record: Record,
        values: Mapping[str, Any],
        *,
        at: datetime | None = None,
        what: str = "update",
    ) -> None:
        rows, before, changed_at = self.org.rows(kind.name), record.values, record.updated_at
        rows.replace(record, self._set(values), at=at or self.org.now())
        self._note(what, kind, record, before, partial(rows.replace, record, before, at=changed_at))

    def delete(self, kind: ObjectType, record: Record) -> None:
        """Put a record into the recycle bin, with what goes along with it."""
        self._check_allowed(kind, "delete")
        _check_alive(record)
        rules_of(kind.name).leave(self, record)
        self.discard(kind, record)

    def delete_children(self, parent: Record, fields: Mapping[str, str]) -> None:
        """Delete the records of each object type whose field refers to the parent."""
        for name, field in fields.items():
            for child in live(self.org, name, field, parent.id):
                self.delete(self.org.kind(name), child)
                self.org.went_along.setdefault(parent.id, []).append(child.id)

    def discard(self, kind: ObjectType, record: Record, **more: Any) -> None:
        """Put just this record into the recycle bin."""
        rows, now = self.org.rows(kind.name), self.org.now()
        before, at = record.values, record.updated_at
        rows.replace(record, {**before, "IsDeleted": True, **more, **self._stamps()}, at=now)
        rows.archive(record, at=now)

        def undo() -> None:
            rows.bring_back(record, at=at)
            rows.replace(record, before, at=at)

        self._note("delete", kind, record, before, undo)

    def undelete(self, kind: ObjectType, record: Record) -> None:
        """Take a record out of the recycle bin, with what went along with it."""
        self._check_allowed(kind, "undelete")
        self._bring_back(kind, record)

    def _bring_back(self, kind: ObjectType, record: Record) -> None:
        if record.archived_at is None:
            raise SalesforceError("UNDELETE_FAILED", "Entity is not in the recycle bin", [])
        rows = self.org.rows(kind.name)
        self._check_unique(rows, kind, record.values)
        before, changed_at, gone_at = record.values, record.updated_at, record.archived_at
        rows.bring_back(record, at=self.org.now())
        rows.replace(record, {**before, "IsDeleted": False, **self._stamps()}, at=self.org.now())

        def undo() -> None:
            rows.replace(record, before, at=changed_at)
            rows.archive(record, at=gone_at)

        self._note("undelete", kind, record, before, undo)
        for child_id in self.org.went_along.pop(record.id, []):
            child, child_kind = self.org.find(child_id), self.org.schema.of_id(child_id)
            if child is not None and child_kind is not None and child.archived_at is not None:
                self._bring_back(child_kind, child)

    def purge(self, kind: ObjectType, record: Record) -> None:
        """Delete a record for good: no queryAll shows it."""
        if record.archived_at is None:
            self.delete(kind, record)
        rows = self.org.rows(kind.name)
        rows.purge(record)
        self.journal.add(Entry(partial(rows.unpurge, record), "purge", kind.name, record.id, {}, {}))

    def _note(
        self, what: str, kind: ObjectType, record: Record, before: Mapping[str, Any], undo: Callable[[], None]
    ) -> None:
        after = record.values
        names = [name for name in after if name not in SYSTEM_STAMPS and after[name] != before.get(name)]
        names += [name for name in before if name not in after and name not in SYSTEM_STAMPS]
        old, new = {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
        self.journal.add(Entry(undo, what, kind.name, record.id, old, new))

    def _stamps(self) -> dict[str, str]:
        moment = stamp(self.org.now())
        return {"LastModifiedDate": moment, "LastModifiedById": self.user_id, "SystemModstamp": moment}

    @property
    def _extra(self) -> frozenset[str]:
        return SYSTEM_FIELDS if self.by_hand else frozenset()

    @staticmethod
    def _set(values: Mapping[str, Any]) -> dict[str, Any]:
        """Only what is set: an absent name reads as null, which keeps a hundred thousand records small."""
        return {name: value for name, value in values.items() if value is not None}

    def _check_allowed(self, kind: ObjectType, what: str) -> None:
        if what not in kind.allows and not self.by_hand:
            done = {"create": "inserted", "update": "updated"}.get(what, what + "d")
            message = f"entity type cannot be {done}: {kind.name}"
            raise SalesforceError("INVALID_TYPE_FOR_OPERATION", message, [])

    def _check_references(self, kind: ObjectType, values: Mapping[str, Any]) -> None:
        fields = kind.by_exact_name
        for name, value in values.items():
            if value is not None and fields[name].type == "reference":
                self._check_reference(kind, fields[name], value)

    def _check_reference(self, kind: ObjectType, field: Field, value: str) -> None:
        target = self.org.schema.of_id(value)
        if target is not None and target.name not in field.references:
            # Of the activities' WhoId a FIELD_INTEGRITY_EXCEPTION was seen, of other fields a MALFORMED_ID.
            code = "FIELD_INTEGRITY_EXCEPTION" if field.name in ("WhoId", "WhatId") else "MALFORMED_ID"
            message = f"{field.label}: id value of incorrect type: {value}"
            raise SalesforceError(code, message, [field.name])
        record = self.org.find(value)
        if record is None or record.archived_at is not None:
            raise SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
        if field.name == "OwnerId" and record.values.get("IsActive") is False:
            message = f"operation performed with inactive user [{value}] as owner of {kind.name.lower()}"
            raise SalesforceError("INACTIVE_OWNER_OR_USER", message, [])

    def _apply_assignment_rule(self, kind: ObjectType, values: dict[str, Any], *, default: bool) -> None:
        if kind.name != "Lead" or self.by_hand:
            return
        if default if self.assign is None else self.assign:
            values["OwnerId"] = self.org.queue_id

    def _check_duplicates(
        self, kind: ObjectType, values: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        if self.skip_duplicates:
            return
        save, tell = self.save_duplicates or self.by_hand, self.tell_duplicates
        duplicates.check(self.org, kind, values, before, save=save, details=tell)

    def _check_unique(
        self, rows: Rows, kind: ObjectType, values: Mapping[str, Any], *, besides: Record | None = None
    ) -> None:
        holder = rows.clash(values, besides=besides) if kind.unique_names else None
        if holder is None:
            return
        name = next(name for name in kind.unique_names if _same(holder.values.get(name), values.get(name)))
        other = self.org.told_id(holder.id)
        message = f"duplicate value found: {name} duplicates value on record with id: {other}"
        raise SalesforceError("DUPLICATE_VALUE", message, [])


def missing_record(kind: ObjectType, record_id: object) -> SalesforceError:
    """The error of a collection's item that names a record by an id nobody has."""
    if ids.parse(record_id) is None or str(record_id)[:3] != kind.key_prefix:
        return malformed_id(f"{kind.label} ID", record_id, "Id")
    return SalesforceError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])


def _check_alive(record: Record) -> None:
    if record.archived_at is not None:
        raise SalesforceError("ENTITY_IS_DELETED", "entity is deleted", [])


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.lower() == other.lower()


def _put_name_together(kind: ObjectType, values: dict[str, Any]) -> None:
    if kind.is_person:
        values["Name"] = " ".join(filter(None, (values.get("FirstName"), values.get("LastName"))))

"""Creates, updates and deletes records of the org, with the rules that Salesforce applies to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.errors import SalesforceError, not_built
from sandbox.salesforce.journal import Entry, Journal
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rows import Rows
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

    def create(self, kind: ObjectType, given: Mapping[str, Any]) -> Record:
        """Make a record; raises where Salesforce refuses it."""
        self._check_writable(kind)
        if any(name.lower() == "id" for name in given):
            message = "cannot specify Id in an insert call"
            raise SalesforceError("INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
        wanted = checked(kind, given, creating=True, also_writable=self._extra)
        values = {**kind.defaults, **self._set(wanted)}
        self._check_references(kind, values)
        if "OwnerId" in kind.by_exact_name:
            values.setdefault("OwnerId", self.user_id)
        self._apply_assignment_rule(kind, values, default=True)
        rows, now = self.org.rows(kind.name), self.org.now()
        self._check_unique(rows, kind, values)
        record_id = self.org.next_id(kind)
        values |= {"Id": record_id, "CreatedDate": stamp(now), "CreatedById": self.user_id, **self._stamps()}
        if "PhotoUrl" in kind.by_exact_name:
            values["PhotoUrl"] = f"/services/images/photo/{record_id}"
        _put_name_together(kind, values)
        record = Record(record_id, values, created_at=now, updated_at=now)
        rows.add(record)
        self.journal.add(Entry(partial(rows.take_back, record), "create", kind.name, record_id, {}, values))
        return record

    def update(self, kind: ObjectType, record: Record, given: Mapping[str, Any]) -> None:
        """Change a record; raises where Salesforce refuses it."""
        self._check_writable(kind)
        _check_alive(record)
        if record.values.get("IsConverted") and not self.by_hand:
            raise SalesforceError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", [])
        changes = checked(kind, given, creating=False, also_writable=self._extra)
        changed = {name: value for name, value in changes.items() if value != record.values.get(name)}
        self._check_references(kind, changed)
        self._apply_assignment_rule(kind, changed, default=self.org.assigns_on_update)
        if changed.get("IsConverted"):
            changed.setdefault("Status", "Closed - Converted")
            changed.setdefault("ConvertedDate", self.org.now().date().isoformat())
        rows, now = self.org.rows(kind.name), self.org.now()
        values = self._set({**record.values, **changed})
        _put_name_together(kind, values)
        self._check_unique(rows, kind, values, besides=record)
        before, at = record.values, record.updated_at
        rows.replace(record, {**values, **self._stamps()}, at=now)
        self._note("update", kind, record, before, partial(rows.replace, record, before, at=at))

    def delete(self, kind: ObjectType, record: Record) -> None:
        """Put a record into the recycle bin."""
        self._check_writable(kind)
        _check_alive(record)
        rows, now = self.org.rows(kind.name), self.org.now()
        before, at = record.values, record.updated_at
        rows.replace(record, {**before, "IsDeleted": True, **self._stamps()}, at=now)
        rows.archive(record, at=now)

        def undo() -> None:
            rows.bring_back(record, at=at)
            rows.replace(record, before, at=at)

        self._note("delete", kind, record, before, undo)

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

    def _check_writable(self, kind: ObjectType) -> None:
        if not kind.writable and not self.by_hand:
            raise not_built(f"writes to {kind.name}")

    def _check_references(self, kind: ObjectType, values: Mapping[str, Any]) -> None:
        fields = kind.by_exact_name
        for name, value in values.items():
            if value is not None and fields[name].type == "reference":
                self._check_reference(kind, fields[name], value)

    def _check_reference(self, kind: ObjectType, field: Field, value: str) -> None:
        target = self.org.schema.of_id(value)
        if target is None and self.by_hand:
            return  # an Account or Opportunity that a conversion made: the sandbox has no such object
        if target is not None and target.name not in field.references:
            raise malformed_id(field.label, value, field.name)
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

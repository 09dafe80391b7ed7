"""What HubSpot does to contacts: keeps addresses unique, moves stages forward only, remembers times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError, Problem, already_exists, not_valid, value_taken
from sandbox.hubspot.properties import EMAIL, iso, read_value
from sandbox.records import Key, Record

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

Values = dict[str, str]


class Contacts:
    """The contacts of an account. Callers hold the vendor's lock."""

    def __init__(self, account: HubSpot) -> None:
        self.account = account
        stages = account.definitions["lifecyclestage"]["options"]
        self._stage_order = {stage["value"]: stage["displayOrder"] for stage in stages}

    def keys_of(self, values: Mapping[str, Any]) -> Iterable[Key]:
        """Every address, first or additional, and every custom unique value."""
        addresses = [values.get("email") or "", *(values.get("hs_additional_emails") or "").split(";")]
        yield from (("email", address) for address in addresses if address)
        yield from ((name, values[name]) for name in self.account.unique if values.get(name))

    def read(self, sent: Mapping[str, Any]) -> Values:
        """The values HubSpot keeps for what is sent; all problems at once where it does not take them."""
        values, problems = self.sort_out(sent)
        if problems:
            raise not_valid(problems)
        return values

    def sort_out(self, sent: Mapping[str, Any]) -> tuple[Values, list[Problem]]:
        """The readable values, and the problems of the others."""
        values: Values = {}
        problems: list[Problem] = []
        for name, value in sent.items():
            definition = self.account.definitions.get(name)
            if definition is None:
                problems.append(Problem("PROPERTY_DOESNT_EXIST", name, f'Property "{name}" does not exist'))
                continue
            read = self._read_external(name, value) or read_value(definition, value)
            if isinstance(read, Problem):
                problems.append(read)
            else:
                values[name] = read
        return values, problems

    def find(self, identifier: str, id_property: str | None) -> Record | None:
        """The live contact of that id, address or unique value."""
        table = self.account.tables["contacts"]
        if id_property in (None, "", "hs_object_id"):
            record = table.get(identifier)
            return record if record is not None and record.archived_at is None else None
        return table.find(str(id_property), self.key(identifier, id_property))

    def key(self, identifier: str, id_property: str | None) -> str:
        """An identifier as it is compared: addresses without regard to case."""
        return identifier.strip().lower() if id_property == "email" else identifier

    def conflict(self, values: Values, record: Record | None = None) -> ApiError | None:
        """The error where another contact has one of these keys."""
        table = self.account.tables["contacts"]
        for field, value in self.keys_of(values):
            holder = table.find(field, value)
            if holder is not None and holder is not record:
                own_id = record.id if record else str(self.account.last_contact_id + 1)
                return (
                    already_exists(holder.id)
                    if field == "email"
                    else value_taken(field, value, own_id, holder.id)
                )
        return None

    def create(self, values: Values) -> Record:
        """Make a contact of values that were read."""
        error = self.conflict(values)
        if error:
            raise error
        account, at = self.account, self.account.now()
        account.last_contact_id += 1
        record_id = str(account.last_contact_id)
        kept = {name: value for name, value in values.items() if value}
        kept |= {"createdate": iso(at), "lastmodifieddate": iso(at), "hs_object_id": record_id}
        if account.faults.setting["new_contact_stage"] == "lead":
            kept.setdefault("lifecyclestage", "lead")
        record = Record(record_id, kept, at, at)
        account.tables["contacts"].add(record)
        account.wrote("create", "contacts", record_id, {}, kept)
        return record

    def update(self, record: Record, values: Values, *, forward_only: bool = True) -> None:
        """Change a contact; a stage that would go back stays as it is, and nothing says so."""
        changed = {name: value for name, value in values.items() if value != (record.values.get(name) or "")}
        if forward_only and self._goes_back(
            record.values.get("lifecyclestage"), changed.get("lifecyclestage")
        ):
            del changed["lifecyclestage"]
        kept = {name: value for name, value in {**record.values, **changed}.items() if value}
        error = self.conflict(kept, record)
        if error:
            raise error
        at = self.account.now()
        before = {name: record.values.get(name) for name in changed}
        if changed:
            kept["lastmodifieddate"] = iso(at)
            self.account.tables["contacts"].replace(record, kept, at=at)
        after = {name: value or None for name, value in changed.items()}
        self.account.wrote("update", "contacts", record.id, before, after)

    def archive(self, record: Record) -> None:
        """Put a contact into the recycle bin; its address is free again."""
        self.account.tables["contacts"].archive(record, at=self.account.now())
        self.account.wrote("delete", "contacts", record.id, {"archived": False}, {"archived": True})

    def _goes_back(self, old: str | None, new: str | None) -> bool:
        return bool(old and new) and self._stage_order[str(new)] < self._stage_order.get(str(old), -1)

    def _read_external(self, name: str, value: Any) -> str | Problem | None:
        """Values whose options HubSpot keeps elsewhere: owners and additional addresses."""
        text = "" if value is None else str(value)
        if name == "hubspot_owner_id" and text and self.account.owner(text) is None:
            return Problem("INVALID_OWNER_ID", name, f"{text} was not a valid owner ID")
        if name == "hs_additional_emails" and text:
            addresses = [part.strip().lower() for part in text.split(";") if part.strip()]
            wrong = [address for address in addresses if not EMAIL.fullmatch(address)]
            if wrong:
                return Problem("INVALID_EMAIL", name, f"Email address {wrong[0]} is invalid")
            return ";".join(addresses)
        return None

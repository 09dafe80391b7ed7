"""What a person does to a record in HubSpot's pages, beside editing and deleting it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.kinds import KINDS
from sandbox.hubspot.merging import merge
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.values import iso
from sandbox.records import Record
from sandbox.vendor import Act, Done, Refused

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot


@contextmanager
def as_refusal() -> Iterator[None]:
    """Tell a person's act what HubSpot would tell the API."""
    try:
        yield
    except ApiError as error:
        told = [str(one["message"]) for one in error.more.get("errors", ())]
        raise Refused(error.status, "hubspot_refuses", "; ".join(told) or error.message) from None


def of(account: HubSpot) -> Mapping[str, Act]:
    """The acts by name."""
    hand = _Hand(account)
    logged = {
        f"log_{KINDS[kind].singular}": partial(hand.log, kind)
        for kind in ("calls", "tasks", "notes", "meetings")
    }
    return {
        "merge": hand.merge,
        "restore": hand.restore,
        "change_owner": hand.change_owner,
        "unsubscribe": hand.unsubscribe,
        "win_deal": partial(hand.close_deal, "closedwon"),
        "lose_deal": partial(hand.close_deal, "closedlost"),
        "associate": hand.associate,
        **logged,
    }


@dataclass(frozen=True, slots=True)
class _Hand:
    """A person at work."""

    account: HubSpot

    def merge(self, name: str, record: Record, body: Mapping[str, Any], _by: str) -> Done:
        """Merge another record, named by ``other``, into this one."""
        objects = self._objects(name)
        other = objects.find(str(body.get("other", "")))
        if other is None:
            raise Refused(404, "no_such_record", f'there is no {name} record "{body.get("other", "")}"')
        with as_refusal():
            return Done(name, merge(objects, record, other), is_new=True)

    def restore(self, name: str, record: Record, _body: Mapping[str, Any], _by: str) -> Done:
        """Take a record out of the recycle bin."""
        with as_refusal():
            self._objects(name).restore(record)
        return Done(name, record)

    def change_owner(self, name: str, record: Record, body: Mapping[str, Any], _by: str) -> Done:
        """Give a record to another owner: an owner id, an address, or nothing for nobody."""
        objects = self._objects(name)
        with as_refusal():
            values = objects.read({"hubspot_owner_id": self._owner_id(str(body.get("owner") or ""))}, record)
            objects.update(record, values)
        return Done(name, record)

    def unsubscribe(self, name: str, record: Record, _body: Mapping[str, Any], _by: str) -> Done:
        """Unsubscribe a contact from all e-mail, as the link in a mail does; nobody can set that by hand."""
        if name != "contacts":
            raise Refused(400, "bad_argument", "only contacts unsubscribe", 'Use "object": "contacts".')
        with as_refusal():
            self._objects(name).update(record, {"hs_email_optout": "true"})
        return Done(name, record)

    def close_deal(self, stage: str, name: str, record: Record, _body: Mapping[str, Any], _by: str) -> Done:
        """Win or lose a deal: its stage, and the present time as its close date."""
        if name != "deals":
            raise Refused(400, "bad_argument", "only deals are won or lost", 'Use "object": "deals".')
        values = {"dealstage": stage, "closedate": iso(self.account.now())}
        with as_refusal():
            self._objects(name).update(record, self._objects(name).read(values, record))
        return Done(name, record)

    def associate(self, name: str, record: Record, body: Mapping[str, Any], _by: str) -> Done:
        """Associate a record with another one, given as ``to_object`` and ``to``."""
        target, other = str(body.get("to_object", "")), str(body.get("to", ""))
        if self._objects(target).find(other) is None:
            raise Refused(404, "no_such_record", f'there is no {target} record "{other}"')
        if self.account.link_types.unlabelled(name, target) is None:
            raise Refused(400, "bad_argument", f"{name} and {target} cannot be associated")
        self.account.links.add((name, record.id), (target, other))
        return Done(name, record)

    def log(self, kind: str, name: str, record: Record, body: Mapping[str, Any], by: str) -> Done:
        """Log an activity on a record; it is the person's own and happens now, unless ``fields`` say else."""
        made = self.account.link_types.unlabelled(kind, name)
        if made is None:
            raise Refused(400, "bad_argument", f"no {KINDS[kind].singular} can be logged on {name}")
        at = iso(self.account.now())
        fields = {"hs_timestamp": at, "hubspot_owner_id": self._owner_id(by)} | dict(body.get("fields") or {})
        objects = self._objects(kind)
        with as_refusal():
            activity = objects.create(objects.read(fields), [(record.id, made)])
        return Done(kind, activity, is_new=True)

    def _objects(self, name: str) -> Objects:
        if name not in self.account.objects:
            raise Refused(400, "bad_argument", f'that cannot be done to "{name}"')
        return self.account.objects[name]

    def _owner_id(self, owner: str) -> str:
        """An owner's id for an address; anything else as it is."""
        owners = self.account.tables["owners"].after()
        return next((row.id for row in owners if row.values["email"] == owner), "" if "@" in owner else owner)

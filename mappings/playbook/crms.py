"""How leads, accounts and deals look in one CRM."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from mappings.playbook.condition import Condition, Expression
from model.decision import Place
from model.event import JsonValue


@dataclass(frozen=True, slots=True)
class CrmField:
    """One lead field as one vendor field of one object, and who owns it when both sides differ.

    ``authority``: ``crm`` (leadrelay fills it while it is blank or still holds what leadrelay
    wrote; any other value found there stands, until somebody changes it in another CRM), ``leadrelay``
    (ours is written), ``crm_unless_blank`` (the CRM's value counts wherever it has one, blanks are filled).
    Where one side alone has changed the field that change counts; where both have: ``newest`` (the later
    one; on a tie the CRM's), ``max``, ``min``, ``union`` (of values with ``;`` between), ``hold`` (a person
    decides).
    """

    field: str  # canonical, dotted for touches and links; "id" is leadrelay's own id
    remote: str
    authority: str
    place: Place
    kind: str = "text"  # text | number | range | datetime | bool | owner | stage | money | date | deal_stage
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Lead value -> vendor value; of kind ``range``: least number of a bracket -> its name there."""
    default: JsonValue = None  # sent on create when the lead has none (a field the vendor requires)
    max_length: int | None = None
    allow_clear: bool = False  # what was emptied on one side is emptied on the other
    read_only: bool = False  # direction from_crm: read and never written
    write_only: bool = False  # direction to_crm: written and never read
    blank_values: tuple[str, ...] = ()  # vendor values that count as blank; "00G*": all that begin so
    zone: str = ""  # of kind ``date``: it is a moment there, which stands for a day in this zone
    along: str = ""  # another vendor field: this one is written only together with it
    when: Condition | None = None  # written only while the lead satisfies it, and never read
    expression: Expression | None = None  # makes what is written, instead of the field; never read


@dataclass(frozen=True, slots=True)
class ObjectMap:
    """The fields of one vendor object."""

    object: str
    fields: tuple[CrmField, ...]
    place: Place
    id_field: str = ""  # vendor field that holds the lead's id
    as_text: bool = False  # the vendor takes and returns every value as text (HubSpot)
    currency: str = ""  # what its amounts are in; blank: it says so itself, or holds no amounts


@dataclass(frozen=True, slots=True)
class Limits:
    """The vendor's limits for this connection and the share left to other apps."""

    burst_calls: int | None = None  # calls per ``burst_seconds``
    burst_seconds: float = 10.0
    daily_calls: int | None = None
    reserve: float = 0.2
    search: float | None = None  # searches a second, apart from ``burst_calls``
    day: str = "rolling"  # or "midnight": when the day's allowance is new, see ``compile_crms.DAYS``


@dataclass(frozen=True, slots=True)
class Breaker:
    """A field of one record that comes back to an earlier value more often than this is held."""

    flips: int = 6
    per: timedelta = timedelta(hours=1)


ACCOUNT_OBJECTS: Mapping[str, str] = {"hubspot": "companies", "salesforce": "Account"}
"""CRM kind -> the object that holds companies."""
DEAL_OBJECTS: Mapping[str, str] = {"hubspot": "deals", "salesforce": "Opportunity"}
"""CRM kind -> the object that holds deals."""
DEAL_NEEDS: Mapping[str, tuple[str, ...]] = {
    "hubspot": ("name", "stage", "pipeline"),
    "salesforce": ("name", "stage", "close_date"),
}
"""CRM kind -> the fields without which it takes no new deal (HubSpot "Deals"; Salesforce Opportunity)."""


@dataclass(frozen=True, slots=True)
class Role:
    """The object that says who takes part in a deal, and its field that names the deal."""

    object: str
    deal_field: str


ROLES: Mapping[str, Role] = {"salesforce": Role("OpportunityContactRole", "OpportunityId")}
"""CRM kind -> the object that says who takes part in deals, where that is an object of its own."""
ASSOCIATED_OBJECTS: Mapping[str, str] = {"hubspot": "contacts", "salesforce": "Contact"}
"""CRM kind -> the object of people that can be associated with a company; a Salesforce Lead cannot."""


@dataclass(frozen=True, slots=True)
class TaskMap:
    """What tasks are called on one connection, and the text field of theirs that holds our key."""

    object: str  # "tasks", "Task"
    key_field: str
    place: Place


@dataclass(frozen=True, slots=True)
class Polling:
    """How a CRM's changes are followed."""

    every: timedelta = timedelta(seconds=30)  # between two looks at an object of which nothing is left
    overlap: timedelta = timedelta(seconds=15)  # read again at each look
    sweep_every: timedelta = timedelta(minutes=10)
    sweep_overlap: timedelta = timedelta(minutes=15)  # before the last sweep: read again by the next
    activities: Mapping[str, timedelta] = dataclasses.field(default_factory=dict)
    """Objects of what is done with people (calls, Task) that are followed, each with its own ``every``."""


@dataclass(frozen=True, slots=True)
class Reconciling:
    """What of a CRM is compared each night with what is here."""

    sample: int = 200  # records; 0: none
    at: timedelta = timedelta(hours=2, minutes=30)  # after midnight, UTC
    alarm_above: float = 0.02  # share of what was compared that nothing explains


@dataclass(frozen=True, slots=True)
class DeleteBrake:
    """How many records people may delete in a CRM before what follows from it waits for a person."""

    FEW: ClassVar[int] = 5  # that many never trip it, however small the account

    count: int = 100
    share: float = 0.1  # of the people who are linked there
    per: timedelta = timedelta(hours=1)

    def limit(self, linked: int) -> int:
        """Return how many deletions are let through of so many linked people."""
        return max(self.FEW, min(self.count, int(self.share * linked)))


@dataclass(frozen=True, slots=True)
class CrmMap:
    """How leads, and accounts where they are kept there too, look on one connection."""

    connection: str
    kind: str  # "hubspot" | "salesforce"
    create_object: str  # what a person who is not there yet becomes
    objects: Mapping[str, ObjectMap]  # that hold people
    limits: Limits
    place: Place
    needs: tuple[str, ...] = ()  # connections whose record must exist first
    read_before_write: timedelta = timedelta(0)
    match: tuple[str, ...] = ()  # objects in which a person may be there already, the first before the next
    account: ObjectMap | None = None  # the object that holds companies
    associates: bool = True  # people are associated with their company's record
    consent_read_within: timedelta = timedelta(minutes=15)  # before a task or message; else read again
    tasks: TaskMap | None = None  # without one, nobody gets tasks there
    breaker: Breaker = Breaker()
    polling: Polling = Polling()
    reconcile: Reconciling = Reconciling()
    adopts: bool = False  # people born there become leads
    adopt_when: Condition | None = None  # only those who satisfy it
    merges: str = "off"  # "propose" | "do": what a merge elsewhere does to the two records here
    on_delete: str = "keep"  # "unlink" | "propose" | "delete": what follows when a person is deleted here
    on_forget: str = "ask"  # "forget": what follows when they are erased here for good, for privacy
    delete_brake: DeleteBrake = DeleteBrake()
    deal: ObjectMap | None = None  # the object that holds deals
    adopts_deals: bool = False  # deals that are born there, and are with somebody known, become ours
    creates_deals: bool = True  # deals of another CRM are made here

    def map_of(self, object_name: str) -> ObjectMap | None:
        """Return the map of an object, of people, companies or deals; ``None`` for one that is left out."""
        for one in (self.account, self.deal):
            if one is not None and object_name == one.object:
                return one
        return self.objects.get(object_name)

    def is_deal(self, object_name: str) -> bool:
        """Say whether an object is the one that holds deals."""
        return self.deal is not None and object_name == self.deal.object

    @property
    def all_objects(self) -> Mapping[str, ObjectMap]:
        """The maps of all objects, those of companies and deals included."""
        return {**self.objects, **{one.object: one for one in (self.account, self.deal) if one is not None}}

    @property
    def role(self) -> Role | None:
        """The object that says who takes part in deals, where that is an object of its own."""
        return ROLES.get(self.kind) if self.deal is not None else None

    @property
    def people_object(self) -> str:
        """The object of people who can take part in deals or belong to companies."""
        return ASSOCIATED_OBJECTS[self.kind]

    @property
    def associated_object(self) -> str | None:
        """The object of people that is associated with companies here, if any is."""
        name = ASSOCIATED_OBJECTS.get(self.kind)
        return name if self.account is not None and self.associates and name in self.objects else None

    @property
    def described(self) -> tuple[str, ...]:
        """The objects whose fields the account must have: those that are mapped, and its tasks."""
        return (*self.all_objects, *([self.tasks.object] if self.tasks else []))

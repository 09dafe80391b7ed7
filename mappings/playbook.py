"""The playbook as the rest of the house sees it: checked, compiled, immutable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from mappings.memory import once_each
from mappings.templates import Template
from model.decision import Place
from model.engagement import COUNTED
from model.event import JsonValue
from model.lead import LINKS, Lead


@dataclass(frozen=True, slots=True)
class Condition:
    """A declarative test of a lead, compiled once; blank fields never match except ``is_blank``."""

    test: Callable[[Lead], bool]
    text: str  # as a person would say it: "country in DE, AT, CH"
    place: Place
    fields: frozenset[str] = frozenset()

    def matches(self, lead: Lead) -> bool:
        """Say whether the lead satisfies the condition."""
        return self.test(lead)


@dataclass(frozen=True, slots=True)
class SourceAuth:
    """How a sender proves itself. Secrets come from the environment, never from the file."""

    kind: str  # "none" (loopback only) | "token" | "hmac" | "standard_webhooks"
    place: Place
    secret_env: str = ""  # name of the environment variable
    header: str = ""  # token: header or query key; hmac: header of the signature
    query: str = ""  # token: query parameter, where headers cannot be set
    algorithm: str = "sha256"  # hmac
    encoding: str = "hex"  # hmac: "hex" | "base64"
    prefix: str = ""  # hmac: "sha256="
    tolerance: timedelta = timedelta(minutes=5)  # standard_webhooks timestamp


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One canonical field of a source: the first of ``paths`` that is not blank, then converted."""

    field: str
    paths: tuple[str, ...]  # dotted; the sender's names
    convert: tuple[str, ...]  # names in ``mappings.converters``
    place: Place
    constant: JsonValue = None  # used when ``paths`` is empty


@dataclass(frozen=True, slots=True)
class Required:
    """At least one of these canonical fields must be there."""

    any_of: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """What a post of this source counts as; the first whose ``when`` (path -> accepted values) matches."""

    kind: str
    place: Place
    detail_path: str = ""  # sender's field that names the form or asset
    when: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One sender of lead events; ``touch_paths``: touch field -> the sender's paths."""

    name: str
    place: Place
    auth: SourceAuth
    fields: tuple[FieldRule, ...]
    required: tuple[Required, ...] = ()
    activities: tuple[ActivityRule, ...] = ()
    honeypot: tuple[str, ...] = ()  # sender's fields that people leave blank
    cors: tuple[str, ...] = ()  # origins, or "*"
    redirect: str | None = None  # where a plain HTML form is sent (303)
    id_header: str = ""  # sender's event id
    id_path: str = ""
    occurred_at_path: str = ""
    dedupe_window: timedelta = timedelta(minutes=10)
    max_bytes: int = 262_144
    max_depth: int = 12
    max_fields: int = 400
    region: str = "US"  # for phone numbers without a country
    unit: str = "default"
    touch_paths: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    touch_constants: Mapping[str, str] = dataclasses.field(
        default_factory=dict
    )  # touch field -> value, used when the sender says nothing


@dataclass(frozen=True, slots=True)
class Screening:
    """What ``screen`` refuses to let through to people."""

    place: Place
    disposable: str = "spam"  # "spam" | "quarantine" | "allow"
    role_addresses: str = "review"  # "review" | "allow"
    blocked_domains: frozenset[str] = frozenset()
    role_names: frozenset[str] = frozenset()  # "info", "sales", "office"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which domains stand for a company."""

    shared_domains: frozenset[str] = frozenset()  # of many companies or of none
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)  # domain -> the company's main one


@dataclass(frozen=True, slots=True)
class ScoreGroup:
    """A share of the score: the sum of its rules, never above ``cap`` nor below 0."""

    name: str
    cap: int
    place: Place


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """Points for a fact (``when``) or for each of up to ``max_times`` activities (``activity``)."""

    name: str
    group: str
    points: int
    place: Place
    when: Condition | None = None
    activity: str = ""
    max_times: int = 1


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scoring model."""

    groups: tuple[ScoreGroup, ...]
    rules: tuple[ScoreRule, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Stage:
    """One lifecycle stage; their order in the file is their order in life."""

    name: str
    definition: str
    team: str
    place: Place


@dataclass(frozen=True, slots=True)
class StageRule:
    """What moves a lead forward to a stage."""

    to: str
    name: str
    place: Place
    min_score: int | None = None
    when: Condition | None = None
    activity: str = ""  # the lead did this at least once


TOP_STAGE = "customer"
"""The last step on the way; stages listed after it stand beside the way."""

CLOSED_STAGE = "disqualified"
"""Beside the way, and closed: only a person leads a lead back from here."""


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The stages, where a lead starts, and what moves it forward."""

    stages: tuple[Stage, ...]
    start: str
    rules: tuple[StageRule, ...]
    place: Place

    def order(self, stage: str | None) -> int:
        """Return the stage's position; -1 for none or an unknown one."""
        return next((n for n, known in enumerate(self.stages) if known.name == stage), -1)

    def is_beside(self, stage: str | None) -> bool:
        """Say whether the stage is listed after ``customer``; without a ``customer`` none is."""
        top = self.order(TOP_STAGE)
        return top >= 0 and self.order(stage) > top


@dataclass(frozen=True, slots=True)
class Member:
    """A teammate in a pool; twice the weight is twice the leads."""

    email: str
    weight: float
    place: Place


@dataclass(frozen=True, slots=True)
class Pool:
    """People who take leads in turn."""

    name: str
    members: tuple[Member, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Territory:
    """Leads that match ``when`` go to ``pool`` or to ``owner``; the first territory that matches wins."""

    name: str
    when: Condition
    place: Place
    pool: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who gets which lead."""

    territories: tuple[Territory, ...]
    pools: Mapping[str, Pool]
    fallback_pool: str
    fallback_place: Place
    place: Place
    from_stage: str = ""  # leads get an owner from this stage on; blank: at once


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


@dataclass(frozen=True, slots=True)
class DealStage:
    """One stage of deals, whichever CRM they live in, and what it means for the people in them."""

    name: str
    outcome: str  # "open" | "won" | "lost"
    place: Place
    lead_stage: str = ""  # the lifecycle stage that it leads people to; blank: none
    pipeline: str = ""


@dataclass(frozen=True, slots=True)
class Deals:
    """The stages of deals, and how amounts and days are meant where a CRM does not say."""

    stages: Mapping[str, DealStage]
    currency: str
    time_zone: str
    place: Place

    def outcome(self, stage: str | None) -> str:
        """Return how a deal in this stage stands; one whose stage is not known is open."""
        known = self.stages.get(stage or "")
        return known.outcome if known else "open"


@dataclass(frozen=True, slots=True)
class FollowUpRule:
    """The task that an owner gets with a lead; the first rule whose ``when`` holds makes it."""

    name: str
    place: Place
    subject: Template
    body: tuple[Template, ...]
    due_in: timedelta  # wall time, from the assignment
    when: Condition | None = None
    priority: str = "normal"  # "low" | "normal" | "high"
    type: str = "todo"  # "todo" | "call" | "email"
    connections: tuple[str, ...] = ()  # empty: every CRM whose map has tasks


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Who is asked to do what when a lead is handed to them."""

    rules: tuple[FollowUpRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """A channel as rules name it; its address and secrets come from the environment."""

    name: str
    kind: str  # "slack" | "teams" | "mail"
    place: Place
    channel: str = ""  # Slack with a bot's token: where it posts
    to: tuple[str, ...] = ()  # mail
    promise: str = "at_most_once"  # or "at_least_once"


@dataclass(frozen=True, slots=True)
class NotifyRule:
    """A message, once for each cause: an assignment, a stage that was entered, a post."""

    name: str
    place: Place
    on: str  # "assignment" | "stage" | "post"
    channel: str
    title: Template
    lines: tuple[Template, ...]
    when: Condition | None = None
    to_owner: bool = False  # mail: to the lead's owner instead of the channel's addresses


@dataclass(frozen=True, slots=True)
class Notifications:
    """Who is told what, and where."""

    channels: Mapping[str, ChannelRule] = dataclasses.field(default_factory=dict)
    rules: tuple[NotifyRule, ...] = ()
    wait_for_links: timedelta = timedelta(seconds=60)  # for the CRM records that a message links to


@dataclass(frozen=True, slots=True)
class Playbook:
    """Everything the ops people have written, checked as one."""

    version: str  # first 12 hex digits of the SHA-256 over all files
    sources: Mapping[str, Source]
    crms: Mapping[str, CrmMap]
    pipeline: tuple[str, ...]  # handler names in order
    screening: Screening
    scoring: Scoring
    lifecycle: Lifecycle
    routing: Routing
    pipeline_place: Place
    fields: Mapping[str, type]  # canonical names and types, declared ones included
    follow_up: FollowUp = FollowUp()
    notifications: Notifications = Notifications()
    skip_direct: bool = True  # a direct visit never replaces a known last touch
    keep: Mapping[str, timedelta] = dataclasses.field(default_factory=dict)  # retention.yaml, by kind
    accounts: Accounts = dataclasses.field(default_factory=Accounts)
    deals: Deals | None = None  # without deals.yaml no deals are kept

    @property
    def keeps_deals(self) -> bool:
        """Say whether deals of any CRM are followed."""
        return self.deals is not None and any(crm.deal is not None for crm in self.crms.values())

    @property
    def needed(self) -> frozenset[str]:
        """Return the connections whose new records another connection waits for, or is told of."""
        return _needed(self)

    @property
    def needed_accounts(self) -> frozenset[str]:
        """Return the connections of whose new companies another connection is told."""
        return _named(crm.account for crm in self.crms.values() if crm.account is not None)

    @property
    def counted(self) -> frozenset[str]:
        """Return what is done with leads in the CRMs and is counted by a rule of scoring or lifecycle."""
        return _counted(self)

    @property
    def joins_accounts(self) -> bool:
        """Say whether leads are joined to accounts: the pipeline names the handler."""
        return "account" in self.pipeline


@once_each
def _needed(playbook: Playbook) -> frozenset[str]:
    crms = playbook.crms.values()
    needs = (name for crm in crms for name in crm.needs)
    return frozenset((*needs, *_named(map_ for crm in crms for map_ in crm.objects.values())))


@once_each
def _counted(playbook: Playbook) -> frozenset[str]:
    named = {rule.activity for rule in playbook.scoring.rules}
    named |= {rule.activity for rule in playbook.lifecycle.rules}
    return frozenset(each for each in COUNTED if each in named)


@once_each
def _links_in(object_map: ObjectMap) -> frozenset[str]:
    prefix = f"{LINKS}."
    return frozenset(
        rule.field.removeprefix(prefix) for rule in object_map.fields if rule.field.startswith(prefix)
    )


def _named(maps: Iterable[ObjectMap]) -> frozenset[str]:
    """Return the connections whose record ids these maps hold."""
    return frozenset(name for object_map in maps for name in _links_in(object_map))

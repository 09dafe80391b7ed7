"""What the playbook's files may say: one pydantic model a file kind, also the source of the JSON Schemas.

The models know one file each. What holds between files (names that must exist, sums, cycles) is
checked by ``compile``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic.fields import FieldInfo

from mappings.durations import duration


class Strict(BaseModel):
    """No unknown settings, and nothing is guessed: ``12`` is not text, ``"12"`` is no number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _is_duration(text: str) -> str:
    duration(text)
    return text


def _is_scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        raise ValueError("one value is expected here, not a list or a mapping")
    return value


def _listed(value: Any) -> Any:
    """Let a single name stand where a list is expected."""
    return [value] if isinstance(value, str) else value


NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
FIELD_NAME = r"^[a-z][a-z0-9_]{0,39}$"
REGION = r"^[A-Z]{2}$"
LONGEST_NAME = 64  # characters: what the store's columns for names hold

Duration = Annotated[
    str,
    AfterValidator(_is_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d{1,6}\s*[smhd]\s*$"}),
]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=NAME)]
Label = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name that we do not choose, or that stands in no address: an object of a vendor, a pool."""
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Names = Annotated[list[Text], BeforeValidator(_listed, json_schema_input_type=str | list[str])]
Scalar = Annotated[
    Any, AfterValidator(_is_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})
]
Condition = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Field names with a value, a list of values, or operators such as at_least; "
            "several must all hold. Combine with all:, any: and not:.",
        }
    ),
]


# --- sources/*.yaml ---------------------------------------------------------------------------------------


class Auth(Strict):
    """How the sender proves itself."""

    kind: Literal["none", "token", "hmac", "standard_webhooks"] = Field(
        description="none: posts from this machine only. token: a shared secret in a header or the query. "
        "hmac: a signature over the body. standard_webhooks: id, time and signature headers."
    )
    secret_env: str = Field("", description="Name of the environment variable that holds the secret.")
    header: str = Field("", description="Header of the token, or of the signature.")
    query: str = Field("", description="Query parameter of the token, for senders that cannot set headers.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        "sha256", description="Hash of the hmac signature."
    )
    encoding: Literal["hex", "base64"] = Field("hex", description="How the hmac signature is written.")
    prefix: str = Field("", description='Text before the signature, such as "sha256=".')
    tolerance: Duration = Field("5m", description="How old a signed time may be (standard_webhooks).")


class FieldMap(Strict):
    """Where one lead field comes from."""

    paths: Names = Field(
        default_factory=list,
        alias="from",
        description="The sender's fields, best first; dots lead into objects. Also query.x and headers.x.",
    )
    convert: Names | None = Field(None, description="Converters in order; left out, the field's usual one.")
    value: Scalar = Field(None, description="A constant, instead of from.")


class AnyOf(Strict):
    """At least one of these fields must be there."""

    any_of: list[Text] = Field(min_length=1, description="Lead fields, one of which must be there.")


def _field_map(value: Any) -> Any:
    return {"from": value} if isinstance(value, str | list) else value


def _any_of(value: Any) -> Any:
    if isinstance(value, str):
        return {"any_of": [value]}
    return {"any_of": value} if isinstance(value, list) else value


class TouchMap(Strict):
    """Where one touch field comes from, before the usual UTM names are tried."""

    paths: Names = Field(default_factory=list, alias="from", description="The sender's fields, best first.")
    value: Text | None = Field(None, description="A constant, used when the sender says nothing.")


class ActivityMap(Strict):
    """What a post of this source counts as."""

    kind: Name = Field(description="The activity, as scoring and the lifecycle name it: demo_request.")
    when: dict[str, Names] = Field(
        default_factory=dict, description="Sender's field and accepted values; left out, every post counts."
    )
    detail: str = Field("", description="Sender's field that names the form or the asset.")


class EventId(Strict):
    """Where the sender's own event id is; with it, a second delivery is recognised for ever."""

    header: str = Field("", description="Header that holds the id.")
    path: str = Field("", description="Sender's field that holds the id.")


class SourceFile(Strict):
    """One sender of lead events: how it proves itself and what its fields mean."""

    name: Name | None = Field(None, description="Name in the address /in/<name>; else the file's name.")
    auth: Auth = Field(description="How the sender proves itself.")
    fields: dict[
        str,
        Annotated[FieldMap, BeforeValidator(_field_map, json_schema_input_type=str | list[str] | FieldMap)],
    ] = Field(min_length=1, description="Lead field: where it comes from.")
    required: list[
        Annotated[AnyOf, BeforeValidator(_any_of, json_schema_input_type=str | list[str] | AnyOf)]
    ] = Field(
        default_factory=list, description="Fields without which a post is quarantined; [a, b]: one of them."
    )
    touch: dict[
        str,
        Annotated[TouchMap, BeforeValidator(_field_map, json_schema_input_type=str | list[str] | TouchMap)],
    ] = Field(default_factory=dict, description="Touch field: the sender's own names for it.")
    activities: list[ActivityMap] = Field(
        default_factory=list, description="What a post counts as; the first that fits."
    )
    honeypot: Names = Field(
        default_factory=list, description="Fields that people never see and robots fill in."
    )
    cors: Names = Field(default_factory=list, description='Origins whose pages may post by script, or "*".')
    redirect: str | None = Field(None, description="Where a plain HTML form is sent afterwards.")
    event_id: EventId = Field(
        default_factory=lambda: EventId.model_validate({}), description="Where the sender's own event id is."
    )
    occurred_at: str = Field("", description="Sender's field with the time at which it happened.")
    dedupe_window: Duration = Field("10m", description="The same body within this time is a repeat.")
    max_bytes: int = Field(262_144, ge=1_024, le=8_388_608, description="Size of the largest post.")
    max_depth: int = Field(12, ge=1, le=50, description="Deepest nesting of a post.")
    max_fields: int = Field(400, ge=1, le=10_000, description="Most fields of a post.")
    region: str = Field("US", pattern=REGION, description="Country of phone numbers without a prefix.")
    unit: Name = Field("default", description="Business unit that the leads belong to.")


# --- crm/*.yaml -------------------------------------------------------------------------------------------


Authority = Literal["crm", "leadrelay", "newest", "crm_unless_blank", "max", "min", "union", "hold"]


class CrmFieldMap(Strict):
    """Which lead field a vendor field holds, and who owns it when both sides differ."""

    field: Text = Field(
        description="Lead field (of companies: account field; of deals: deal field), dotted for touches "
        '("first_touch.source") '
        'and for the id on another connection ("links.salesforce").'
    )
    direction: Literal["both", "to_crm", "from_crm", "off"] = Field(
        "both",
        description="Which way values go. to_crm: written and never read. from_crm: read and never written. "
        "off: neither.",
    )
    authority: Authority = Field(
        description="crm: filled while blank, then people own it. leadrelay: always ours. newest: later "
        "wins. crm_unless_blank: theirs wherever they have one. Where both changed it: max, min, union, hold."
    )
    kind: Literal["text", "number", "range", "datetime", "bool", "owner", "stage", "money", "date"] | None = (
        Field(None, description="The vendor's type; left out, it follows from the lead field.")
    )
    values: dict[str, str] = Field(
        default_factory=dict,
        description="Lead value: vendor value. What is not listed is not written. Of kind range: the least "
        'number of a bracket: the vendor\'s name for it ("50": "50-100").',
    )
    default: Scalar = Field(
        None, description="Sent on create when the lead has none (a field that the vendor requires)."
    )
    max_length: int | None = Field(None, ge=1, description="Longer text is cut.")
    read_only: bool = Field(
        False, description="The same as direction: from_crm, for a field that the vendor sets itself."
    )
    allow_clear: bool = Field(
        False, description="Whether a value that was emptied on one side is emptied on the other."
    )
    blank_values: Names = Field(
        default_factory=list,
        description="Vendor values that count as blank: an integration user's id, or 00G* for all queues.",
    )


class ObjectFile(Strict):
    """One object of the vendor."""

    id_field: str = Field("", description="Vendor field that holds leadrelay's id of the lead.")
    fields: dict[str, CrmFieldMap] = Field(
        min_length=1, description="Vendor field: lead field and authority."
    )


class TasksMap(Strict):
    """Tasks for the owners of leads."""

    key_field: Text = Field(
        description="Text field of the vendor's tasks that holds leadrelay's key: by it a task is found "
        "again whose answer was lost."
    )


class BreakerMap(Strict):
    """When a field that goes to and fro is held, because two systems undo each other's changes."""

    flips: int = Field(6, ge=1, description="How often it may come back to a value it had before.")
    per: Duration = Field("1h", description="Within how long.")


class DeleteBrakeMap(Strict):
    """When deletions are so many that nothing follows from them before a person has looked."""

    count: int = Field(100, ge=1, description="More than so many.")
    share: float = Field(0.1, gt=0, le=1, description="Or more than this share of the people linked here.")
    per: Duration = Field("1h", description="Within how long.")


class LimitsMap(Strict):
    """The vendor's limits and the share that is left to the company's other apps."""

    burst_calls: int | None = Field(None, ge=1, description="Calls per burst_seconds.")
    burst_seconds: float = Field(10.0, gt=0, description="Length of the burst window.")
    search: float | None = Field(
        None, gt=0, description="Searches a second, which have a limit of their own. HubSpot: 5."
    )
    daily_calls: int | None = Field(None, ge=1, description="Calls a day, until the account tells its own.")
    reserve: float = Field(0.2, ge=0, lt=1, description="Share that is never used: 0.2 leaves 20 %.")


class PollMap(Strict):
    """How often the CRM is asked what has changed, and how much of what was read is read again."""

    every: Duration = Field(
        "30s", description="Between two looks at an object of which nothing is left to read."
    )
    overlap: Duration = Field(
        "15s", description="Before the last change seen: read again at each look, for what was seen late."
    )
    sweep_every: Duration = Field("10m", description="Between two sweeps, which read a longer stretch again.")
    sweep_overlap: Duration = Field(
        "15m", description="How far a sweep reaches behind the last. Salesforce's transactions may take 10m."
    )
    activities: dict[Label, Duration] = Field(
        default_factory=dict,
        description="What is done with people there (HubSpot: calls, emails, meetings, notes, tasks; "
        "Salesforce: Task, Event, CampaignMember): each object that is followed, and how often.",
    )


class ReconcileMap(Strict):
    """What of the CRM is compared with what is here each night; see ``leadrelay reconcile``."""

    sample: int = Field(
        200, ge=0, le=20_000, description="Records that are read and compared each night; 0: none."
    )
    at: str = Field(
        "02:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When the night's run begins, UTC."
    )
    alarm_above: float = Field(
        0.02, ge=0, le=1, description="An alarm above this share of what was compared that nothing explains."
    )


class CrmFile(Strict):
    """How leads look in one CRM."""

    connection: Name | None = Field(None, description="Name of the connection; else the file's name.")
    kind: Literal["hubspot", "salesforce"] = Field(description="Whose CRM it is.")
    create: Label = Field(description="The object that a person becomes who is not there yet.")
    account: Label | None = Field(
        None, description="The object that holds companies: companies or Account; left out: none is written."
    )
    associate: bool = Field(
        True, description="People are associated with their company's record, unless somebody chose another."
    )
    deal: Label | None = Field(
        None, description="The object that holds deals: deals or Opportunity; left out: none are followed."
    )
    adopt_deals: Literal["none", "known"] = Field(
        "none",
        description="Whether a deal born in this CRM becomes ours: known, where one of its people is a "
        "lead or its company an account. Its outcome is then told of the people in it.",
    )
    create_deals: bool = Field(
        True,
        description="Deals of another CRM are made in this one, too; false: only those there are changed.",
    )
    objects: dict[Label, ObjectFile] = Field(
        min_length=1, description="The vendor's objects that hold people, those of companies and of deals."
    )
    match: Names = Field(
        default_factory=list,
        description="The objects in which a person may be there already, the first before the next. Left "
        "out: contacts; in Salesforce Contact before Lead.",
    )
    limits: LimitsMap = Field(
        default_factory=lambda: LimitsMap.model_validate({}),
        description="The vendor's limits and the share that is left to other apps.",
    )
    breaker: BreakerMap = Field(
        default_factory=lambda: BreakerMap.model_validate({}),
        description="A field of one record that flips more often than this is held until a person decides.",
    )
    poll: PollMap = Field(
        default_factory=lambda: PollMap.model_validate({}), description="How changes are followed."
    )
    reconcile: ReconcileMap = Field(
        default_factory=lambda: ReconcileMap.model_validate({}),
        description="What is compared with the CRM each night.",
    )
    adopt: Literal["none", "all"] = Field(
        "none",
        description="Whether a person whom a change in this CRM names, and who is no lead yet, becomes one. "
        "Who was there before and does not change stays out.",
    )
    adopt_when: Condition | None = Field(None, description="Only people who satisfy this are adopted.")
    merges: Literal["off", "propose", "do"] = Field(
        "off",
        description="What happens to two records here once people merged those of the same person in another "
        "CRM: a note (off), a person is asked to merge them (propose), they are merged at once (do).",
    )
    on_delete: Literal["keep", "unlink", "propose", "delete"] = Field(
        "keep",
        description="What follows when people delete a person here. keep: the lead stays, and nobody is made "
        "anew here. unlink: the lead lets go, and the next write makes the person anew. propose: a person is "
        "asked to delete the records in the other CRMs, too. delete: they are deleted at once.",
    )
    on_forget: Literal["ask", "forget"] = Field(
        "ask",
        description="When somebody is erased here for good, for privacy (HubSpot). ask: a person "
        "is asked to let leadrelay forget them, too. forget: it does at once.",
    )
    delete_brake: DeleteBrakeMap = Field(
        default_factory=lambda: DeleteBrakeMap.model_validate({}),
        description="More deletions than this wait for a person before anything follows from them.",
    )
    needs: Names = Field(default_factory=list, description="Connections whose record must exist first.")
    tasks: TasksMap | None = Field(None, description="Left out, follow_up.yaml makes no tasks here.")
    read_before_write: Duration = Field(
        "0s",
        description="What people in the CRM have a say in is read again before it is written, unless it was "
        "read this lately.",
    )
    consent_read_within: Duration = Field(
        "15m",
        description="Before a task or a message goes out, the opt-out fields of the person's record are read "
        "again, unless it was read this lately.",
    )


# --- the files beside them --------------------------------------------------------------------------------


class StageMap(Strict):
    """One lifecycle stage."""

    name: Name = Field(description="The stage, as rules and CRM maps name it.")
    definition: Text = Field(description="What is true of a lead in this stage.")
    team: Text = Field(description="Who acts on it.")


class StageRuleMap(Strict):
    """What moves a lead forward; all that is given must hold."""

    to: Text = Field(description="The stage that the lead enters.")
    name: Text = Field(description="The reason, as people will read it.")
    min_score: int | None = Field(None, ge=0, description="The score has reached this.")
    when: Condition | None = Field(None, description="The lead satisfies this condition.")
    activity: Names = Field(default_factory=list, description="The lead did one of these at least once.")


class LifecycleFile(Strict):
    """The stages in their order in life, and what moves a lead forward."""

    start: Text = Field(description="The stage in which every lead begins.")
    stages: list[StageMap] = Field(min_length=1, description="The stages, in their order in life.")
    rules: list[StageRuleMap] = Field(default_factory=list, description="What moves a lead forward.")


class DealStageMap(Strict):
    """One stage of deals."""

    name: Name = Field(description="The stage, as CRM maps name it.")
    outcome: Literal["open", "won", "lost"] = Field("open", description="How a deal in this stage stands.")
    lead_stage: str = Field(
        "", description="The lifecycle stage that it leads the people of the deal to; left out: none."
    )
    pipeline: str = Field("", description="The pipeline that it belongs to, where a CRM has several.")


def _is_currency(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError("a currency is three letters, such as EUR")
    return text


class DealsFile(Strict):
    """The stages of deals, whichever CRM they live in, and what they mean for the people in them."""

    currency: Annotated[
        str, AfterValidator(_is_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})
    ] = Field(description="What amounts are in where a CRM does not say: EUR.")
    time_zone: Text = Field(
        "UTC", description="Where a moment stands for a day: the time zone of the HubSpot account."
    )
    stages: list[DealStageMap] = Field(min_length=1, description="The stages, in their order.")


class GroupMap(Strict):
    """A share of the score."""

    cap: int = Field(ge=0, le=100, description="The most that the rules of this group can give together.")


class ScoreRuleMap(Strict):
    """Points for a fact (when) or for what a person did (activity)."""

    name: Text = Field(description="The reason, as people will read it.")
    group: Text = Field(description="The group in which the points count.")
    points: int = Field(ge=-100, le=100, description="Points; less than 0 takes some away.")
    when: Condition | None = Field(None, description="The points count while the lead satisfies this.")
    activity: str = Field("", description="The points count for each time the lead did this.")
    max_times: int = Field(1, ge=1, le=1000, description="How often the activity counts.")


class ScoringFile(Strict):
    """The scoring model; the caps of the groups add up to 100."""

    groups: dict[str, GroupMap] = Field(min_length=1, description="Name: its share of the score.")
    rules: list[ScoreRuleMap] = Field(min_length=1, description="What gives points.")


class MemberMap(Strict):
    """A teammate in a pool."""

    email: Text = Field(description="The address by which the CRMs know the person.")
    weight: float = Field(1.0, gt=0, le=100, description="2 gets twice as many leads as 1.")


def _member(value: Any) -> Any:
    return {"email": value} if isinstance(value, str) else value


class PoolMap(Strict):
    """People who take leads in turn."""

    members: list[Annotated[MemberMap, BeforeValidator(_member, json_schema_input_type=str | MemberMap)]] = (
        Field(description="Who takes leads, in any order.")
    )


class TerritoryMap(Strict):
    """Which leads go to which pool, or to one person."""

    name: Text = Field(description="The reason, as people will read it.")
    when: Condition = Field(description="Which leads belong here.")
    pool: str = Field("", description="The pool that takes them in turn.")
    owner: str = Field("", description="One person's e-mail, instead of a pool.")


class RoutingFile(Strict):
    """Who gets which lead; the first territory that matches wins."""

    from_stage: str = Field("", description="Leads get an owner from this stage on; left out: at once.")
    territories: list[TerritoryMap] = Field(default_factory=list, description="The first that matches wins.")
    pools: dict[Label, PoolMap] = Field(min_length=1, description="Name: its members.")
    fallback_pool: Text = Field(description="Takes what no territory matches, so that no lead is left alone.")


class ScreeningFile(Strict):
    """What does not reach people."""

    disposable: Literal["spam", "quarantine", "allow"] = Field(
        "spam", description="What becomes of posts from throw-away mailboxes."
    )
    role_addresses: Literal["review", "allow"] = Field(
        "review", description="What becomes of posts from desks such as info@."
    )
    blocked_domains: Names = Field(
        default_factory=list, description="Domains (with subdomains) treated as spam."
    )
    role_names: Names | None = Field(
        None, description="Local parts that are desks; left out: a built-in list."
    )


class AccountsFile(Strict):
    """Which domains stand for a company."""

    shared_domains: Names = Field(
        default_factory=list,
        description="Domains of many companies or of none, beside free mail: a provider, a school, a host.",
    )
    aliases: dict[Text, Text] = Field(
        default_factory=dict, description="Domain: the one that stands for the same company."
    )


class TaskRuleMap(Strict):
    """The task that an owner gets with a lead."""

    name: Text = Field(description="What the rule is called; explain shows it.")
    when: Condition | None = Field(None, description="Which leads; left out: every lead.")
    subject: Text = Field(description="One line, with placeholders: Call {name} ({company|no company}).")
    body: Names = Field(
        default_factory=list,
        description="Lines with placeholders. A line whose placeholders are all blank is left out; "
        "{because} stands alone on its line.",
    )
    due_in: Duration = Field("4h", description="When it is due, in wall time from the assignment: 4h, 1d.")
    priority: Literal["low", "normal", "high"] = Field("normal", description="How urgent it is.")
    type: Literal["todo", "call", "email"] = Field("todo", description="What is to be done.")
    connections: Names = Field(
        default_factory=list, description="In which CRMs; left out: all whose map has tasks."
    )


class FollowUpFile(Strict):
    """The task that the owner of a lead gets with it, in the CRM."""

    tasks: list[TaskRuleMap] = Field(
        default_factory=list, description="On an assignment, the first whose `when` holds makes the task."
    )


class ChannelMap(Strict):
    """A way to people. Its address and secrets come from the environment: LEADRELAY_<NAME>_…"""

    kind: Literal["slack", "teams", "mail"] = Field(description="What it is.")
    channel: str = Field("", description='Slack with a bot\'s token: where it posts, "#leads" or an id.')
    to: Names = Field(default_factory=list, description="mail: the addresses.")
    promise: Literal["at_most_once", "at_least_once"] = Field(
        "at_most_once",
        description="A message whose answer was lost: at_most_once marks it unknown, at_least_once sends it "
        "again, and somebody may read it twice.",
    )


class NotifyRuleMap(Strict):
    """A message, once for each cause."""

    name: Text = Field(description="What the rule is called; explain shows it.")
    on: Literal["assignment", "stage", "post"] = Field(
        "assignment",
        description="assignment: a rule gave it an owner. stage: it entered a stage. post: it came in.",
    )
    when: Condition | None = Field(None, description="Which leads; left out: every lead.")
    channel: Text = Field(description="One of the channels above.")
    title: Text = Field(description="One line with placeholders; the subject of a mail.")
    text: Names = Field(
        default_factory=list,
        description="Lines with placeholders. A line whose placeholders are all blank is left out; "
        "{because} stands alone on its line, {links} leads to the CRM records.",
    )
    to: Literal["channel", "owner"] = Field("channel", description="mail: owner writes to the lead's owner.")


class NotificationsFile(Strict):
    """Who is told what, and where."""

    channels: dict[Name, ChannelMap] = Field(default_factory=dict, description="Name: what it is.")
    rules: list[NotifyRuleMap] = Field(default_factory=list, description="Every rule that fits sends.")
    wait_for_links: Duration = Field(
        "60s", description="How long a message waits for the CRM records that it links to."
    )


class AttributionMap(Strict):
    """How touches become first and last touch."""

    skip_direct: bool = Field(True, description="A direct visit never replaces a known last touch.")


class PipelineFile(Strict):
    """The rules in the order in which they run."""

    handlers: list[Text] = Field(min_length=1, description="The handlers, in the order in which they run.")
    attribution: AttributionMap = Field(
        default_factory=lambda: AttributionMap.model_validate({}),
        description="How touches become first and last touch.",
    )


FOREVER = "forever"


def _is_term(text: str) -> str:
    return text if text == FOREVER else _is_duration(text)


Term = Annotated[
    str,
    AfterValidator(_is_term),
    WithJsonSchema({"type": "string", "pattern": r"^(forever|\s*\d{1,6}\s*[smhd]\s*)$"}),
]


class RetentionFile(Strict):
    """How long leadrelay keeps what it no longer needs: 30d, or forever."""

    posts: Term = Field("365d", description="What senders posted, of posts that became a lead.")
    spam: Term = Field("30d", description="What senders posted, of posts that were screened out.")
    quarantine: Term = Field(
        "180d", description="What senders posted, of posts that could not be used and nobody mended."
    )
    crm_events: Term = Field("30d", description="What CRMs told of records and owners, once it is taken in.")
    reviews: Term = Field("365d", description="Questions to people, once they are answered.")
    conflicts: Term = Field("365d", description="Values that lost against another side's.")
    messages: Term = Field("365d", description="Why tasks and messages were sent, and in which words.")
    activities: Term = Field("730d", description="Titles of calls, mails, meetings and tasks in the CRMs.")
    audit_details: Term = Field(
        "1095d", description="What each line of the audit says; the line itself, with its seal, stays."
    )


class ExtraField(Strict):
    """A lead field of your own."""

    type: Literal["text", "integer", "number", "boolean"] = Field("text", description="What it holds.")
    description: str = Field("", description="What it means, for people.")


class FieldsFile(Strict):
    """Lead fields beyond the built-in ones."""

    fields: dict[Annotated[str, Field(pattern=FIELD_NAME)], ExtraField] = Field(
        default_factory=dict, description="Name: type and meaning."
    )


KINDS: Mapping[str, type[Strict]] = {
    "source": SourceFile,
    "crm": CrmFile,
    "lifecycle": LifecycleFile,
    "scoring": ScoringFile,
    "routing": RoutingFile,
    "screening": ScreeningFile,
    "accounts": AccountsFile,
    "deals": DealsFile,
    "follow_up": FollowUpFile,
    "notifications": NotificationsFile,
    "pipeline": PipelineFile,
    "retention": RetentionFile,
    "fields": FieldsFile,
}


@cache
def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each file kind, for editors that complete and check while typing."""
    return {
        kind: {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        for kind, model in KINDS.items()
    }


def settings_of(model: type[Strict]) -> Iterator[tuple[str, FieldInfo, type[Strict] | None]]:
    """Yield the settings of a model by their names in the file, each with the model inside it."""
    for name, info in model.model_fields.items():
        inner = _model_in(info.annotation) or next(filter(None, map(_model_in, info.metadata)), None)
        yield info.alias or name, info, inner


def _model_in(annotation: Any) -> type[Strict] | None:
    """Find the model inside ``dict[str, Annotated[Model, …]]`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)

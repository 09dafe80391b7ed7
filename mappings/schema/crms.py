"""crm/*.yaml"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mappings.schema.words import Condition, Duration, Label, Name, Names, Scalar, Strict, Text

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
    when: Condition | None = Field(
        None, description="Written only while the lead satisfies this; needs direction: to_crm."
    )
    expression: Text | None = Field(
        None,
        description="What is written instead of the field's own value, made of any lead fields; needs "
        "direction: to_crm.",
    )
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

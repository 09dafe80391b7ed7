"""The canonical person record and what is known about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model.dispute import Dispute
from model.engagement import Engagement
from model.event import JsonValue, RecordRef
from model.timer import Timer

# Canonical field names with the Python type of their value. Dotted names ("first_touch.source")
# read into a touch. The playbook may declare more under ``fields:``.
LEAD_FIELDS: Mapping[str, type] = {
    "email": str,
    "phone": str,  # E.164
    "first_name": str,
    "last_name": str,
    "title": str,
    "company": str,
    "website": str,
    "industry": str,
    "employees": int,
    "annual_revenue": float,
    "country": str,  # ISO 3166-1 alpha-2
    "state": str,
    "city": str,
    "postal_code": str,
    "message": str,
    "language": str,
    "lead_source": str,
    "consent_email": bool,
    "opted_out": bool,  # wants no contact; see ``OPT_OUT``
    "score": int,
    "band": str,  # of scoring.yaml, by the score
    "grade": str,  # of scoring.yaml: a letter and a number, such as "A1"
    "score_reasons": str,  # what gave the score when the CRMs were last told of it
    "icp_tier": str,  # of icp.yaml: how well the lead and its company fit
    "icp_score": int,  # 0 to 100: the share of the weights that is met
    "icp_reasons": str,  # the criteria that are met, missed and not known, in one line
    "stage": str,
    "stage_pass": int,  # which time the lead goes up the way; blank: the first
    "in_review": bool,  # a person is asked to approve or disqualify; see ``review`` of lifecycle.yaml
    "led_back_from": str,  # the stage it went back from, until it moves on again
    "owner": str,  # a teammate's e-mail
    "account": str,  # id of the company's account
    "email_kind": str,  # "business", "free", "disposable" or "role"
    "email_domain": str,  # the registrable one
    "phone_country": str,  # ISO 3166-1 alpha-2
    "phone_zone": str,  # IANA time zone, where the number tells one
    "deal_outcome": str,  # of the deal that counts most for the person: "won", "open", "lost"
    "deal_stage": str,  # its stage, of deals.yaml
    "deal_reason": str,  # why it was won or lost
    "first_touch": dict,
    "last_touch": dict,
}

DEAL_FIELDS_OF_LEAD = ("deal_outcome", "deal_stage", "deal_reason")
"""What the deals of a person say of them; they follow from the deals alone."""

TOLD_SCORE = "told_score"
"""The score that the CRMs are told: follows ``score`` in steps; blank: ``score``."""

BELOW_SINCE = "band_below_since"
"""Since when the score has been below what the lead's band asks for; blank while it is not."""

SCORE_FIELDS = ("score", "band", "grade", "score_reasons", TOLD_SCORE, BELOW_SINCE)
"""What ``score`` decides."""

ICP_FIELDS = ("icp_tier", "icp_score", "icp_reasons")
"""How well a lead fits the ideal customer profile; ``icp`` decides them."""

STAGE_FIELDS = ("stage_pass", "led_back_from")
"""What is remembered of a lead's way; they are set with the stage alone."""

IN_REVIEW = "in_review"
"""Whether a person is asked to approve or disqualify the lead; blank: nobody ever was."""

REVIEWED_BAND = "reviewed_band"
"""The band for which the lead was judged; blank again once it has left it."""

REVIEW_FIELDS = (IN_REVIEW, REVIEWED_BAND)
"""What is remembered of a review by people."""

QUEUED_SINCE = "queued_since"
"""Since when the lead has waited by ``queue_until_shift``; blank: it has not since it had an owner."""

FACT_FIELDS = ("email_kind", "email_domain", "phone_country", "phone_zone")
"""What e-mail and telephone tell by themselves; they follow from the two alone."""

DECIDED_FIELDS = frozenset(
    {
        *FACT_FIELDS,
        *SCORE_FIELDS,
        *ICP_FIELDS,
        *STAGE_FIELDS,
        *REVIEW_FIELDS,
        QUEUED_SINCE,
        *DEAL_FIELDS_OF_LEAD,
        "stage",
        "owner",
        "account",
        "first_touch",
        "last_touch",
    }
)
"""Fields that only handlers and the merge set; a source may not map to them."""

OPT_OUT = "opted_out"
"""Once yes, always yes: no later word of a form or a CRM takes it back (``model.consent``)."""

RULE = "rule"
"""The source of what rules decided; no sender and no connection is called so."""

PERSON = "person"
"""The source of what a person decided here, of two values that disagreed; nobody else is called so."""

MATCHER = "matcher"
"""The source of pairs of leads that are surely one person by their evidence; nobody else is called so."""

LINKS = "links"
"""``links.salesforce``: the id of the person's (or company's) record there; for CRM maps, read-only."""

ASSOCIATED = "leadrelay:account"
"""Key in the shadow of a person's link: the company record that the association was last settled with.

Not a field of the vendor's: it holds a colon, which no field name does.
"""

TOUCH_FIELDS = (
    "at",
    "channel",
    "source",
    "medium",
    "campaign",
    "term",
    "content",
    "click_id",
    "click_id_kind",
    "referrer",
    "landing_page",
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A key that finds a lead: ``kind`` is ``email``, ``phone`` or ``record``."""

    kind: str
    value: str  # match form: normalised e-mail, E.164, or "connection/object/id"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a field's value came from, and when it became true there."""

    source: str  # a playbook source, a connection's name, ``RULE`` or ``PERSON``
    at: datetime  # occurred_at of the event that brought it
    event: int  # row id of that event
    confirmed_at: datetime | None = None  # when it was read that people there came (back) to it; our clock
    by_people: bool = False  # read in a CRM, where people had set it


@dataclass(frozen=True, slots=True)
class Touch:
    """One marketing contact. ``fields`` uses the names of ``TOUCH_FIELDS`` except ``at``."""

    at: datetime
    fields: Mapping[str, str]

    @property
    def is_direct(self) -> bool:
        """Say whether nothing names where the person came from."""
        return self.fields.get("channel") == "direct"


@dataclass(frozen=True, slots=True)
class Activity:
    """One thing a person did, as scoring sees it: ``demo_request``, ``content_download`` …"""

    kind: str
    at: datetime
    detail: str = ""  # the form or asset, for ``unique_by`` and for people


@dataclass(frozen=True, slots=True)
class Link:
    """Which remote record is this lead on one connection, and what both sides last agreed on.

    ``shadow`` and ``written`` hold the vendor's field names and values in the vendor's form.
    ``rev`` is compare-and-set: the decider and the deliverer both write links.
    """

    connection: str
    object: str
    remote_id: str
    shadow: Mapping[str, JsonValue]  # last agreed
    written: Mapping[str, JsonValue]  # what leadrelay itself last wrote, field by field
    rev: int = 0
    read_at: datetime | None = None
    aliases: tuple[str, ...] = ()
    disputes: Mapping[str, Dispute] = field(default_factory=dict)  # vendor field -> what is remembered of it
    modified_at: datetime | None = None  # the vendor's stamp of the newest version that is known
    wrote_at: datetime | None = None  # our clock, when a write of ours was last answered
    recent: Mapping[str, Sequence[JsonValue]] = field(default_factory=dict)  # what our writes replaced
    gone_at: datetime | None = None  # since when the record is deleted; it is not written, nor made anew
    row: int = field(default=0, compare=False, repr=False)  # where the store has it; 0: not yet


@dataclass(slots=True)
class Lead:
    """The canonical person record, from suspect to customer.

    ``fields`` holds every canonical field, decided ones (score, stage, owner, touches)
    included; an absent key and ``None`` both mean blank.
    """

    id: str
    space: str = "main"
    unit: str = "default"
    fields: dict[str, JsonValue] = field(default_factory=dict)
    provenance: dict[str, Provenance] = field(default_factory=dict)
    identities: set[Identity] = field(default_factory=set)
    touches: list[Touch] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    engagements: dict[RecordRef, Engagement] = field(default_factory=dict)  # those that rules count
    links: dict[str, Link] = field(default_factory=dict)  # connection -> link
    timers: dict[tuple[str, str], Timer] = field(default_factory=dict)  # (kind, key) -> timer
    asked: set[tuple[str, str]] = field(default_factory=set)  # (provider, question): who was asked about it
    created_at: datetime | None = None
    version: int = 0  # 0: not stored yet
    is_test: bool = False

    def get(self, name: str) -> Any:
        """Return a field's value, reading dotted names into touches; ``None`` when blank."""
        if "." not in name:
            return self.fields.get(name)
        outer, inner = name.split(".", 1)
        value = self.fields.get(outer)
        return value.get(inner) if isinstance(value, dict) else None

    def deeds(self) -> Sequence[Activity]:
        """Return what the person did, by posts and in the CRMs, as scoring and the lifecycle count it."""
        if not self.engagements:
            return self.activities
        counted = [one for one in self.engagements.values() if one.counts]
        return [*self.activities, *(Activity(one.kind, one.at, one.title) for one in counted)]

    @property
    def stage(self) -> str | None:
        """The lifecycle stage, or ``None`` before ``qualify`` has run for the first time."""
        return self.fields.get("stage")

    @property
    def score(self) -> int:
        """The score in points; 0 before scoring."""
        return self.fields.get("score") or 0

    @property
    def owner(self) -> str | None:
        """The owning teammate's e-mail."""
        return self.fields.get("owner")

"""The object types of the account: their names, type ids, and what sets each apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sandbox.vendor import View

OWNED = {"hubspot_owner_id": "Owner", "hs_lastmodifieddate": "Last modified"}


@dataclass(frozen=True)
class Kind:
    """One object type."""

    name: str  # "contacts", as paths say it
    singular: str  # "contact"
    type_id: str  # "0-1"
    first_id: int
    shown: tuple[str, ...]  # answered without asking, beside id and times
    searched: tuple[str, ...]  # where the `query` of a search looks
    view: View
    required: tuple[tuple[str, ...], ...] = ()  # one of each group must be set on create
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"
    is_activity: bool = False
    merges: bool = False
    pipeline: tuple[str, str] | None = None  # the properties that hold pipeline and stage

    @property
    def code(self) -> str:
        """The name in error messages: CONTACT."""
        return self.singular.upper()

    @cached_property
    def always(self) -> tuple[str, ...]:
        """What every answer carries."""
        return tuple(sorted((self.created, "hs_object_id", self.modified)))

    @cached_property
    def without_asking(self) -> tuple[str, ...]:
        """What a read answers that names no property."""
        return tuple(sorted({*self.shown, *self.always}))


def _activity(
    name: str, singular: str, type_id: str, first_id: int, title: str, columns: dict[str, str], *required: str
) -> Kind:
    return Kind(
        name,
        singular,
        type_id,
        first_id,
        shown=(),
        searched=(title,),
        view=View(name.capitalize(), title=(title,), columns={**columns, **OWNED}),
        required=(("hs_timestamp",), *((name,) for name in required)),
        created="hs_createdate",
        is_activity=True,
    )


_BY_PRIORITY = {"hs_task_status": "Status", "hs_task_priority": "Priority", "hs_timestamp": "Due"}
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "contacts",
            "contact",
            "0-1",
            101,
            shown=("email", "firstname", "lastname"),
            searched=(
                "firstname",
                "lastname",
                "email",
                "phone",
                "mobilephone",
                "company",
                "hs_additional_emails",
            ),
            view=View(
                "Contacts",
                title=("firstname", "lastname"),
                columns={
                    "email": "Email",
                    "company": "Company",
                    "lifecyclestage": "Lifecycle stage",
                    "hubspot_owner_id": "Owner",
                    "lastmodifieddate": "Last modified",
                },
            ),
            modified="lastmodifieddate",
            merges=True,
        ),
        Kind(
            "companies",
            "company",
            "0-2",
            20_101,
            shown=("domain", "name"),
            searched=("website", "phone", "name", "domain"),
            view=View(
                "Companies", ("name",), {"domain": "Domain", "lifecyclestage": "Lifecycle stage"} | OWNED
            ),
            required=(("name", "domain"),),
            merges=True,
        ),
        Kind(
            "deals",
            "deal",
            "0-3",
            30_101,
            shown=("amount", "closedate", "dealname", "dealstage", "pipeline"),
            searched=("dealname", "pipeline", "dealstage", "description", "dealtype"),
            view=View(
                "Deals",
                ("dealname",),
                {"amount": "Amount", "dealstage": "Stage", "closedate": "Close date"} | OWNED,
            ),
            required=(("dealname",), ("dealstage",)),
            merges=True,
            pipeline=("pipeline", "dealstage"),
        ),
        Kind(
            "tickets",
            "ticket",
            "0-5",
            50_101,
            shown=(
                "content",
                "hs_pipeline",
                "hs_pipeline_stage",
                "hs_ticket_category",
                "hs_ticket_priority",
                "subject",
            ),
            searched=("subject", "content", "hs_pipeline_stage", "hs_ticket_category"),
            view=View(
                "Tickets",
                ("subject",),
                {"hs_pipeline_stage": "Status", "hs_ticket_priority": "Priority"} | OWNED,
            ),
            required=(("subject",), ("hs_pipeline_stage",)),
            merges=True,
            pipeline=("hs_pipeline", "hs_pipeline_stage"),
        ),
        Kind(
            "leads",
            "lead",
            "0-136",
            136_101,
            shown=(),
            searched=("hs_lead_name",),
            view=View(
                "Leads",
                ("hs_lead_name",),
                {"hs_pipeline_stage": "Stage", "hs_lead_label": "Label"} | OWNED,
            ),
            required=(("hs_lead_name",),),
            created="hs_createdate",
            pipeline=("hs_pipeline", "hs_pipeline_stage"),
        ),
        _activity("tasks", "task", "0-27", 270_101, "hs_task_subject", _BY_PRIORITY),
        _activity("notes", "note", "0-46", 460_101, "hs_note_body", {"hs_timestamp": "Time"}),
        _activity(
            "calls",
            "call",
            "0-48",
            480_101,
            "hs_call_title",
            {"hs_call_direction": "Direction", "hs_timestamp": "Time"},
        ),
        _activity(
            "emails",
            "email",
            "0-49",
            490_101,
            "hs_email_subject",
            {"hs_email_direction": "Direction", "hs_timestamp": "Time"},
            "hs_email_direction",
        ),
        _activity(
            "meetings",
            "meeting",
            "0-47",
            470_101,
            "hs_meeting_title",
            {"hs_meeting_start_time": "Start", "hs_meeting_outcome": "Outcome"},
        ),
        _activity(
            "communications",
            "communication",
            "0-18",
            180_101,
            "hs_communication_body",
            {"hs_communication_channel_type": "Channel", "hs_timestamp": "Time"},
            "hs_communication_channel_type",
        ),
    )
}

SPELLINGS = {
    spelling: kind for kind in KINDS.values() for spelling in (kind.name, kind.singular, kind.type_id)
}
"""What a path or a body may say for an object type."""

# HubSpot's other object types (Understanding the CRM, "Object type ID values"), which are not built here.
_NOT_BUILT = {
    "appointments": "0-421", "carts": "0-142", "courses": "0-410", "discounts": "0-84",
    "feedback_submissions": "0-19", "fees": "0-85", "goal_targets": "0-74", "invoices": "0-53",
    "line_items": "0-8", "listings": "0-420", "marketing_events": "0-54", "orders": "0-123",
    "commerce_payments": "0-101", "postal_mail": "0-116", "products": "0-7", "projects": "0-970",
    "quotes": "0-14", "services": "0-162", "subscriptions": "0-69", "taxes": "0-86", "users": "0-115",
}  # fmt: skip
NOT_BUILT = frozenset({*_NOT_BUILT, *_NOT_BUILT.values()})

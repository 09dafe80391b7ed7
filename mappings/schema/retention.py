"""retention.yaml"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from mappings.schema.words import Strict, _is_duration

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

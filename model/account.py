"""The canonical company record: one for each registrable domain of a space."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from model.event import JsonValue
from model.lead import Link, Provenance

ACCOUNT_FIELDS: Mapping[str, type] = {
    "domain": str,  # registrable, in lower case: "acme.co.uk"
    "name": str,
    "website": str,
    "phone": str,  # E.164: the company's own, which no lead fills
    "industry": str,
    "employees": int,
    "annual_revenue": float,
    "country": str,  # ISO 3166-1 alpha-2
    "state": str,
    "city": str,
    "postal_code": str,
    "owner": str,  # a teammate's e-mail
    "parent": str,  # the id of the parent company's record on the connection that said it; never written
}

PARENT = "parent"

FROM_LEAD: Mapping[str, str] = {
    "name": "company",
    **{
        name: name
        for name in (
            "website",
            "industry",
            "employees",
            "annual_revenue",
            "country",
            "state",
            "city",
            "postal_code",
            "owner",
        )
    },
}
"""Account field -> the lead field that fills it while it is blank."""


@dataclass(slots=True)
class Account:
    """A company: what its people's posts and the CRMs said of it.

    An absent key of ``fields`` and ``None`` both mean blank.
    """

    id: str
    space: str = "main"
    fields: dict[str, JsonValue] = field(default_factory=dict)
    provenance: dict[str, Provenance] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)  # connection -> link
    created_at: datetime | None = None
    version: int = 0  # 0: not stored yet

    def get(self, name: str) -> Any:
        """Return a field's value; ``None`` when blank."""
        return self.fields.get(name)

    @property
    def domain(self) -> str:
        """The registrable domain."""
        return str(self.fields.get("domain") or "")


@dataclass(frozen=True, slots=True)
class Likeness:
    """An account that looks like a lead's company, with its deals that were won and that are open."""

    account: Account
    won: int = 0
    open: int = 0


@dataclass(frozen=True, slots=True)
class Likely:
    """The accounts that share a key with a lead's company."""

    accounts: Sequence[Likeness] = ()
    has_shared_phone: bool = False  # several accounts have the lead's phone: a switchboard of many


def account_id(space: str, domain: str) -> str:
    """Derive an account's id from its domain, so that the same posts give the same accounts."""
    text = "\x1f".join((space, domain))
    return f"ac_{hashlib.sha256(text.encode()).hexdigest()[:24]}"

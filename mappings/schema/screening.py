"""screening.yaml"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mappings.schema.words import Names, Strict


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

"""Tasks and messages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mappings.playbook.condition import Condition
from mappings.templates import Template
from model.decision import Place

TEST_LEAD = "test lead: "  # begins what is said of a task or message that a test lead does not make
NOT_DONE = "not done: "  # begins it where it is dropped, for the person was in a CRM all along
IT_WAITS = "; it "  # goes before why a message waits: its condition is asked when it goes out


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

"""The workspace as it is from the start: channels, people, and the addresses that take messages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.people import TEAM, Person

TEAM_ID = "T0SANDBOX1"
WORKSPACE_URL = "https://northlight.slack.com/"
BOT_TOKEN = "xoxb-sandbox-token"
BOT_ID, BOT_USER_ID, BOT_NAME = "B0SANDBOT1", "U0SANDBOT1", "leads"

# What the state of an incoming webhook makes it answer. The bodies are those of Slack's page "Sending
# messages using incoming webhooks", the statuses those of its changelog of 2016-05-17, unless a line says
# otherwise.
HOOK_STATES: Mapping[str, tuple[str, int] | None] = {
    "active": None,
    "revoked": ("no_service", 404),
    "disabled": ("no_active_hooks", 404),  # status inferred from that of no_service
    "prohibited": ("action_prohibited", 403),
    "general_denied": ("posting_to_general_channel_denied", 403),  # status inferred from action_prohibited
    "user_gone": ("user_not_found", 400),
    "channel_gone": ("channel_not_found", 404),
    "team_disabled": ("team_disabled", 403),  # status inferred
}
FLOW_STATES = ("active", "off", "deleted", "tenant_only")
CHANNEL_STATES = ("active", "archived", "closed_to_bot")

CHANNELS = (  # id, name, topic, state
    ("C0LEADS001", "leads", "New leads, one message each", "active"),
    ("C0SALES001", "sales", "Hand-overs and follow-ups", "active"),
    ("C0OPS00001", "ops", "What needs a person", "active"),
    ("C0GENERAL1", "general", "Everybody", "active"),
    ("C0OLDLEAD1", "old-leads", "Last year's leads", "archived"),
    ("C0BOARD001", "board", "The bot is not in here", "closed_to_bot"),
)
HOOKS = (  # id, channel, secret, state
    ("B0LEADS001", "leads", "sandboxleadssecret000001", "active"),
    ("B0SALES001", "sales", "sandboxsalessecret000001", "active"),
    ("B0OPS00001", "ops", "sandboxopssecret00000001", "active"),
    ("B0GENERAL1", "general", "sandboxgeneralsecret0001", "general_denied"),
    ("B0OLDLEAD1", "old-leads", "sandboxoldleadssecret001", "active"),
    ("B0REVOKED1", "leads", "sandboxrevokedsecret0001", "revoked"),
)
FLOWS = (  # id, channel, sig, state
    ("0000000000000000000000000000a001", "Leads", "sandbox-teams-leads-signature-000000000001", "active"),
    ("0000000000000000000000000000a002", "Sales", "sandbox-teams-sales-signature-000000000001", "active"),
    ("0000000000000000000000000000a003", "Old leads", "sandbox-teams-old-signature-00000000000001", "off"),
)


@dataclass(frozen=True, slots=True)
class User:
    """A teammate as a member of the workspace."""

    id: str
    person: Person

    @property
    def handle(self) -> str:
        """The name before the @ of the address."""
        return self.person.email.partition("@")[0]


USERS = tuple(User(f"U0TEAM{number:04}", person) for number, person in enumerate(TEAM, 1))


def user_by_email(email: str) -> User | None:
    """The active member with that address; one who left is not found, as nobody finds a deleted account."""
    wanted = email.strip().lower()
    return next((user for user in USERS if user.person.active and user.person.email == wanted), None)


def user_by_id(user_id: str) -> User | None:
    """The active member of that id."""
    return next((user for user in USERS if user.person.active and user.id == user_id), None)


def direct_channel(user: User) -> str:
    """The id of the bot's direct messages with a member."""
    return "D" + user.id[1:]


def hook_path(hook: Mapping[str, Any]) -> str:
    """The path and query of an address, with its secret."""
    if hook["kind"] == "slack":
        return f"/services/{TEAM_ID}/{hook['id']}/{hook['secret']}"
    query = f"api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={hook['secret']}"
    return f"/powerautomate/automations/direct/workflows/{hook['id']}/triggers/manual/paths/invoke?{query}"


def made_up(kind: str, number: int) -> tuple[str, str]:
    """Id and secret of the n-th address that is made; the same in each run."""
    digest = hashlib.sha256(f"{kind}:{number}".encode()).hexdigest()
    if kind == "slack":
        return f"B0MADE{number:04}", digest[:24]
    return digest[:32], f"sandbox-{digest[32:]}"

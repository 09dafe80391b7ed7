"""Slack: an incoming webhook, or ``chat.postMessage`` with a bot token.

Sources: "Sending messages using incoming webhooks", the page of chat.postMessage, "Rate limits" and
"Formatting text for app surfaces" in Slack's reference.

Slack takes no key of ours that would tell a second message from the first, and an incoming webhook can
read nothing back. So a message whose answer was lost is in doubt, whichever way it went.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.channels import Closed, Lost, Outcome, Postponed, Promise, Rejected, Sent
from connectors.posting import Answer, post, usual
from model.message import Line, Message, Part

LONGEST_HEADER = 150  # characters of a header block
LONGEST_SECTION = 3_000  # characters of a section's text, mark-up included
MOST_SECTIONS = 49  # blocks of a message, without the header
LONGEST_NOTICE = 500  # characters that a notification needs

# Words of chat.postMessage for what no other message in this channel would change.
CLOSED = frozenset(
    {
        "account_inactive",
        "access_denied",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_read_only_channel",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
PASSING = frozenset({"fatal_error", "internal_error", "service_unavailable", "team_added_to_org"})
HOOK_CLOSED = frozenset(
    {
        "action_prohibited",
        "channel_is_archived",
        "channel_not_found",
        "invalid_token",
        "no_active_hooks",
        "no_service",
        "no_service_id",
        "no_team",
        "posting_to_general_channel_denied",
        "team_disabled",
        "user_not_found",
    }
)  # the same in the words of an incoming webhook


@dataclass(frozen=True, slots=True)
class SlackWebhook:
    """One incoming webhook, which belongs to one channel of the workspace."""

    name: str
    url: str
    promise: Promise = Promise.AT_MOST_ONCE
    kind: str = "slack"
    pace: float = 1.0  # "Rate limits": one message a second and webhook
    capacity: int = 24_000

    def __repr__(self) -> str:
        return f"SlackWebhook(name={self.name!r})"  # the address is a secret

    def send(self, message: Message) -> Outcome:
        """Send one message."""
        return post("Slack", self.url, body_of(message), _hook_answer)


@dataclass(frozen=True, slots=True)
class SlackBot:
    """A bot that posts into one channel by its token."""

    name: str
    token: str
    channel: str  # "#leads", or a channel's id
    base_url: str = "https://slack.com"
    promise: Promise = Promise.AT_MOST_ONCE
    kind: str = "slack"
    pace: float = 1.0  # "Rate limits": one message a second and channel
    capacity: int = 24_000

    def __repr__(self) -> str:
        return f"SlackBot(name={self.name!r}, channel={self.channel!r})"  # never the token

    def send(self, message: Message) -> Outcome:
        """Send one message."""
        body = {"channel": self.channel, **body_of(message)}
        return post("Slack", f"{self.base_url}/api/chat.postMessage", body, _bot_answer, self.token)


def body_of(message: Message) -> dict[str, Any]:
    """Return the payload: a header, and sections whose words Slack takes as they are (``verbatim``)."""
    title = " ".join(message.title.split()) or "(no title)"
    short = title if len(title) <= LONGEST_HEADER else f"{title[: LONGEST_HEADER - 1]}…"
    header = {"type": "header", "text": {"type": "plain_text", "text": short, "emoji": False}}
    rest = (((Part(title),),) if short != title else ()) + message.lines
    return {
        "text": escaped(title)[:LONGEST_NOTICE],  # of notifications; people read the blocks
        "blocks": [header, *map(_section, list(_texts(rest))[:MOST_SECTIONS])],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """Write words so that Slack reads no mention, channel or link in them ("Formatting text", escaping)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _section(text: str) -> Mapping[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _texts(lines: tuple[Line, ...]) -> Iterator[str]:
    """Pack written lines into as few texts as hold them."""
    packed = ""
    for line in lines:
        written = _written(line)
        if packed and len(packed) + 1 + len(written) > LONGEST_SECTION:
            yield packed
            packed = written
        else:
            packed = f"{packed}\n{written}" if packed else written
    if packed.strip():
        yield packed


def _written(line: Line) -> str:
    """Write a line; one that alone is longer than a section is cut between two words of it."""
    written = ""
    for part in line:
        url = part.url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
        more = f"<{url}|{escaped(part.text)}>" if url else _plain(part.text)
        if len(written) + len(more) > LONGEST_SECTION - 1:
            if not url:
                written += _cut(part.text, LONGEST_SECTION - 1 - len(written))
            return f"{written}…"
        written += more
    return written or " "


MARK = re.compile(r"(?<![A-Za-z0-9])([*_~`])")  # opens a format only where no word goes before it


def _plain(text: str) -> str:
    """Write words so that none becomes bold or code; a zero-width space parts the mark from its word."""
    return MARK.sub("\\1\u200b", escaped(text))


def _cut(text: str, room: int) -> str:
    """Return as much of a text as fits once it is written."""
    while text and len(_plain(text)) > room:
        text = text[: len(text) * 3 // 4]
    return _plain(text)


def _hook_answer(answer: Answer) -> Outcome:
    word = answer.text.strip()
    if answer.status == 200:
        return Sent() if word == "ok" else Lost(f"Slack {answer.said}")
    if word in HOOK_CLOSED:
        return Closed(f"Slack {answer.said}")
    return usual("Slack", answer)


def _bot_answer(answer: Answer) -> Outcome:
    row = answer.row
    if row.get("ok") is True:
        return Sent(str(row.get("ts") or ""))
    word = str(row.get("error") or "")
    if answer.status == 429 or word in ("ratelimited", "rate_limited"):
        return Postponed(f"Slack {answer.said}", answer.wait)
    if word in CLOSED:
        return Closed(f"Slack: {word}")
    if answer.status == 200 and word:
        return Postponed(f"Slack: {word}") if word in PASSING else Rejected(f"Slack: {word}", word)
    return Lost(f"Slack {answer.said}") if answer.status == 200 else usual("Slack", answer)

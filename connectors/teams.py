"""Microsoft Teams: a workflow that posts what its address receives, as an Adaptive Card.

Sources: msteams-docs, "Create Incoming Webhooks" (the message, 28 KB, four requests a second) and the
Adaptive Cards schema. A flow answers 202 before it runs: ``Sent`` says that the flow was started, and
whether Teams then took the card is to be seen in the flow's own run history.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.channels import Outcome, Promise, Sent
from connectors.posting import Answer, post, usual
from model.message import Line, Message

CARD = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
MOST_LINKS = 6  # Teams shows six buttons of a card


@dataclass(frozen=True, slots=True)
class Teams:
    """One workflow's address, with its signature in it."""

    name: str
    url: str
    promise: Promise = Promise.AT_MOST_ONCE
    kind: str = "teams"
    pace: float = 1.0
    capacity: int = 4_000  # of 28 KB: each line takes some 100 bytes more, a character up to four

    def __repr__(self) -> str:
        return f"Teams(name={self.name!r})"  # the address is a secret

    def send(self, message: Message) -> Outcome:
        """Send one message."""
        return post("Teams", self.url, body_of(message), _answer)


def body_of(message: Message) -> dict[str, Any]:
    """Return the message with its card: text runs, which know no Markdown, and a button for each address."""
    title = {"type": "TextRun", "text": " ".join(message.title.split()) or "(no title)", "weight": "Bolder"}
    card: dict[str, Any] = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_block([title]), *(_block(_runs(line)) for line in message.lines if line)],
    }
    if actions := list(_actions(message))[:MOST_LINKS]:
        card["actions"] = actions
    return {"type": "message", "attachments": [{"contentType": CARD, "contentUrl": None, "content": card}]}


def _block(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "spacing": "Small", "inlines": runs}


def _runs(line: Line) -> list[dict[str, Any]]:
    """Return a line's text runs; in a card with more links than buttons each still leads where it should."""
    return [
        {"type": "TextRun", "text": part.text or " "}
        | ({"selectAction": {"type": "Action.OpenUrl", "url": part.url}} if part.url else {})
        for part in line
    ]


def _actions(message: Message) -> Iterator[dict[str, Any]]:
    seen: set[str] = set()
    for line in message.lines:
        for part in line:
            if part.url and part.url not in seen:
                seen.add(part.url)
                yield {"type": "Action.OpenUrl", "title": part.text, "url": part.url}


def _answer(answer: Answer) -> Outcome:
    return Sent() if answer.status in (200, 202) else usual("Teams", answer)

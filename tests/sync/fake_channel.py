"""A channel in memory that behaves: it keeps what it was sent, and fails when told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.channels import Lost, Outcome, Promise, Rejected, Sent
from model.message import Message


@dataclass
class FakeChannel:
    """Implements ``connectors.channels.Channel``."""

    name: str = "slack"
    kind: str = "slack"
    promise: Promise = Promise.AT_MOST_ONCE
    pace: float = 0.0
    capacity: int = 10_000
    refuses: str = ""  # messages with these words are refused, with all that goes out beside them
    got: list[Message] = field(default_factory=list)
    before: Callable[[], None] | None = None
    _next: list[Outcome] = field(default_factory=list)

    def next(self, *outcomes: Outcome) -> None:
        """Let the next sends end so."""
        self._next += outcomes

    def send(self, message: Message) -> Outcome:
        """Keep a message; one whose answer is to be lost is kept too."""
        if self.before:
            self.before()
        outcome = self._next.pop(0) if self._next else Sent(f"m{len(self.got) + 1}")
        if self.refuses and self.refuses in text_of(message):
            outcome = Rejected("invalid_blocks", "invalid_blocks")
        if isinstance(outcome, Sent | Lost):
            self.got.append(message)
        return outcome

    @property
    def texts(self) -> list[str]:
        """What people read."""
        return [text_of(message) for message in self.got]


def text_of(message: Message) -> str:
    """Return a message as plain text, addresses in brackets."""
    lines = [
        "".join(part.text + (f" [{part.url}]" if part.url else "") for part in line) for line in message.lines
    ]
    return "\n".join([message.title, *lines])

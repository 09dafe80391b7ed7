"""The third vendor: everything that takes messages, and the small services beside them, in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from flask import Blueprint, Response, render_template, request

from sandbox.clock import Clock
from sandbox.history import Write
from sandbox.messaging import places, shapes, steering
from sandbox.messaging.captcha import Tokens
from sandbox.messaging.pace import Bucket, Window
from sandbox.records import Record, Table
from sandbox.stats import Call
from sandbox.vendor import Blank, Form, Refused, Vendor, View

MESSAGES = ("mail", "slack", "teams")


class Messaging(Vendor):
    """Slack, Teams, a mailbox, enrichment and captchas: one account, one set of pages, one set of faults."""

    name = "messaging"
    title = "Messaging services"
    limits: ClassVar[Mapping[str, int | None]] = {
        "slack_per_s": 1,  # Slack, "Rate limits": one message a second and webhook or channel, bursts allowed
        "slack_burst": 25,  # measured in PSSlack's issue 52; Slack promises no number
        "slack_lookups_per_min": 50,  # tier 3
        "teams_per_s": 4,  # msteams-docs, "Create Incoming Webhooks"
        "enrich_per_min": 1000,  # People Data Labs, for customers who pay
        "enrich_credits": None,
        "mail_bytes": 10_485_760,
    }
    switches: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "greylisting": ("off", "on"),
        "smtp_auth": ("optional", "required"),
    }
    views: ClassVar[Mapping[str, View]] = {
        "mail": View("Mails", ("subject",), {"from": "From", "to": "To", "received": "Received"}),
        "slack": View(
            "Slack messages", ("text",), {"channel": "Channel", "from": "From", "received": "Received"}
        ),
        "channels": View("Channels", ("name",), {"topic": "Topic", "messages": "Messages", "state": "State"}),
        "teams": View(
            "Teams cards", ("text",), {"channel": "Channel", "state": "State", "received": "Received"}
        ),
        "hooks": View("Addresses", ("name",), {"kind": "Kind", "state": "State", "path": "Path"}),
    }

    def __init__(self, clock: Clock) -> None:
        self.smtp_url = ""  # where the mail server listens, once it does
        super().__init__(clock)

    def clear(self) -> None:
        """Empty rooms, the usual addresses, full buckets."""
        self.tables = {name: Table() for name in self.views}
        self.raw_mail: dict[str, bytes] = {}  # id -> the message as it came
        self.greylist: dict[tuple[str, str, str], datetime] = {}  # peer, sender, recipient -> first seen
        self.slack_pace, self.teams_pace = Bucket(), Window(1)
        self.lookups, self.enrichments = Window(60), Window(60)
        self.credits_spent = 0
        self.captchas = Tokens()
        self._number = 0
        at = self.now()
        for channel_id, name, topic, state in places.CHANNELS:
            self._found("channels", channel_id, {"name": name, "topic": topic, "state": state}, at)
        for kind, rows in (("slack", places.HOOKS), ("teams", places.FLOWS)):
            for hook_id, channel, secret, state in rows:
                self.add_hook(kind, hook_id, channel, secret, state, at)

    # What a vendor brings.

    def gate(self) -> Response | None:
        """Let every call through: each service checks its own credentials and limits."""
        return None

    def failure(self, status: int) -> Response:
        """An injected error, in the shape of the service that was called."""
        return shapes.failure(request.path, status)

    def not_built(self) -> Response:
        """501 in the shape of the service that was called."""
        return shapes.not_built(request.path)

    def create_by_hand(self, object_name: str, fields: Mapping[str, Any], *, by: str) -> Record:  # noqa: ARG002
        """Refuse: messages come by their own ways, addresses by /__sandbox/hooks."""
        fix = "Send the message, or make an address with POST /__sandbox/hooks."
        raise Refused(400, "not_by_hand", f"nobody makes {object_name} by hand", fix)

    def edit_by_hand(self, object_name: str, record: Record, fields: Mapping[str, Any], *, by: str) -> None:  # noqa: ARG002
        """Put an address or a channel into another state."""
        if object_name not in ("hooks", "channels"):
            raise Refused(400, "not_by_hand", f"a message of {object_name} stays as it came")
        self.set_state(object_name, record, str(fields.get("state", "")))

    def delete_by_hand(self, object_name: str, record: Record, *, by: str) -> None:  # noqa: ARG002
        """Delete a message."""
        if object_name not in MESSAGES:
            raise Refused(400, "not_by_hand", f"{object_name} are not deleted", "Set another state instead.")
        self.tables[object_name].archive(record, at=self.now())
        self.raw_mail.pop(record.id, None)
        self.wrote("delete", object_name, record.id, {"archived": False}, {"archived": True})

    def fields_of(self, object_name: str, record: Record) -> dict[str, Any]:
        """All fields; an address also has its path, a channel the number of its messages."""
        fields = super().fields_of(object_name, record)
        if object_name == "hooks":
            fields["path"] = places.hook_path(fields)
        if object_name == "channels":
            fields["messages"] = sum(1 for _ in self.said_in(record.values["name"]))
        return fields

    def page_fields(self, object_name: str, record: Record) -> dict[str, Any]:
        """The fields without what the page shows in a box of its own."""
        fields = self.fields_of(object_name, record)
        for name in ("payload", "html", "headers", "number", "text"):
            fields.pop(name, None)
        if object_name == "hooks" and self._is_archived(record):
            fields["state"] = "channel archived"
        if object_name in MESSAGES:
            fields |= {
                "received": record.created_at.strftime("%Y-%m-%d %H:%M:%S"),
                "to": _listed(fields.get("to")),
            }
            fields["text" if object_name != "mail" else "subject"] = _headline(object_name, record)
        return {name: value for name, value in fields.items() if value not in (None, "", [])}

    def page_part(self, object_name: str, record: Record | None) -> str:
        """The message itself, a channel's messages, or where to send some."""
        said = list(self.said_in(record.values["name"])) if record and object_name == "channels" else []
        return render_template(
            "messaging/parts.html",
            object_name=object_name,
            record=record,
            said=said,
            service=self,
            host=request.host,
        )

    def forms_of(self, object_name: str, record: Record | None) -> Sequence[Form]:
        """Deleting a message; the state of an address or a channel."""
        if record is None:
            return ()
        if object_name in MESSAGES:
            return (Form("delete", "Delete", "Delete the message"),) if record.archived_at is None else ()
        choices = {state: state.replace("_", " ") for state in _states(object_name, record)}
        state = Blank("fields.state", "State", record.values["state"], choices)
        return (Form("edit", "Change the state", "Save", (state,)),)

    def add_control(self, routes: Blueprint) -> None:
        """Messages over all channels, addresses, channels, captcha tokens."""
        steering.add_to(routes, self)

    # What the services share.

    def keep(self, channel: str, values: Mapping[str, Any], call: Call) -> Record:
        """Take in a message of a channel under the next number over all channels."""
        with self.lock:
            self._number += 1
            at = self.now()
            record = Record(f"{channel}-{self._number}", {**values, "number": self._number}, at, at)
            self.tables[channel].add(record)
            self.is_changed = True  # a mail comes by no call
            self.history.add(Write(at, call, "create", channel, record.id, {}, record.values))
            return record

    def next_ts(self) -> str:
        """A Slack timestamp: seconds, and six digits that make it unique in its channel."""
        return f"{int(self.now().timestamp())}.{self._number + 1:06}"

    def said_in(self, channel: str) -> Iterator[Record]:
        """The Slack messages of a channel, oldest first."""
        return (row for row in self.tables["slack"].after() if row.values["channel"] == channel)

    def messages(self) -> list[tuple[str, Record]]:
        """What people can see, over all channels, oldest first: no failed run of a flow, nothing deleted."""
        rows = [(channel, row) for channel in MESSAGES for row in self.tables[channel].after()]
        seen = [pair for pair in rows if pair[1].values.get("state") != "failed"]
        return sorted(seen, key=lambda pair: int(pair[1].values["number"]))

    def channel_named(self, name: str) -> Record | None:
        """The Slack channel of that id or name, with or without a number sign."""
        by_id = self.tables["channels"].get(name)
        wanted = name.removeprefix("#")
        return by_id or next(
            (row for row in self.tables["channels"].after() if row.values["name"] == wanted), None
        )

    def add_hook(
        self, kind: str, hook_id: str, channel: str, secret: str, state: str, at: datetime
    ) -> Record:
        """Make an address that takes messages for a channel."""
        name = f"#{channel}" if kind == "slack" else channel
        values = {
            "id": hook_id,
            "kind": kind,
            "name": name,
            "channel": channel,
            "secret": secret,
            "state": state,
        }
        return self._found("hooks", hook_id, values, at)

    def set_state(self, object_name: str, record: Record, state: str) -> None:
        """Put an address or a channel into a state; raise ``Refused`` for one that there is not."""
        known = _states(object_name, record)
        if state not in known:
            raise Refused(400, "bad_argument", f'there is no state "{state}"', f"Known: {', '.join(known)}.")
        before = record.values["state"]
        self.tables[object_name].replace(record, {**record.values, "state": state}, at=self.now())
        changed = ({"state": before}, {"state": state}) if before != state else ({}, {})
        self.wrote("update", object_name, record.id, *changed)

    def _is_archived(self, hook: Record) -> bool:
        channel = self.channel_named(hook.values["channel"]) if hook.values["kind"] == "slack" else None
        return channel is not None and channel.values["state"] == "archived"

    def _found(self, table: str, record_id: str, values: Mapping[str, Any], at: datetime) -> Record:
        record = Record(record_id, values, at, at)
        self.tables[table].add(record)
        return record


def _states(object_name: str, record: Record) -> tuple[str, ...]:
    if object_name == "channels":
        return places.CHANNEL_STATES
    return tuple(places.HOOK_STATES) if record.values["kind"] == "slack" else places.FLOW_STATES


def _headline(object_name: str, record: Record) -> str:
    text = record.values.get("subject" if object_name == "mail" else "text") or "(no text)"
    line = " ".join(str(text).split())
    return line if len(line) <= 120 else f"{line[:119]}…"


def _listed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")

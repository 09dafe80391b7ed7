"""The receiver of Salesforce's Outbound Messages: ``POST /hooks/salesforce/<secret>``.

Salesforce signs nothing. What tells that a message is meant for us is the path, which nobody can guess, the
id of the org, and, where a proxy asks for it, Salesforce's client certificate. None of these vouches for
what a message says, so nothing of it is believed but that somebody should look at a record: a hint.
One acknowledgement covers all of a message, and is given once its hints are stored.
"""

from __future__ import annotations

import hmac
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from flask import Blueprint, Response, request

from model.errors import Refused
from model.event import Event, EventKind, RecordRef
from model.hint import Hint
from model.times import Clock
from webhooks import outbound
from webhooks.answers import PLAIN
from webhooks.callers import Caller, Callers, body_of
from webhooks.forms import Append
from webhooks.outbound import Message
from webhooks.signatures import SecretOf

log = structlog.get_logger("leadrelay.http")

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")

LongId = Callable[[str], str]
"""Id of 15 or 18 characters -> the same with 18."""


def blueprint(
    append: Append, callers: Callers, secret_of: SecretOf, clock: Clock, long_id: LongId
) -> Blueprint:
    """Build the receiver."""
    routes = Blueprint("salesforce_hooks", __name__)

    @routes.post("/hooks/salesforce/<secret>")
    def receive(secret: str) -> Response:
        """Check who sends, store a hint for each record, acknowledge all of them."""
        caller = _holder(callers("salesforce"), secret, secret_of)
        _check_certificate(caller)
        message = outbound.read(body_of(request))
        if caller.account and long_id(message.organization_id) != long_id(caller.account):
            raise Refused(
                401,
                "another_account",
                "This message is of an org that is not connected",
                "Connect that org, or take its outbound message away.",
            )
        events, dropped = to_hints(message, caller, clock.now(), long_id)
        if dropped:
            log.warning("hook.dropped", system="salesforce", reasons=dict(dropped))
        if events:
            append(events)
        return Response(outbound.ACK, content_type="text/xml; charset=utf-8")

    return routes


def to_hints(
    message: Message, caller: Caller, now: datetime, long_id: LongId
) -> tuple[list[Event], Counter[str]]:
    """Return the notifications that lead to something as events, and how many do not, by why."""
    events: list[Event] = []
    dropped: Counter[str] = Counter()
    for one in message.notifications:
        if not (_ID.fullmatch(one.id) and _ID.fullmatch(one.record_id)):
            dropped["malformed"] += 1
        elif one.object not in caller.objects:
            dropped["of an object that is not mapped"] += 1
        else:
            hint = Hint(one.object, long_id(one.record_id))
            events.append(
                Event(
                    source=caller.connection,
                    event_id=f"om:{long_id(one.id)}",
                    kind=EventKind.HINT,
                    payload=hint.as_payload(),
                    occurred_at=now,  # a message tells no time, and one sent again has the data of then
                    received_at=now,
                    record=RecordRef(caller.connection, hint.object, hint.id),
                )
            )
    return events, dropped


def _holder(callers: Sequence[Caller], given: str, secret_of: SecretOf) -> Caller:
    """Return the connection whose path this is; any other path is answered like one that is not there."""
    sent = given.encode("utf-8", "replace")
    found = [
        caller
        for caller in callers
        if (secret := caller.secret(secret_of)) and hmac.compare_digest(sent, secret.encode())
    ]
    if not found:
        raise Refused(404, *PLAIN[404])
    return found[0]


def _check_certificate(caller: Caller) -> None:
    if caller.certificate is None:
        return
    header, expected = caller.certificate
    given = request.headers.get(header, "").encode("latin-1", "replace") if header else b""
    # A blank one, as of a file that is just being written, would let anyone in who sends nothing.
    if not expected or not hmac.compare_digest(given, expected.encode()):
        raise Refused(
            401,
            "certificate_missing",
            "The proxy does not vouch for Salesforce's client certificate",
            f"Let the proxy check it and set the header {header}.",
        )

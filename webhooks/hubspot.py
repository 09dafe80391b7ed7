"""The receiver of HubSpot's webhooks: ``POST /hooks/hubspot``.

HubSpot delivers at least once, in any order, up to a hundred events a call, and wants an answer within
five seconds; what is not answered 2xx comes again for a day. So each event becomes a hint in the inbox,
all of a call in one commit, and nothing is decided here. An event says one property at a time and may be
late: what is true is read from HubSpot afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from flask import Blueprint, Response, jsonify, request

from mappings.sending import occurred_at
from model.errors import Refused
from model.event import Event, EventKind, JsonValue, RecordRef
from model.hint import Hint
from model.times import Clock
from webhooks.callers import Caller, Callers, body_of
from webhooks.envelope import storable
from webhooks.forms import Append
from webhooks.hubspot_signature import proof_in
from webhooks.signatures import SecretOf

log = structlog.get_logger("leadrelay.http")

PATH = "/hooks/hubspot"

# First part of a subscription's type, or an objectTypeId of "object.*", as the API's paths call it.
OBJECTS = {
    "contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets",
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-27": "tasks",
    "0-46": "notes", "0-47": "meetings", "0-48": "calls", "0-49": "emails", "0-136": "leads",
}  # fmt: skip

WHAT = {
    "creation": "created",
    "deletion": "deleted",
    "merge": "merged",
    "restore": "restored",
    "propertyChange": "changed",
    "associationChange": "associated",
    "privacyDeletion": "forgotten",
}

REDACTED = "REDACTED"  # in the place of a sensitive value

# What makes an event recognisable when it comes again; ``eventId`` alone is not unique, and
# ``attemptNumber`` counts deliveries. The last ones are those of events without an ``objectId``.
SAME = ("portalId", "subscriptionId", "objectId", "propertyName", "occurredAt", "eventId")
SAME_PAIR = ("fromObjectId", "toObjectId", "associationType", "associationRemoved")


def blueprint(
    append: Append, callers: Callers, secret_of: SecretOf, clock: Clock, public_url: str
) -> Blueprint:
    """Build the receiver; ``public_url`` is where HubSpot was told to send, "" for what the call says."""
    routes = Blueprint("hubspot_hooks", __name__)

    @routes.post(PATH)
    def receive() -> Response:
        """Check the signature, store a hint for each event, answer."""
        now, body = clock.now(), body_of(request)
        mine = _signers(callers("hubspot"), secret_of, _uri(public_url), body, now)
        told = _events_in(body)
        events, dropped = to_hints(told, mine, now)
        if dropped:
            log.warning("hook.dropped", system="hubspot", reasons=dict(dropped))
        if told and dropped["another portal"] == len(told):
            raise Refused(
                401,
                "another_account",
                "These events are of a portal that is not connected",
                "Connect that portal, or uninstall the app there.",
            )
        receipts = append(events) if events else ()
        new = sum(not receipt.duplicate for receipt in receipts)
        return jsonify(received=len(told), new=new, dropped=dropped.total())

    return routes


def to_hints(
    told: Sequence[Any], callers: Sequence[Caller], now: datetime
) -> tuple[list[Event], Counter[str]]:
    """Return the events that lead to something, and how many do not, by why."""
    events: list[Event] = []
    dropped: Counter[str] = Counter()
    for one in told:
        portal = _text(one.get("portalId")) if isinstance(one, dict) else ""
        caller = _of_portal(callers, portal) if portal else None
        hint = hint_of(one) if isinstance(one, dict) else None
        if not portal:
            dropped["malformed"] += 1
        elif caller is None:
            dropped["another portal"] += 1
        elif hint is None:
            dropped["of no known kind"] += 1
        elif hint.object not in caller.objects:
            dropped["of an object that is not mapped"] += 1
        else:
            events.append(_event(one, hint, caller, now))
    return events, dropped


def hint_of(told: Mapping[str, Any]) -> Hint | None:
    """Read one event of HubSpot's; ``None`` for one that names no record or is of an unknown type.

    A value that HubSpot keeps back tells that there is another one, and not which: then no field is named.
    """
    first, _, change = _text(told.get("subscriptionType") or told.get("eventType")).partition(".")
    kind = OBJECTS.get(_text(told.get("objectTypeId")) if first == "object" else first)
    what, record_id = WHAT.get(change), _record_id(told)
    if kind is None or what is None or not record_id.isdigit():
        return None
    others: list[str] = []
    if what == "merged":
        merged = told.get("mergedObjectIds")
        named = [told.get("primaryObjectId"), *(merged if isinstance(merged, list) else [])]
        others = [each for each in dict.fromkeys(map(_text, named)) if each.isdigit() and each != record_id]
    field = value = None
    if what == "changed" and not (told.get("isSensitive") is True or told.get("propertyValue") == REDACTED):
        field, value = _text(told.get("propertyName")) or None, _value(told.get("propertyValue"))
    return Hint(kind, record_id, what, field, value, tuple(others))


def _record_id(told: Mapping[str, Any]) -> str:
    """The record that is there now: a merge's new one; an association's own side."""
    names = ("newObjectId", "primaryObjectId", "objectId", "fromObjectId")
    return next((text for name in names if (text := _text(told.get(name)))), "")


def _event(told: Mapping[str, Any], hint: Hint, caller: Caller, now: datetime) -> Event:
    same = [told.get(name) for name in (*SAME, *(() if "objectId" in told else SAME_PAIR))]
    mark = hashlib.sha256(json.dumps(same, separators=(",", ":")).encode()).hexdigest()
    return Event(
        source=caller.connection,
        event_id=f"hs:{mark}",
        kind=EventKind.HINT,
        payload=hint.as_payload(),
        occurred_at=occurred_at(told.get("occurredAt"), now),
        received_at=now,
        record=RecordRef(caller.connection, hint.object, hint.id),
    )


def _signers(
    callers: Sequence[Caller], secret_of: SecretOf, uri: str, body: bytes, now: datetime
) -> list[Caller]:
    """Return the connections whose secret signed the call. Raises ``Refused`` where there is none."""
    secrets = {caller.connection: caller.secret(secret_of) for caller in callers}
    if not any(secrets.values()):
        names = " or ".join(callers[0].secrets) if callers else "the playbook's connection"
        raise Refused(
            401,
            "secret_missing",
            f"This address takes nothing until {names} is set on the server",
            f"Set {names} to the client secret of the app and start leadrelay again.",
        )
    proof = proof_in("POST", uri, request.headers.get, body, now)
    signers = [one for one in callers if (secret := secrets[one.connection]) and proof.is_by(secret)]
    if not signers:
        raise Refused(
            401,
            "signature_wrong",
            "The signature does not match",
            "Check the app's client secret, and that LEADRELAY_PUBLIC_URL is the address HubSpot sends to.",
        )
    return signers


def _of_portal(callers: Sequence[Caller], portal: str) -> Caller | None:
    """Return the connection of a portal; the only one counts as it while its account is not known."""
    known = next((caller for caller in callers if caller.account == portal), None)
    return known or (callers[0] if len(callers) == 1 and not callers[0].account else None)


def _events_in(body: bytes) -> list[Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "malformed_json", "The body is not JSON", "Send an array of events.") from None
    if not isinstance(told, list):
        raise Refused(
            400, "not_events", "The body is JSON but no array of events", "Send an array of events."
        )
    return told


def _uri(public_url: str) -> str:
    """Return the address HubSpot signed: as it was told, never as a proxy's headers have it."""
    query = request.query_string.decode("latin-1")
    return f"{public_url or request.host_url.rstrip('/')}{PATH}{'?' if query else ''}{query}"


def _text(value: Any) -> str:
    """Return an id or a name as text; anything else as none."""
    is_plain = isinstance(value, str | int) and not isinstance(value, bool)
    return storable(str(value)) if is_plain else ""


def _value(value: Any) -> JsonValue:
    return None if value is None else storable(str(value))

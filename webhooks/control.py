"""The local API: commands that write while the daemon runs hand their events in here."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from model.errors import LeadRelayError, Refused, StoreBusy
from model.event import Event, EventKind
from model.times import Clock, from_text
from sync import imports
from sync.connections import StoredConnection, from_json
from sync.inbox import Receipt
from sync.reconciling.mends import Order as MendOrder
from sync.reconciling.runs import Asked
from sync.register import APPLY, ROLLBACK, Wish
from sync.releases import Order, Release
from sync.replays.replaying import Order as ReplayOrder
from sync.vault import SealError

ALLOWED = (
    EventKind.REPLAY,
    EventKind.FORGET,
    EventKind.UNDO,
    EventKind.CHOICE,
    EventKind.ANSWER,
    EventKind.CONSENT,
)


class Desk(Protocol):
    """Keeps the connected accounts. Every method answers after the commit."""

    def save(self, one: StoredConnection) -> None:
        """Store an account. Raises ``SealError`` when the daemon cannot open its credentials,
        ``LeadRelayError`` where the name is another account's.
        """

    def remove(self, name: str, by: str) -> str:
        """Forget an account; return what became of it, blank where there was none."""

    def renew_token(self, name: str, refused: str) -> None:
        """Have another token than the one with this hash. Raises ``LeadRelayError`` where there is none."""

    def backfill_again(self, name: str) -> int:
        """Let the records of a connection be read once more; return how many objects that are."""

    def reconcile(self, name: str, asked: Asked, by: str) -> int:
        """Begin to compare a connection with what is here; return the number of the run."""

    def mend(self, order: MendOrder) -> int:
        """Have differences mended; return how many. Raises ``LeadRelayError`` where they are too many."""

    def reseal(self, sealed: Mapping[str, tuple[str, str]], by: str) -> int:
        """Put new seals in the place of old ones. Raises ``SealError`` as ``save`` does."""

    def go_live(self, order: Order) -> Release:
        """Begin to write to an account. Raises ``LeadRelayError`` where the name is another account's."""

    def observe(self, name: str, by: str) -> None:
        """Write no more to an account."""


@dataclass(frozen=True, slots=True)
class Control:
    """What the local API needs of the daemon."""

    append: Callable[[Sequence[Event]], Sequence[Receipt]]
    clock: Clock
    token: str  # from the control file, readable by the daemon's user only
    facts: Callable[[], dict[str, Any]]  # what only the running process knows
    act: Callable[[str, Mapping[str, str]], None]  # one of ``sync.access.ACTS``
    desk: Desk
    playbook: Callable[[Mapping[str, bytes], Wish], None]  # hands one in; ``LeadRelayError``: it cannot be
    replay: Callable[[ReplayOrder], int]  # begins it; returns how many letters it is for
    space: str = "main"


def blueprint(control: Control) -> Blueprint:
    """Build the routes under ``/control``; every one asks for the token of the control file."""
    routes = Blueprint("control", __name__, url_prefix="/control")

    @routes.before_request
    def check_token() -> None:
        fix = "Use the leadrelay command as the daemon's own user."
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), control.token.encode()):
            raise Refused(401, "token", "The control token is missing or wrong.", fix)

    @routes.get("/facts")
    def facts() -> ResponseReturnValue:
        """Return what only the running process knows."""
        return jsonify(control.facts())

    @routes.post("/events")
    def events() -> ResponseReturnValue:
        """Append replay, forget, choice and answer events; answered after the commit."""
        body = request.get_json(silent=True)
        if not isinstance(body, list):
            raise Refused(400, "malformed", "A JSON list of events is needed.", "Use the leadrelay command.")
        receipts = control.append([_event(item, control) for item in body])
        return jsonify(taken=sum(not receipt.duplicate for receipt in receipts)), 202

    @routes.post("/replays")
    def replays() -> ResponseReturnValue:
        """Begin to send a list of letters again; answered after the commit."""
        try:
            order = ReplayOrder.from_json(_object())
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed(f"Not an order: {error}.") from error
        return jsonify(letters=control.replay(order)), 202

    @routes.post("/playbook")
    def playbook() -> ResponseReturnValue:
        """Hand in the files of a playbook that is to come into force; answered after the commit."""
        body = _object()
        said = {name: body.get(name, "") for name in ("how", "by", "note", "once")}
        files, signed = body.get("files"), body.get("signed_off", [])
        is_files = isinstance(files, dict) and all(isinstance(text, str) for text in files.values())
        is_said = all(isinstance(one, str) for one in said.values()) and said["how"] in (APPLY, ROLLBACK)
        is_signed = isinstance(signed, list) and all(isinstance(one, str) for one in signed)
        if not (is_files and is_said and is_signed):
            raise _malformed("Files by name, how, by, note and who signed it off are needed.")
        with _told():
            texts = {name: text.encode() for name, text in body["files"].items()}
            control.playbook(texts, Wish(**said, signed_off=tuple(signed)))
        return jsonify(done=True), 202

    @routes.post("/access")
    def access() -> ResponseReturnValue:
        """Change who may look; answered after the commit."""
        body = _object()
        if not all(isinstance(value, str) for value in body.values()):
            raise _malformed("A JSON object of texts is needed.")
        try:
            with _told():
                control.act(body.get("act", ""), body)
        except KeyError as error:
            raise _malformed(f"Nothing of the kind: {error}.") from error
        return jsonify(done=True)

    @routes.post("/connections")
    def connect() -> ResponseReturnValue:
        """Store an account; its credentials come under seal."""
        try:
            one = from_json(_object())
        except (KeyError, ValueError) as error:
            raise _malformed(f"Not a connection: {error}.") from error
        with _sealed(), _told():
            control.desk.save(one)
        return jsonify(name=one.name), 201

    @routes.delete("/connections/<name>")
    def disconnect(name: str) -> ResponseReturnValue:
        """Forget an account with its credentials."""
        told = control.desk.remove(name, request.args.get("by", ""))
        return jsonify(removed=bool(told), told=told)

    @routes.post("/tokens/<name>")
    def renew_token(name: str) -> ResponseReturnValue:
        """Have the token of a connection renewed, if it is the one that was refused or about to end."""
        with _told():
            control.desk.renew_token(name, str(_object().get("refused", "")))
        return jsonify(name=name)

    @routes.post("/releases")
    def go_live() -> ResponseReturnValue:
        """Begin to write to an account; what it had gathered is let out in pieces."""
        try:
            order = Order.from_json(_object())
        except (KeyError, ValueError) as error:
            raise _malformed(f"Not an order: {error}.") from error
        try:
            return jsonify(control.desk.go_live(order).as_dict()), 201
        except LeadRelayError as error:
            fix = "Give each account a name of its own in crm/*.yaml, or disconnect the other one first."
            raise Refused(422, "account", f"{error}.", fix) from error

    @routes.delete("/releases/<name>")
    def observe(name: str) -> ResponseReturnValue:
        """Write no more to an account."""
        control.desk.observe(name, request.args.get("by", ""))
        return jsonify(name=name)

    @routes.post("/backfills/<name>")
    def backfill(name: str) -> ResponseReturnValue:
        """Let the backfill of a connection begin again."""
        return jsonify(objects=control.desk.backfill_again(name)), 202

    @routes.post("/reconciles/<name>")
    def reconcile(name: str) -> ResponseReturnValue:
        """Begin to compare a connection with what is here."""
        body = _object()
        try:
            asked = Asked.from_json(body)
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed(f"Not a comparison: {error}.") from error
        return jsonify(run=control.desk.reconcile(name, asked, str(body.get("by", "")))), 202

    @routes.post("/mends")
    def mend() -> ResponseReturnValue:
        """Begin to mend what a comparison found."""
        try:
            order = MendOrder.from_json(_object())
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _malformed(f"Not an order: {error}.") from error
        with _told():
            return jsonify(differences=control.desk.mend(order)), 202

    @routes.post("/seals")
    def reseal() -> ResponseReturnValue:
        """Put new seals in the place of old ones."""
        body = _object()
        try:
            sealed = {str(name): (str(old), str(new)) for name, (old, new) in body["sealed"].items()}
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise _malformed("Not a list of seals.") from error
        with _sealed():
            return jsonify(resealed=control.desk.reseal(sealed, str(body.get("by", ""))))

    return routes


def _object() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise _malformed("A JSON object is needed.")
    return body


def _malformed(message: str) -> Refused:
    return Refused(400, "malformed", message, "Use the leadrelay command.")


@contextlib.contextmanager
def _sealed() -> Iterator[None]:
    """Refuse credentials that the daemon will not be able to open."""
    try:
        yield
    except SealError as error:
        fix = "Start the daemon with the same LEADRELAY_SECRET_KEY as the command, then try again."
        raise Refused(
            422, "seal", f"The running daemon cannot open these credentials: {error}.", fix
        ) from error


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Refuse in the words of the error: the sentence says what to do."""
    try:
        yield
    except (StoreBusy, SealError):
        raise
    except LeadRelayError as error:
        raise Refused(409, "refused", str(error), "") from error


def _event(item: Any, control: Control) -> Event:
    try:
        kind = EventKind(item["kind"])
        is_import = kind is EventKind.INTAKE and imports.is_imported(item["payload"])
        if kind not in ALLOWED and not is_import:
            raise ValueError(f"kind {kind} does not come in here")
        return Event(
            source=str(item["source"]),
            event_id=str(item["event_id"]),
            kind=kind,
            payload=dict(item["payload"]),
            occurred_at=from_text(item["occurred_at"]),
            received_at=control.clock.now(),
            space=control.space,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(400, "malformed", f"Not an event: {error}.", "Use the leadrelay command.") from error

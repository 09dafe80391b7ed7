"""Commands about sources."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import requests
import typer

from handlers.captcha import WAITS
from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    console,
    fail,
    load_settings,
    opened,
    print_json,
    say,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.cli.snippets import show_snippet
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.control import daemon_url, hand_in
from leadrelay.settings import SPACE, Settings
from mappings import presets
from mappings.captchas import own_token
from mappings.paths import Step, steps_of
from mappings.playbook import FieldRule, Playbook, Source, SourceAuth
from mappings.values.identity import email_identity
from model.change import Exists, Postponed, RecordChange, Rejected
from model.errors import ConnectorError, LeadRelayError, NotAuthorized, RetryLater
from model.event import SET_ASIDE, Event, EventKind, EventState, RecordRef
from model.lead import LEAD_FIELDS, Lead
from sync import explain
from sync.database import Store

if TYPE_CHECKING:
    from leadrelay.connected import Connected

app = typer.Typer(help="Sources: who may post leads.", no_args_is_help=True)

PATIENCE = 30.0  # seconds for all hops
DECISION_SECONDS = 5.0  # for the daemon to decide one event
CALL_SECONDS = 35.0  # a call under way may take its 30
SAMPLES = {
    "date": "2026-01-31",
    "day": "2026-01-31",
    "datetime": "2026-01-31",
    "state": "CA",
    "currency": "USD",
    "amount": 1,
    "number": 1,
    "integer": 1,
    "boolean": "yes",
    "negated": "no",
}
"""What a converter reads that would not take any word."""


app.command("snippet")(show_snippet)


@app.callback()
def sources() -> None:
    """Sources: who may post leads."""


@app.command("add")
def add(
    preset: Annotated[str, typer.Argument(help="A sender, such as typeform; left out, all are listed.")] = "",
    name: Annotated[str, typer.Argument(help="Name of the source; default: the preset's.")] = "",
    playbook: Annotated[
        Path | None, typer.Option(help="Its folder; default: LEADRELAY_PLAYBOOK or ./playbook.")
    ] = None,
) -> None:
    """Write a ready-made source into the playbook, and say what to set and which address to give the tool."""
    if not preset:
        for one in presets.names():
            console.print(f"{one:<18} {presets.read(one).title}", markup=False)
        return
    if preset not in presets.names():
        fail(f"There is no preset {preset}; there are {', '.join(presets.names())}.", WRONG_USAGE)
    folder = playbook or Path(os.environ.get("LEADRELAY_PLAYBOOK") or "playbook")
    try:
        ready = presets.named(presets.read(preset), name or preset)
        path = presets.write(ready, folder)
    except (ValueError, OSError) as error:
        fail(str(error), WRONG_USAGE if isinstance(error, ValueError) else FOUND_PROBLEMS)
    variables = [f"Set {ready.auth['secret_env']} to {_what_secret(ready.auth)}"]
    if "verify_env" in ready.auth:
        variables.append(f"{ready.auth['verify_env']} to a word of your own, which you tell the tool, too")
    if ready.lead_ads:
        variables.append(f"{ready.lead_ads['secret_env']} to an access token that may read leads")
    public = os.environ.get("LEADRELAY_PUBLIC_URL", "").rstrip("/") or "https://YOUR-ADDRESS"
    key = f"?{ready.auth['query']}=THE-TOKEN" if "query" in ready.auth else ""
    console.print(
        f"Wrote {path}. What it follows, and what to write in the tool, is at its top.\n"
        f"{', '.join(variables)}, and start leadrelay again.\n"
        f"Give the tool the address {public}/in/{ready.name}{key}\n"
        f"Next: leadrelay check {folder}",
        markup=False,
    )


def _what_secret(auth: Mapping[str, str]) -> str:
    if auth["kind"] == "hmac":
        return "the secret with which the tool signs"
    if "field" in auth:
        return f"the key that the tool sends as {auth['field']}"
    if "query" in auth:
        return "a token, long and random"
    return f"a token, long and random, which the tool sends in the header {auth['header']}"


@app.command("test")
def try_source(
    source: Annotated[str, typer.Argument(help="A source of the playbook, such as website.")],
    url: Annotated[str, typer.Option(help="Where the daemon answers; default: as it says itself.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the test lead where it arrived.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Send a marked lead through every hop, print each with its time, and clean up after it."""
    settings = load_settings()
    playbook = playbook_in_force(settings)
    if source not in playbook.sources:
        fail(
            f"The playbook has no source {source}; it has {', '.join(sorted(playbook.sources))}.", WRONG_USAGE
        )
    if (ads := playbook.sources[source].lead_ads) is not None:
        fail(
            f"Leads of {source} are read from {ads.kind}, so that a made-up one cannot be tried. "
            f"Let {ads.kind} send a test lead, then: leadrelay explain THE-TEST-ADDRESS",
            WRONG_USAGE,
        )
    run = _Run(settings, playbook, playbook.sources[source], quiet=as_json)
    address = url or daemon_url(settings.database_url) or settings.url
    done = False
    if run.post(f"{address.rstrip('/')}/in/{source}"):
        with opened(settings) as store:
            try:
                run.learn_connections(store)
                done = run.follow(store)
            finally:
                cleaned = keep or run.clean_up(store)
        done = done and cleaned
    if as_json:
        print_json({"source": source, "hops": run.hops, "passed": done})
    else:
        console.print("passed" if done else "FAILED", style="green" if done else "red")
    if not done:
        raise typer.Exit(FOUND_PROBLEMS)


class _Run:
    """One test lead on its way."""

    def __init__(self, settings: Settings, playbook: Playbook, source: Source, *, quiet: bool) -> None:
        self._settings, self._playbook, self._source, self._quiet = settings, playbook, source, quiet
        self._began = time.monotonic()
        self._email = f"leadrelay-test-{uuid.uuid4().hex[:12]}@example.com"
        self._event_id = ""
        self._known = Known(settings)
        self.hops: list[dict[str, Any]] = []

    def _note(self, hop: str, text: str) -> None:
        if hop in {known["hop"] for known in self.hops}:
            return
        self.hops.append({"hop": hop, "seconds": round(time.monotonic() - self._began, 3), "text": text})
        if not self._quiet:
            say(f"{self.hops[-1]['seconds']:8.3f} s  {hop:<12} {text}", hang=25)

    def post(self, address: str) -> bool:
        """Post the lead in the source's own words; say what went wrong if it was not taken."""
        words = test_body(self._source, self._email)
        if self._source.auth.field:
            words[self._source.auth.field] = self._secret()
        if (captcha := self._source.captcha) is not None:
            words[captcha.field] = own_token(self._settings.secret(captcha.secret_env) or "")
        body = json.dumps(words).encode()
        try:
            headers = signed(self._source, body, self._settings)
            query = {self._source.auth.query: self._secret()} if self._source.auth.query else None
            answer = requests.post(address, data=body, headers=headers, params=query, timeout=PATIENCE)
        except requests.RequestException as error:
            why = (
                f"the daemon does not answer at {address} ({type(error).__name__}); is `leadrelay serve` up?"
            )
            self._note("not received", why)
            return False
        if answer.status_code != self._source.success_status:
            self._note("not received", _refusal(answer))
            return False
        self._event_id = str(answer.json()["event"])
        self._note("received", f"{answer.status_code} for event {self._event_id}")
        return True

    def _secret(self) -> str:
        return self._settings.secret(self._source.auth.secret_env) or ""

    def learn_connections(self, store: Store) -> None:
        """Take in which accounts the store keeps beside those of the environment."""
        with store.snapshot() as snapshot:
            self._known = Known.read(self._settings, snapshot, SPACE)

    def follow(self, store: Store) -> bool:
        """Watch the store until every writing CRM holds the lead."""
        while time.monotonic() - self._began < PATIENCE:
            with store.snapshot() as snapshot:
                lead_id = explain.find_lead(snapshot, SPACE, self._email, [])
                story = explain.read(snapshot, lead_id) if lead_id else None
                aside = [] if story else explain.set_aside_list(snapshot, SPACE, event_id=self._event_id)
            for event in (one for one in aside if one["cause"] != str(WAITS)):
                reasons = "; ".join(reason["text"] for reason in event["reasons"] or []) or event["error"]
                self._note(event["state"], f"{reasons}  (with --keep: leadrelay explain event:{event['id']})")
                return False
            if story is not None and self._told(story):
                return not self._refused(story)
            time.sleep(0.05)
        self._note("gave up", f"not everywhere after {PATIENCE:g} s; see leadrelay status")
        return False

    def _told(self, story: explain.Story) -> bool:
        lead = story.lead
        self._note("mapped", f"{len(lead.fields)} fields")
        self._note("matched", "a new person" if story.chapters[0].state == "new" else "a known person")
        self._note("scored", f"score {lead.score}, stage {lead.stage}")
        self._note("routed", f"owner {lead.owner or 'nobody'}")
        writing = self._writing()
        for write in story.writes:
            if write.state == "written" and write.remote_id:
                self._note(write.connection, f"{write.object} {write.remote_id}")
            elif write.state == "dead letter":
                self._note(write.connection, f"dead letter: {write.error}")
        if not writing:
            self._note("observed", "no connection is in write mode, so nothing was sent to a CRM")
        given_up = {write.connection for write in story.writes if write.state == "dead letter"}
        reached = {write.connection for write in story.writes if write.state == "written"} & lead.links.keys()
        return all(name in given_up | reached for name in writing)

    @staticmethod
    def _refused(story: explain.Story) -> bool:
        return any(write.state == "dead letter" for write in story.writes)

    def _writing(self) -> list[str]:
        return self._known.writing(self._playbook.crms.values())

    def clean_up(self, store: Store) -> bool:
        """Remove what the test has left in the CRMs and in the store; return whether nothing is left."""
        _within(DECISION_SECONDS, lambda: self._end(store)[1] is not EventState.WAITING)
        lead = self._lead_now(store)
        row, state = self._end(store)
        removed: list[str] = []
        if lead is not None and lead.is_test:
            _within(CALL_SECONDS, partial(self._is_at_rest, store, lead.id))
            lead = self._lead_now(store) or lead  # a record may have been made after the last look
            refs = [RecordRef(link.connection, link.object, link.remote_id) for link in lead.links.values()]
            is_clean = self._delete(refs, removed)
            is_clean &= self._forget(store, f"lead {lead.id}", {"lead_id": lead.id})
        elif state in SET_ASIDE:
            is_clean = self._forget(store, f"event {row}", {"event": row})
        else:
            is_clean = self._is_gone(store, f"event {row}", patience=0)
        if self._has_given_up():
            try:
                is_clean &= self._delete(list(self._late_records()), removed)
            except ConnectorError as error:
                is_clean = False
                self._note("clean-up", str(error))
        if is_clean:
            self._note("cleaned up", f"removed from {', '.join(dict.fromkeys(['the store', *removed]))}")
        return is_clean

    def _has_given_up(self) -> bool:
        return any(hop["hop"] == "gave up" for hop in self.hops)

    def _lead_now(self, store: Store) -> Lead | None:
        with store.snapshot() as snapshot:
            lead_id = explain.find_lead(snapshot, SPACE, self._email, [])
            return explain.read(snapshot, lead_id).lead if lead_id else None

    def _end(self, store: Store) -> tuple[int, EventState | None]:
        """Return the row of our post and where it ended; ``None`` when it is not in the store."""
        with store.snapshot() as snapshot:
            found = explain.end_of(snapshot, SPACE, self._source.name, self._event_id)
        return (found[0], EventState(found[1])) if found else (0, None)

    def _is_at_rest(self, store: Store, lead_id: str) -> bool:
        with store.snapshot() as snapshot:
            return not explain.is_being_written(snapshot, lead_id, self._writing(), SystemClock().now())

    def _connected(self, connection: str) -> Connected | None:
        from leadrelay.connected import connect  # the vendors' clients load slowly

        crm = self._playbook.crms.get(connection)
        try:
            return connect(self._known, crm) if crm else None
        except LeadRelayError as error:
            raise NotAuthorized(str(error)) from error

    def _delete(self, refs: Iterable[RecordRef], removed: list[str]) -> bool:
        """Delete records and note where; return whether none is left."""
        is_clean = True
        for ref in refs:
            try:
                connected = self._connected(ref.connection)
                if connected is None:
                    raise NotAuthorized("the connection is not set up any more")
                connected.connector.delete([ref])
                removed.append(ref.connection)
            except ConnectorError as error:
                is_clean = False
                self._note("clean-up", f"{ref.connection} {ref.object} {ref.id} is still there: {error}")
        return is_clean

    def _late_records(self) -> Iterator[RecordRef]:
        """Look in the CRMs for records that were made after the test had given up."""
        for name in self._writing():
            crm, connected = self._playbook.crms[name], self._connected(name)
            if connected is None:
                continue
            who = RecordChange("test", crm.create_object, {}, identities=(email_identity(self._email),))
            fields = {
                one: [rule.remote for rule in object_map.fields] for one, object_map in crm.objects.items()
            }
            for outcome in connected.connector.find([who], fields):
                if isinstance(outcome, Exists):
                    yield outcome.record.ref
                elif isinstance(outcome, Postponed | Rejected):
                    raise RetryLater(f"{name} cannot be searched: {outcome.reason}")

    def _forget(self, store: Store, what: str, payload: dict[str, Any]) -> bool:
        """Have the daemon let go of what the payload names; return whether nothing of it is left."""
        now = SystemClock().now()
        event = Event(
            source=self._source.name,
            event_id=f"forget-{what.replace(' ', '-')}",
            kind=EventKind.FORGET,
            payload=payload,
            occurred_at=now,
            received_at=now,
            space=SPACE,
        )
        try:
            hand_in(self._settings.database_url, [event])
        except LeadRelayError as error:
            self._note("clean-up", f"{what} is still in the store: {error}")
            return False
        return self._is_gone(store, what, patience=DECISION_SECONDS)

    def _is_gone(self, store: Store, what: str, patience: float) -> bool:
        def look() -> bool:
            return self._lead_now(store) is None and self._end(store)[1] is None

        if _within(patience, look):
            return True
        self._note("clean-up", f"{what} is still in the store; is the daemon deciding?")
        return False


def _within(seconds: float, look: Callable[[], bool]) -> bool:
    """Look until it is so, for at most this long; return whether it is."""
    until = time.monotonic() + seconds
    while not look():
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True


def _refusal(answer: requests.Response) -> str:
    """Return what the daemon said in one line, whatever answered in its place."""
    try:
        body = answer.json()
        return f"{answer.status_code} {body['code']}: {body['message']}. {body['fix']}"
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text.strip()[:200]}"


def test_body(source: Source, email: str) -> dict[str, Any]:
    """Return a marked post in the sender's own field names."""
    values = {
        "email": email,
        "first_name": "Test",
        "last_name": "Lead (leadrelay source test)",
        "company": "leadrelay source test",
        "country": "US",
        "phone": "+12015550123",
    }
    body: dict[str, Any] = {
        "_leadrelay_test": True,
        "page_url": "https://example.com/?utm_source=leadrelay-test",
    }
    required = {name for one in source.required for name in one.any_of}
    for rule in source.fields:
        if rule.paths and (rule.field in values or rule.field in required):
            put(body, rule.paths[0], values.get(rule.field) or _sample(rule))
    for name, field in source.json_fields.items():
        if name in body:
            body[field] = json.dumps(body.pop(name))
    return body


def _sample(rule: FieldRule) -> Any:
    """Return something that a field takes: what its table lists, else what its first converter reads."""
    if rule.table and rule.table.values:
        return next(iter(rule.table.values))
    if LEAD_FIELDS.get(rule.field) in (int, float):
        return 1
    return SAMPLES.get(rule.convert[0].name if rule.convert else "text", "test")


def put(body: dict[str, Any], path: str, value: Any) -> None:
    """Put a value where a path finds it; an entry that the path chooses is made."""
    *outer, last = steps_of(path) or tuple(Step(name) for name in path.split("."))
    for step in outer:
        if step.key:
            entry: dict[str, Any] = {}
            put(entry, ".".join(step.key), step.value)
            body.setdefault(step.name, []).append(entry)
            body = entry
        else:
            body = body.setdefault(step.name, {})
    body[last.name] = value


def signed(source: Source, body: bytes, settings: Settings) -> dict[str, str]:
    """Return the headers by which this source's sender proves itself."""
    auth = source.auth
    secret = settings.secret(auth.secret_env) if auth.secret_env else ""
    headers = {"Content-Type": "application/json"}
    if auth.kind != "none" and not secret:
        fail(f"The secret of {source.name} is not set: {auth.secret_env} or {auth.secret_env}_FILE.")
    assert secret is not None
    match auth.kind:
        case "token" if auth.header:
            is_bearer = auth.header.lower() == "authorization"
            headers[auth.header] = f"Bearer {secret}" if is_bearer else secret
        case "hmac":
            headers |= _hmac(auth, secret, body)
        case "standard_webhooks":
            headers |= _standard_webhook(secret, body)
        case _:
            pass
    return headers


def _hmac(auth: SourceAuth, secret: str, body: bytes) -> dict[str, str]:
    stamp = str(int(time.time()))
    head, _, tail = auth.signed.replace("{time}", stamp).partition("{body}")
    digest = hmac.new(secret.encode(), head.encode() + body + tail.encode(), auth.algorithm)
    as_base64 = base64.b64encode(digest.digest()).decode()
    signature = auth.prefix + (digest.hexdigest() if auth.encoding == "hex" else as_base64)
    if auth.signature_key:
        signature = f"{auth.signature_key}={signature}"
    if auth.time_key:
        signature = f"{auth.time_key}={stamp},{signature}"
    return {auth.header: signature} | ({auth.time_header: stamp} if auth.time_header else {})


def _standard_webhook(secret: str, body: bytes) -> dict[str, str]:
    message_id, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}

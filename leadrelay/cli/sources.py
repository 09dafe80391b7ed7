"""Commands about sources."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Annotated, Any

import requests
import typer

from leadrelay.cli.common import FOUND_PROBLEMS, SPACE, console, fail, load_settings, print_json, reading
from leadrelay.clock import SystemClock
from leadrelay.control import hand_in
from leadrelay.settings import Settings
from leadrelay.wiring import connect
from mappings.compile import load
from mappings.playbook import Playbook, Source
from mappings.problems import PlaybookError
from model.errors import ConnectorError
from model.event import Event, EventKind, RecordRef
from model.lead import Lead
from sync import explain

app = typer.Typer(help="Sources: who may post leads.", no_args_is_help=True)

PATIENCE = 30.0  # seconds for all hops


@app.callback()
def sources() -> None:
    """Sources: who may post leads."""


@app.command("test")
def try_source(
    source: Annotated[str, typer.Argument(help="A source of the playbook, such as website.")],
    url: Annotated[str, typer.Option(help="Where the daemon answers; default: host and port settings.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the test lead where it arrived.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Send a marked lead through every hop, print each with its time, and clean up after it."""
    settings = load_settings()
    playbook = _playbook(settings)
    if source not in playbook.sources:
        fail(f"The playbook has no source {source}; it has {', '.join(sorted(playbook.sources))}.", 2)
    run = _Run(settings, playbook, playbook.sources[source])
    address = url or f"http://{settings.host}:{settings.port}"
    try:
        done = run.post(f"{address}/in/{source}") and run.follow()
    finally:
        if not keep:
            run.clean_up()
    if as_json:
        print_json({"source": source, "hops": run.hops, "passed": done})
    else:
        for hop in run.hops:
            console.print(f"{hop['seconds']:8.3f} s  {hop['hop']:<12} {hop['text']}", markup=False)
        console.print("passed" if done else "FAILED", style="green" if done else "red")
    if not done:
        raise typer.Exit(FOUND_PROBLEMS)


def _playbook(settings: Settings) -> Playbook:
    try:
        return load(settings.playbook)
    except PlaybookError as error:
        fail("\n".join(str(problem) for problem in error.problems))


class _Run:
    """One test lead on its way."""

    def __init__(self, settings: Settings, playbook: Playbook, source: Source) -> None:
        self._settings, self._playbook, self._source = settings, playbook, source
        self._began = time.monotonic()
        self._email = f"leadrelay-test-{uuid.uuid4().hex[:12]}@example.com"
        self._lead: Lead | None = None
        self.hops: list[dict[str, Any]] = []

    def _note(self, hop: str, text: str) -> None:
        if hop not in {known["hop"] for known in self.hops}:
            self.hops.append({"hop": hop, "seconds": round(time.monotonic() - self._began, 3), "text": text})

    def post(self, address: str) -> bool:
        """Post the lead in the source's own words; say what went wrong if it was not taken."""
        body = json.dumps(test_body(self._source, self._email)).encode()
        try:
            headers = signed(self._source, body, self._settings)
            query = {self._source.auth.query: self._secret()} if self._source.auth.query else None
            answer = requests.post(address, data=body, headers=headers, params=query, timeout=PATIENCE)
        except requests.RequestException as error:
            self._note("received", f"the daemon does not answer at {address}: {type(error).__name__}")
            return False
        self._note("received", f"{answer.status_code} {answer.text.strip()}")
        return answer.status_code == 202

    def _secret(self) -> str:
        return self._settings.secret(self._source.auth.secret_env) or ""

    def follow(self) -> bool:
        """Watch the store until every writing CRM holds the lead."""
        while time.monotonic() - self._began < PATIENCE:
            with reading(self._settings) as snapshot:
                lead_id = explain.find_lead(snapshot, SPACE, self._email, [])
                story = explain.read(snapshot, lead_id) if lead_id else None
            if story is not None and self._told(story):
                return True
            time.sleep(0.05)
        self._note("gave up", f"not everywhere after {PATIENCE:g} s; see leadrelay status")
        return False

    def _told(self, story: explain.Story) -> bool:
        lead = self._lead = story.lead
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
        reached = {hop["hop"] for hop in self.hops}
        return all(name in reached and lead.links.get(name) for name in writing)

    def _writing(self) -> list[str]:
        return [
            crm.connection
            for crm in self._playbook.crms.values()
            if self._settings.writes_to(self._settings.connection(crm.connection, crm.kind))
        ]

    def clean_up(self) -> None:
        """Delete the lead's records in the CRMs, then the lead itself."""
        if self._lead is None or not self._lead.is_test:
            return
        removed = []
        for link in self._lead.links.values():
            connected = connect(self._settings, self._playbook.crms[link.connection])
            if connected is None:
                continue
            try:
                connected.connector.delete([RecordRef(link.connection, link.object, link.remote_id)])
                removed.append(link.connection)
            except ConnectorError as error:
                self._note(
                    "clean-up", f"{link.connection} {link.object} {link.remote_id} is still there: {error}"
                )
        now = SystemClock().now()
        event = Event(
            source=self._source.name,
            event_id=f"forget-{self._lead.id}",
            kind=EventKind.FORGET,
            payload={"lead_id": self._lead.id},
            occurred_at=now,
            received_at=now,
            space=SPACE,
        )
        hand_in(self._settings.database_url, [event])
        self._note("cleaned up", f"removed from {', '.join(['the store', *removed])}")


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
    for rule in source.fields:
        if rule.field in values and rule.paths:
            _put(body, rule.paths[0], values[rule.field])
    return body


def _put(body: dict[str, Any], path: str, value: str) -> None:
    *outer, name = path.split(".")
    for part in outer:
        body = body.setdefault(part, {})
    body[name] = value


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
            digest = hmac.new(secret.encode(), body, auth.algorithm)
            as_base64 = base64.b64encode(digest.digest()).decode()
            headers[auth.header] = auth.prefix + (digest.hexdigest() if auth.encoding == "hex" else as_base64)
        case "standard_webhooks":
            headers |= _standard_webhook(secret, body)
        case _:
            pass
    return headers


def _standard_webhook(secret: str, body: bytes) -> dict[str, str]:
    message_id, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}

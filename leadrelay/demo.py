"""`leadrelay run`: the sandbox's addresses, a stream of realistic leads, and one lead's journey told."""

from __future__ import annotations

import fcntl
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from leadrelay.cli.common import console, say
from leadrelay.demo_crms import SALESFORCE_APP
from leadrelay.settings import SPACE, Settings, local_url
from mappings import starter
from model.errors import LeadRelayError
from sandbox.server import OVER_TLS, PORTS, TLS_ABOVE
from sync import explain
from sync.database import open_store

JOURNEY_SECONDS = 15.0
SANDBOX_KEY = "c2VhbHMgd2hhdCBvcGVucyB0aGUgc2FuZGJveCBvbmw="  # opens nothing but the sandbox
OWN_SIGN_INS = ("TOKEN", "PRIVATE_KEY")  # with one of the caller's, the demo's app is not set beside it
SLACK_HOOK = "/services/T0SANDBOX1/B0LEADS001/sandboxleadssecret000001"  # of #leads

_NAMES = (
    ("Maya", "Okafor"),
    ("Jonas", "Lindqvist"),
    ("Sofia", "Moreau"),
    ("Kenji", "Tanaka"),
    ("Pavel", "Novák"),
    ("Lucía", "García"),
    ("Hanna", "Schmidt"),
    ("Noah", "O'Neill"),
    ("Amara", "Haddad"),
    ("Ingrid", "Larsen"),
    ("Tomás", "Silva"),
    ("Zoë", "Rossi"),
    ("Diego", "Fernández"),
    ("Priya", "Raman"),
    ("Liam", "Walsh"),
)
_COMPANIES = (  # name, domain, country, industry, people
    ("Brightwater Logistics", "brightwater.example", "Germany", "Logistics", 180),
    ("Alpine Robotics", "alpinerobotics.example", "CH", "Manufacturing", 95),
    ("Cedar & Vale", "cedarvale.example", "United Kingdom", "Financial Services", 420),
    ("Lumen Analytics", "lumen-analytics.example", "US", "Software", 64),
    ("Pampas Energía", "pampas.example", "Argentina", "Energy", 1200),
    ("Harbour Health", "harbourhealth.example", "Australia", "Health Care", 75),
    ("Kitsune Games", "kitsune.example", "Japan", "Software", 30),
    ("Mistral Foods", "mistralfoods.example", "France", "Food", 210),
)
_TITLES = ("Head of Operations", "VP Sales", "Marketing Manager", "CTO", "IT Director", "Student", "Analyst")
_FORMS = ("demo", "pricing", "whitepaper", "webinar", "newsletter", "contact_sales")
_VISITS = (  # how people came: parameters of the landing page, referrer
    ("utm_source=google&utm_medium=cpc&utm_campaign=brand-eu&gclid=Cj0KCQiA", "https://www.google.com/"),
    ("utm_source=linkedin&utm_medium=paid_social&utm_campaign=q4-launch", "https://www.linkedin.com/"),
    ("utm_source=newsletter&utm_medium=email&utm_campaign=november", ""),
    ("", "https://www.bing.com/search?q=lead+routing"),
    ("", "https://partner.example/reviews"),
    ("", ""),
)


def sandbox_ports() -> dict[str, int]:
    """Return the port of each part of the sandbox: the usual one, or ``LEADRELAY_SANDBOX_<NAME>_PORT``."""
    return {name: _port(f"LEADRELAY_SANDBOX_{name.upper()}_PORT", usual) for name, usual in PORTS.items()}


def sandbox_tls_ports() -> dict[str, int]:
    """Return the ports over TLS, as ``hubspot_tls``: ten above the plain ones, or those of the variables."""
    return {
        f"{name}_tls": _port(f"LEADRELAY_SANDBOX_{name.upper()}_TLS_PORT", port + TLS_ABOVE)
        for name, port in sandbox_ports().items()
        if name in OVER_TLS
    }


def _port(variable: str, usual: int) -> int:
    text = os.environ.get(variable) or str(usual)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise LeadRelayError(f"{variable}={text!r}: a whole number from 1 to 65535 is needed")
    return int(text)


def check_ports(ports: Mapping[str, int]) -> None:
    """Raise ``LeadRelayError`` for a port that something else listens on, before anything is started."""
    for name, port in ports.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            variable = "LEADRELAY_PORT" if name == "daemon" else f"LEADRELAY_SANDBOX_{name.upper()}_PORT"
            raise LeadRelayError(
                f"Port {port} cannot be used: {os.strerror(error.errno or 0)}. Is another run still up? "
                f"Stop it, or set {variable} to a free port."
            ) from error


def environment(folder: Path, ports: Mapping[str, int]) -> dict[str, str]:
    """Return the settings of a demo run."""
    folder = folder.resolve()  # the file of settings is used from other folders, too
    return {
        "LEADRELAY_DATABASE_URL": f"sqlite:///{folder / 'leadrelay.db'}",
        "LEADRELAY_PLAYBOOK": str(folder / "playbook"),
        "LEADRELAY_SANDBOX": "true",
        # The apps by which people connect in the browser; the sandbox knows them.
        "LEADRELAY_HUBSPOT_BASE_URL": f"http://127.0.0.1:{ports['hubspot']}",
        "LEADRELAY_HUBSPOT_CLIENT_ID": "sandbox-client-id",
        "LEADRELAY_HUBSPOT_CLIENT_SECRET": "sandbox-client-secret-0001",
        "LEADRELAY_SALESFORCE_LOGIN_URL": f"http://127.0.0.1:{ports['salesforce']}",
        "LEADRELAY_SALESFORCE_CLIENT_ID": SALESFORCE_APP,
        "LEADRELAY_SALESFORCE_CLIENT_SECRET": "sandbox-secret",
        "LEADRELAY_SECRET_KEY": SANDBOX_KEY,
        "LEADRELAY_SLACK_WEBHOOK_URL": f"http://127.0.0.1:{ports['messaging']}{SLACK_HOOK}",
        "LEADRELAY_SMTP_HOST": "127.0.0.1",
        "LEADRELAY_SMTP_PORT": str(ports["smtp"]),
        "LEADRELAY_SMTP_SECURITY": "none",
        "LEADRELAY_SMTP_FROM": "leadrelay <leads@northlight.example>",
        "LEADRELAY_SANDBOX_TLS_FOLDER": str(folder / "tls"),
        "LEADRELAY_PROVIDER_COMPANIES_BASE_URL": f"http://127.0.0.1:{ports['messaging']}",
        "LEADRELAY_PROVIDER_CAPTCHA_BASE_URL": f"http://127.0.0.1:{ports['messaging']}",
        "LEADRELAY_SOURCE_WEBSITE_CAPTCHA": "sandbox-captcha-secret",
        "LEADRELAY_PROVIDER_COMPANIES_KEY": "sandbox-enrichment-key",
        # The starter's example sources, so that they can be tried as they are.
        "LEADRELAY_SOURCE_AUTOMATION_SECRET": "whsec_ZGVtby1zZWNyZXQtZm9yLXRoaXMtbWFjaGluZQ==",
        "LEADRELAY_SOURCE_EVENTS_TOKEN": "demo-token",
        "LEADRELAY_SOURCE_PARTNER_SECRET": "demo-secret",
    }


def take_environment(folder: Path, ports: Mapping[str, int]) -> list[str]:
    """Put a demo's settings into the environment; return what the caller's own settings take the place of."""
    defaults = environment(folder, ports)
    for prefix in ("LEADRELAY_HUBSPOT", "LEADRELAY_SALESFORCE"):
        if any(os.environ.get(f"{prefix}_{part}{end}") for part in OWN_SIGN_INS for end in ("", "_FILE")):
            del defaults[f"{prefix}_CLIENT_ID"], defaults[f"{prefix}_CLIENT_SECRET"]
    own = [name for name, value in defaults.items() if os.environ.get(name) not in (None, value)]
    os.environ.update({name: value for name, value in defaults.items() if name not in own})
    return own


def prepare(folder: Path) -> None:
    """Write the starter playbook on the first run; later runs keep what was edited.

    The sandbox CRMs live in memory and start empty, so a store of an earlier run, which
    knows records that are gone, makes room for a new one. Raises ``LeadRelayError`` when
    another run is at work in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "playbook").exists():
        starter.write_starter(folder / "playbook")
        starter.use_example(folder / "playbook" / "enrichment.yaml")
    names = [*environment(folder, PORTS), "LEADRELAY_HOST", "LEADRELAY_PORT"]
    lines = [f"export {name}={shlex.quote(os.environ[name])}" for name in names if os.environ.get(name)]
    (folder / "env").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "env").chmod(0o600)
    with (folder / "leadrelay.db.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LeadRelayError(
                f"The store in {folder} is in use by another run. Stop it, or name another --folder."
            ) from None
        for old in folder.glob("leadrelay.db*"):
            if not old.name.endswith(".lock"):
                old.unlink()


def wait_for_sandbox(ports: Mapping[str, int], process: subprocess.Popen[bytes]) -> None:
    """Return when every part of the sandbox answers; raises ``LeadRelayError`` when they do not start."""
    deadline = time.monotonic() + 20
    # The mail server is up before the others are; it speaks no HTTP.
    waiting = [f"http://127.0.0.1:{port}" for name, port in ports.items() if name != "smtp"]
    while waiting:
        if process.poll() is not None or time.monotonic() > deadline:
            raise LeadRelayError(f"The sandbox did not start at {' and '.join(waiting)}.")
        try:
            requests.get(f"{waiting[0]}/__sandbox/stats", timeout=2)
            waiting.pop(0)
        except requests.ConnectionError:
            time.sleep(0.1)


def show_addresses(
    settings: Settings, port: int, folder: Path, ports: Mapping[str, int], own: Sequence[str]
) -> None:
    """Print what to open and what to try."""
    url = local_url(settings.host, port)
    console.print("\nleadrelay is running. Ctrl-C stops everything.", style="bold green")
    console.print(f"  leadrelay's pages   {url}/")
    console.print(f"  sandbox HubSpot     http://127.0.0.1:{ports['hubspot']}/")
    console.print(f"  sandbox Salesforce  http://127.0.0.1:{ports['salesforce']}/")
    tls = " and ".join(f"https://localhost:{port}/" for port in sandbox_tls_ports().values())
    console.print(f"  CRMs over TLS       {tls}")
    console.print(f"    to be trusted     {os.environ['LEADRELAY_SANDBOX_TLS_FOLDER']}/ca.pem", markup=False)
    console.print(
        f"  sandbox messages    http://127.0.0.1:{ports['messaging']}/ and smtp://127.0.0.1:{ports['smtp']}"
    )
    console.print(f"  daemon              {url}/readyz and {url}/metrics")
    console.print(f"  playbook to edit    {settings.playbook if own else folder / 'playbook'}", markup=False)
    if own:
        say(f"  From your environment: {', '.join(own)}", hang=4, style="yellow")
    console.print("\nSend a lead of your own:", style="bold")
    console.print(CURL.format(url), markup=False)
    console.print("\nAnd ask about it, in another terminal:", style="bold")
    command = _command()
    console.print(f"  . {folder / 'env'}", markup=False)
    for words in ("explain ada@analytical.example", "status", "source test website"):
        console.print(f"  {command} {words}", markup=False)
    console.print()


CURL = """\
  curl -i {}/in/website \\
    -d email=ada@analytical.example -d first_name=Ada -d last_name=Lovelace \\
    -d company='Analytical Engines' -d country=GB -d form_type=demo \\
    -d 'page_url=https://www.northlight.example/demo?utm_source=google&utm_medium=cpc'"""


def _command() -> str:
    """Return how the command is called from here."""
    if shutil.which("leadrelay"):
        return "leadrelay"
    beside = Path(sys.executable).parent / "leadrelay"
    return os.path.relpath(beside) if beside.is_relative_to(Path.cwd()) else str(beside)


class Traffic:
    """Posts realistic leads: repeats, spam and broken ones among them; tells the first one's journey."""

    def __init__(
        self, settings: Settings, port: int, rate: float, most: int, stopped: threading.Event
    ) -> None:
        self._settings = settings
        self._url = f"http://127.0.0.1:{port}/in/website"
        self._pause = 1 / rate if rate > 0 else 0
        self._most = most
        self._stopped = stopped
        self._thread = threading.Thread(target=self._run, name="demo-traffic", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def _run(self) -> None:
        chance = random.Random(7)
        session = requests.Session()
        sent: list[dict[str, Any]] = []
        while not self._stopped.is_set() and (not self._most or len(sent) < self._most):
            post = next_post(chance, sent)
            try:
                answer = session.post(self._url, json=post, timeout=30)
            except requests.RequestException:  # the daemon is on its way out
                return
            sent.append(post)
            if len(sent) == 1:
                told = threading.Thread(
                    target=self._tell_journey, args=(str(post["email"]), answer), daemon=True
                )
                told.start()
            if self._pause == 0 or self._stopped.wait(self._pause):
                return
        told.join(JOURNEY_SECONDS)
        if not self._stopped.is_set():
            console.print(f"{len(sent)} leads sent; the rest is yours. Ctrl-C stops everything.")

    def _tell_journey(self, email: str, answer: requests.Response) -> None:
        """Follow one lead until both CRMs hold it and print what happened."""
        began = time.monotonic()
        console.print("One lead's journey:", style="bold")
        console.print(
            f"  {0:6.3f} s  posted to /in/website, answered {answer.status_code} {answer.text.strip()}"
        )
        seen: set[str] = set()
        store = open_store(self._settings.database_url)
        try:
            while time.monotonic() - began < JOURNEY_SECONDS and not self._stopped.is_set():
                with store.snapshot() as snapshot:
                    lead_id = explain.find_lead(snapshot, SPACE, email, [])
                    story = explain.read(snapshot, lead_id) if lead_id else None
                if story is not None and self._tell(story, seen, time.monotonic() - began):
                    console.print(f"  Why: leadrelay explain {email}\n", markup=False)
                    return
                time.sleep(0.02)
        finally:
            store.close()

    @staticmethod
    def _tell(story: explain.Story, seen: set[str], elapsed: float) -> bool:
        lead = story.lead
        lines = {
            "decided": f"decided: stage {lead.stage}, score {lead.score}, owner {lead.owner or 'nobody yet'}"
        }
        writes = [write for write in story.writes if write.kind == "lead"]  # the person, in each CRM
        for write in writes:
            if write.state == "written" and write.remote_id:
                lines[write.connection] = f"written to {write.connection}: {write.object} {write.remote_id}"
            elif write.state == "dead letter":
                lines[write.connection] = f"refused by {write.connection}: {write.error}"
        for key, line in lines.items():
            if key not in seen:
                seen.add(key)
                console.print(f"  {elapsed:6.3f} s  {line}", markup=False)
        return len(seen) == 1 + len(writes) and len(writes) > 0


def next_post(chance: random.Random, earlier: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a post as a form sends it; one in five repeats, some are spam, some broken."""
    kind = chance.random()
    people = [post for post in earlier if "@" in str(post.get("email"))]
    if kind < 0.2 and people:
        again = dict(chance.choice(people))
        return (
            again if chance.random() < 0.5 else again | _visit(chance) | {"form_type": chance.choice(_FORMS)}
        )
    post = _person(chance, len(earlier))
    if kind > 0.95 and earlier:
        return post | {"fax_number": "+1 555 0100", "message": "cheap backlinks"}  # fills the honeypot
    if kind > 0.90 and earlier:
        return post | {"email": f"{post['first_name']} at {post['company']}"}
    return post


def _person(chance: random.Random, number: int) -> dict[str, Any]:
    first, last = chance.choice(_NAMES)
    company, domain, country, industry, people = chance.choice(_COMPANIES)
    form = "demo" if number == 0 else chance.choice(_FORMS)
    return {
        "form_type": form,
        "form_name": f"{form} page",
        "first_name": first,
        "last_name": last,
        "email": f"{_ascii(first)}.{_ascii(last)}{number or ''}@{domain}",
        "company": company,
        "job_title": chance.choice(_TITLES),
        "industry": industry,
        "company_size": people,
        "country": country,
        **_visit(chance),
    }


def _ascii(name: str) -> str:
    table = str.maketrans("áéíóúëöüñçń", "aeioueouncn", "' ")
    return name.lower().translate(table)


def _visit(chance: random.Random) -> dict[str, Any]:
    query, referrer = chance.choice(_VISITS)
    page = "https://www.northlight.example/landing"
    return {"page_url": f"{page}?{query}" if query else page, "referrer": referrer}

"""A daemon in every kind of trouble, at the lowest level: no log holds a person or a secret."""

from __future__ import annotations

import contextlib
import re
import socket
import time

import requests
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from leadrelay.cli import app
from tests.journeys.crms import TOKENS
from tests.journeys.house import EVENTS_TOKEN
from tests.waiting import eventually

PEOPLE = [
    {
        "email": f"{first.lower()}.{last.lower()}@{first.lower()}corp.example",
        "first_name": first,
        "last_name": last,
        "phone": f"+4420794600{number:02}",
        "company": f"{last}works",
        "message": f"My private number is 020 7946 01{number:02}",
        "form_type": "demo",
    }
    for number, (first, last) in enumerate(
        [
            ("Ottoline", "Quexford"),
            ("Zebedee", "Wintersmith"),
            ("Ignatia", "Farquharson"),
            ("Barnaby", "Oxenhope"),
            ("Philippa", "Thistlewood"),
            ("Cornelius", "Hardcastle"),
            ("Wilhelmina", "Braithwaite"),
        ]
    )
]
KEY, NEW_KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()
PARTNER_SECRET, PASSWORD = "partner-secret-7d1f", "smtp-password-55ab"
HOOK = "http://127.0.0.1:9/services/T0/B0/hooksecret991"
SECRETS = [
    *TOKENS.values(),
    EVENTS_TOKEN,
    KEY,
    NEW_KEY,
    PARTNER_SECRET,
    PASSWORD,
    "hooksecret991",
    "wrong-token-31",
]
SETTINGS = {
    "LEADRELAY_LOG_LEVEL": "debug",
    "LEADRELAY_LEASE_SECONDS": "3",
    "LEADRELAY_SECRET_KEY": KEY,
    "LEADRELAY_SOURCE_PARTNER_SECRET": PARTNER_SECRET,
    "LEADRELAY_ALERT_SLACK_WEBHOOK_URL": HOOK,
    "LEADRELAY_ALERT_MAIL_TO": "ops@northlight.example",
    "LEADRELAY_SMTP_HOST": "127.0.0.1",
    "LEADRELAY_SMTP_PORT": "9",
    "LEADRELAY_SMTP_FROM": "leadrelay@northlight.example",
    "LEADRELAY_SMTP_USER": "mailer",
    "LEADRELAY_SMTP_PASSWORD": PASSWORD,
}
FAULTS = (
    {"error_rate": 1, "error_status": 500},
    {"error_rate": 1, "error_status": 401},
    {"error_rate": 1, "error_status": 400},
    {"drop_rate": 1},
    {"half_failed_rate": 0.7},
    {},
)


def bad_posts(process, person):
    """Send what is refused, quarantined or screened out, each with a person in it."""
    door, json_type = f"{process.url}/in", {"Content-Type": "application/json"}
    session = requests.Session()
    session.post(f"{door}/website", data=b'{"email": "' + person["email"].encode(), headers=json_type)
    session.post(f"{door}/website", data=person["email"].encode(), headers={"Content-Type": "image/png"})
    session.post(
        f"{door}/website?email={person['email']}", json={"email": "no address", "name": person["last_name"]}
    )
    session.post(f"{door}/website", json=[person, {"deep": [person]}])
    session.post(f"{door}/website", data=b"x" * (9 * 1024 * 1024))
    session.post(f"{door}/{person['email']}", json=person)
    session.post(f"{door}/events", json=person, headers={"X-Api-Key": "wrong-token-31"})
    session.post(f"{door}/partner", json=person, headers={"X-Signature": "sha256=wrong-token-31"})
    session.get(
        f"{process.url}/leads?q={person['email']}", headers={"Authorization": "Bearer wrong-token-31"}
    )
    session.post(
        f"{process.url}/control/events", json=[person], headers={"Authorization": "Bearer wrong-token-31"}
    )
    session.post(f"{process.url}/sign-in", data={"name": person["email"], "password": "wrong-token-31"})
    with socket.create_connection(("127.0.0.1", process.port)) as raw:
        raw.sendall(
            f"POST /in/website HTTP/1.1\r\nHost: x\r\nX: {person['email']}\r\nBad Header\r\n\r\n".encode()
        )
        with contextlib.suppress(OSError):
            raw.recv(1_000)


def told_in(text):
    """Return what of the people and the secrets stands in a text."""
    values = {value for person in PEOPLE for name, value in person.items() if name not in ("form_type",)}
    values |= {person["phone"][3:] for person in PEOPLE} | {"020 7946 01"}
    found = {value for value in values | set(SECRETS) if value.lower() in text.lower()}
    return found | set(re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+", text))


def commanded(process, *words):
    """Return what a command prints beside the daemon, on both streams."""
    result = CliRunner().invoke(app, words, env=process.environ, catch_exceptions=False)
    assert result.stdout + result.stderr
    return result.stdout + result.stderr


def has_owners(process, name):
    lines = process.log.read_text("utf-8").splitlines()
    return any('"poll.roster"' in line and f'"{name}"' in line for line in lines)


def test_no_log_holds_a_person_or_a_secret(daemon, crms):
    process = daemon(**SETTINGS)
    process.start()
    process.wait_until_up()
    for name in crms:  # without its owners nothing is written to a CRM, so that no call could be refused
        eventually(lambda of=name: has_owners(process, of), f"owners of {name}")
    ada, *others = PEOPLE
    crms["hubspot"].act("create", email=ada["email"], last_name="King")
    for number, faults in enumerate(FAULTS):
        for crm in crms.values():
            crm.faults(**faults)
        for person in others[: number + 1]:  # one of them is new, so that something is due at once
            answer = requests.post(f"{process.url}/in/website", data=person, timeout=30)
            assert answer.status_code == 202
        bad_posts(process, ada)
        if faults.get("error_status") == 401:
            eventually(lambda: "connection.not_authorized" in process.log.read_text("utf-8"), "the refusal")
        time.sleep(1.5)
    requests.post(f"{process.url}/in/website", data=ada, timeout=30)
    time.sleep(2)
    process.kill()
    process.environ["LEADRELAY_SECRET_KEY"] = f"{NEW_KEY},{KEY}"
    process.start()
    process.wait_until_up()
    with process.books() as books:
        eventually(lambda: books.status().leads == len(PEOPLE), "all people")
        books.settle_beside()
    for crm in crms.values():
        assert {person["email"] for person in PEOPLE} <= {one["email"] for one in crm.people()}
    said = [commanded(process, *words) for words in (("doctor",), ("status",), ("secrets", "rotate"))]
    process.terminate()
    assert process.exit_code() == 0

    assert not [secret for secret in SECRETS if secret in "".join(said)]
    log = process.log.read_text(encoding="utf-8")
    for event in ("outbox.delivered", "connection.not_authorized", "daemon.started", "daemon.stopped"):
        assert event in log  # the trouble was really there
    assert told_in(log) == set()

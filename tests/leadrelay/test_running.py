"""`leadrelay serve`, `run` and `sandbox`: they start, say where they are, and stop when told."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from leadrelay import demo
from leadrelay.cli import running
from mappings.starter import write_starter
from model.errors import LeadRelayError
from tests.journeys.crms import running_crms
from tests.journeys.house import environment
from tests.leadrelay.conftest import free_ports
from tests.waiting import eventually

SLOW = 90.0  # seconds: a process of its own on a busy machine

PEOPLE = (
    {"email": "ada.lovelace@analytical.example", "first_name": "Augusta", "last_name": "Lovelace-King"},
    {"email": "quarantined at nowhere", "first_name": "Beatrix", "last_name": "Brokenaddress"},
    {"email": "info@rolehouse.example", "phone": "+44 20 7946 0018", "last_name": "Roleholder"},
    {"email": "bot@spam.example", "fax_number": "+1 555 0100", "last_name": "Robotnik"},
)
WORDS = [  # what must stand in no log: every value above, as posted and as normalised
    *{value for person in PEOPLE for value in person.values()},
    "+442079460018",
    "ada.lovelace",
    "sandbox-token",
    "scanner-token",
]


@pytest.fixture(autouse=True)
def _our_own_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a command that runs in this process from sending our logs to its own standard error."""
    monkeypatch.setattr(running.logs, "configure", lambda *_words, **_named: None)
    monkeypatch.setattr(running, "keep_to_ourselves", lambda: None)


@contextmanager
def process(*words: str, out: Path, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command as a process of its own; killed if it has not ended by then, and says where it stood."""
    environ |= {"PYTHONFAULTHANDLER": "1"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEADRELAY_")}
    with out.open("wb") as file:
        started = subprocess.Popen(
            [sys.executable, "-m", "leadrelay", *words], env=own | environ, stdout=file, stderr=file
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGABRT)
            started.wait(timeout=60)
            print(out.read_text(encoding="utf-8", errors="replace")[-8000:])


def is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=60).ok
    except requests.ConnectionError:
        return False


def listens(port: int) -> bool:
    try:
        demo.check_ports({"hubspot": port})
    except LeadRelayError:
        return True
    return False


def test_serve_drains_on_sigterm_and_logs_nothing_of_a_person(tmp_path):
    write_starter(tmp_path / "playbook")
    [port] = free_ports(1)
    url, log = f"http://127.0.0.1:{port}", tmp_path / "log"
    database_url = f"sqlite:///{tmp_path / 'leadrelay.db'}"
    with running_crms() as crms:
        for crm in crms.values():
            crm.reset()
        settings = environment(database_url, tmp_path / "playbook", crms)
        settings |= {"LEADRELAY_PORT": str(port), "LEADRELAY_LOG_LEVEL": "debug"}
        with process("serve", out=log, **settings) as serving:
            eventually(lambda: is_up(url), "a ready daemon", SLOW)
            for file in tmp_path.glob("leadrelay.db*"):
                assert not file.stat().st_mode & stat.S_IRWXO, f"others can read {file.name}"
            crms["salesforce"].faults(rate_429=1.0, count=1)  # so that trouble is logged, too
            for person in PEOPLE:
                answer = requests.post(f"{url}/in/website", data=person, timeout=60)
                assert answer.status_code == 202
            refused = {"attendee_email": PEOPLE[0]["email"]}
            assert requests.post(f"{url}/in/events", json=refused, timeout=60).status_code == 401
            assert requests.post(f"{url}/in/website", data=b"{", timeout=60).status_code == 415
            eventually(lambda: len(crms["hubspot"].people()) == 1, "the lead in HubSpot")
            serving.send_signal(signal.SIGTERM)
            assert serving.wait(timeout=40) == 0
    lines = log.read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {
        "daemon.started",
        "decider.seated",
        "poll.roster",
        "outbox.delivered",
        "daemon.stopped",
    }
    text = "\n".join(lines).lower()
    assert [word for word in WORDS if word.lower() in text] == []
    assert not (tmp_path / "leadrelay.db.control").exists()


def test_a_second_daemon_on_a_store_is_refused_in_a_sentence(house, beside):
    answer = beside("serve")
    path = house.daemon.store.path
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"{path} is in use by a running leadrelay\n"
    assert house.post(email="still@works.example")["duplicate"] is False


def test_a_taken_port_is_said(house, beside, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_stop_signal", threading.Event)
    port = str(house.daemon.port)
    answer = beside("serve", LEADRELAY_DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}", LEADRELAY_PORT=port)
    assert answer.code == 1
    assert answer.err == (
        f"Port {port} on 127.0.0.1 cannot be used: Address already in use. "
        "Set LEADRELAY_PORT, or stop what listens there.\n"
    )


@pytest.mark.parametrize("is_there", [True, False], ids=["broken", "missing"])
def test_serve_needs_a_sound_playbook(leadrelay, playbook, tmp_path, is_there):
    (playbook / "routing.yaml").write_text("territories: [\n")
    folder = playbook if is_there else tmp_path / "none"
    environ = {
        "LEADRELAY_PLAYBOOK": str(folder),
        "LEADRELAY_DATABASE_URL": f"sqlite:///{tmp_path / 'x.db'}",
    }
    answer = leadrelay("serve", **environ)
    if is_there:
        assert answer.code == 1
        assert answer.err.startswith("routing.yaml:")
        assert answer.err.endswith(" found; nothing was started.\n")
    else:
        assert answer.code == 2
        assert answer.err == (
            f"There is no playbook at {folder}. Write the starter with `leadrelay init {folder}`, "
            "or set LEADRELAY_PLAYBOOK.\n"
        )
    assert not (tmp_path / "x.db").exists()


def test_serve_says_when_postgres_is_away(leadrelay, playbook):
    [port] = free_ports(1)
    url = f"postgresql://leads:hunter2@127.0.0.1:{port}/leads"
    answer = leadrelay("serve", LEADRELAY_PLAYBOOK=str(playbook), LEADRELAY_DATABASE_URL=url)
    assert answer.code == 1
    assert answer.err.startswith("The store at postgresql+psycopg://leads:***@127.0.0.1")
    assert "hunter2" not in answer.err


def test_run_shows_a_lead_reaching_both_crms_and_ends_on_ctrl_c(tmp_path):
    hubspot, salesforce, messaging, smtp, daemon = free_ports(5)
    folder, out = tmp_path / "demo", tmp_path / "out"
    environ = {
        "LEADRELAY_SANDBOX_HUBSPOT_PORT": str(hubspot),
        "LEADRELAY_SANDBOX_SALESFORCE_PORT": str(salesforce),
        "LEADRELAY_SANDBOX_MESSAGING_PORT": str(messaging),
        "LEADRELAY_SANDBOX_SMTP_PORT": str(smtp),
        "LEADRELAY_PORT": str(daemon),
    }
    words = ["run", "--folder", str(folder), "--rate", "50", "--leads", "12"]
    with process(*words, out=out, **environ) as demonstration:
        eventually(lambda: "leads sent" in out.read_text(encoding="utf-8"), "the last of the leads", SLOW)
        assert set(requests.get(f"http://127.0.0.1:{hubspot}/__sandbox/stats", timeout=60).json()) > {
            "records"
        }
        told = env_of(folder)
        assert told["LEADRELAY_PORT"] == str(daemon)
        assert told["LEADRELAY_SALESFORCE_LOGIN_URL"] == f"http://127.0.0.1:{salesforce}"
        assert stat.S_IMODE((folder / "env").stat().st_mode) == 0o600
        with pytest.raises(LeadRelayError, match="is in use by another run"):
            demo.prepare(folder)
        demonstration.send_signal(signal.SIGINT)
        assert demonstration.wait(timeout=40) == 0
    text = out.read_text(encoding="utf-8")
    for part in (
        f"sandbox HubSpot     http://127.0.0.1:{hubspot}/",
        f"sandbox messages    http://127.0.0.1:{messaging}/ and smtp://127.0.0.1:{smtp}",
        f"daemon              http://127.0.0.1:{daemon}/readyz",
        "One lead's journey:",
        "decided: stage mql, score ",
        "written to hubspot: contacts 101",
        "written to salesforce: Lead 00Q",
        "12 leads sent; the rest is yours.",
        f"Stopped. Playbook and store are kept in {folder}; the next run begins with an empty store.",
    ):
        assert part in text
    assert "Traceback" not in text
    ports = (hubspot, messaging, smtp, daemon)
    eventually(lambda: not any(listens(port) for port in ports), "free ports")


def test_the_sandbox_ends_with_its_parent(tmp_path):
    hubspot, salesforce, messaging, smtp, daemon = free_ports(5)
    environ = {
        "LEADRELAY_SANDBOX_HUBSPOT_PORT": str(hubspot),
        "LEADRELAY_SANDBOX_SALESFORCE_PORT": str(salesforce),
        "LEADRELAY_SANDBOX_MESSAGING_PORT": str(messaging),
        "LEADRELAY_SANDBOX_SMTP_PORT": str(smtp),
        "LEADRELAY_PORT": str(daemon),
    }
    parent = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-m', 'leadrelay.bundled'], stdin=subprocess.PIPE)\n"
        "time.sleep(60)\n"
    )
    own = os.environ | environ
    with (tmp_path / "out").open("wb") as out:
        started = subprocess.Popen([sys.executable, "-c", parent], env=own, stdout=out, stderr=out)
    eventually(lambda: listens(salesforce), "the sandbox", SLOW)
    started.kill()
    started.wait(timeout=60)
    eventually(lambda: not listens(hubspot), "the end of the sandbox")


def test_run_names_the_port_that_is_taken(leadrelay, house, tmp_path):
    taken = house.crms["salesforce"].url.rsplit(":", 1)[1]
    [free] = free_ports(1)
    answer = leadrelay(
        "run",
        "--folder",
        str(tmp_path / "demo"),
        LEADRELAY_SANDBOX_HUBSPOT_PORT=str(free),
        LEADRELAY_SANDBOX_SALESFORCE_PORT=taken,
    )
    assert answer.code == 1
    assert answer.err == (
        f"Port {taken} cannot be used: Address already in use. Is another run still up? "
        "Stop it, or set LEADRELAY_SANDBOX_SALESFORCE_PORT to a free port.\n"
    )
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("command", ["run", "sandbox"])
def test_a_sandbox_port_that_is_none_is_said(leadrelay, tmp_path, command):
    words = ["--folder", str(tmp_path / "demo")] if command == "run" else []
    answer = leadrelay(command, *words, LEADRELAY_SANDBOX_HUBSPOT_PORT="many")
    assert answer.code == 1
    assert answer.err == (
        "LEADRELAY_SANDBOX_HUBSPOT_PORT='many': a whole number from 1 to 65535 is needed\n"
    )  # fmt: skip


def test_the_callers_own_settings_go_before_the_demos(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_DATABASE_URL", "sqlite:///mine.db")
    before = dict(os.environ)
    try:
        own = demo.take_environment(tmp_path, demo.sandbox_ports())
        assert own == ["LEADRELAY_DATABASE_URL"]
        assert os.environ["LEADRELAY_DATABASE_URL"] == "sqlite:///mine.db"
        assert os.environ["LEADRELAY_SANDBOX"] == "true"
        assert demo.take_environment(tmp_path, demo.sandbox_ports()) == own
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


def test_beside_the_callers_own_token_the_demos_app_is_not_set(tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_HUBSPOT_TOKEN_FILE", "/run/secrets/hubspot")
    before = dict(os.environ)
    try:
        demo.take_environment(tmp_path, demo.sandbox_ports())
        assert "LEADRELAY_HUBSPOT_CLIENT_ID" not in os.environ
        assert "LEADRELAY_SALESFORCE_CLIENT_ID" in os.environ
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]


def test_a_second_run_keeps_the_playbook_and_begins_a_new_store(tmp_path):
    demo.prepare(tmp_path)
    (tmp_path / "playbook" / "pipeline.yaml").write_text("mine")
    (tmp_path / "leadrelay.db").write_text("old")
    demo.prepare(tmp_path)
    assert (tmp_path / "playbook" / "pipeline.yaml").read_text() == "mine"
    assert not (tmp_path / "leadrelay.db").exists()


def test_the_traffic_is_the_same_each_time_and_has_of_everything():
    def posts(count: int) -> list[dict]:
        chance, sent = demo.random.Random(7), []
        for _ in range(count):
            sent.append(demo.next_post(chance, sent))
        return sent

    many = posts(200)
    assert many[:20] == posts(20)
    assert any("fax_number" in post for post in many)
    assert any("@" not in post["email"] for post in many)
    assert len({post["email"] for post in many}) < 180
    assert all(post["email"].isascii() for post in many if "@" in post["email"])


def env_of(folder: Path) -> Mapping[str, str]:
    script = f". {folder / 'env'} && env"
    text = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if line.startswith("LEADRELAY_"))

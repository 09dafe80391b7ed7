"""`leadrelay backup`, `restore`, `retention`, `alert test`, and what `check` says of people."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from model.change import OwnerRecord
from sync import alerts, teammates
from sync.alerts import Raised
from sync.database import exclusive, open_store
from sync.tables import conflicts
from tests.sync.filling import fill

NOW = datetime.now(UTC)


@pytest.fixture
def full_store(empty_store):
    store = open_store(empty_store)
    store.write(fill)
    store.close()
    return empty_store


@pytest.fixture
def other(tmp_path):
    return f"sqlite:///{tmp_path / 'elsewhere' / 'store.db'}"


def test_a_store_goes_into_a_file_and_out_of_it_again(leadrelay, full_store, other, tmp_path):
    file = tmp_path / "b.zip"
    answer = leadrelay("backup", str(file), LEADRELAY_DATABASE_URL=full_store)
    assert answer.code == 0, answer.err
    assert f"Wrote {file}: 3 leads, " in answer.out
    assert "neither LEADRELAY_SECRET_KEY nor the playbook is part of it" in answer.out
    checked = leadrelay("restore", str(file), "--check", LEADRELAY_DATABASE_URL=other)
    assert (checked.code, f"{file} is whole: 3 leads" in checked.out) == (0, True)
    answer = leadrelay("restore", str(file), LEADRELAY_DATABASE_URL=other)
    assert answer.code == 0, answer.err
    assert "Restored 3 leads" in answer.out
    assert "What came in after the backup is not in it." in answer.out


def test_a_folder_gets_a_name_with_the_time_and_no_file_is_overwritten_unasked(
    leadrelay, full_store, tmp_path
):
    folder = tmp_path / "backups"
    folder.mkdir()
    found = json.loads(leadrelay("backup", str(folder), "--json", LEADRELAY_DATABASE_URL=full_store).out)
    assert found["rows"]["leads"] == 3
    [file] = folder.iterdir()
    assert file.name.startswith("leadrelay-2")
    again = leadrelay("backup", str(file), LEADRELAY_DATABASE_URL=full_store)
    assert (again.code, "is there already" in again.err) == (1, True)
    assert leadrelay("backup", str(file), "--overwrite", LEADRELAY_DATABASE_URL=full_store).code == 0


def test_a_full_store_is_replaced_only_after_a_yes(leadrelay, full_store, tmp_path):
    file = tmp_path / "b.zip"
    leadrelay("backup", str(file), LEADRELAY_DATABASE_URL=full_store)
    plain = leadrelay("restore", str(file), LEADRELAY_DATABASE_URL=full_store)
    assert (plain.code, "To take its place, say --replace." in plain.err) == (1, True)
    unasked = leadrelay("restore", str(file), "--replace", LEADRELAY_DATABASE_URL=full_store)
    assert unasked.code == 1  # nobody said yes
    assert "Replace all that" in unasked.err + unasked.out
    asked = leadrelay("restore", str(file), "--replace", "--yes", LEADRELAY_DATABASE_URL=full_store)
    assert (asked.code, ".before-restore-" in asked.out) == (0, True)


def test_no_restore_beside_a_daemon(leadrelay, full_store, other, tmp_path):
    file = tmp_path / "b.zip"
    leadrelay("backup", str(file), LEADRELAY_DATABASE_URL=full_store)
    store = open_store(full_store)
    with exclusive(store):
        answer = leadrelay("restore", str(file), "--replace", "--yes", LEADRELAY_DATABASE_URL=full_store)
    store.close()
    assert (answer.code, "in use by a running leadrelay" in answer.err) == (1, True)


def test_what_is_no_backup_is_said_to_be_none(leadrelay, other, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"nothing of the kind")
    for name in ("x.zip", "missing.zip"):
        answer = leadrelay("restore", str(tmp_path / name), LEADRELAY_DATABASE_URL=other)
        assert answer.code == 1
        assert answer.err.endswith("Nothing was changed.\n")
    answer = leadrelay("backup", str(tmp_path / "y.zip"), LEADRELAY_DATABASE_URL=other)
    assert (answer.code, "There is no store at" in answer.err) == (1, True)


def test_retention_counts_and_says_where_nothing_goes(leadrelay, full_store, playbook):
    environ = {"LEADRELAY_DATABASE_URL": full_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    lost = {"space": "main", "lead_id": "l", "event": 1, "connection": "c", "field": "f", "rule": "r"}
    store = open_store(full_store)
    old = sa.insert(conflicts).values(lost | {"at": NOW - timedelta(days=366)})
    store.write(lambda connection: connection.execute(old))
    store.close()
    found = json.loads(leadrelay("retention", "--preview", "--json", **environ).out)
    by_kind = {one["kind"]: one for one in found}
    assert by_kind["audit_details"]["keep_days"] == 1095
    assert by_kind["conflicts"]["rows"] == 1
    assert "conflicts" in leadrelay("retention", **environ).out
    (playbook / "retention.yaml").unlink()
    assert "nothing is ever removed" in leadrelay("retention", **environ).out


def test_a_term_that_cannot_be_is_told_with_its_place(leadrelay, playbook):
    path = playbook / "retention.yaml"
    path.write_text(
        path.read_text().replace("spam: 30d ", "spam: 12h ").replace("posts: 365d", "posts: long")
    )
    answer = leadrelay("check", str(playbook))
    assert answer.code == 1
    assert "retention.yaml:7:" in answer.out
    path.write_text(path.read_text().replace("posts: long", "posts: forever"))
    assert "spam: 12h is less than a day" in leadrelay("check", str(playbook)).out


def test_alarms_without_a_channel_and_with_one_that_is_away(leadrelay):
    answer = leadrelay("alert", "test")
    assert (answer.code, "No channel of alarms is set up" in answer.err) == (1, True)
    answer = leadrelay("alert", "test", LEADRELAY_ALERT_SLACK_WEBHOOK_URL="http://127.0.0.1:9/secret-path")
    assert answer.code == 1
    assert answer.out.startswith("alert-slack: ")
    assert "secret-path" not in answer.out + answer.err
    answer = leadrelay("alert", "test", LEADRELAY_ALERT_MAIL_TO="ops")
    assert answer.code == 2
    assert "LEADRELAY_ALERT_MAIL_TO: 'ops' is no address" in answer.err
    assert "LEADRELAY_SMTP_HOST: missing" in answer.err


def test_status_and_doctor_show_what_stands(leadrelay, empty_store, playbook):
    store = open_store(empty_store)
    one = Raised("connection", "hubspot", "nothing has reached hubspot", NOW)
    store.write(partial(alerts.save, space="main", raised=[one], over=[]))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    assert "UTC: nothing has reached hubspot" in leadrelay("status", **environ).out
    assert json.loads(leadrelay("status", "--json", **environ).out)["alarms"][0]["subject"] == "hubspot"
    told = leadrelay("doctor", **environ).out
    assert "nothing has reached hubspot" in told
    assert "nobody is told when something goes wrong" in told


def test_check_names_people_who_cannot_own_leads(leadrelay, empty_store, playbook):
    environ = {"LEADRELAY_DATABASE_URL": empty_store}
    assert leadrelay("check", str(playbook), **environ).out.endswith("no problem found.\n")  # none read yet
    owners = [
        OwnerRecord("1", "anna.keller@northlight.example", "Anna", True),
        OwnerRecord("2", "ben.carter@northlight.example", "Ben", False),
    ]
    mates = teammates.with_roster({}, "hubspot", owners).values()
    store = open_store(empty_store)
    read = {"hubspot": NOW - timedelta(minutes=3)}
    store.write(partial(teammates.save, space="main", changed=mates, read=read, now=NOW))
    store.close()
    answer = leadrelay("check", str(playbook), **environ)
    assert answer.code == 1  # pools without anybody
    assert f"(hubspot {read['hubspot']:%Y-%m-%d %H:%M} UTC)" in answer.out
    assert "inactive in hubspot, so they get no leads: ben.carter@northlight.example" in answer.out
    assert "no owner in hubspot, so they get no leads: chloe.martin@northlight.example" in answer.out
    assert "members can own leads" in answer.out
    found = json.loads(leadrelay("check", str(playbook), "--json", **environ).out)
    assert {one["file"] for one in found} == {"routing.yaml"}

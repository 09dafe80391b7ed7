"""`leadrelay import`: a file is shown first, then taken in; beside a running daemon and alone."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from mappings.compile import load
from mappings.starter import write_starter
from sync.database import open_store
from tests.sync.house import a_house

TABLE = "email,job_title,country\nada@acme.example,CTO,Germany\nbo@acme.example,CEO,Nowhereland\n,Nobody,\n"
SAID = ("--source", "website", "--basis", "gave us their cards at the fair")


@pytest.fixture
def fair(tmp_path: Path) -> Path:
    path = tmp_path / "fair.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


@pytest.fixture
def environ(tmp_path: Path, empty_store: str) -> dict[str, str]:
    write_starter(tmp_path / "playbook")
    return {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(tmp_path / "playbook")}


def test_it_is_shown_first_then_taken_in_and_never_twice(leadrelay, environ, fair):
    shown = leadrelay("import", str(fair), *SAID, **environ)
    assert shown.code == 0, shown.err
    assert "2  new people" in shown.out
    assert "1  to be set aside, until a person mends them:" in shown.out
    assert "1 × country " in shown.out
    assert "(first in line 3)" in shown.out
    assert "Nothing was taken in; add --yes to take in 3 rows." in shown.out
    taken = leadrelay("import", str(fair), *SAID, "--yes", **environ)
    assert "Took in 3 rows as batch " in taken.out
    again = leadrelay("import", str(fair), *SAID, "--yes", "--json", **environ)
    assert {name: json.loads(again.out)[name] for name in ("imported_before", "new", "taken")} == {
        "imported_before": 3,
        "new": 0,
        "taken": 0,
    }


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("--source", "nowhere", "--basis", "x"), 2, "The playbook has no source nowhere"),
        (("--source", "website", "--basis", " "), 2, "--basis says why"),
    ],
)
def test_what_is_wrong_is_said(leadrelay, environ, fair, words, code, text):
    answer = leadrelay("import", str(fair), *words, **environ)
    assert (answer.code, answer.out) == (code, "")
    assert text in answer.err


def test_a_file_that_is_no_table_or_not_there_is_said(leadrelay, environ, tmp_path):
    assert leadrelay("import", str(tmp_path / "none.csv"), *SAID, **environ).code == 2
    bad = tmp_path / "bad.csv"
    bad.write_text("email,email\nx,y\n", encoding="utf-8")
    answer = leadrelay("import", str(bad), *SAID, **environ)
    assert (answer.code, answer.err) == (1, f'{bad}: line 1: two columns are called "email"\n')


def test_large_rows_are_handed_in_in_pieces_that_the_daemon_takes(leadrelay, environ, tmp_path, monkeypatch):
    given: list[int] = []

    def hand_in(_url: str, events: list) -> int:
        given.append(len(events))
        return len(events)

    monkeypatch.setattr("leadrelay.cli.imports.hand_in", hand_in)
    large = tmp_path / "large.csv"
    rows = [f"p{number}@acme.example,{'x' * 100_000}" for number in range(90)]
    large.write_text("\n".join(["email,message", *rows]), encoding="utf-8")
    assert leadrelay("import", str(large), *SAID, "--yes", **environ).code == 0
    assert sum(given) == 90
    assert max(given) <= 40


def test_columns_that_nobody_reads_and_those_that_are_missing_are_told(leadrelay, environ, tmp_path):
    path = tmp_path / "cards.csv"
    path.write_text("Email,job_titel,shoe_size\nada@acme.example,CTO,#N/A\n", encoding="utf-8")
    shown = leadrelay("import", str(path), *SAID, **environ)
    assert (
        "shoe_size: 1 cell with an error of the spreadsheet (as #N/A) left out (first in line 2)" in shown.out
    )
    assert "no line of sources/website.yaml reads the columns: Email, job_titel, shoe_size" in shown.out
    assert (
        'no column for email: no "email" or "work_email" or "business_email"; did you mean "Email"?'
        in shown.out
    )
    assert (
        'no column for title: no "job_title" or "jobtitle" or "title"; did you mean "job_titel"?' in shown.out
    )
    assert "activities (form_type or form_name or " in " ".join(shown.out.split())
    told = json.loads(leadrelay("import", str(path), *SAID, "--json", **environ).out)
    assert told["unread_columns"] == ["Email", "job_titel", "shoe_size"]
    assert {one["for"]: one["near"] for one in told["missing_columns"]}["email"] == "Email"


def test_a_workbook_is_taken_in_by_its_sheet(leadrelay, environ, tmp_path):
    book = Workbook()
    cards = book.create_sheet("Cards")
    cards.append(["email", "country"])
    cards.append(["ada@acme.example", "Germany"])
    path = tmp_path / "fair.xlsx"
    book.save(path)
    shown = leadrelay("import", str(path), "--sheet", "Cards", *SAID, "--json", **environ)
    assert (shown.code, json.loads(shown.out)["new"]) == (0, 1), shown.err
    assert leadrelay("import", str(path), "--sheet", "Card", *SAID, **environ).code == 1
    csv = tmp_path / "fair.csv"
    csv.write_text(TABLE, encoding="utf-8")
    assert leadrelay("import", str(csv), "--sheet", "Cards", *SAID, **environ).code == 2


def test_a_batch_is_listed_shown_and_taken_back(leadrelay, environ, fair, tmp_path):
    def decide() -> None:
        playbook = load(tmp_path / "playbook")
        with contextlib.closing(open_store(environ["LEADRELAY_DATABASE_URL"])) as store:
            house = a_house(store, playbook=playbook, crms={}, rosters=False)
            house.decide()

    def json_of(*words: str) -> Any:
        answer = leadrelay(*words, "--json", **environ)
        assert answer.code == 0, answer.err
        return json.loads(answer.out)

    batch = json_of("import", str(fair), *SAID, "--yes", "--by", "ann")["batch"]
    waits = leadrelay("import", "undo", batch, **environ)
    assert waits.code == 1
    assert "3 rows of batch" in waits.err
    decide()
    [listed] = json_of("import", "list")
    assert (listed["file"], listed["by"], listed["state"]) == ("fair.csv", "ann", "taken in")
    assert listed["rows"] == {"new": 2, "quarantined": 1}
    shown = leadrelay("import", "undo", batch, **environ)
    assert "2  leads that the file made, and nothing has happened since: taken away" in shown.out
    assert "1  rows that became nobody: removed" in shown.out
    assert "Nothing was taken back; add --yes to do it." in shown.out
    done = json_of("import", "undo", batch, "--yes")
    assert ([one["email"] for one in done["goes"]], done["handed_in"]) == (
        ["ada@acme.example", "bo@acme.example"],
        3,
    )
    assert json_of("import", "list")[0]["state"] == "being taken back"
    assert json_of("import", "undo", batch, "--yes")["handed_in"] == 0
    decide()
    [over] = json_of("import", "list")
    assert (over["state"], over["at"]) == ("taken back", listed["at"])
    assert leadrelay("import", "undo", "nothing", **environ).code == 2

"""XLSX as spreadsheet programs write it: one sheet, dates and numbers as they are."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from mappings.sheets import Unreadable
from mappings.workbooks import MAGIC, read_xlsx


def workbook(*rows, more=()) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "People"
    for row in rows:
        sheet.append(row)
    for name, others in more:
        other = book.create_sheet(name)
        for row in others:
            other.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_dates_numbers_and_yes_are_as_they_are_and_lines_as_they_are_shown():
    row = [" ada@x.example ", date(2026, 11, 30), datetime(2026, 11, 30, 14, 5), 51.0, 2.5, True, None]
    sheet = read_xlsx(workbook(["Mail", "Day", "At", "Size", "Share", "Yes", "Blank"], [None] * 7, row))
    assert sheet.columns == ["Mail", "Day", "At", "Size", "Share", "Yes", "Blank"]
    [found] = sheet.rows
    assert (found.line, found.cells) == (
        3,
        {
            "Mail": "ada@x.example",
            "Day": "2026-11-30",
            "At": "2026-11-30T14:05:00",
            "Size": "51",
            "Share": "2.5",
            "Yes": "true",
        },
    )


def test_a_number_keeps_the_zeros_it_is_shown_with():
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["zip", "size"], [1067, 1067], [80331, 7]):
        sheet.append(row)
    sheet["A2"].number_format = sheet["A3"].number_format = "00000"
    book.save(made := io.BytesIO())
    assert [list(row.cells.values()) for row in read_xlsx(made.getvalue()).rows] == [
        ["01067", "1067"],
        ["80331", "7"],
    ]


def test_a_formula_without_a_value_is_blank_and_its_line_is_told():
    sheet = read_xlsx(workbook(["mail", "firm"], ["a@x.example", "#N/A"], ["b@x.example", "#N/A!"]))
    assert [row.cells.get("firm") for row in sheet.rows] == [None, "#N/A!"]
    assert sheet.errors == {"firm": [2]}


def test_a_sheet_is_taken_by_its_name():
    raw = workbook(["a"], ["1"], more=[("Cards", [["b"], ["2"]])])
    assert read_xlsx(raw).rows[0].cells == {"a": "1"}
    assert read_xlsx(raw, "Cards").rows[0].cells == {"b": "2"}


@pytest.mark.parametrize(
    ("raw", "name", "words"),
    [
        (workbook(["a"]), "Leads", 'there is no sheet "Leads"; there are People'),
        (workbook(["a", "a"]), "", 'line 1: two columns are called "a"'),
        (workbook(["a", None, "c"]), "", "line 1: column 2 has no name"),
        (workbook([]), "", "line 1: the first line names the columns"),
        (workbook(["a"], ["1"], ["2", "3"]), "", "line 3: 2 cells, and there are 1 columns"),
        (MAGIC + b"rubbish", "", "this is no XLSX file"),
        (workbook(["a"])[:-60], "", "this is no XLSX file"),
    ],
)
def test_what_is_no_table_is_said(raw, name, words):
    with pytest.raises(Unreadable) as caught:
        read_xlsx(raw, name)
    assert str(caught.value).startswith(words)


def test_a_file_that_unfolds_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("mappings.workbooks.MOST_UNPACKED", 100)
    with pytest.raises(Unreadable, match="the file unfolds to"):
        read_xlsx(workbook(["a"]))


SOUND = workbook(["a", "b"], ["1", 2])


def test_a_row_that_claims_to_be_far_down_is_refused_where_a_sheet_ends(monkeypatch):
    monkeypatch.setattr("mappings.workbooks.MOST_ROWS", 1_000)
    whole, far = io.BytesIO(workbook(["email"], ["ada@acme.example"])), io.BytesIO()
    with zipfile.ZipFile(whole) as read, zipfile.ZipFile(far, "w") as written:
        for part in read.namelist():
            text = (
                read.read(part)
                .replace(b'<row r="2"', b'<row r="2000000000"')
                .replace(b'"A2"', b'"A2000000000"')
            )
            written.writestr(part, text)
    with pytest.raises(Unreadable, match="a row beyond line 1,000, where a sheet ends"):
        read_xlsx(far.getvalue())


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 255))
def test_a_damaged_file_is_a_table_or_said_not_to_be(at, byte):
    damaged = SOUND[:at] + bytes([byte]) + SOUND[at + 1 :]
    try:
        sheet = read_xlsx(damaged)
    except Unreadable:
        return
    assert all(set(row.cells) <= set(sheet.columns) for row in sheet.rows)

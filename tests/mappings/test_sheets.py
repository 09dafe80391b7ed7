"""CSV as people's programs write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.sheets import Unreadable, read_csv


@pytest.mark.parametrize(
    "raw",
    [
        b"Mail,Name\nada@x.example,Ada\n",
        "\ufeffMail;Name\r\nada@x.example;Ada\r\n".encode(),
        b"Mail\tName\nada@x.example\tAda",
        b'"Mail","Name"\n"ada@x.example","Ada"\n,\n\n',
    ],
)
def test_separators_line_ends_and_marks_of_spreadsheet_programs_are_known(raw):
    sheet = read_csv(raw)
    assert sheet.columns == ["Mail", "Name"]
    assert [(row.line, row.cells) for row in sheet.rows] == [(2, {"Mail": "ada@x.example", "Name": "Ada"})]


@pytest.mark.parametrize(
    ("text", "columns", "line"),
    [
        ('"Name, first; last, all",Mail,City\nAda,a@x.example,Bonn\n', 3, 2),
        ('"a;b";"c\n,,,,d"\nAda;a@x.example\n', 2, 3),
        ("sep=;\r\nName, first, middle;Mail\r\nAda;a@x.example\r\n", 2, 3),
        ('"sep=|"\nName,|Mail\nAda|a@x.example\n', 2, 3),
        ("Sep=^\nName^Mail\nAda^a@x.example\n", 2, 3),
        ("sep=,\r\nName;x,Mail\r\nAda,a@x.example\r\n", 2, 3),
    ],
)
def test_marks_within_names_part_nothing_and_a_line_that_says_the_separator_counts(text, columns, line):
    sheet = read_csv(text.encode("utf-8-sig"))
    assert (len(sheet.columns), [row.line for row in sheet.rows]) == (columns, [line])
    assert next(iter(sheet.rows[0].cells.values())) == "Ada"


def test_the_line_that_says_the_separator_counts_as_a_line_of_the_file():
    with pytest.raises(Unreadable, match="line 2: column 2 has no name"):
        read_csv(b"sep=;\na;;c\n1;2;3\n")


def test_windows_text_cells_of_several_lines_and_blank_cells():
    sheet = read_csv('Name;Note\nJürgen;"two\nlines"\n;only a note\n'.encode("cp1252"))
    assert [(row.line, row.cells) for row in sheet.rows] == [
        (2, {"Name": "Jürgen", "Note": "two\nlines"}),
        (4, {"Note": "only a note"}),
    ]


def test_columns_at_the_end_without_name_and_cells_are_none():
    assert read_csv(b"a,b,,\n1,2,,\n").columns == ["a", "b"]
    with pytest.raises(Unreadable, match="line 2: 4 cells, and there are 2 columns"):
        read_csv(b"a,b,,\n1,2,3,\n")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "line 1: the first line names the columns"),
        (b"a,,c\n1,2,3", "line 1: column 2 has no name"),
        (b"a,b,a\n1,2,3", 'line 1: two columns are called "a"'),
        (b"a,b\n1,2\n1,2,3\n", "line 3: 3 cells, and there are 2 columns"),
        (b'a,b\n1,"2\n', "line 2"),
        (b"PK\x03\x04\x00\x00", "this is no text"),
    ],
)
def test_what_is_no_table_is_said_with_its_line(raw, words):
    with pytest.raises(Unreadable, match="(?s)^" + __import__("re").escape(words)):
        read_csv(raw)


@given(st.binary(max_size=300))
def test_whatever_bytes_come_it_is_a_table_or_said_not_to_be(raw):
    try:
        sheet = read_csv(raw)
    except Unreadable:
        return
    assert all(set(row.cells) <= set(sheet.columns) and row.cells for row in sheet.rows)

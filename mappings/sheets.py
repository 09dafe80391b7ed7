"""A spreadsheet as CSV: its columns and its rows, read the way people's programs write it. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

MOST_BYTES = 50_000_000
SEPARATORS = ",;\t|"
ENCODINGS = ("utf-8-sig", "cp1252")  # what spreadsheet programs write, the strict one first


class Unreadable(ValueError):
    """The file is no table; the text says what is wrong, and in which line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: column: text; cells that are blank are left out."""

    line: int  # in the file, from 1
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table; rows without any cell are left out."""

    columns: Sequence[str]
    rows: Sequence[Row]


def read_csv(raw: bytes) -> Sheet:
    """Read a table whose first line names its columns; raises ``Unreadable``.

    The separator is the one of comma, semicolon, tab and bar that the first line has most of. A row with more
    cells than there are columns is a fault: it would put values under the wrong name.
    """
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"the file has {len(raw):,} bytes; at most {MOST_BYTES:,} are read. Split it.")
    text = _decoded(raw)
    first = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return _sheet(lines)
    except csv.Error as error:
        raise Unreadable(f"line {lines.line_num}: {error}") from error


def _decoded(raw: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise Unreadable("this is no text: save the sheet as CSV")
        return text
    raise Unreadable("this is neither UTF-8 nor Windows-1252 text: save the sheet as CSV in UTF-8")


def _sheet(lines: csv._reader) -> Sheet:  # type: ignore[name-defined]  # the name that typeshed gives it
    columns = [name.strip() for name in next(lines, [])]
    if not any(columns):
        raise Unreadable("line 1: the first line names the columns, and it is blank")
    for number, name in enumerate(columns):
        if not name:
            raise Unreadable(f"line 1: column {number + 1} has no name")
        if name in columns[:number]:
            raise Unreadable(f'line 1: two columns are called "{name}"')
    rows, begins = [], lines.line_num + 1
    for cells in lines:
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            raise Unreadable(f"line {begins}: {len(cells)} cells, and there are {len(columns)} columns")
        held = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        if held:
            rows.append(Row(begins, held))
        begins = lines.line_num + 1
    return Sheet(columns, rows)

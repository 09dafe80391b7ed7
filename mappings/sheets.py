"""A spreadsheet as CSV: its columns and its rows, read the way people's programs write it. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MOST_BYTES = 50_000_000
SEPARATORS = ",;\t|"
MOST_OF_NAMES = 1_000_000  # characters of the line with the names
ENCODINGS = ("utf-8-sig", "cp1252")  # what spreadsheet programs write, the strict one first


ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})
"""What spreadsheet programs show where a formula has no value."""


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
    errors: Mapping[str, Sequence[int]] = field(
        default_factory=dict
    )  # column: lines of formulas without value


def table(columns: Sequence[str], lines: Iterable[tuple[int, Iterable[str]]]) -> Sheet:
    """Return the table of these lines, each with the texts of its cells; no cell is one with an error."""
    rows, errors = [], dict[str, list[int]]()
    for line, texts in lines:
        held = {name: text for name, text in zip(columns, texts, strict=False) if text.strip()}
        for name in [name for name, text in held.items() if text.strip() in ERRORS]:
            del held[name]
            errors.setdefault(name, []).append(line)
        if held:
            rows.append(Row(line, held))
    return Sheet(columns, rows, errors)


def read_csv(raw: bytes) -> Sheet:
    """Read a table whose first line names its columns; raises ``Unreadable``.

    The separator is what a line ``sep=;`` before it says, as Excel reads and writes it, else the one of
    comma, semicolon, tab and bar that the line of the names has most of outside quotation marks. A row with
    more cells than there are columns is a fault: it would put values under the wrong name.
    """
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"the file has {len(raw):,} bytes; at most {MOST_BYTES:,} are read. Split it.")
    text = _decoded(raw)
    said = _SAID.match(text)
    separator = said["separator"] if said else _separator(text)
    before = 1 if said else 0
    table = text[said.end() :] if said else text
    lines = csv.reader(io.StringIO(table, newline=""), delimiter=separator, strict=True)
    try:
        return _sheet(lines, before)
    except csv.Error as error:
        raise Unreadable(f"line {lines.line_num + before}: {error}") from error


_SAID = re.compile(r'"?sep=(?P<separator>[^\w\s"]|\t)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')


def _separator(text: str) -> str:
    """Return what parts the names of the first line; what stands in quotation marks belongs to a name."""
    first = _QUOTED.sub("", text[:MOST_OF_NAMES]).splitlines()
    return max(SEPARATORS, key=first[0].count) if first else SEPARATORS[0]


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


def _sheet(lines: csv._reader, before: int) -> Sheet:  # type: ignore[name-defined]  # typeshed's name
    """Read the table; ``before`` lines of the file came before it."""
    names = [name.strip() for name in next(lines, [])]
    while len(names) > 1 and not names[-1]:  # a spreadsheet program writes columns that once held something
        names.pop()
    columns = columns_of(names, before + 1)
    return table(columns, _numbered(lines, len(columns), before))


def _numbered(
    lines: csv._reader,  # type: ignore[name-defined]  # typeshed's name
    most: int,
    before: int,
) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line at which it begins, for its cells may have several."""
    begins = lines.line_num + 1 + before
    for cells in lines:
        if len(cells) > most and any(cell.strip() for cell in cells[most:]):
            raise Unreadable(f"line {begins}: {len(cells)} cells, and there are {most} columns")
        yield begins, cells
        begins = lines.line_num + 1 + before


def columns_of(names: list[str], line: int) -> list[str]:
    """Return the names of the columns; raises ``Unreadable`` for one that is blank or stands twice."""
    if not any(names):
        raise Unreadable(f"line {line}: the first line names the columns, and it is blank")
    for number, name in enumerate(names):
        if not name:
            raise Unreadable(f"line {line}: column {number + 1} has no name")
        if name in names[:number]:
            raise Unreadable(f'line {line}: two columns are called "{name}"')
    return names

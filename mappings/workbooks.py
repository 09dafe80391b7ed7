"""A spreadsheet as XLSX: one of its sheets as a table, dates and numbers as they are. Pure."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

from mappings.sheets import MOST_BYTES, Sheet, Unreadable, columns_of, table

MOST_UNPACKED = 500_000_000  # bytes of all parts: a small file can unfold to gigabytes
MOST_COLUMNS = 1_000
MOST_ROWS = 1_048_576  # what the format allows; a row may claim any number, and all before it would be read
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
    EOFError,
    SyntaxError,  # of its XML
    RuntimeError,  # a password is needed, or it is packed in a way that is not known
)
"""What zipfile, the XML parser and openpyxl raise of files that are not whole."""
MAGIC = b"PK\x03\x04"


def read_xlsx(raw: bytes, name: str = "") -> Sheet:
    """Read the sheet of this name, else the first; its first line names the columns. Raises ``Unreadable``.

    A day is written ``2026-11-30``, a moment as ISO text without a zone, a number without a separator; of a
    formula the value that was last worked out counts. Lines are counted as the program shows them.
    """
    if len(raw) > MOST_BYTES:
        raise Unreadable(f"the file has {len(raw):,} bytes; at most {MOST_BYTES:,} are read. Split it.")
    _check_size(raw)
    from openpyxl import load_workbook  # loads slowly, and few files are workbooks

    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except _DAMAGED as error:
        raise Unreadable(f"this is no XLSX file: {str(error)[:200]}") from error
    try:
        names = [sheet.title for sheet in book.worksheets]
        if not names or (name and name not in names):
            raise Unreadable(f'there is no sheet "{name}"; there are {", ".join(names) or "none"}')
        sheet = book[name or names[0]]
        sheet.reset_dimensions()  # what a file says of its size is often wrong
        return _sheet(sheet.iter_rows())
    except _DAMAGED as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(f"the sheet cannot be read: {str(error)[:200]}") from error
    finally:
        book.close()


def _check_size(raw: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
    except _DAMAGED as error:
        raise Unreadable("this is no XLSX file") from error
    if unpacked > MOST_UNPACKED:
        raise Unreadable(f"the file unfolds to {unpacked:,} bytes; at most {MOST_UNPACKED:,}. Split it.")


def _sheet(lines: Iterator[Sequence[Any]]) -> Sheet:
    first = list(next(lines, ()))
    while first and first[-1].value is None:
        first.pop()
    if len(first) > MOST_COLUMNS:
        raise Unreadable(f"line 1: {len(first):,} columns; at most {MOST_COLUMNS:,}")
    columns = columns_of([_text(name) for name in first], 1)
    return table(columns, _numbered(lines, len(columns)))


def _numbered(lines: Iterator[Sequence[Any]], most: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its line."""
    for number, cells in enumerate(lines, 2):
        if number > MOST_ROWS:
            raise Unreadable(f"there is a row beyond line {MOST_ROWS:,}, where a sheet ends. Save it anew.")
        texts = [_text(cell) for cell in cells]
        if any(texts[most:]):
            raise Unreadable(f"line {number}: {len(cells)} cells, and there are {most} columns")
        yield number, texts


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int):
        return _digits(value, cell.number_format)
    return str(value).strip()


def _digits(value: int, shown_as: str) -> str:
    """Return a whole number; shown as ``00000``, as postal codes are, with the zeros it is shown with."""
    return f"{value:0{len(shown_as)}}" if value >= 0 and set(shown_as) == {"0"} else str(value)

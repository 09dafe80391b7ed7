"""CSV as the Bulk API reads and writes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

DELIMITERS = {
    "COMMA": ",", "BACKQUOTE": "`", "CARET": "^", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t",
}  # fmt: skip
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
NULL = "#N/A"


def read(content: bytes, delimiter: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of an upload; an empty line is no row."""
    text = content.decode("utf-8-sig")
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter])
    rows = [row for row in lines if row]
    return (rows[0], rows[1:]) if rows else ([], [])


def ending_is(content: bytes, ending: str) -> bool:
    """Whether the header line ends as the job says."""
    first = content.partition(b"\n")[0]
    return first.endswith(b"\r") is (ending == "CRLF") or b"\n" not in content


def written(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str, ending: str) -> bytes:
    """A result: every value in quotes."""
    out = io.StringIO(newline="")
    writer = csv.writer(
        out, delimiter=DELIMITERS[delimiter], lineterminator=ENDINGS[ending], quoting=csv.QUOTE_ALL
    )
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def told(value: Any) -> str:
    """A value of a record as a query's CSV shows it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case str() if value.endswith(".000+0000"):
            return value.removesuffix("+0000") + "Z"
        case dict():
            return " ".join(part for part in _parts(value))
        case _:
            return str(value)


def _parts(value: dict[str, Any]) -> Iterator[str]:
    yield from (str(part) for part in value.values() if part is not None)

"""Cuts a query into tokens, and says where in it an error is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.salesforce.errors import SalesforceError

MAX_CHARS = 100_000
MAX_STRING = 4_000
_CONTEXT = 40  # about how much of the query an error shows on either side; inferred from recorded ones

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d))
    |(?P<date>\d{4}-\d\d-\d\d(?![\dT]))
    |(?P<number>[+-]?\d+(?:\.\d+)?(?!\w))
    |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    |(?P<sign>!=|<>|<=|>=|[=<>(),:])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the query: its kind, its text as written, and where it starts."""

    kind: str  # "string", "datetime", "date", "number", "name", "sign", "end"
    text: str
    at: int

    @property
    def word(self) -> str:
        """The text in capitals, to compare with keywords."""
        return self.text.upper()


def tokens_of(query: str) -> list[Token]:
    """The tokens of a query, with an end token last."""
    if len(query) > MAX_CHARS:
        message = f"SOQL statements cannot be longer than {MAX_CHARS} characters."
        raise SalesforceError("MALFORMED_QUERY", message)
    found, at = [], 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            raise _no_token(query, at)
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), at))
        at = match.end()
    found.append(Token("end", "<EOF>", len(query)))
    return found


def text_of(query: str, token: Token, *, like: bool = False) -> str:
    """The string that a string token means; the escapes of a LIKE pattern's wildcards stay in it."""
    body = token.text[1:-1]
    if len(body) > MAX_STRING:
        message = f"string literals in a WHERE clause cannot exceed {MAX_STRING} characters"
        raise error_at(query, token.at, "MALFORMED_QUERY", message)
    if "\\" not in body:
        return body

    def meant(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if like and escape in "_%\\":
            return match.group()
        if escape not in _ESCAPES:
            at = token.at + 1 + match.start()
            raise _lexical(query, at, "no viable alternative at character '\\'")
        return _ESCAPES[escape]

    return _ESCAPE.sub(meant, body)


def error_at(query: str, at: int, code: str, message: str) -> SalesforceError:
    """An error that shows the place in the query, as Salesforce words it."""
    row, column = _row_and_column(query, at)
    line_start = query.rfind("\n", 0, at) + 1
    line_end = query.find("\n", at)
    line = query[line_start : len(query) if line_end < 0 else line_end]
    offset = at - line_start
    first = max(0, offset - _CONTEXT)
    if first:
        first = min(line.find(" ", first) + 1 or first, offset)
    shown = line[first : offset + _CONTEXT]
    return SalesforceError(
        code, f"\n{shown}\n{' ' * (offset - first)}^\nERROR at Row:{row}:Column:{column}\n{message}"
    )


def _no_token(query: str, at: int) -> SalesforceError:
    if query[at] == "'":
        return _lexical(query, at, "mismatched character '<EOF>' expecting '''")
    return error_at(query, at, "MALFORMED_QUERY", f"unexpected token: '{query[at]}'")


def _lexical(query: str, at: int, message: str) -> SalesforceError:
    row, column = _row_and_column(query, at)
    return SalesforceError("MALFORMED_QUERY", f"line {row}:{column} {message}")


def _row_and_column(query: str, at: int) -> tuple[int, int]:
    return query.count("\n", 0, at) + 1, at - (query.rfind("\n", 0, at) + 1) + 1

"""Expressions of the playbook, a part of CEL (github.com/google/cel-spec), checked against the lead's fields.

Our own pass knows the types of the fields, so that a slip is told where it stands and not once a lead comes
by. It also writes the expression anew for the evaluator: each comparison asks first whether the fields in it
are there, so that a blank field makes it false, as in a declarative condition. There are no loops, no macros
and no access to anything but the fields named; every number is a double.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mappings.problems import did_you_mean
from model.lead import TOUCH_FIELDS

MAX_LENGTH = 1_000  # characters
MAX_PARTS = 200  # names, values and signs
MAX_DEPTH = 20  # of brackets within brackets

TEXT, NUMBER, COUNT, BOOL, NULL, LIST = "text", "a number", "a length", "true or false", "null", "a list"
_KINDS: Mapping[type, str] = {str: TEXT, int: NUMBER, float: NUMBER, bool: BOOL, date: TEXT}
_WORDS = {"true": BOOL, "false": BOOL, "null": NULL}
_SIGNS = ("==", "!=", "<=", ">=", "&&", "||", *"<>!+-*/?:.,()[]")
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    rf"|(?P<sign>{'|'.join(map(re.escape, _SIGNS))})",
    re.ASCII,
)
_TAKES: Mapping[str, tuple[str, ...]] = {
    "contains": (TEXT, TEXT),
    "startsWith": (TEXT, TEXT),
    "endsWith": (TEXT, TEXT),
    "matches": (TEXT, TEXT),
    "lower": (TEXT,),
    "size": (TEXT,),
}
_MAKES = {"lower": TEXT, "size": COUNT}
_NUMERIC = (NUMBER, COUNT)
OR_NULL = (
    " or null"  # behind what a choice makes one of whose branches is null: of no use inside an expression
)


class ExpressionFault(ValueError):
    """What is wrong with an expression, and how many characters in."""

    def __init__(self, at: int, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.at, self.message, self.fix = at, message, fix


@dataclass(frozen=True, slots=True)
class Checked:
    """A sound expression: what it makes, and how it is written for the evaluator."""

    source: str
    makes: str
    code: str
    variables: Mapping[str, str]  # lead field -> its name in ``code``
    patterns: tuple[tuple[int, str], ...] = ()  # where a regular expression stands, and how it is written


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of an expression; ``open``: fields in it of which nobody has asked whether they are there."""

    kind: str
    code: str
    at: int
    open: frozenset[str] = frozenset()
    of: str = ""  # what a list holds
    is_literal: bool = False
    choice: tuple[str, _Part, _Part] | None = (
        None  # the test, and what is chosen: only one of them must be there
    )


def check(source: str, fields: Mapping[str, type]) -> Checked:
    """Return a sound expression that is true or false; raises ``ExpressionFault``."""
    parser, part = _parsed(source, fields)
    if part.kind != BOOL:
        raise ExpressionFault(
            part.at, f"this is {part.kind}, and true or false is needed", "Compare it: … == …"
        )
    return Checked(source, part.kind, parser.sure(part).code, dict(parser.variables), tuple(parser.patterns))


def check_value(source: str, fields: Mapping[str, type], wanted: str | None) -> Checked:
    """Return a sound expression that makes a value, of a kind or of any; raises ``ExpressionFault``.

    It makes null, a blank, where a field is blank that the value is made of; a comparison is false there.
    """
    parser, part = _parsed(source, fields)
    made = _alike(part.kind.removesuffix(OR_NULL))
    if made not in ((wanted,) if wanted else (TEXT, NUMBER, BOOL)):
        needed = wanted or "a value"
        raise ExpressionFault(
            part.at, f"this is {part.kind}, and {needed} is needed", _MAKING.get(needed, "")
        )
    code = parser.sure(part).code if made == BOOL and part.choice is None else _or_null(part)
    return Checked(source, made, code, dict(parser.variables), tuple(parser.patterns))


_MAKING = {TEXT: "Choose between texts: … ? 'large' : 'small'.", BOOL: "Compare it: … == …"}


def _or_null(part: _Part) -> str:
    """Write a value so that it is null where a field that it is made of is blank."""
    if part.choice is not None:
        test, yes, no = part.choice
        return f"({test} ? {_or_null(yes)} : {_or_null(no)})"
    if not part.open:
        return part.code
    there = " && ".join(f"{name} != null" for name in sorted(part.open))
    return f"({there} ? {part.code} : null)"


def _parsed(source: str, fields: Mapping[str, type]) -> tuple[_Parser, _Part]:
    if len(source) > MAX_LENGTH:
        raise ExpressionFault(0, f"this expression has {len(source):,} characters; at most {MAX_LENGTH:,}")
    parser = _Parser(_tokens(source), fields, len(source))
    return parser, parser.whole()


def _tokens(source: str) -> list[_Token]:
    found, at = list[_Token](), 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            quote = "A text needs a quotation mark at its end." if source[at] in "\"'" else ""
            fix = "Write ==." if source[at] == "=" else quote
            raise ExpressionFault(at, f'"{source[at]}" is not understood here', fix)
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup or "", match[0], at))
        at = match.end()
    if len(found) > MAX_PARTS:
        raise ExpressionFault(0, f"this expression has {len(found)} parts; at most {MAX_PARTS}")
    return found


@dataclass(slots=True)
class _Parser:
    """Reads by precedence, from ``?:`` down to names; checks types on the way."""

    tokens: Sequence[_Token]
    fields: Mapping[str, type]
    length: int
    at: int = 0
    depth: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    patterns: list[tuple[int, str]] = field(default_factory=list)

    # -- reading

    @property
    def _next(self) -> _Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else _Token("end", "", self.length)

    def _takes(self, *texts: str) -> _Token | None:
        token = self._next
        if token.text not in texts or token.kind not in ("sign", "name"):
            return None
        self.at += 1
        return token

    def _needs(self, text: str) -> None:
        if self._takes(text) is None:
            token = self._next
            found = f'"{token.text}"' if token.kind != "end" else "the end"
            raise ExpressionFault(token.at, f'"{text}" is expected here, not {found}')

    def whole(self) -> _Part:
        """Read all of it."""
        part = self._choice()
        if self._next.kind != "end":
            raise ExpressionFault(
                self._next.at, f'"{self._next.text}" is not understood here', _HINTS.get(self._next.text, "")
            )
        return part

    def _choice(self) -> _Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionFault(self._next.at, f"nested more than {MAX_DEPTH} deep")
        test = self._joined("||", lambda: self._joined("&&", self._comparison))
        if self._takes("?"):
            yes = self._choice()
            self._needs(":")
            no = self._choice()
            sure = self._true(test).code
            code = f"({sure} ? {yes.code} : {no.code})"
            kind = _chosen(yes, no)
            test = _Part(kind, code, test.at, yes.open | no.open, yes.of, choice=(sure, yes, no))
        self.depth -= 1
        return test

    def _joined(self, sign: str, inner: Callable[[], _Part]) -> _Part:
        part = inner()
        while self._takes(sign):
            other = self._true(inner())
            part = self._true(part)
            part = _Part(BOOL, f"({part.code} {sign} {other.code})", part.at)
        return part

    def _comparison(self) -> _Part:
        left = self._sum()
        sign = self._takes("==", "!=", "<", "<=", ">", ">=", "in")
        if sign is None:
            return left
        right = self._sum()
        self._check_comparison(left, sign, right)
        code = f"{left.code} {sign.text} {right.code}"
        if NULL in (left.kind, right.kind):
            return _Part(BOOL, f"({code})", left.at)
        return self.sure(_Part(BOOL, f"({code})", left.at, left.open | right.open))

    def _check_comparison(self, left: _Part, sign: _Token, right: _Part) -> None:
        if sign.text == "in":
            if right.kind != LIST:
                raise ExpressionFault(
                    right.at,
                    f'behind "in" stands a list, not {right.kind}',
                    "Write for example ['DE', 'AT'].",
                )
            if _alike(left.kind) != _alike(right.of):
                raise ExpressionFault(left.at, f"this is {left.kind}, and the list holds {right.of}")
            return
        if NULL in (left.kind, right.kind):
            if sign.text not in ("==", "!="):
                raise ExpressionFault(sign.at, f'nothing is "{sign.text}" null', "Write == null or != null.")
            return
        if _alike(left.kind) != _alike(right.kind):
            raise ExpressionFault(sign.at, f'"{sign.text}" compares {left.kind} with {right.kind}')
        if left.kind in (BOOL, LIST) and (sign.text not in ("==", "!=") or left.kind == LIST):
            raise ExpressionFault(sign.at, f'"{sign.text}" cannot compare {left.kind}')

    def _sum(self) -> _Part:
        return self._arithmetic(("+", "-"), lambda: self._arithmetic(("*", "/"), self._signed))

    def _arithmetic(self, signs: tuple[str, ...], inner: Callable[[], _Part]) -> _Part:
        left = inner()
        while sign := self._takes(*signs):
            right = inner()
            kinds = {left.kind, right.kind}
            if kinds != {NUMBER} and not (sign.text == "+" and kinds == {TEXT}):
                raise ExpressionFault(
                    sign.at, f'"{sign.text}" cannot be done with {left.kind} and {right.kind}'
                )
            left = _Part(
                left.kind, f"({left.code} {sign.text} {right.code})", left.at, left.open | right.open
            )
        return left

    def _signed(self) -> _Part:
        if sign := self._takes("!"):
            return _Part(BOOL, f"(!{self._true(self._signed_deeper()).code})", sign.at)
        if sign := self._takes("-"):
            part = self._signed_deeper()
            if part.kind != NUMBER:
                raise ExpressionFault(part.at, f'"-" is for numbers, and this is {part.kind}')
            return replace(part, code=f"(-{part.code})", at=sign.at)
        return self._called(self._first())

    def _signed_deeper(self) -> _Part:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionFault(self._next.at, f"nested more than {MAX_DEPTH} deep")
        part = self._signed()
        self.depth -= 1
        return part

    def _called(self, part: _Part) -> _Part:
        while self._takes("."):
            name = self._next
            self.at += 1
            if name.kind != "name" or self._next.text != "(":
                raise ExpressionFault(name.at, f'"{name.text}" cannot be asked of {part.kind}')
            part = self._call(name, [part, *self._arguments()])
        return part

    def _arguments(self) -> list[_Part]:
        self._needs("(")
        found: list[_Part] = []
        while not self._takes(")"):
            if found:
                self._needs(",")
            found.append(self._choice())
        return found

    def _call(self, name: _Token, given: list[_Part]) -> _Part:
        takes = _TAKES.get(name.text)
        if takes is None:
            raise ExpressionFault(
                name.at, f'there is no function "{name.text}"', did_you_mean(name.text, _TAKES)
            )
        if len(given) != len(takes):
            raise ExpressionFault(name.at, f'"{name.text}" takes {len(takes) - 1 or "nothing"} in brackets')
        for part, kind in zip(given, takes, strict=True):
            if part.kind != kind:
                raise ExpressionFault(part.at, f'"{name.text}" takes {kind}, and this is {part.kind}')
        if name.text == "matches" and not given[1].is_literal:
            raise ExpressionFault(given[1].at, "a pattern stands here as it is, in quotation marks")
        if name.text == "matches":
            self.patterns.append((given[1].at, given[1].code))
        open_ = frozenset().union(*(part.open for part in given))
        first, *rest = (part.code for part in given)
        made = _Part(_MAKES.get(name.text, BOOL), f"{first}.{name.text}({', '.join(rest)})", name.at, open_)
        return self.sure(made) if made.kind == BOOL else made

    def _first(self) -> _Part:
        token = self._next
        self.at += 1
        if token.kind == "number" and not math.isfinite(float(token.text)):
            raise ExpressionFault(
                token.at, "this number is too large", "At most 308 digits can be worked with."
            )
        if token.kind == "number":
            return _Part(NUMBER, repr(float(token.text)), token.at, is_literal=True)
        if token.kind == "text":
            return _Part(TEXT, _as_cel(token), token.at, is_literal=True)
        if token.kind == "name" and token.text in _WORDS:
            return _Part(_WORDS[token.text], token.text, token.at, is_literal=True)
        if token.kind == "name" and self._next.text == "(":
            return self._call(token, self._arguments())
        if token.kind == "name" and token.text != "in":
            return self._variable(token)
        if token.text == "(":
            part = self._choice()
            self._needs(")")
            return part
        if token.text == "[":
            return self._list(token)
        found = f'"{token.text}"' if token.kind != "end" else "the end"
        raise ExpressionFault(token.at, f"a field or a value is expected here, not {found}")

    def _list(self, begin: _Token) -> _Part:
        held: list[_Part] = []
        while not self._takes("]"):
            if held:
                self._needs(",")
            held.append(self._choice())
            if not held[-1].is_literal or _alike(held[-1].kind) != _alike(held[0].kind):
                raise ExpressionFault(held[-1].at, "a list holds values of one kind, written out")
        if not held:
            raise ExpressionFault(begin.at, "this list is empty")
        return _Part(LIST, f"[{', '.join(one.code for one in held)}]", begin.at, of=held[0].kind)

    def _variable(self, token: _Token) -> _Part:
        name = token.text
        if self.fields.get(name) is dict:
            self._needs(".")
            inner, self.at = self._next, self.at + 1
            if inner.text not in TOUCH_FIELDS:
                fix = did_you_mean(inner.text, TOUCH_FIELDS)
                raise ExpressionFault(inner.at, f'there is no touch field "{inner.text}"', fix)
            name, kind = f"{name}.{inner.text}", TEXT
        elif name in self.fields and self.fields[name] in _KINDS:
            kind = _KINDS[self.fields[name]]
        else:
            raise ExpressionFault(
                token.at, f'there is no lead field "{name}"', did_you_mean(name, self.fields)
            )
        code = self.variables.setdefault(name, f"f{len(self.variables)}")
        return _Part(kind, code, token.at, frozenset({code}))

    # -- fields that may be blank

    def _true(self, part: _Part) -> _Part:
        if part.kind != BOOL:
            raise ExpressionFault(
                part.at, f"true or false is expected here, and this is {part.kind}", "Compare it: … == …"
            )
        return self.sure(part)

    def sure(self, part: _Part) -> _Part:
        """Return it so that it is false where a field in it is blank."""
        if not part.open:
            return part
        there = " && ".join(f"{name} != null" for name in sorted(part.open))
        return _Part(part.kind, f"({there} && {part.code})", part.at)


_HINTS = {
    "and": "Write &&.",
    "or": "Write ||.",
    "not": "Write !.",
    ":": 'A setting is written "name: value", with a space after the colon; a choice "test ? yes : no".',
}


def _chosen(yes: _Part, no: _Part) -> str:
    """Return what a choice makes; raises ``ExpressionFault`` where its branches are of two kinds."""
    kinds = [one.kind.removesuffix(OR_NULL) for one in (yes, no)]
    made = [kind for kind in kinds if kind != NULL]
    if len(set(map(_alike, made))) > 1:
        raise ExpressionFault(no.at, f"this is {no.kind}, and the other choice is {yes.kind}")
    if not made:
        return NULL
    may_be_null = len(made) < len(kinds) or any(one.kind.endswith(OR_NULL) for one in (yes, no))
    return made[0] + OR_NULL if may_be_null else made[0]


def _alike(kind: str) -> str:
    return NUMBER if kind in _NUMERIC else kind


def _as_cel(token: _Token) -> str:
    """Write a text so that every reader of CEL means the same by it; raises ``ExpressionFault``."""
    inner = re.sub(
        r"\\(.)", lambda match: _ESCAPES.get(match[1], "\0" + match[1]), token.text[1:-1], flags=re.DOTALL
    )
    if "\0" in inner:
        wrong = inner[inner.index("\0") + 1]
        fix = "Write two backslashes for one, as in a pattern: '\\\\b'."
        raise ExpressionFault(token.at, f'"\\{wrong}" means nothing in a text', fix)
    return json.dumps(inner)


_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

"""Requests to providers: texts with ``{field}`` and ``${VARIABLE}``. Parsed when loaded, filled in later.

``{email}`` is a value of the lead, without which nobody is asked; ``{phone|}`` and ``{country|DE}`` say what
stands there where it is blank. ``${LEADRELAY_PROVIDER_…}`` is a secret of the environment, put in just before
the call: what a lead's value says is never looked at for it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from mappings.templates import BadTemplate, clean, spoken
from model.event import JsonValue

SECRET = re.compile(r"LEADRELAY_PROVIDER_[A-Z0-9_]+")
_TOKEN = re.compile(r"\{\{|\}\}|\$\{([^{}]*)\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of the lead; ``otherwise`` stands there where it is blank, ``None``: it is needed."""

    name: str
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Secret:
    """A variable of the environment."""

    name: str


Piece = str | Slot | Secret
Words = tuple[Piece, ...]
"""A text, cut into words, values and secrets."""


def parse(text: str, known: Collection[str]) -> Words:
    """Cut a text; raises ``BadTemplate``, with the name of a field that there is not."""
    pieces: list[Piece] = []
    end = 0
    for match in _TOKEN.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        token = match[0]
        if token in ("{{", "}}"):
            pieces.append(token[0])
        elif token in ("{", "}"):
            raise BadTemplate(f'"{token}" stands alone; write {token}{token} for the character itself')
        elif token.startswith("$"):
            if not SECRET.fullmatch(match[1]):
                raise BadTemplate("secrets of providers are in variables called LEADRELAY_PROVIDER_…")
            pieces.append(Secret(match[1]))
        else:
            name, bar, otherwise = match[2].partition("|")
            if name.strip() not in known:
                raise BadTemplate(f'there is no lead field "{name.strip()}"', name.strip())
            pieces.append(Slot(name.strip(), otherwise.strip() if bar else None))
    pieces.append(text[end:])
    return tuple(piece for piece in pieces if piece != "")


Values = Mapping[str, JsonValue]
Secrets = Callable[[str], str]
"""Returns a secret by its variable; raises ``LeadRelayError`` where it is not set."""


def filled(words: Words, values: Values, secrets: Secrets, *, in_url: bool = False) -> str:
    """Return the text with its values; in an address they are quoted."""
    return "".join(_said(piece, values, secrets, in_url) for piece in words)


def _said(piece: Piece, values: Values, secrets: Secrets, in_url: bool) -> str:
    match piece:
        case Slot(name, otherwise):
            text = clean(spoken(values.get(name))) or (otherwise or "")
            return quote(text, safe="") if in_url else text
        case Secret(name):
            return secrets(name)
        case _:
            return piece


def filled_body(body: JsonValue, values: Values, secrets: Secrets) -> JsonValue:
    """Return a body with its values; a text that is one ``{field}`` alone keeps the value's type."""
    if isinstance(body, tuple):
        if len(body) == 1 and isinstance(body[0], Slot):
            value = values.get(body[0].name)
            return body[0].otherwise if value is None else value
        return filled(body, values, secrets)
    if isinstance(body, Mapping):
        return {name: filled_body(inner, values, secrets) for name, inner in body.items()}
    if isinstance(body, list):
        return [filled_body(inner, values, secrets) for inner in body]
    return body


def pieces_of(body: JsonValue) -> Iterator[Piece]:
    """Yield the pieces of a parsed body, or of one text."""
    if isinstance(body, tuple):
        yield from body
    elif isinstance(body, Mapping):
        for inner in body.values():
            yield from pieces_of(inner)
    elif isinstance(body, list):
        for inner in body:
            yield from pieces_of(inner)


def moved_to(url: str, base: str) -> str:
    """Return an address at another host: what stands before its path is ``base``."""
    _, _, path, query, fragment = urlsplit(url)
    scheme, host, before, _, _ = urlsplit(base)
    return urlunsplit((scheme, host, before.rstrip("/") + path, query, fragment))

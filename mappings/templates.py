"""Lines with placeholders: ``Call {name} ({company|no company})``. Parsed when loaded, filled in later; pure.

There is nothing to compute in them: a placeholder is a name, and what stands instead where it is blank.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from model.decision import Place
from model.event import JsonValue
from model.message import Line, Part

BLOCK = "because"
"""The placeholder of many lines; it stands alone on its own."""

MADE = {
    "name": "first and last name, else the e-mail or phone",
    "owner_name": "the owner's name as the CRMs have it",
    "links": "the person's CRM records",
    BLOCK: "why: what score, qualify and assign said of the event; alone on its line",
}
"""Placeholders beside the lead's fields."""

LONGEST_VALUE = 300  # characters of one value: a form can be filled with a novel
LONGEST_LINE = 1_000
LONGEST_TITLE = 200

Facts = Mapping[str, JsonValue]
"""Placeholder -> value; ``links`` is a sequence of (words, address), ``because`` one of texts."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Slot:
    """A placeholder, and the words that stand for it where it is blank."""

    name: str
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One line, cut into words and placeholders."""

    pieces: tuple[str | Slot, ...]
    place: Place

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The placeholders, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))


class BadTemplate(ValueError):
    """A line that is no template; ``name`` is the placeholder that nobody knows, if that is what is wrong."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def parse(text: str, place: Place, known: Collection[str]) -> Template:
    """Cut a line; raises ``BadTemplate``."""
    pieces: list[str | Slot] = []
    end = 0
    for match in _TOKEN.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        token = match[0]
        if token in ("{{", "}}"):
            pieces.append(token[0])
        elif token in ("{", "}"):
            raise BadTemplate(f'"{token}" stands alone; write {token}{token} for the character itself')
        else:
            name, _, fallback = match[1].partition("|")
            if name.strip() not in known:
                raise BadTemplate(f"there is no placeholder {{{name}}}", name.strip())
            pieces.append(Slot(name.strip(), fallback.strip()))
    pieces.append(text[end:])
    template = Template(tuple(piece for piece in pieces if piece != ""), place)
    if any(slot.name == BLOCK for slot in template.slots) and len(template.pieces) > 1:
        raise BadTemplate(f"{{{BLOCK}}} is several lines: let it stand alone on its own")
    return template


def one_line(template: Template, facts: Facts) -> str:
    """Fill in a title: plain words, at most ``LONGEST_TITLE`` characters."""
    words = "".join(part.text for line in _lines(template, facts) for part in line)
    return cut(clean(words), LONGEST_TITLE)


def lines(templates: Sequence[Template], facts: Facts) -> tuple[Line, ...]:
    """Fill in lines; one whose placeholders are all blank is left out."""
    return tuple(line for template in templates for line in _lines(template, facts))


def _lines(template: Template, facts: Facts) -> Sequence[Line]:
    slots = template.slots
    if [slot.name for slot in slots] == [BLOCK]:
        return [(Part(f"• {cut(clean(text), LONGEST_VALUE)}"),) for text in facts.get(BLOCK) or ()]
    parts: list[Part] = []
    is_said = not slots
    for piece in template.pieces:
        if isinstance(piece, str):
            parts.append(Part(piece))
            continue
        found = list(_parts(piece, facts))
        is_said = is_said or bool(found)
        parts += found or ([Part(piece.fallback)] if piece.fallback else [])
    is_said = is_said or any(slot.fallback for slot in slots)
    return [_bounded(parts)] if is_said and any(part.text.strip() for part in parts) else []


def _parts(slot: Slot, facts: Facts) -> Sequence[Part]:
    value = facts.get(slot.name)
    if slot.name == "links":
        found = [Part(words, url) for words, url in value or ()]
        return [one for n, link in enumerate(found) for one in ((Part(" · "), link) if n else (link,))]
    text = cut(clean(spoken(value)), LONGEST_VALUE)
    return [Part(text)] if text else []


def _bounded(parts: Sequence[Part]) -> Line:
    """Keep a line readable: what goes beyond its length is cut, an address never in the middle."""
    kept: list[Part] = []
    room = LONGEST_LINE
    for part in parts:
        if room <= 0:
            break
        kept.append(part if part.url else Part(cut(part.text, room)))
        room -= len(part.text)
    return tuple(kept)


def spoken(value: JsonValue) -> str:
    """Write a field's value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def clean(text: str) -> str:
    """Return the words on one line, without control characters and marks that turn the reading direction."""
    kept = "".join(char if _is_shown(char) else " " for char in text)
    return _SPACES.sub(" ", kept).strip()


def _is_shown(char: str) -> bool:
    """Whether a character is one that people see: joiners of scripts and emoji are, others of kind Cf not."""
    return char in "\u200c\u200d" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def cut(text: str, longest: int) -> str:
    """Return at most ``longest`` characters, with a sign where some are missing."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"

"""A person as the matcher compares them: each field in the form in which spellings of one value meet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mappings.domains import registrable
from mappings.values.identity import domain_of, is_disposable_domain, is_free_mail, is_role_address, match_key
from model.event import JsonValue

KINDS = ("name", "text", "company", "code", "number", "date", "phone", "choice", "mailbox", "domain")
"""How a field is compared; ``levels.LEVELS`` says what can be found."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that is compared: what it is called, how, and the lead field that it is read from."""

    name: str
    kind: str  # of ``KINDS``
    field: str


STANDARD = (
    Comparison("first_name", "name", "first_name"),
    Comparison("last_name", "name", "last_name"),
    Comparison("mailbox", "mailbox", "email"),
    Comparison("domain", "domain", "email"),
    Comparison("phone", "phone", "phone"),
    Comparison("company", "company", "company"),
    Comparison("postal_code", "code", "postal_code"),
    Comparison("city", "text", "city"),
    Comparison("state", "choice", "state"),
    Comparison("country", "choice", "country"),
)
"""What is compared of every lead; a playbook adds fields of its own."""

_LEGAL_WORDS = """
ab ag as bv co company corp corporation gbr gmbh group holding inc incorporated kg kgaa limited llc llp
ltd mbh nv oy oyj plc pty sa sarl sas se sl spa srl the und and ug
"""
_LEGAL_FORMS = frozenset(_LEGAL_WORDS.split())
_NOT_WORD = re.compile(r"[\W_]+")
_NOT_CODE = re.compile(r"[^0-9a-z]+")

Person = Mapping[str, str]
"""Comparison's name: normalised value. What is blank, or says nothing about a person, is left out."""


def person(fields: Mapping[str, JsonValue], comparisons: Sequence[Comparison] = STANDARD) -> Person:
    """Return the values of a lead in the form in which they are compared."""
    found: dict[str, str] = {}
    for each in comparisons:
        raw = fields.get(each.field)
        if raw is not None and not isinstance(raw, (dict, list)) and (value := _FORMS[each.kind](str(raw))):
            found[each.name] = value
    return found


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Return a text in small letters without accents and marks, its words parted by one blank."""
    folded = text.casefold().replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    letters = "".join(
        mark for mark in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(mark)
    )
    return _NOT_WORD.sub(" ", letters).strip()


def _company(text: str) -> str:
    """Return a company's name without its legal form; of a name that is nothing else, all of it."""
    words = plain(text).split()
    return " ".join(word for word in words if word not in _LEGAL_FORMS) or " ".join(words)


def _code(text: str) -> str:
    return _NOT_CODE.sub("", plain(text))


def _digits(text: str) -> str:
    return "".join(mark for mark in text if mark.isdigit())


def _mailbox(address: str) -> str:
    """Return what stands before the @ without its tag; nothing for a desk, which is no person's."""
    key = match_key(address)
    return "" if is_role_address(key) else _code(key.rpartition("@")[0].partition("+")[0])


def _domain(address: str) -> str:
    """Return a company's domain; nothing for one that many share."""
    host = domain_of(match_key(address))
    return "" if is_free_mail(host) or is_disposable_domain(host) else registrable(host)


_FORMS: Mapping[str, Callable[[str], str]] = {
    "name": plain,
    "text": plain,
    "company": _company,
    "code": _code,
    "number": _code,
    "date": _digits,
    "phone": _digits,
    "choice": plain,
    "mailbox": _mailbox,
    "domain": _domain,
}

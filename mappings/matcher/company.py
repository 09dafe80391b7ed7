"""A lead's company beside the accounts that are known: by what they are looked for, and what evidence weighs.

The matcher of people with a company's fields: the same levels, the same weights of evidence. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mappings.domains import company_domain
from mappings.matcher.blocking import KEY_LENGTH, sound
from mappings.matcher.model import Model, Shares, Verdict
from mappings.matcher.person import Comparison, Person, person
from mappings.playbook import Accounts
from model.event import JsonValue

COMPARED = (
    Comparison("name", "company", "name"),
    Comparison("domain", "domain", "domain"),
    Comparison("phone", "phone", "phone"),
    Comparison("postal_code", "code", "postal_code"),
    Comparison("city", "text", "city"),
    Comparison("state", "choice", "state"),
    Comparison("country", "choice", "country"),
)
_OF_LEAD = {"name": "company", **{one: one for one in ("phone", "postal_code", "city", "state", "country")}}
_PLAIN = tuple(one for one in COMPARED if one.kind != "domain")  # a domain is compared as it is kept
_SOUNDS = 2  # words of a name
_TAIL = 9  # digits of a phone, as people are compared
_SHORTEST_PHONE = 7

# Judgement, as the shipped weights of people: a name alone asks a person, with its city it joins; another
# country or another domain speaks against it. A phone is the firm's own: shared ones are left out before.
_M: Mapping[str, Shares] = {
    "name": (0.85, 0.08, 0.04, 0.03),
    "domain": (0.90, 0.10),
    "phone": (0.45, 0.05, 0.50),
    "postal_code": (0.70, 0.05, 0.25),
    "city": (0.70, 0.05, 0.05, 0.20),
    "state": (0.85, 0.15),
    "country": (0.90, 0.10),
}
_U: Mapping[str, Shares] = {
    "name": (0.02, 0.02, 0.06, 0.90),
    "domain": (0.001, 0.999),
    "phone": (0.001, 0.001, 0.998),
    "postal_code": (0.02, 0.02, 0.96),
    "city": (0.05, 0.01, 0.02, 0.92),
    "state": (0.15, 0.85),
    "country": (0.30, 0.70),
}
MODEL = Model(COMPARED, _M, _U, prior=0.1)


@dataclass(frozen=True, slots=True)
class Keys:
    """By what an account is looked for; blank: by nothing of that kind."""

    name: str = ""  # without legal form, accents and blanks
    sounds: str = ""  # of its first words, so that a slip is found
    phone: str = ""  # its last digits

    @property
    def each(self) -> tuple[tuple[str, str], ...]:
        """Return the keys that there are, with the column that holds each."""
        found = (("name_key", self.name), ("name_sounds", self.sounds), ("phone_key", self.phone))
        return tuple(one for one in found if one[1])


def keys_of_account(fields: Mapping[str, JsonValue]) -> Keys:
    """Return by what an account is found; one that is called by its domain has no name yet."""
    return _keys(account(fields))


def keys_of_lead(fields: Mapping[str, JsonValue]) -> Keys:
    """Return by what the account of a lead is looked for."""
    return _keys(person(_told(fields), _PLAIN))


def account(fields: Mapping[str, JsonValue]) -> Person:
    """Return an account as it is compared."""
    found = dict(person(fields, _PLAIN))
    if fields.get("name") == fields.get("domain"):
        found.pop("name", None)
    return found | ({"domain": str(fields["domain"])} if fields.get("domain") else {})


def of_lead(fields: Mapping[str, JsonValue], accounts: Accounts, *, with_phone: bool) -> Person:
    """Return a lead's company as it is compared; a phone that several accounts have tells nothing."""
    found = dict(person(_told(fields), _PLAIN))
    if not with_phone:
        found.pop("phone", None)
    domain = company_domain(fields, accounts).domain
    return found | ({"domain": domain} if domain else {})


def judge(ours: Person, theirs: Person) -> Verdict:
    """Say how likely a lead's company is an account, and why."""
    return MODEL.judge(ours, theirs)


def _told(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: fields.get(of_lead) for name, of_lead in _OF_LEAD.items()}


def _keys(found: Person) -> Keys:
    name, phone = found.get("name", ""), found.get("phone", "")
    return Keys(
        name.replace(" ", "")[:KEY_LENGTH],
        " ".join(map(sound, name.split()[:_SOUNDS])),
        phone[-_TAIL:] if len(phone) >= _SHORTEST_PHONE else "",
    )

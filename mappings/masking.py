"""How much of a person's data is shown: the one place where values are masked. Pure.

Messages, pages and exports get a ``Veil`` for the lead and the place where it is shown, and read values
through it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import phonenumbers

from mappings.playbook.consent import counts_in
from mappings.playbook.privacy import (
    ADDRESS,
    EMAIL,
    HIDDEN,
    IDENTIFIER,
    IP,
    LEVELS,
    NAME,
    OF_TOUCHES,
    PARTLY,
    PHONE,
    PLAIN,
    WEB,
    Privacy,
)
from model.event import JsonValue
from model.faults import without_people

MARK = "***"
"""Stands for what is not shown; it does not tell how long that is."""

FEW = 6  # of so many characters or digits two may be shown, of fewer none


def mask(value: JsonValue, kind: str, level: str) -> JsonValue:
    """Return a value as it is shown: itself when plain, else a text without the whole of it.

    Blanks stay blank. What is not of the form that its class leads to expect is hidden. The same value
    gives the same text at any time.
    """
    if level == PLAIN or value is None or value == "":
        return value
    if level == HIDDEN or isinstance(value, bool | Mapping | list | tuple):
        return MARK
    text = str(value).strip()
    shown = _PARTLY.get(kind, _nothing)(text)
    return MARK if _gives_away(shown, text) else shown


def _gives_away(shown: str, text: str) -> bool:
    """Say whether the value is there as a whole, as of one that is short or odd."""
    return text.casefold() in shown.casefold()


def _nothing(_text: str) -> str:
    return MARK


def _email(text: str) -> str:
    local, at, domain = text.rpartition("@")
    if not at or not domain:
        return MARK
    return f"{_beginning(local, 1, least=2)}{MARK}@{domain}"


def _phone(text: str) -> str:
    """Show the country's prefix and the last two digits: ``+49 *** 42``."""
    digits = [char for char in text if char.isdigit()]
    end = f" {''.join(digits[-2:])}" if len(digits) > FEW else ""
    try:
        prefix = f"+{phonenumbers.parse(text).country_code} " if text.startswith("+") else ""
    except phonenumbers.NumberParseException:
        prefix = ""
    return f"{prefix}{MARK}{end}"


def _name(text: str) -> str:
    """Show the initials: ``A. L.``; of one letter nothing."""
    words = text.replace("-", " ").split()
    if all(len(word.strip(".")) < 2 for word in words):
        return MARK
    return " ".join(f"{initial}." for word in words if (initial := _beginning(word, 1)))


def _address(text: str) -> str:
    """Show how it begins: two signs of a postal code, one of a word."""
    size = 2 if any(char.isdigit() for char in text) else 1
    return f"{_beginning(text, size, least=4)}{MARK}"


def _ip(text: str) -> str:
    """Show the network: 24 bits of an IPv4 address, 48 of an IPv6 one."""
    try:
        address = ip_address(text)
    except ValueError:
        return MARK
    bits = 24 if address.version == 4 else 48
    network = str(ip_network(f"{address.compressed.partition('%')[0]}/{bits}", strict=False).network_address)
    return network.rpartition(".")[0] + f".{MARK}" if address.version == 4 else f"{network}{MARK}"


def _identifier(text: str) -> str:
    return f"{MARK}{text[-2:]}" if len(text) > FEW else MARK


def _web(text: str) -> str:
    """Show the host: what follows can name a person."""
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    return f"{host}/{MARK}" if host else MARK


def _beginning(text: str, size: int, least: int = 0) -> str:
    """Return the first characters, with the marks that belong to them; none of a short text."""
    if len(text) < least:
        return ""
    end = min(size, len(text))
    while end < len(text) and unicodedata.combining(text[end]):
        end += 1
    return "".join(char for char in text[:end] if char.isprintable())


_PARTLY = {
    EMAIL: _email,
    PHONE: _phone,
    NAME: _name,
    ADDRESS: _address,
    IP: _ip,
    IDENTIFIER: _identifier,
    WEB: _web,
}
"""Class -> what is shown of it in part; of the others, as free text, nothing."""


@dataclass(frozen=True, slots=True)
class Veil:
    """What is shown of one lead's data in one place."""

    levels: Mapping[str, str] = field(default_factory=dict)  # class -> "partly" or "hidden"; others are plain
    classes: Mapping[str, str] = field(default_factory=dict)  # lead field -> class

    def __bool__(self) -> bool:
        """Whether anything is masked."""
        return bool(self.levels)

    def level_of(self, name: str) -> str:
        """Return how much is shown of a lead field, dotted ones of touches included."""
        return self.levels.get(self._class_of(name), PLAIN)

    def _class_of(self, name: str) -> str:
        outer, _, part = name.rpartition(".")
        return self.classes.get(name) or OF_TOUCHES.get(part if outer else "", "")

    def of(self, name: str, value: JsonValue) -> Any:
        """Return the value of a lead field, dotted ones of touches included, as it is shown."""
        if not self.levels:
            return value
        if isinstance(value, Mapping):
            return {part: self.of(f"{name}.{part}", inner) for part, inner in value.items()}
        return mask(value, self._class_of(name), self.level_of(name))

    def fields(self, fields: Mapping[str, JsonValue]) -> dict[str, Any]:
        """Return all fields of a lead as they are shown."""
        return {name: self.of(name, value) for name, value in fields.items()}

    def known_by(self, name: str) -> str:
        """Return what people know somebody by, an e-mail, a number or a name, as it is shown."""
        kind = EMAIL if "@" in name else PHONE if name.startswith("+") else NAME
        return str(mask(name, kind, self.levels[kind])) if kind in self.levels else name

    def text(self, text: str | None) -> str | None:
        """Return what a CRM or a rule said, without addresses and numbers in it where anything is masked."""
        return without_people(text) if self.levels and text else text

    def unknown(self, value: Any) -> Any:
        """Return what has no class, as a sender's own fields: names stay, values are hidden."""
        if not self.levels:
            return value
        if isinstance(value, Mapping):
            return {name: self.unknown(inner) for name, inner in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.unknown(inner) for inner in value]
        return mask(value, "", HIDDEN)


NO_VEIL = Veil()
"""All is shown as it is."""


def veil_of(privacy: Privacy, channel: str, country: JsonValue) -> Veil:
    """Return the veil for a lead of a country, as the strictest of all rules that fit has it.

    Whose country is not known is in every region.
    """
    if not privacy.rules:
        return NO_VEIL
    levels: dict[str, str] = {}
    for rule in privacy.rules:
        if rule.channels and channel not in rule.channels:
            continue
        if not counts_in(rule.regions, privacy.regions, country if isinstance(country, str) else None):
            continue
        for kind, level in rule.show.items():
            levels[kind] = max(level, levels.get(kind, PLAIN), key=LEVELS.index)
    masked = {kind: level for kind, level in levels.items() if level in (PARTLY, HIDDEN)}
    return Veil(masked, privacy.classes) if masked else NO_VEIL

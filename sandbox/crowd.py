"""Invents people and companies as a CRM of some years holds them, with all that is wrong with them."""

from __future__ import annotations

import unicodedata
from bisect import bisect
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from random import Random

from sandbox.names import FORMS, MAIL_HOSTS, REGIONS, STEMS, TITLES, TRADES, Region

SPAN_DAYS = 4 * 365  # how far back the first of them goes
_WEIGHTS = list(accumulate(region.weight for region in REGIONS))
_LATIN = str.maketrans({
    "ß": "ss", "ø": "o", "ł": "l", "Ł": "L", "æ": "ae", "đ": "d", "ı": "i", "ä": "ae", "ö": "oe", "ü": "ue",
    "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "'": None, " ": None,
})  # fmt: skip
# Of a hundred people …
REPEATS, WITHOUT_MAIL, WITHOUT_PHONE, WITHOUT_TITLE, PRIVATE, SWITCHBOARD = 5, 5, 28, 15, 9, 15
REPEATED_AS = ("case", "space", "alias", "second address", "no address")


@dataclass(frozen=True, slots=True)
class Company:
    """One company."""

    name: str
    domain: str
    country: str
    city: str
    phone: str
    trade: int  # place in TRADES
    employees: int
    revenue: int | None


@dataclass(frozen=True, slots=True)
class Somebody:
    """One person; what is empty was never filled in."""

    first: str
    last: str
    email: str
    phone: str
    mobile: str
    title: str
    company: int | None  # the number of the company
    country: str
    city: str
    source: int  # 0 to 99: how the person came
    warmth: int  # 0 to 99: how far the person got
    owner: int | None  # 0 and up: one of the team; None for nobody
    opted_out: bool
    changed: float  # 0 to 1: when last, between the day of creation and today
    repeats: int | None = None  # the number of the person that this is once more


class Crowd:
    """Everybody of a seed: the n-th person is always the same among as many companies."""

    def __init__(self, seed: int, companies: int) -> None:
        self._seed = seed
        self.companies = [self._company(number) for number in range(companies)]

    def person(self, number: int) -> Somebody:
        """The person of that number; one in twenty is an earlier one again."""
        draw, dice = self._draw(number)
        if number and dice < REPEATS:
            earlier = draw.randrange(number)
            return _again(draw, self._first_time(earlier, self._draw(earlier)[0]), earlier)
        return self._first_time(number, draw)

    def _draw(self, number: int) -> tuple[Random, int]:
        draw = Random(f"{self._seed} person {number}")
        return draw, draw.randrange(100)

    def _company(self, number: int) -> Company:
        draw = Random(f"{self._seed} company {number}")
        region = _region(draw)
        stem, trade = draw.choice(STEMS), draw.randrange(len(TRADES))
        more = draw.choice(STEMS).lower() if number >= len(STEMS) else ""
        bare = f"{stem}{more} {TRADES[trade][0]}"
        form = f" {FORMS[region.code]}" if draw.random() < 0.6 else ""
        employees = int(10 ** draw.uniform(0.5, 4.2))
        revenue = employees * draw.randrange(40, 300) * 1_000
        return Company(
            name=_shouted(draw, bare + form),
            domain=f"{_latin(bare).lower()}{number or ''}.example",
            country=region.country,
            city=draw.choice(region.cities),
            phone=_phone(draw, region),
            trade=trade,
            employees=employees,
            revenue=revenue if draw.random() < 0.7 else None,
        )

    def _first_time(self, number: int, draw: Random) -> Somebody:
        region = _region(draw)
        first, first_latin = _spelled(draw.choice(region.firsts))
        last, last_latin = _spelled(draw.choice(region.lasts))
        employer = draw.randrange(len(self.companies)) if self.companies and draw.random() < 0.92 else None
        company = self.companies[employer] if employer is not None else None
        private = company is None or draw.randrange(100) < PRIVATE
        domain = draw.choice(MAIL_HOSTS) if private or company is None else company.domain
        local = draw.choice((f"{first_latin}.{last_latin}", f"{first_latin[:1]}{last_latin}", first_latin))
        phone = "" if draw.randrange(100) < WITHOUT_PHONE else _phone(draw, region)
        if company is not None and draw.randrange(100) < SWITCHBOARD:
            phone = company.phone
        return Somebody(
            first="" if draw.random() < 0.02 else _shouted(draw, first),
            last=_shouted(draw, last),
            email="" if draw.randrange(100) < WITHOUT_MAIL else f"{local.lower()}{number}@{domain}",
            phone=phone,
            mobile=_phone(draw, region) if draw.random() < 0.2 else "",
            title="" if draw.randrange(100) < WITHOUT_TITLE else draw.choice(TITLES).strip(),
            company=employer,
            country=draw.choice((region.country, region.country, region.code)),
            city=draw.choice(region.cities) if draw.random() < 0.7 else "",
            source=draw.randrange(100),
            warmth=draw.randrange(100),
            owner=draw.randrange(64) if draw.random() < 0.85 else None,
            opted_out=draw.random() < 0.06,
            changed=draw.random() ** 2,
        )


def _again(draw: Random, person: Somebody, earlier: int) -> Somebody:
    """The same person entered once more, a little differently."""
    person = replace(person, repeats=earlier, owner=draw.randrange(64), warmth=draw.randrange(100))
    local, _, domain = person.email.partition("@")
    match draw.choice(REPEATED_AS):
        case "case":
            return replace(person, email=person.email.title(), last=person.last.upper())
        case "space":
            return replace(
                person, first=f" {person.first}", last=f"{person.last}  ", email=f" {person.email} "
            )
        case "alias" if local:
            return replace(person, email=f"{local}+{draw.choice(('news', 'demo', 'web'))}@{domain}")
        case "second address":
            return replace(person, email=f"{local or 'me'}{earlier}@{draw.choice(MAIL_HOSTS)}", phone="")
    return replace(person, email="", mobile=person.mobile or person.phone)


def _region(draw: Random) -> Region:
    return REGIONS[bisect(_WEIGHTS, draw.randrange(_WEIGHTS[-1]))]


@lru_cache(maxsize=1_000)
def _spelled(name: str) -> tuple[str, str]:
    """A name as it is written, and as addresses spell it."""
    shown, _, latin = name.partition("=")
    return shown, latin or _latin(shown)


def _latin(text: str) -> str:
    """Letters without their marks: "Łukasik" becomes "Lukasik"."""
    plain = unicodedata.normalize("NFC", text).translate(_LATIN)
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if char.isascii() and char != "'")


def _phone(draw: Random, region: Region) -> str:
    """A number as somebody of there writes it, in one of five ways."""
    area, rest = draw.choice(region.areas), str(draw.randrange(10**region.digits)).zfill(region.digits)
    match draw.randrange(5):
        case 0:
            return f"{region.dial}{area}{rest}"
        case 1:
            return f"{region.dial} {area} {rest[:-4]} {rest[-4:]}"
        case 2:
            return f"({region.trunk}{area}) {rest[:-4]}-{rest[-4:]}"
        case 3:
            return f"00{region.dial[1:]} {area} {rest}"
        case _:
            extension = f" ext. {draw.randrange(10, 999)}" if draw.random() < 0.2 else ""
            return f"{region.trunk}{area} {rest}{extension}"


def _shouted(draw: Random, name: str) -> str:
    """A name as it was typed: now and then in capitals, or in none."""
    dice = draw.random()
    return name.upper() if dice < 0.015 else name.lower() if dice < 0.03 else name

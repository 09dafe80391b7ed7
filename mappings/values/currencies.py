"""Money as people write it: the currency by code (ISO 4217), symbol or name, and the amount beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mappings.values.countries import plain
from mappings.values.numbers import number
from mappings.values.texts import Unusable, clean, scalar
from model.event import JsonValue

MAX_MONEY = 100  # characters

_CODES_WORDS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN
PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
"""
CODES = frozenset(_CODES_WORDS.split())

SYMBOLS: Mapping[str, str] = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₽": "RUB", "₺": "TRY", "₪": "ILS", "₫": "VND",
    "₴": "UAH", "₦": "NGN", "₱": "PHP", "฿": "THB", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON",
    "r$": "BRL", "us$": "USD", "u.s.$": "USD", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD",
    "nz$": "NZD", "hk$": "HKD", "s$": "SGD", "mx$": "MXN", "nt$": "TWD", "cn¥": "CNY", "jp¥": "JPY",
    "fr": "CHF", "fr.": "CHF", "sfr": "CHF", "sfr.": "CHF", "rs": "INR", "rs.": "INR", "元": "CNY",
    "円": "JPY",
}  # fmt: skip
SHARED: Mapping[str, Mapping[str, str]] = {
    "$": {"AU": "AUD", "CA": "CAD", "HK": "HKD", "MX": "MXN", "NZ": "NZD", "SG": "SGD", "": "USD"},
    "¥": {"CN": "CNY", "": "JPY"},
    "kr": {"DK": "DKK", "NO": "NOK", "IS": "ISK", "SE": "SEK"},
}
"""Symbols of several currencies: which it is in the person's country; "" elsewhere, where that is usual."""

_NAMES = """\
EUR euro; euros
USD us dollar; us dollars; dollar; dollars; american dollars
GBP pound; pounds; pound sterling; british pound; british pounds; sterling
CHF swiss franc; swiss francs; franken; schweizer franken
JPY yen; japanese yen
CNY yuan; renminbi; rmb; chinese yuan
AUD australian dollar; australian dollars
CAD canadian dollar; canadian dollars
NZD new zealand dollar; new zealand dollars
INR rupee; rupees; indian rupee; indian rupees
SEK swedish krona; swedish kronor
NOK norwegian krone; norwegian kroner
DKK danish krone; danish kroner
PLN zloty; polish zloty
CZK koruna; czech koruna
BRL real; reais; brazilian real
MXN mexican peso; mexican pesos
"""
BY_NAME = {plain(name): line[:3] for line in _NAMES.splitlines() for name in line[4:].split("; ")}

_MONEY = re.compile(
    r"(?P<minus>-\s?)?(?P<before>[^\d+-]*)(?P<sign>[+-]?)(?P<number>\d[\d.,'’ \u00a0\u202f]*)"
    r"(?P<unit>(?i:k|m|mio|million|thousand|bn)\b)?(?P<after>\D*)"
)


def currency(value: JsonValue, region: str = "") -> str:
    """The code of a currency, by itself or beside an amount; ``$`` is that of the person's country."""
    written = clean(scalar(value), MAX_MONEY)
    if not written:
        return ""
    before, _, after = _parts(written) or (written, "", "")
    codes = [(word.lower() in SHARED, _code(word, region)) for word in (before, after) if word]
    plain_ones = {code for is_shared, code in codes if not is_shared} or {code for _, code in codes}
    if len(plain_ones) == 1 and all(code for _, code in codes):  # "$ 500 AUD": the code says which dollar
        return plain_ones.pop()
    raise Unusable(f'"{written[:60]}" names no currency')


def amount(value: JsonValue, _region: str = "") -> float:
    """The number of an amount of money, whatever currency stands beside it: ``€ 1.200,50``, ``5k USD``."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    written = clean(scalar(value), MAX_MONEY)
    parts = _parts(written)
    if parts is None:
        raise Unusable(f'"{written[:60]}" is not an amount')
    before, figures, after = parts
    for word in (before, after):
        if word and not _is_currency(word):
            raise Unusable(f'"{written[:60]}" is not an amount')
    return number(figures)


def _parts(written: str) -> tuple[str, str, str] | None:
    """Return what stands before an amount, the amount itself, and what stands behind it."""
    match = _MONEY.fullmatch(written)
    if match is None:
        return None
    figures = match["number"].replace("’", "'").rstrip(" .,'\u00a0\u202f")
    minus = "-" if match["minus"] or match["sign"] == "-" else ""
    after = match["after"].strip(" -–—")  # "1.200,- €": the dash stands for no cents
    return match["before"].strip(), f"{minus}{figures}{match['unit'] or ''}", after


def _code(word: str, region: str) -> str:
    """Return the code that a word stands for; blank where it is none, or of several in this country."""
    if word.upper() in CODES:
        return word.upper()
    small = word.lower()
    if small in SHARED:
        return SHARED[small].get(region) or SHARED[small].get("", "")
    return SYMBOLS.get(small) or BY_NAME.get(plain(word), "")


def _is_currency(word: str) -> bool:
    return word.lower() in SHARED or bool(_code(word, ""))

"""The normal forms by which two spellings of one person meet, and what an address tells of its owner."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from disposable_email_domains import blocklist

from mappings.values.converters import Unusable, email, phone
from mappings.values.hosts import ascii_host
from model.lead import Identity


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Providers that say in their own help pages that name+anything reaches name. Yahoo does not.
_PLUS_TAGS = _words(
    """
    gmail.com outlook.com hotmail.com live.com msn.com icloud.com me.com mac.com fastmail.com
    fastmail.fm proton.me protonmail.com protonmail.ch pm.me
    """
)
# Outlook.com, Hotmail and Live under their national domains; listed, since live.example.com is anybody's.
_NATIONAL = _words(
    """
    at be ca ch cl cn co.jp co.nz co.th co.uk com.ar com.au com.br com.mx com.tr de dk es fi fr gr hu ie
    in it jp nl no pt se sg
    """
)
_MICROSOFT = frozenset(f"{brand}.{tld}" for brand in ("outlook", "hotmail", "live") for tld in _NATIONAL)
_ALIASES = {"googlemail.com": "gmail.com"}  # one mailbox under two domains

# Public mail providers. Those of the second list are such under any ending: yahoo.co.nz.
_FREE = _words(
    """
    rocketmail.com aol.com icloud.com me.com mac.com outlook.com live.com msn.com
    proton.me pm.me fastmail.com fastmail.fm
    web.de t-online.de freenet.de arcor.de mail.com email.com zoho.com ya.ru mail.ru bk.ru inbox.ru list.ru
    rambler.ru qq.com 163.com 126.com sina.com foxmail.com naver.com daum.net hanmail.net orange.fr
    wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tin.it alice.it comcast.net verizon.net
    att.net sbcglobal.net bellsouth.net cox.net btinternet.com sky.com talktalk.net virginmedia.com
    ntlworld.com uol.com.br bol.com.br terra.com.br rediffmail.com tutanota.com tuta.io tuta.com hey.com
    duck.com hushmail.com seznam.cz wp.pl o2.pl onet.pl interia.pl ukr.net bluewin.ch telenet.be skynet.be
    ziggo.nl kpnmail.nl shaw.ca rogers.com sympatico.ca bigpond.com optusnet.com.au xtra.co.nz
    """
)
_FREE_BRANDS = _words("gmail googlemail yahoo ymail hotmail gmx yandex protonmail")

ROLE_NAMES = _words(
    """
    abuse accounting accounts admin administrator billing careers compliance contact contactus
    customerservice enquiries enquiry finance hello help helpdesk hostmaster hr info information
    inquiries invoices invoice it jobs kontakt legal mail mailer-daemon marketing media news newsletter
    no-reply noreply office operations orders postmaster press privacy procurement purchasing reception
    recruiting root sales security service services shop staff support team tech test verwaltung
    webmaster welcome
    """
)


@dataclass(frozen=True, slots=True)
class _Domain:
    canonical: str
    drops_dots: bool
    drops_tag: bool
    is_disposable: bool


@lru_cache(maxsize=65_536)
def _facts(domain: str) -> _Domain:
    """Judge a domain once; the leads of a company share it."""
    canonical = _ALIASES.get(domain, domain)
    labels = domain.split(".")
    parents = (".".join(labels[n:]) for n in range(max(1, len(labels) - 1)))
    return _Domain(
        canonical=canonical,
        drops_dots=canonical == "gmail.com",
        drops_tag=canonical in _PLUS_TAGS or canonical in _MICROSOFT,
        is_disposable=any(parent in blocklist for parent in parents),
    )


def match_key(address: str) -> str:
    """Return the form in which two spellings of one mailbox are equal.

    Lower case, the domain in ASCII, googlemail as gmail, and where the provider ignores them
    dots and ``+tag`` dropped. What is no address comes back in lower case.
    """
    try:
        address = email(address)
    except Unusable:
        return address.strip().lower()
    local, _, domain = address.rpartition("@")
    facts = _facts(domain)
    if facts.drops_tag:
        local = local.partition("+")[0] or local
    if facts.drops_dots:
        local = local.replace(".", "") or local
    return f"{local}@{facts.canonical}"


def email_identity(address: str) -> Identity:
    """Return the key that finds a lead by e-mail."""
    return Identity("email", match_key(address))


def phone_identity(e164: str) -> Identity:
    """Return the key that finds a lead by telephone number."""
    return Identity("phone", e164)


def record_identity(connection: str, object_type: str, remote_id: str) -> Identity:
    """Return the key that finds a lead by its record in a CRM."""
    return Identity("record", f"{connection}/{object_type}/{remote_id}")


def keys_of(who: str) -> tuple[Identity, ...]:
    """Return the keys that what a person typed could be: an e-mail, a phone number, a CRM record."""
    if "@" in who:
        return (email_identity(who),)
    if who.count("/") == 2:
        return (Identity("record", who),)
    try:
        return (phone_identity(phone(who, "ZZ")),)
    except Unusable:
        return ()


def domain_of(address: str) -> str:
    """Return the domain of an address in lower case; empty when there is none."""
    return address.rpartition("@")[2].strip().lower() if "@" in address else ""


def domain_key(website: str) -> str:
    """Return the form in which two spellings of a company's domain are equal; empty when it is none.

    Takes a domain or a web address: ``https://www.Acme.com/about`` and ``acme.com`` are one.
    """
    rest = website.strip().lower().partition("://")[2] or website.strip().lower()
    host = re.split(r"[/?#\s]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].strip(".")
    return ascii_host(host.removeprefix("www.")) if "." in host else ""


def is_role_address(address: str, role_names: Collection[str] = ROLE_NAMES) -> bool:
    """Say whether an address belongs to a desk rather than a person: ``info@``, ``sales+web@``."""
    local = address.strip().lower().rpartition("@")[0].partition("+")[0]
    return local in role_names


def is_disposable(address: str) -> bool:
    """Say whether the mailbox is of a throw-away service, by its domain or a parent of it."""
    return _facts(domain_of(address)).is_disposable


def is_free_mail(domain: str) -> bool:
    """Say whether a registrable domain is of a public mail provider, so that it names no company."""
    return domain in _FREE or domain in _MICROSOFT or domain.partition(".")[0] in _FREE_BRANDS


def is_disposable_domain(domain: str) -> bool:
    """Say whether a domain is of a throw-away mail service."""
    return _facts(domain).is_disposable

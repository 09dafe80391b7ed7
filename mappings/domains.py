"""Which domain stands for a person's company: by their e-mail, else by the website they named. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from tldextract import TLDExtract

from mappings.playbook import Accounts
from mappings.values.hosts import ascii_host
from mappings.values.identity import domain_of, is_disposable_domain, is_free_mail
from model.event import JsonValue

# The list that comes with the package: no network, and the same domain today and tomorrow. Its private part
# counts too, so that two shops on one host (a.myshopify.com, b.myshopify.com) are two companies.
_SUFFIXES = TLDExtract(
    suffix_list_urls=(),
    cache_dir=None,
    include_psl_private_domains=True,
    extra_suffixes=(
        "example",
        "test",
    ),  # reserved by RFC 2606 for documents and trials, so they are in no list
)

PLATFORMS = frozenset({
    "facebook.com", "instagram.com", "linkedin.com", "xing.com", "twitter.com", "x.com", "youtube.com",
    "tiktok.com", "pinterest.com", "google.com", "goo.gl", "bit.ly", "linktr.ee", "medium.com", "github.com",
    "wikipedia.org", "amazon.com", "ebay.com", "etsy.com",
})  # fmt: skip
"""Sites on which others have their pages: as a website they name no company, as an e-mail address they do."""


@dataclass(frozen=True, slots=True)
class CompanyDomain:
    """The domain that stands for a company and where it is from, or why there is none."""

    domain: str = ""
    origin: str = ""  # "e-mail" | "website"
    why_not: str = ""


@lru_cache(maxsize=65_536)
def registrable(host: str) -> str:
    """Return the part of a host or address that somebody registered, in ASCII; empty where there is none.

    ``https://www.shop.acme.co.uk/x`` gives ``acme.co.uk``; an IP address or ``localhost`` nothing.
    """
    found = ascii_host(_SUFFIXES(host.strip().lower()).top_domain_under_public_suffix)
    return found if found.isascii() else ""


def company_domain(fields: Mapping[str, JsonValue], accounts: Accounts) -> CompanyDomain:
    """Say which domain stands for the company of a lead with these fields.

    The e-mail's, unless it is one that many share (free or throw-away mail, a domain that the
    playbook lists); then that of the website.
    """
    email, site = fields.get("email"), fields.get("website")
    mail_domain = registrable(domain_of(str(email))) if email else ""
    why_not = _why_no_company(mail_domain, accounts) if email else "neither a company's e-mail nor a website"
    if not why_not:
        return CompanyDomain(_canonical(mail_domain, accounts), "e-mail")
    site_domain = registrable(str(site)) if site else ""
    if site_domain and not (site_domain in PLATFORMS or _why_no_company(site_domain, accounts)):
        return CompanyDomain(_canonical(site_domain, accounts), "website")
    return CompanyDomain(why_not=why_not)


def possible_domains(fields: Mapping[str, JsonValue], accounts: Accounts) -> Iterator[str]:
    """Yield every domain that could stand for the company once these fields are mixed with others."""
    for field in ("email", "website"):
        if fields.get(field) and (domain := company_domain({field: fields[field]}, accounts).domain):
            yield domain


def _canonical(domain: str, accounts: Accounts) -> str:
    return accounts.aliases.get(domain, domain)


def _why_no_company(domain: str, accounts: Accounts) -> str:
    if not domain:
        return "its domain is none that can be registered"
    if domain in accounts.shared_domains:
        return "the playbook lists its domain as shared"
    if is_free_mail(domain):
        return "its domain is a public mail provider's"
    if is_disposable_domain(domain):
        return "its domain is of a throw-away mail service"
    return ""

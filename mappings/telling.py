"""What an e-mail address and a telephone number tell of their owner by themselves: no one is asked."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import phonenumbers
from phonenumbers import timezone

from mappings.domains import registrable
from mappings.values.identity import domain_of, is_disposable, is_free_mail, is_role_address

BUSINESS, FREE, DISPOSABLE, ROLE = "business", "free", "disposable", "role"
EMAIL_KINDS = (BUSINESS, FREE, DISPOSABLE, ROLE)


def email_kind(address: str, role_names: Collection[str]) -> str:
    """Return what kind of mailbox it is; of several kinds the one that tells against a buyer most.

    ``disposable``: of a throw-away service. ``role``: a desk such as info@. ``free``: of a public
    provider. ``business``: any other.
    """
    if is_disposable(address):
        return DISPOSABLE
    if is_role_address(address, role_names):
        return ROLE
    return FREE if is_free_mail(registrable(domain_of(address))) else BUSINESS


def email_domain(address: str) -> str:
    """Return the registrable domain of an address; blank where it has none."""
    return registrable(domain_of(address))


@lru_cache(maxsize=65_536)
def phone_facts(number: str) -> tuple[str, str]:
    """Return the country of a number in E.164 and its time zone, each blank where the number leaves it open.

    A mobile number of a country with several zones, and a free-phone number, name no zone.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", ""
    country = phonenumbers.region_code_for_number(parsed) or ""
    zones = [zone for zone in timezone.time_zones_for_number(parsed) if zone != timezone.UNKNOWN_TIMEZONE]
    return ("" if country == INTERNATIONAL else country), (zones[0] if len(zones) == 1 else "")


INTERNATIONAL = "001"  # what the library calls numbers of no country

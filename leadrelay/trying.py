"""An account is tried before its credentials are kept: whose it is, by the cheapest reads there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.tokens import Credentials, FixedToken
from leadrelay.connections import endpoint, version_of
from leadrelay.settings import ConnectionSettings, Settings, is_loopback
from mappings.playbook import Limits
from model.errors import LeadRelayError
from sync.budgets import MemoryBudget


@dataclass(frozen=True, slots=True)
class Tried:
    """What an account said of itself."""

    account: str  # the vendor's id of it
    base_url: str
    facts: Mapping[str, str]  # what to show of it


def try_account(settings: Settings, name: str, kind: str, base_url: str, credentials: Credentials) -> Tried:
    """Read whose account it is. Raises ``LeadRelayError``: what the vendor said, and what to do."""
    from connectors.registry import INSPECTORS  # the vendors' clients load slowly
    from connectors.tokens import SignedIn

    version = version_of(settings, name, kind)
    fixed = None
    if credentials.method == "oauth":  # quite new: there is nothing to renew
        fixed = FixedToken(credentials.token, tuple(credentials.scopes.split()))
    point = endpoint(
        kind, ConnectionSettings(base_url, credentials, version, "store", fixed), MemoryBudget(Limits())
    )
    if isinstance(point.tokens, SignedIn) and (own := point.tokens.session().base_url):
        if is_loopback(own) != is_loopback(base_url) or (own[:5] == "http:" and not is_loopback(own)):
            raise LeadRelayError(f"The sign-in at {base_url} leads to {own}; connect that address.")
        base_url = own
        point = endpoint(kind, ConnectionSettings(own, credentials, version, "store"), point.budget)
    found = INSPECTORS[kind](point).account()
    facts = {"account": " ".join(filter(None, (found.id, found.name, found.kind and f"({found.kind})")))}
    facts |= {"address": base_url, "api_version": version, "signs_in_by": credentials.method}
    facts |= {"user": found.user} if found.user else {}
    scopes = "not told" if found.scopes is None else ", ".join(sorted(found.scopes))
    return Tried(found.id, base_url, facts | {"scopes": scopes})

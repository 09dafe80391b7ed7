"""By what CRMs that tell us of changes prove who they are: the variables, and what may be wrong there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadrelay.settings import Settings

SHORTEST = 24  # characters of a secret that stands in an address
_IN_A_PATH = re.compile(r"[A-Za-z0-9_-]+")

SECRETS: dict[str, Callable[[str], tuple[str, ...]]] = {
    # HubSpot signs with the client secret of the app; that of OAuth is the same app's.
    "hubspot": lambda prefix: (f"{prefix}_WEBHOOK_SECRET", f"{prefix}_CLIENT_SECRET"),
    "salesforce": lambda prefix: (f"{prefix}_HOOK_SECRET",),
}


def certificate_names(prefix: str) -> tuple[str, str]:
    """Return the variables that name the proxy's header and what it must hold."""
    return f"{prefix}_HOOK_CERT_HEADER", f"{prefix}_HOOK_CERT_VALUE"


def asks_for_certificate(settings: Settings, prefix: str) -> bool:
    """Say whether a certificate is asked for, be it that a file that says which is empty just now."""
    environ = settings.environ
    return any(environ.get(name) or environ.get(f"{name}_FILE") for name in certificate_names(prefix))


def problems_of(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the secrets that stand in addresses."""
    names = sorted(name.removesuffix("_FILE") for name, text in settings.environ.items() if text)
    for name in dict.fromkeys(names):
        if not name.startswith("LEADRELAY_") or name.startswith("LEADRELAY_SOURCE_"):
            continue
        if name.endswith("_HOOK_SECRET"):
            secret = settings.secret(name) or ""
            if len(secret) < SHORTEST or not _IN_A_PATH.fullmatch(secret):
                yield f"{name}: {SHORTEST} characters or more are needed, of A-Z, a-z, 0-9, - and _"
        elif name.endswith(("_HOOK_CERT_HEADER", "_HOOK_CERT_VALUE")):
            both = certificate_names(name.rpartition("_HOOK_CERT_")[0])
            missing = next((each for each in both if not settings.secret(each)), None)
            if missing:
                yield f"{missing}: missing, and needed with {name}"

"""Names of hosts in one form, whatever script they are written in."""

from __future__ import annotations

import idna


def ascii_host(host: str) -> str:
    """Return a host as the DNS has it, in lower case: ``müller.de`` gives ``xn--mller-kva.de``.

    By IDNA 2008 (RFC 5891) with the mappings of UTS 46 that are not transitional: ``straße.de`` is not
    ``strasse.de``. What is no name of a host comes back as it is.
    """
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(host, uts46=True, transitional=False).decode("ascii")
    except idna.IDNAError:
        return host.lower()


def spellings(host: str) -> tuple[str, ...]:
    """Return the ways in which a CRM may hold an ASCII host: as it is, and in its own script."""
    if "xn--" not in host:
        return (host,)
    try:
        return host, idna.decode(host)
    except idna.IDNAError:
        return (host,)

"""The one place where the paths of the vendor's client become dated ones."""

from __future__ import annotations

import re
from functools import lru_cache

UNDATED = "v3"  # the client's own paths; HubSpot answers them until September 2027

# HubSpot "Versioning": /crm/v3/objects/… became /crm/objects/2026-09/…; associations come from v4.
_PATH = re.compile(r"/crm/(?:v3/(objects|owners|properties|pipelines|lists)|v4/(associations))(/.*)?")


@lru_cache(maxsize=256)
def dated(path: str, version: str) -> str:
    """Return the path that ``version`` has for one of the client's; it may hold ``{placeholders}``.

    Raises ``LookupError`` for a path without a dated form: sent as it is, it would end with v3 unnoticed.
    """
    if version == UNDATED:
        return path
    match = _PATH.fullmatch(path)
    if match is None:
        raise LookupError(f'HubSpot path "{path}" has no known form in {version}; add it to paths.py')
    room = match[1] or match[2]
    rest = (match[3] or "").rstrip("/")  # the client asks for "owners/", the dated path has no slash
    return f"/crm/{room}/{version}{rest}"

"""What Salesforce's answers say of its limits: the last 24 hours' calls of all the org's integrations."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.base import A_DAY, Usage

# REST "Limit Info Header": api-usage=10018/100000, perhaps followed by per-app-api-usage=17/250(appName=x).
_USAGE = re.compile(r"(?:^|[;\s])api-usage=(\d+)/(\d+)")


def usage_of(headers: Mapping[str, str]) -> list[Usage]:
    """Read the limit that an answer tells; the list of versions tells none."""
    told = next((value for name, value in headers.items() if name.lower() == "sforce-limit-info"), "")
    match = _USAGE.search(told)
    return [Usage(A_DAY, int(match[1]), int(match[2]))] if match else []

"""Which domains stand for companies."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accounts:
    """Which domains stand for a company."""

    shared_domains: frozenset[str] = frozenset()  # of many companies or of none
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)  # domain -> the company's main one

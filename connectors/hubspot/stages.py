"""Lifecycle stages: HubSpot's API only moves them forward, and one that goes back is emptied first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.hubspot.records import values_of
from model.change import RecordChange

STAGE = "lifecyclestage"
# The default order (HubSpot "Lifecycle stages"). An account may have stages of its own, or another order: to
# empty one that goes forward there does no harm, and one that stays as it was shows in the answer.
IN_ORDER = (
    "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
    "evangelist", "other",
)  # fmt: skip


def goes_back(change: RecordChange) -> bool:
    """Say whether a change is known to set the stage back, which is not to be tried without emptying it.

    HubSpot says nowhere whether it ignores or refuses that.
    """
    held, wanted = change.held.get(STAGE), change.fields.get(STAGE)
    return held in IN_ORDER and wanted in IN_ORDER and IN_ORDER.index(wanted) < IN_ORDER.index(held)


def emptied(change: RecordChange) -> RecordChange:
    """Return the change with an empty stage, and all else that it has."""
    return replace(change, fields={**change.fields, STAGE: ""})


def is_stuck(change: RecordChange, row: Mapping[str, Any]) -> bool:
    """Say whether the answer shows another lifecycle stage than the one sent."""
    sent, shown = change.fields.get(STAGE), values_of(row).get(STAGE)
    return bool(sent) and bool(shown) and sent != shown

"""The duplicate rules: a lead or contact with an e-mail address that another one has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.schema import ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

FIRST_VERSION = 52  # of the API that knows the header

_MATCH_RULES = {"Lead": "Standard_Lead_Match_Rule_v1_0", "Contact": "Standard_Contact_Match_Rule_v1_1"}


def check(
    org: Org,
    kind: ObjectType,
    values: Mapping[str, Any],
    before: Mapping[str, Any],
    *,
    save: bool,
    details: bool,
) -> None:
    """Raise DUPLICATES_DETECTED where a rule is on and finds a match.

    ``save`` is what the header's allowSave says; a rule that blocks does not care. ``details`` tells the
    matches with all their fields.
    """
    action = org.faults.setting["duplicate_rules"]
    if action == "off" or kind.name not in _MATCH_RULES or (action == "alert" and save):
        return
    email = values.get("Email")
    if not email or (email == before.get("Email")):
        return
    results = [
        _result(name, matches, org, details=details)
        for name in _MATCH_RULES
        if (matches := list(_matches(org, name, email, besides=values.get("Id"))))
    ]
    if not results:
        return
    message = "Use one of these records?"
    found = {
        "allowSave": action == "alert",
        "duplicateRule": f"Standard_{kind.name}_Duplicate_Rule",
        "duplicateRuleEntityType": kind.name,
        "errorMessage": message,
        "matchResults": results,
    }
    # The key is spelt so by Salesforce.
    raise SalesforceError("DUPLICATES_DETECTED", message, extra={"duplicateResut": found})


def _matches(org: Org, name: str, email: str, *, besides: str | None) -> Iterator[Record]:
    for record in org.rows(name).with_key("Email", email):
        if record.archived_at is None and record.id != besides and not record.values.get("IsConverted"):
            yield record


def _result(name: str, matches: list[Record], org: Org, *, details: bool) -> dict[str, Any]:
    return {
        "entityType": name,
        "errors": [],
        "matchEngine": "FuzzyMatchEngine",
        "matchRecords": [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": 100.0,
                "record": _shown(name, record, org, details=details),
            }
            for record in matches
        ],
        "rule": _MATCH_RULES[name],
        "size": len(matches),
        "success": True,
    }


def _shown(name: str, record: Record, org: Org, *, details: bool) -> dict[str, Any]:
    url = f"/services/data/v68.0/sobjects/{name}/{record.id}"
    told: dict[str, Any] = {"attributes": {"type": name, "url": url}, "Id": record.id}
    return told | (org.fields_of(name, record) if details else {})

"""What a new org starts with: the API user, the company's people, a queue, and the org's own record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.people import COMPANY, TEAM
from sandbox.records import Record
from sandbox.salesforce import ids
from sandbox.salesforce.moments import stamp

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

ORG_ID = ids.mint("00D", 24_301)
API_USER = ("Integration", "User", f"integration@{COMPANY.lower()}.example", True)
API_ZONE, TEAM_ZONE = "GMT", "America/Los_Angeles"

# Name, probability, closed, won, forecast category and its name.
STAGES = (
    ("Prospecting", 10, False, False, "Pipeline", "Pipeline"),
    ("Qualification", 10, False, False, "Pipeline", "Pipeline"),
    ("Needs Analysis", 20, False, False, "Pipeline", "Pipeline"),
    ("Value Proposition", 50, False, False, "Pipeline", "Pipeline"),
    ("Id. Decision Makers", 60, False, False, "Pipeline", "Pipeline"),
    ("Perception Analysis", 70, False, False, "Pipeline", "Pipeline"),
    ("Proposal/Price Quote", 75, False, False, "Pipeline", "Pipeline"),
    ("Negotiation/Review", 90, False, False, "Pipeline", "Pipeline"),
    ("Closed Won", 100, True, True, "Closed", "Closed"),
    ("Closed Lost", 0, True, False, "Omitted", "Omitted"),
)
LEAD_STATUSES = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
)
CONVERTED_STATUS = "Closed - Converted"


def populate(org: Org) -> str:
    """Make the first records; returns the id of the queue that the lead assignment rule hands leads to."""
    admin = _add(org, "Profile", {"Name": "System Administrator", "UserType": "Standard"}).id
    standard = _add(org, "Profile", {"Name": "Standard User", "UserType": "Standard"}).id
    people = [(one.first_name, one.last_name, one.email, one.active) for one in TEAM]
    for first_name, last_name, email, active in (API_USER, *people):
        alias = re.sub(r"\W", "", first_name[:1] + last_name).lower()[:8]
        user = {
            "FirstName": first_name, "LastName": last_name, "Name": f"{first_name} {last_name}",
            "Alias": alias, "Email": email, "Username": email, "IsActive": active, "CompanyName": COMPANY,
            "LocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "EmailEncodingKey": "UTF-8",
            "TimeZoneSidKey": API_ZONE if email == API_USER[2] else TEAM_ZONE,
            "ProfileId": admin if email == API_USER[2] else standard,
        }  # fmt: skip
        _add(org, "User", user)
    _add(org, "Organization", {
        "Id": ORG_ID, "Name": COMPANY, "Country": "US", "DefaultLocaleSidKey": "en_US", "IsSandbox": True,
        "TimeZoneSidKey": "America/Los_Angeles", "LanguageLocaleKey": "en_US", "InstanceName": "CS42",
        "OrganizationType": "Developer Edition",
    })  # fmt: skip
    for order, (name, chance, closed, won, category, category_name) in enumerate(STAGES, 1):
        _add(org, "OpportunityStage", {
            "MasterLabel": name, "ApiName": name, "SortOrder": order, "DefaultProbability": float(chance),
            "IsClosed": closed, "IsWon": won, "ForecastCategory": category,
            "ForecastCategoryName": category_name,
        })  # fmt: skip
    for order, name in enumerate(LEAD_STATUSES, 1):
        _add(org, "LeadStatus", {
            "MasterLabel": name, "ApiName": name, "SortOrder": order, "IsDefault": order == 1,
            "IsConverted": name == CONVERTED_STATUS,
        })  # fmt: skip
    return _add(org, "Group", {"Name": "Inbound queue", "DeveloperName": "Inbound_queue", "Type": "Queue"}).id


def _add(org: Org, name: str, given: dict[str, Any]) -> Record:
    kind, now = org.kind(name), org.now()
    record_id, moment = given.get("Id") or org.next_id(kind), stamp(now)
    stamps = {
        "CreatedDate": moment, "CreatedById": org.user_id, "LastModifiedDate": moment,
        "LastModifiedById": org.user_id, "SystemModstamp": moment,
    }  # fmt: skip
    record = Record(
        record_id, {**kind.defaults, **given, "Id": record_id, **stamps}, created_at=now, updated_at=now
    )
    org.rows(name).add(record)
    return record

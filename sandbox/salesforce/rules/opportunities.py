"""Opportunities: what their stage says of them, their history, and the roles of contacts in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.records import Record
from sandbox.salesforce.moments import stamp
from sandbox.salesforce.rules.base import Rules, live
from sandbox.salesforce.rules.campaigns import count_opportunities

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.writes import Writer

TRACKED = ("StageName", "Amount", "Probability", "CloseDate")  # a change of these makes a row of history
_CATEGORY = {"Best Case": "BestCase", "Commit": "Forecast"}  # the name -> the category; others are the same


def stage_of(org: Org, name: str | None) -> Mapping[str, Any] | None:
    """The OpportunityStage of that name."""
    wanted = (name or "").lower()
    stages = org.rows("OpportunityStage").every()
    return next((stage.values for stage in stages if stage.values["ApiName"].lower() == wanted), None)


class OpportunityRules(Rules):
    """Opportunities."""

    def complete(
        self, write: Writer, values: dict[str, Any], given: Mapping[str, Any], before: Mapping[str, Any]
    ) -> None:
        """Derive from the stage whether it is closed or won, the forecast, and the probability not given."""
        if values["StageName"] != before.get("StageName"):
            stage = stage_of(write.org, values["StageName"]) or {}
            values["IsClosed"], values["IsWon"] = stage.get("IsClosed", False), stage.get("IsWon", False)
            if given.get("Probability") is None:
                values["Probability"] = stage.get("DefaultProbability", 0.0)
            if given.get("ForecastCategoryName") is None:
                values["ForecastCategoryName"] = stage.get("ForecastCategoryName", "Pipeline")
            if before:
                values["LastStageChangeDate"] = stamp(write.org.now())
        category = values["ForecastCategoryName"]
        values["ForecastCategory"] = _CATEGORY.get(category, category)
        amount, chance = values.get("Amount"), values.get("Probability")
        values["ExpectedRevenue"] = None if amount is None else round(amount * (chance or 0) / 100, 2)
        year, month = values["CloseDate"][:4], int(values["CloseDate"][5:7])
        values["FiscalYear"], values["FiscalQuarter"] = int(year), (month + 2) // 3
        values["Fiscal"] = f"{year} {values['FiscalQuarter']}"

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """Keep its history, the role of the contact it was made for, and its campaigns' sums."""
        values = record.values
        if any(values.get(name) != before.get(name) for name in TRACKED):
            _keep_history(write, record, before)
        contact_id = values.get("ContactId")
        if not before and contact_id:
            role = {"OpportunityId": record.id, "ContactId": contact_id, "IsPrimary": True}
            write.create(write.org.kind("OpportunityContactRole"), role)
        changed = any(values.get(name) != before.get(name) for name in ("CampaignId", "Amount", "IsWon"))
        for campaign_id in {values.get("CampaignId"), before.get("CampaignId")} if changed else ():
            if campaign_id:
                count_opportunities(write, campaign_id)

    def leave(self, write: Writer, record: Record) -> None:
        """Take along roles and activities; the history stays, as rows nobody finds."""
        roles = {"OpportunityContactRole": "OpportunityId", "Task": "WhatId", "Event": "WhatId"}
        write.delete_children(record, roles)


class RoleRules(Rules):
    """The roles of contacts in an opportunity: one of them is the primary one."""

    def settle(self, write: Writer, record: Record, before: Mapping[str, Any]) -> None:
        """A new primary role ends the old one, and is the opportunity's contact."""
        if not record.values.get("IsPrimary") or before.get("IsPrimary"):
            return
        opportunity_id = record.values["OpportunityId"]
        for other in live(write.org, "OpportunityContactRole", "OpportunityId", opportunity_id):
            if other is not record and other.values.get("IsPrimary"):
                write.update(write.org.kind("OpportunityContactRole"), other, {"IsPrimary": False})
        opportunity = write.org.find(opportunity_id)
        if opportunity is not None:
            write.derive("Opportunity", opportunity, {"ContactId": record.values["ContactId"]})


def _keep_history(write: Writer, record: Record, before: Mapping[str, Any]) -> None:
    values = record.values
    told = {name: values.get(name) for name in (*TRACKED, "ExpectedRevenue", "ForecastCategory")}
    row = write.add_row("OpportunityHistory", {
        "OpportunityId": record.id, **told,
        "PrevAmount": before.get("Amount"), "PrevCloseDate": before.get("CloseDate"),
    })  # fmt: skip
    last = {}
    if before and values.get("Amount") != before.get("Amount"):
        last["LastAmountChangedHistoryId"] = row.id
    if before and values.get("CloseDate") != before.get("CloseDate"):
        last["LastCloseDateChangedHistoryId"] = row.id
    if last:
        write.derive("Opportunity", record, last)

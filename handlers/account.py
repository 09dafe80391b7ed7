"""Joins a lead to its company's account, by the domain of the e-mail or of the website."""

from __future__ import annotations

from dataclasses import dataclass

from handlers.base import Context
from mappings.domains import company_domain
from mappings.playbook import Accounts
from model.account import FROM_LEAD, Account, account_id
from model.decision import NOTHING, Because, Decision, JoinAccount
from model.event import JsonValue
from model.lead import Lead


@dataclass(frozen=True, slots=True)
class JoinByDomain:
    """Say which account the lead belongs to, and fill what is blank there from the lead.

    A value that an account holds is never replaced by a lead's; only its name is, while that is
    no more than the domain. Test leads belong to no account.
    """

    accounts: Accounts

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if lead.is_test:
            return NOTHING
        known = lead.get("account")
        found = company_domain(lead.fields, self.accounts)
        if not found.domain:
            if known:
                return Decision(because=(Because(f"account {known} kept: no other is named"),))
            return Decision(because=(Because(f"no account: {found.why_not}"),))
        joined = account_id(lead.space, found.domain)
        account = context.lookups.account(joined)
        fills = _fills(lead, account, found.domain)
        if joined == known and not fills:
            return NOTHING
        because = []
        if joined != known:
            new = ", a new one" if account is None else ""
            because.append(Because(f"account {joined} by the domain of the {found.origin}{new}"))
        if fills:
            because.append(Because(f"account {joined} takes from the lead: {', '.join(fills)}"))
        return Decision(
            fields={"account": joined}, effects=(JoinAccount(joined, fills),), because=tuple(because)
        )


def _fills(lead: Lead, account: Account | None, domain: str) -> dict[str, JsonValue]:
    """Return what the account takes from the lead; a company that nobody named is called by its domain."""
    held = account.fields if account else {}
    cleared = {name for name in account.provenance if held.get(name) is None} if account else set()
    fills: dict[str, JsonValue] = {} if held.get("domain") else {"domain": domain}
    for name, of_lead in FROM_LEAD.items():
        value = lead.get(of_lead)
        if name in cleared:
            continue
        if value is not None and (held.get(name) is None or (name == "name" and held["name"] == domain)):
            fills[name] = value
    if held.get("name") is None and "name" not in fills:
        fills["name"] = domain
    return fills

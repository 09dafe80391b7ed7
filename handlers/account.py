"""Joins a lead to its company's account: by a domain, by evidence of several fields, by a person's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from handlers.base import Context
from handlers.belonging import SHOWN, Belonging, belonging
from mappings.playbook import Accounts
from model.account import FROM_LEAD, Account
from model.decision import NOTHING, AskReview, Because, Decision, Effect, JoinAccount, SettleReviews
from model.event import JsonValue
from model.lead import Lead

KIND = "account_match"
"""Of the question which of several accounts a lead belongs to."""


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
        found = belonging(lead, self.accounts, context.lookups)
        asked, said = self._asked(found, lead)
        if not found.account_id:
            text = (
                f"account {known} kept: no other is named" if known else f"no account: {found.domain.why_not}"
            )
            if not known and found.asks:
                text = "no account yet: a person is asked"
            return Decision(effects=asked, because=(*said, Because(text, candidates=self._told(found))))
        joined = found.account_id
        account = context.lookups.account(joined)
        fills = _fills(lead, account, found.domain.domain)
        if joined == known and not fills:
            return Decision(effects=asked, because=said) if asked else NOTHING
        because = list(said)
        if joined != known:
            new = ", a new one" if account is None else ""
            text = f"account {joined} by {_how(found)}{new}"
            because.append(Because(text, candidates=self._told(found)))
        if fills:
            because.append(Because(f"account {joined} takes from the lead: {', '.join(fills)}"))
        return Decision(
            fields={"account": joined},
            effects=(JoinAccount(joined, fills), *asked),
            because=tuple(because),
        )

    def _told(self, found: Belonging) -> tuple[Mapping[str, JsonValue], ...]:
        return found.told(self.accounts.match) if self.accounts.match is not None else ()

    def _asked(self, found: Belonging, lead: Lead) -> tuple[tuple[Effect, ...], tuple[Because, ...]]:
        """Return whom a person is asked about, and every candidate with what speaks for it."""
        match = self.accounts.match
        if match is None or not found.candidates:
            return (), ()
        lines = tuple(Because(one.text, match.place) for one in found.candidates[:SHOWN])
        if found.how == "evidence" and lead.get("account") == found.account_id:
            return (), ()
        if not found.asks:
            return (SettleReviews(KIND),) if found.how == "evidence" else (), lines
        # No probability in it: the same accounts are the same question, however likely they become.
        names = [one.account.id for one in found.asks[:SHOWN]]
        return (AskReview(KIND, {"accounts": names}),), lines


def _how(found: Belonging) -> str:
    if found.how == "evidence":
        return f"evidence, {found.why} decided" if found.why else "evidence"
    return f"the domain of the {found.domain.origin}" if found.how == "domain" else "a person's word"


def _fills(lead: Lead, account: Account | None, domain: str) -> dict[str, JsonValue]:
    """Return what the account takes from the lead; a company that nobody named is called by its domain."""
    held = account.fields if account else {}
    cleared = {name for name in account.provenance if held.get(name) is None} if account else set()
    fills: dict[str, JsonValue] = {"domain": domain} if domain and not held.get("domain") else {}
    for name, of_lead in FROM_LEAD.items():
        value = lead.get(of_lead)
        if name in cleared:
            continue
        if value is not None and (held.get(name) is None or (name == "name" and held["name"] == domain)):
            fills[name] = value
    if held.get("name") is None and "name" not in fills and domain:
        fills["name"] = domain
    return fills

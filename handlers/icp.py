"""Says how well a lead and its company fit the ideal customer profile, and in which tier that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from handlers.base import Context
from handlers.belonging import belonging
from mappings.playbook import Accounts, Icp, IcpCriterion
from mappings.truth import OF_ACCOUNT
from model.account import FROM_LEAD, Account
from model.decision import NOTHING, Because, Decision
from model.event import JsonValue
from model.lead import ICP_FIELDS, Lead

MET, MISSED, UNKNOWN = "met", "missed", "not known"


@dataclass(frozen=True, slots=True)
class Fit:
    """How well somebody fits: percent of the weights, the tier (blank: none), and each criterion."""

    percent: int
    tier: str
    criteria: tuple[tuple[IcpCriterion, str], ...]  # with MET, MISSED or UNKNOWN

    @property
    def fields(self) -> Mapping[str, JsonValue]:
        """Return it as the fields of a lead."""
        return dict(zip(ICP_FIELDS, (self.tier or None, self.percent, self.text), strict=True))

    @property
    def text(self) -> str:
        """Return the criteria in one line: those that are met first."""
        by_word = {
            word: [one.name for one, said in self.criteria if said == word] for word in (MET, MISSED, UNKNOWN)
        }
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in by_word.items() if names)


@dataclass(frozen=True, slots=True)
class JudgeFit:
    """Set tier, percent and criteria of the profile, by the lead and, where it is blank, its account.

    Without a profile the fields that an earlier one left are emptied.
    """

    icp: Icp | None
    accounts: Accounts = field(default_factory=Accounts)

    def __call__(self, lead: Lead, context: Context) -> Decision:
        if self.icp is None:
            left = {name: None for name in ICP_FIELDS if lead.fields.get(name) is not None}
            return Decision(fields=left) if left else NOTHING
        account = self._account(lead, context)
        found = fit(lead, account, self.icp)
        changed = {name: value for name, value in found.fields.items() if lead.fields.get(name) != value}
        facts = _of_account(lead, account, self.icp)
        if not changed:
            return Decision(facts=facts)
        lines = [_said(found, self.icp), *(_line(one, word) for one, word in found.criteria)]
        return Decision(fields=changed, because=tuple(lines), facts=facts)

    def _account(self, lead: Lead, context: Context) -> Account | None:
        """Return the lead's account, also before the handler of accounts has joined it."""
        if "account" not in context.playbook.pipeline or lead.is_test:
            return None
        joined = belonging(lead, self.accounts, context.lookups).account_id
        known = context.lookups.account(joined) if joined else None
        return known or context.account


def fit(lead: Lead, account: Account | None, icp: Icp) -> Fit:
    """Judge a lead; a field that is blank there is that of the account. A blank field meets nothing."""
    view = replace(lead, fields=known(lead, account))
    criteria = tuple((one, _word(one, view)) for one in icp.criteria)
    whole = sum(one.weight for one in icp.criteria)
    reached = sum(one.weight for one, word in criteria if word == MET)
    percent = (200 * reached + whole) // (2 * whole)  # rounded, halves up
    if any(one.is_required and word != MET for one, word in criteria):
        return Fit(percent, icp.outside, criteria)
    tier = next((name for least, name in icp.tiers if percent >= least), icp.outside)
    return Fit(percent, tier, criteria)


def known(lead: Lead, account: Account | None) -> dict[str, JsonValue]:
    """Return the lead's fields; of its company what the account knows where they are blank."""
    if account is None:
        return dict(lead.fields)
    of_account = {
        name: value
        for held, name in FROM_LEAD.items()
        if name != "owner" and (value := account.fields.get(held)) is not None
    }
    return of_account | {name: value for name, value in lead.fields.items() if value is not None}


def _of_account(lead: Lead, account: Account | None, icp: Icp) -> dict[str, JsonValue]:
    """Return what of the account the criteria looked at, for who asks what each was worth."""
    if account is None:
        return {OF_ACCOUNT: {}}
    asked = {name for one in icp.criteria for name in one.when.fields if lead.fields.get(name) is None}
    view = known(lead, account)
    return {OF_ACCOUNT: {name: view[name] for name in sorted(asked) if name in view}}


def _word(criterion: IcpCriterion, lead: Lead) -> str:
    if criterion.when.matches(lead):
        return MET
    names = criterion.when.fields
    is_blank = all((lead.get(name) if "." in name else lead.fields.get(name)) is None for name in names)
    return UNKNOWN if names and is_blank else MISSED


def _said(found: Fit, icp: Icp) -> Because:
    lacks = [one.name for one, word in found.criteria if one.is_required and word != MET]
    why = f", for {', '.join(lacks)} is required" if lacks else ""
    return Because(
        f"profile: {found.percent} percent, {f'tier {found.tier}' if found.tier else 'no tier'}{why}",
        icp.place,
    )


def _line(criterion: IcpCriterion, word: str) -> Because:
    marks = [f"weight {criterion.weight}"] if criterion.weight else []
    marks += ["required"] if criterion.is_required else []
    return Because(f"{word}: {criterion.name} ({', '.join(marks)})", criterion.place)

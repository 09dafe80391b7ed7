"""Which account a lead belongs to: one answer, for the account itself, for routing and for the profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from handlers.base import Lookups
from mappings.domains import CompanyDomain, company_domain
from mappings.matcher import company
from mappings.matcher.model import Verdict
from mappings.playbook import AccountMatch, Accounts
from model.account import PARENT, Account, Likeness, account_id
from model.event import JsonValue
from model.lead import PERSON, Lead

SHOWN = 5  # candidates in a reason or a question
KEPT = 20  # candidates that are kept with a decision, the likeliest ones


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that a lead may belong to, and why it is not looked at further, if it is not."""

    likeness: Likeness
    verdict: Verdict
    why_not: str = ""

    @property
    def account(self) -> Account:
        """Return the account."""
        return self.likeness.account

    @property
    def text(self) -> str:
        """Return it in a line: how likely, why, and what left it out."""
        left_out = f"; left out: {self.why_not}" if self.why_not else ""
        return f"account {self.account.id} {self.verdict.probability:.1%}: {self.verdict.text}{left_out}"


@dataclass(frozen=True, slots=True)
class Belonging:
    """The account of a lead; blank: none, or what it is known by stays."""

    account_id: str = ""
    domain: CompanyDomain = field(default_factory=CompanyDomain)
    how: str = ""  # "person", "domain", "evidence"; blank: none
    why: str = ""  # which tie-breaker decided
    candidates: tuple[Candidate, ...] = ()
    asks: tuple[Candidate, ...] = ()  # about which a person is to be asked
    unlike: tuple[Candidate, ...] = ()  # share a key with the lead, and are not likely enough to ask about

    def told(self, match: AccountMatch) -> tuple[Mapping[str, JsonValue], ...]:
        """Return whom it could have joined as plain data, the likeliest first, and why it did not."""
        found = ((one, self._end(one, match)) for one in (*self.candidates, *self.unlike)[:KEPT])
        return tuple(
            {
                "who": f"account {one.account.id}",
                "likely": round(one.verdict.probability, 4),
                "evidence": one.verdict.text,
                "took": not why_not,
                **({"why_not": why_not} if why_not else {}),
            }
            for one, why_not in found
        )

    def _end(self, one: Candidate, match: AccountMatch) -> str:
        """Return why a candidate was not joined; blank of the one that was."""
        if one.verdict.probability < match.review:
            return f"below review ({match.review:g})"
        if one.why_not:
            return one.why_not
        if self.how != "evidence":
            return f"below same ({match.same:g}): a person is asked"
        if one.verdict.probability < match.same:
            return f"below same ({match.same:g})"
        return "" if one.account.id == self.account_id else f"behind by {self.why}"


def belonging(lead: Lead, accounts: Accounts, lookups: Lookups) -> Belonging:
    """Return which account a lead belongs to.

    A person's word first; then the account of the domain, where it is there; then, where the playbook
    matches by evidence, the account that is likeliest by several fields; then a new one of the domain.
    """
    found = company_domain(lead.fields, accounts)
    by_domain = account_id(lead.space, found.domain) if found.domain else ""
    if is_said(lead):
        return Belonging(str(lead.fields["account"]), found, "person")
    plain = Belonging(by_domain, found, "domain" if by_domain else "")
    match = accounts.match
    if match is None or lead.is_test or _is_refused(lead) or (by_domain and lookups.account(by_domain)):
        return plain
    candidates, unlike = _candidates(lead, accounts, match, lookups)
    if not candidates:
        return replace(plain, unlike=unlike)
    fit = [one for one in candidates if not one.why_not]
    same = [one for one in fit if one.verdict.probability >= match.same]
    if same:
        chosen, why = _first(same, lead, match.tie_breakers)
        return Belonging(chosen.account.id, found, "evidence", why, candidates, (), unlike)
    asks = tuple(one for one in fit if one.verdict.probability >= match.review)
    if asks and match.fallback == "none":
        return Belonging("", found, "", "", candidates, asks, unlike)
    return Belonging(by_domain, found, plain.how, "", candidates, asks, unlike)


def is_said(lead: Lead) -> bool:
    """Say whether a person said which account it is."""
    origin = lead.provenance.get("account")
    return origin is not None and origin.source == PERSON and bool(lead.fields.get("account"))


def _is_refused(lead: Lead) -> bool:
    """Say whether a person said that it is none of the accounts it looks like."""
    origin = lead.provenance.get("account")
    return origin is not None and origin.source == PERSON


def _candidates(
    lead: Lead, accounts: Accounts, match: AccountMatch, lookups: Lookups
) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Return the accounts that are likely enough to ask about, and the others, the likeliest first."""
    likely = lookups.accounts_like(lead.fields)
    ours = company.of_lead(lead.fields, accounts, with_phone=not likely.has_shared_phone)
    found = []
    for one in likely.accounts:
        verdict = company.judge(ours, company.account(one.account.fields))
        found.append(Candidate(one, verdict, _why_not(one, match)))
    found.sort(key=lambda one: (-one.verdict.probability, one.account.id))
    first = sum(one.verdict.probability >= match.review for one in found)
    return tuple(found[:first]), tuple(found[first:])


def _why_not(one: Likeness, match: AccountMatch) -> str:
    lacks = [name for name in match.only if not _HAS[name](one)]
    return f"no {' and no '.join(lacks)}" if lacks else ""


_HAS: Mapping[str, Callable[[Likeness], bool]] = {
    "customer": lambda one: one.won > 0,
    "open_deal": lambda one: one.open > 0,
    "owner": lambda one: bool(one.account.get("owner")),
}


def _first(same: Sequence[Candidate], lead: Lead, order: Sequence[str]) -> tuple[Candidate, str]:
    """Return the first by the tie-breakers, and which one decided; at last the lesser id does."""
    left = list(same)
    for name in order:
        if len(left) == 1:
            break
        ranks = [_RANK[name](one, lead, same) for one in left]
        best = max(ranks)
        kept = [one for one, rank in zip(left, ranks, strict=True) if rank == best]
        if len(kept) == 1:
            return kept[0], name
        left = kept
    return min(left, key=lambda one: one.account.id), "" if len(same) == 1 else "the lesser id"


def _age(one: Candidate) -> float:
    made = one.account.created_at
    return -made.timestamp() if made else float("-inf")


def _below(one: Candidate, same: Sequence[Candidate]) -> float:
    """Return how many of the others belong to a company, as the CRM says, by way of others of them, too."""
    found, fresh = {one.account.id}, [one.account]
    while fresh:
        over = fresh.pop()
        under = [
            each.account for each in same if each.account.id not in found and _is_over(over, each.account)
        ]
        found.update(each.id for each in under)
        fresh += under
    return float(len(found) - 1)


def _is_over(parent: Account, account: Account) -> bool:
    """Say whether a company's parent is the other: the record that its CRM names, or one that became it."""
    said, origin = account.get(PARENT), account.provenance.get(PARENT)
    link = parent.links.get(origin.source) if said and origin is not None else None
    return link is not None and said in (link.remote_id, *link.aliases)


_RANK: Mapping[str, Callable[[Candidate, Lead, Sequence[Candidate]], float]] = {
    "customer": lambda one, *_: float(one.likeness.won > 0),
    "open_deals": lambda one, *_: float(one.likeness.open),
    "parent": lambda one, _, same: _below(one, same),
    "same_country": lambda one, lead, _: float(one.account.get("country") == lead.get("country") is not None),
    "likeliest": lambda one, *_: one.verdict.probability,
    "oldest": lambda one, *_: _age(one),
}

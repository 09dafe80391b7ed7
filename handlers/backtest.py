"""What a score was at an earlier moment, and what a threshold would have found; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from handlers.icp import fit
from handlers.points import points
from mappings.playbook import Icp, Scoring
from model.account import Account
from model.lead import DECIDED_FIELDS, Lead, Touch
from model.times import to_text


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest score of a lead before a moment, and how many of its facts came only later."""

    score: int
    facts: int  # that were known before the moment: 0 means that nothing can be said
    later: int  # that were not, and so were not counted
    tier: str = ""  # of the customer profile, just before the moment


@dataclass(frozen=True, slots=True)
class TierFound:
    """How many leads of a tier had deals that were won or lost, and how many of these were won."""

    tier: str  # blank: none
    volume: int
    won: int

    @property
    def win_rate(self) -> float | None:
        """Return which part of them was won; ``None`` where there was none."""
        return self.won / self.volume if self.volume else None


@dataclass(frozen=True, slots=True)
class Found:
    """What a threshold would have found among leads whose deals were won or lost."""

    threshold: int
    volume: int  # leads that reached it
    won: int  # of these
    of: int  # leads that were won in all

    @property
    def precision(self) -> float | None:
        """Return which part of those found was won; ``None`` where none was found."""
        return self.won / self.volume if self.volume else None

    @property
    def recall(self) -> float | None:
        """Return which part of those won was found; ``None`` where none was won."""
        return self.won / self.of if self.of else None


def as_of(lead: Lead, moment: datetime, *, skip_direct: bool = True) -> Lead:
    """Return a lead as it was known before a moment: with what is of an earlier time, and nothing later.

    Of a field only its present value is known: one that came later leaves the field blank, whatever stood
    there before. What rules decided (score, stage, owner) is left out; the touches are found anew.
    """
    known = {
        name: value
        for name, value in lead.fields.items()
        if name not in DECIDED_FIELDS
        and (origin := lead.provenance.get(name)) is not None
        and origin.at < moment
    }
    touches = [touch for touch in lead.touches if touch.at < moment]
    if touches:
        last = max(touches, key=lambda touch: (not (skip_direct and touch.is_direct), touch.at))
        known["first_touch"] = _as_field(min(touches, key=lambda touch: touch.at))
        known["last_touch"] = _as_field(last)
    return replace(
        lead,
        fields=known,
        touches=touches,
        activities=[deed for deed in lead.activities if deed.at < moment],
        engagements={ref: one for ref, one in lead.engagements.items() if one.at < moment},
    )


def account_as_of(account: Account, moment: datetime) -> Account:
    """Return an account with what was known of it before a moment, as ``as_of`` does for a lead."""
    fields = {
        name: value
        for name, value in account.fields.items()
        if (origin := account.provenance.get(name)) is not None and origin.at < moment
    }
    return replace(account, fields=fields)


def peak(
    lead: Lead,
    scoring: Scoring,
    before: datetime,
    *,
    skip_direct: bool = True,
    icp: Icp | None = None,
    account: Account | None = None,
) -> Peak:
    """Return the highest score that a lead had before a moment, by the facts of each time.

    A score rises when a fact comes in or a deed is done: it is counted at each of them, and at the end.
    Rules that ask for the tier of the profile see that of the time.
    """

    def then(until: datetime) -> Lead:
        of_then = as_of(known, until, skip_direct=skip_direct)
        if icp is not None:
            company = account_as_of(account, until) if account is not None else None
            fits = fit(of_then, company, icp).fields
            of_then.fields.update({name: value for name, value in fits.items() if value is not None})
        return of_then

    known = as_of(lead, before, skip_direct=skip_direct)
    came = [origin.at for name, origin in lead.provenance.items() if name not in DECIDED_FIELDS]
    came += [touch.at for touch in lead.touches]
    came += [deed.at for deed in lead.deeds()]
    times = sorted({at for at in came if at < before})
    after = [*times[1:], before] if times else []
    best = 0
    for at, until in zip(times, after, strict=True):
        best = max(best, points(then(until), scoring, at).total)
    last = then(before) if times else known
    if times:
        best = max(best, points(last, scoring, before).total)
    tier = str(last.fields.get("icp_tier") or "")
    return Peak(best, sum(at < before for at in came), sum(at >= before for at in came), tier)


def by_tier(icp: Icp, judged: Iterable[tuple[str, bool]]) -> list[TierFound]:
    """Count leads by their tier, the best first; those of none stand last."""
    order = list(dict.fromkeys([*(tier for _, tier in icp.tiers), icp.outside, ""]))
    counted = list(judged)
    found = [
        TierFound(
            tier, sum(one == tier for one, _ in counted), sum(won for one, won in counted if one == tier)
        )
        for tier in order
    ]
    return [one for one in found if one.tier or one.volume]


def found_by(thresholds: Iterable[int], judged: Sequence[tuple[int, bool]]) -> list[Found]:
    """Return what each threshold finds among leads with their score and whether they were won."""
    won = sum(is_won for _, is_won in judged)
    return [
        Found(
            threshold,
            sum(score >= threshold for score, _ in judged),
            sum(is_won for score, is_won in judged if score >= threshold),
            won,
        )
        for threshold in thresholds
    ]


def _as_field(touch: Touch) -> dict[str, str]:
    return {"at": to_text(touch.at), **touch.fields}

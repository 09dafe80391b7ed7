"""What `status` says of providers, and `explain` of what they were asked about a lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leadrelay.cli.common import say, table
from mappings.playbook import Playbook, Spend
from sync.asking.books import ProviderCount, Told
from sync.asking.spending import Spent


def print_providers(found: Mapping[str, ProviderCount], playbook: Playbook | None) -> None:
    """Show how questions to providers ended, what was spent on each, and of how much."""
    if not found:
        return
    caps = {name: one.spend for name, one in playbook.enrichment.providers.items()} if playbook else {}
    rows = [
        (
            name,
            one.waiting,
            one.answered,
            one.cached,
            one.unknown,
            one.failed,
            one.capped,
            _of(one.today, caps.get(name, Spend()).per_day),
            _of(one.month, caps.get(name, Spend()).per_month),
            money(one.month),
        )
        for name, one in sorted(found.items())
    ]
    columns = ("provider", "waiting", "answered", "cached", "knew|nothing", "failed", "capped")
    table("Asked of providers", (*columns, "calls|today", "calls|this month", "cost|this month"), rows)
    for name, one in sorted(found.items()):
        if one.trouble:
            say(f"{name}: the last question has no answer: {one.trouble}", style="yellow")


def _of(spent: Spent, cap: int | None) -> str:
    return f"{spent.calls:,}" if cap is None else f"{spent.calls:,} of {cap:,}"


def money(spent: Spent) -> str:
    """Return what was spent in words; blank where no price is known."""
    return f"{spent.cost:,.2f} {spent.currency}" if spent.currency else ""


def tell_asked(found: Sequence[Told]) -> None:
    """Print what providers were asked about a lead, and what they said."""
    for one in found:
        why = f": {one.error}" if one.error else ""
        calls = f", {one.calls} calls" if one.calls > 1 else ""
        say(f"{one.provider} {one.words} {one.at:%Y-%m-%d %H:%M:%S}{calls}{why}", hang=2)
        for path, value in one.said.items():
            say(f"  {path}: {value}", hang=4)

"""What another threshold or profile would have found among the deals that were won or lost."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from leadrelay.cli.common import WRONG_USAGE, Json, console, fail, load_settings, print_json, reading, table
from leadrelay.cli.in_force import playbook_of
from leadrelay.settings import SPACE
from sync.backtest import backtest

RANGE = re.compile(r"(\d{1,3})(?:\.\.(\d{1,3}))?")
COLUMNS = ("score of", "leads", "won", "precision", "recall")
TIER_COLUMNS = ("tier", "leads", "won", "win rate")


def simulate(
    threshold: Annotated[str, typer.Option(help="A score, or a range of scores: 50..80.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--playbook", help="Another playbook's points; default: the one in use.")
    ] = None,
    step: Annotated[int, typer.Option(min=1, max=100, help="From one score of the range to the next.")] = 5,
    icp: Annotated[bool, typer.Option("--icp", help="The win rate of each tier of icp.yaml.")] = False,
    as_json: Json = False,
) -> None:
    """Show what thresholds would have found, or the win rate by tier, as leads were before their deals."""
    if not threshold and not icp:
        fail("Say what to try: --threshold 50..80, --icp, or both.", WRONG_USAGE)
    settings = load_settings()
    thresholds = _thresholds(threshold, step) if threshold else []
    playbook = playbook_of(settings, folder)
    if icp and playbook.icp is None:
        fail("--icp: this playbook has no icp.yaml, so there are no tiers.", WRONG_USAGE)
    with reading(settings) as snapshot:
        tried = backtest(snapshot, SPACE, playbook, thresholds)
    if as_json:
        print_json(
            {
                "playbook": playbook.version,
                "leads": tried.leads,
                "won": tried.won,
                "thresholds": [
                    {
                        "threshold": one.threshold,
                        "volume": one.volume,
                        "won": one.won,
                        "precision": one.precision,
                        "recall": one.recall,
                    }
                    for one in tried.found
                ],
                "tiers": [
                    {"tier": one.tier or None, "leads": one.volume, "won": one.won, "win_rate": one.win_rate}
                    for one in tried.tiers
                ],
                "left_out": dict(tried.left_out),
                "with_later_facts": tried.with_later_facts,
            }
        )
        return
    title = f"Of {tried.leads} leads whose deals were decided, {tried.won} won"
    if icp:
        tiers = [(one.tier or "none", one.volume, one.won, _percent(one.win_rate)) for one in tried.tiers]
        table(title, TIER_COLUMNS, tiers)
    rows = [
        (one.threshold, one.volume, one.won, _percent(one.precision), _percent(one.recall))
        for one in tried.found
    ]
    if threshold:
        table(title, COLUMNS, rows)
    for why, count in sorted(tried.left_out.items()):
        console.print(f"left out: {count}, {why}", markup=False)
    if tried.with_later_facts:
        text = "have facts that came after their deal began; those were not counted"
        console.print(f"{tried.with_later_facts} of the leads {text}", markup=False)


def _thresholds(text: str, step: int) -> list[int]:
    match = RANGE.fullmatch(text.strip())
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last or last > 100:
        fix = "write 60 or 50..80, scores from 0 to 100"
        fail(f'--threshold: "{text}" is no score and no range; {fix}.', WRONG_USAGE)
    return [*range(first, last, step), last]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"

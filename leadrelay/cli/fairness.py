"""Who got how many leads of a pool, beside what their weight would have been."""

from __future__ import annotations

from typing import Annotated

import typer

from leadrelay.cli.common import (
    WRONG_USAGE,
    Json,
    console,
    fail,
    load_settings,
    print_json,
    reading,
    table,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from mappings.values.durations import duration
from sync.fairness import portions

COLUMNS = ("pool", "member", "weight", "turns", "sticky", "given back", "got", "expected", "difference")


def fairness(
    pool: Annotated[str, typer.Argument(help="One pool; left out: every one.")] = "",
    since: Annotated[str, typer.Option(help="How far back: 30d, 12h.")] = "30d",
    as_json: Json = False,
) -> None:
    """Compare what each member of a pool got with what their weight would have been."""
    settings = load_settings()
    pools = playbook_in_force(settings).routing.pools
    if pool and pool not in pools:
        fail(f'There is no pool "{pool}"; there is {", ".join(sorted(pools))}.', WRONG_USAGE)
    try:
        begin = SystemClock().now() - duration(since)
    except (ValueError, OverflowError) as error:
        fail(f"--since: {error}", WRONG_USAGE)
    with reading(settings) as snapshot:
        found = portions(snapshot, SPACE, [pools[pool]] if pool else pools.values(), begin)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    rows = [
        (
            one.pool,
            one.email,
            "left" if one.weight is None else f"{one.weight:g}",
            one.turns,
            one.sticky,
            one.given_back,
            one.got,
            f"{one.expected:.1f}",
            f"{one.got - one.expected:+.1f}",
        )
        for one in found
    ]
    table(f"Leads by turn since {begin:%Y-%m-%d %H:%M} UTC", COLUMNS, rows)
    console.print(
        "Expected is by weight, had everybody been there all the time: shifts, absences, caps and "
        "takes explain differences, `leadrelay explain` tells those of one lead."
    )

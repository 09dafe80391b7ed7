"""The command that looks at everything and says what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from leadrelay.cli.common import FOUND_PROBLEMS, console, counted, load_settings, print_json, say
from leadrelay.clock import SystemClock

STYLES = {"ok": "green", "warn": "yellow", "problem": "red"}


def doctor(
    connections: Annotated[list[str] | None, typer.Argument(help="Look at these connections only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Check store, keys, playbook and every connection: what is well, what is not, and what to do."""
    from leadrelay.doctor.examination import examine  # the vendors' clients load slowly

    settings = load_settings()
    found = []
    for one in examine(settings, connections or (), SystemClock().now()):
        found.append(one)
        if not as_json:
            say(f"{one.level:<8} {one.area:<11} {one.fact}", hang=21, style=STYLES[one.level])
            if one.fix:
                say(f"{'':<21}{one.fix}", hang=21)
    counts = {level: sum(one.level == level for one in found) for level in STYLES}
    if as_json:
        print_json({"findings": [asdict(one) for one in found], **counts})
    else:
        parts = (counted(counts["problem"], "problem"), counted(counts["warn"], "warning"))
        console.print(f"{' and '.join(parts)} in {counted(len(found), 'finding')}.", markup=False)
    if counts["problem"]:
        raise typer.Exit(FOUND_PROBLEMS)

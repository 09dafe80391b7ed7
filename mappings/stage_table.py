"""The lifecycle as the table that people agree on: definition, team, activities, exit criteria. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from mappings.moving import grouped, spelled
from mappings.playbook import Gate, Lifecycle, Stage

COLUMNS = (
    "Lead Stage",
    "Definition",
    "Team",
    "Activities to be Conducted by Team",
    "Exit Criteria",
)


def stage_rows(lifecycle: Lifecycle) -> list[tuple[str, str, str, list[str], list[str]]]:
    """Return a row for each stage; activities and exit criteria are lists."""
    return [
        (stage.title, stage.definition, stage.team, list(stage.activities), list(_exit(lifecycle, stage)))
        for stage in lifecycle.stages
    ]


def as_markdown(lifecycle: Lifecycle) -> str:
    """Write the table as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for *texts, activities, ends in stage_rows(lifecycle):
        cells = [
            *texts,
            "<br>".join(f"• {one}" for one in activities),
            "<br>".join(f"• {one}" for one in ends),
        ]
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _exit(lifecycle: Lifecycle, stage: Stage) -> Iterator[str]:
    """Yield what a stage asks for before a lead moves on, then how leads move on from it by rules."""
    yield from _asked(stage.exit)
    if lifecycle.is_end(stage.name):
        yield "N/A"
        return
    for rule, criterion in grouped(lifecycle.rules):
        goes = lifecycle.goes_on(stage.name, rule.to) or stage.name in rule.starts
        if not goes or (rule.starts and stage.name not in rule.starts):
            continue
        if stage.moves is not None and rule.to not in {move.to for move in stage.moves}:
            continue
        there = lifecycle.stage(rule.to)
        yield f"To {there.title if there else rule.to}: {spelled(criterion)}"


def _asked(gate: Gate) -> Iterator[str]:
    if gate.mandatory:
        yield f"Known: {', '.join(gate.mandatory)}"
    for one in gate.criteria:
        yield spelled(one)

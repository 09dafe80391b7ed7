"""Commands about the stages: write them by answers, print them as the table, report times in them."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard.words import span
from handlers.registry import HANDLERS
from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    Json,
    console,
    counted,
    fail,
    load_settings,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_in_force, say_beside
from leadrelay.cli.playbook import folder_of
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from mappings import compile as compiling
from mappings.asking_stages import FILE, Asked, Unclear, as_yaml, defaults, known_to
from mappings.playbook import Lifecycle
from mappings.problems import PlaybookError
from mappings.stage_table import COLUMNS, as_markdown, stage_rows
from mappings.values.durations import duration
from sync.stages import times

app = typer.Typer(help="The stages of leads: written, printed, timed.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option("--playbook", help="Default: LEADRELAY_PLAYBOOK or ./playbook.")]
TIMES = ("stage", "pass", "entered", "left", "there", "median time", "median working time")


@app.callback()
def lifecycles() -> None:
    """The stages of leads: written, printed, timed."""


@app.command("init")
def init(
    folder: Folder = None,
    takes_defaults: Annotated[bool, typer.Option("--defaults", help="Ask nothing.")] = False,
    replaces: Annotated[
        bool,
        typer.Option("--replace", help="A file that is there is kept as lifecycle.yaml.old."),
    ] = False,
) -> None:
    """Ask for each stage's definition, team, activities and exit, and write lifecycle.yaml.

    A blank answer takes what is in brackets, - is nothing. Answers can be piped in, a line each.
    """
    folder = folder_of(folder)
    path = folder / FILE
    if path.exists() and not replaces:
        fail(f"{path} is there already. --replace keeps it as {FILE}.old and writes a new one.", WRONG_USAGE)
    asked = defaults(known_to(folder))
    if not takes_defaults:
        for stage in asked.stages:
            _ask(asked, stage)
    text = as_yaml(asked)
    problems = _tried(folder, text)
    for problem in problems:
        console.print(problem, markup=False)
    if problems:
        fail(f"{path} was not written.", FOUND_PROBLEMS)
    if path.exists():
        shutil.copyfile(path, folder / f"{FILE}.old")
    path.write_text(text, encoding="utf-8")
    console.print(f"Wrote {path}. Next: leadrelay check {folder}", markup=False)


@app.command("export")
def export(
    folder: Folder = None,
    is_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    as_json: Json = False,
) -> None:
    """Print the stages as a table: definition, team, activities, exit criteria (Markdown)."""
    folder = folder_of(folder)
    lifecycle = _lifecycle(folder)
    say_beside(folder)
    rows = stage_rows(lifecycle)
    if as_json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    elif is_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(COLUMNS)
        for *texts, activities, ends in rows:
            writer.writerow([*texts, "\n".join(activities), "\n".join(ends)])
    else:
        typer.echo(as_markdown(lifecycle))


@app.command("times")
def report(
    since: Annotated[str, typer.Option(help="Of stages entered this long ago or less: 90d, 12h.")] = "90d",
    as_json: Json = False,
) -> None:
    """Report how long leads were in each stage, pass by pass, in wall and in working hours."""
    settings = load_settings()
    lifecycle = playbook_in_force(settings).lifecycle
    now = SystemClock().now()
    try:
        begin = now - duration(since)
    except (ValueError, OverflowError) as error:
        fail(f"--since: {error}", WRONG_USAGE)
    with reading(settings) as snapshot:
        found = times(snapshot, SPACE, lifecycle, begin, now)
    if as_json:
        print_json(
            [
                {
                    "stage": one.stage,
                    "pass": one.pass_number,
                    "entered": one.entered,
                    "left": one.left,
                    "median_seconds": one.wall and int(one.wall.total_seconds()),
                    "median_business_seconds": one.business and int(one.business.total_seconds()),
                }
                for one in found
            ]
        )
        return
    rows = [
        (
            one.stage,
            one.pass_number,
            one.entered,
            one.left,
            one.entered - one.left,
            span(one.wall),
            span(one.business),
        )
        for one in found
    ]
    table(f"Leads in their stages since {begin:%Y-%m-%d %H:%M} UTC", TIMES, rows)
    say("Times are of those who left. Working time is by the calendar of the stage (lifecycle.yaml).")


def _lifecycle(folder: Path) -> Lifecycle:
    try:
        return compiling.load(folder, handlers=HANDLERS).lifecycle
    except PlaybookError as error:
        lines = [str(problem) for problem in error.problems]
        fail("\n".join([*lines, f"{counted(len(lines), 'problem')} in the playbook."]))


def _ask(asked: Asked, stage: dict[str, Any]) -> None:
    """Ask for one stage; what cannot be meant is said and asked again, where somebody sits there."""
    console.print(f"\n{stage['label']}", style="bold", markup=False)
    answers: Mapping[str, str] = asked.shown(stage)
    for name, question in asked.QUESTIONS.items():
        while True:
            given = typer.prompt(question, default=answers[name], show_default=bool(answers[name]))
            try:
                asked.answer(stage, name, str(given))
                break
            except Unclear as unclear:
                if not sys.stdin.isatty():
                    fail(f"{stage['label']}, {name}: {unclear}", WRONG_USAGE)
                say(str(unclear), style="red")


def _tried(folder: Path, text: str) -> list[str]:
    """Return what would be wrong with the file in this playbook."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "playbook"
        shutil.copytree(folder, copy)
        (copy / FILE).write_text(text, encoding="utf-8")
        found = compiling.check(copy, handlers=HANDLERS)
    return [str(problem) for problem in found if problem.at.file == FILE or "stage" in problem.message]

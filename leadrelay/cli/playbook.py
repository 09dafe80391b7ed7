"""Commands about the playbook's files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from handlers.registry import HANDLERS
from leadrelay import settings as settings_module
from leadrelay.cli.common import FOUND_PROBLEMS, WRONG_USAGE, console, counted, fail, print_json
from leadrelay.doctor.findings import OK, PROBLEM
from leadrelay.doctor.rosters import Checked, check_stored
from leadrelay.settings import SettingsError
from mappings import compile as compiling
from mappings import scorings, starter
from mappings.advising import advice_on
from mappings.examples import check_examples, warnings_of
from mappings.problems import did_you_mean

Named = Annotated[Path | None, typer.Option("--playbook", help="The same as FOLDER.")]


def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    scoring: Annotated[
        str, typer.Option(help=f"Another model of points: {', '.join(scorings.names())}.")
    ] = "",
) -> None:
    """Write the starter playbook: a complete B2B example with comments and editor completion."""
    if scoring and scoring not in scorings.names():
        fail(f'There is no model "{scoring}". {did_you_mean(scoring, scorings.names())}', WRONG_USAGE)
    try:
        written = starter.write_starter(folder, scoring)
    except FileExistsError as error:
        fail(str(error))
    console.print(f"Wrote {len(written)} files to {folder}. Next: leadrelay check {folder}", markup=False)


def check(
    folder: Annotated[Path | None, typer.Argument(help="Default: LEADRELAY_PLAYBOOK or ./playbook.")] = None,
    named: Named = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Print every problem of the playbook as file:line:column, and who of its people cannot own leads."""
    folder = folder_of(named or folder)
    problems = compiling.check(folder, handlers=HANDLERS)
    problems = problems or check_examples(folder, compiling.load(folder, handlers=HANDLERS))
    playbook = None if problems else compiling.load(folder, handlers=HANDLERS)
    warnings = [*advice_on(playbook), *warnings_of(folder, playbook)] if playbook else []
    people = _people(folder) if playbook else None
    unfit = [one for one in people.findings if one.level != OK] if people else []
    if as_json:
        print_json(
            [
                {
                    "file": problem.at.file,
                    "line": problem.at.line,
                    "column": problem.at.column,
                    "message": problem.message,
                    "fix": problem.fix,
                }
                for problem in problems
            ]
            + [
                {
                    "file": one.at.file,
                    "line": one.at.line,
                    "column": one.at.column,
                    "message": one.message,
                    "fix": one.fix,
                    "level": "warning",
                }
                for one in warnings
            ]
            + [
                {"file": "routing.yaml", "line": 1, "column": 1, "message": one.fact, "fix": one.fix}
                for one in unfit
            ]
        )
    elif problems:
        for problem in problems:
            console.print(str(problem), markup=False)
        console.print(f"{counted(len(problems), 'problem')} found.", markup=False)
    else:
        console.print(f"{folder}: no problem found.", markup=False)
    for warning in warnings if not as_json else ():
        console.print(f"warning: {warning}", markup=False)
    if people and unfit and not as_json:
        read = ", ".join(f"{name} {at:%Y-%m-%d %H:%M} UTC" for name, at in people.read_at.items())
        console.print(f"People, by the owners last read ({read}):", markup=False)
        for one in unfit:
            console.print(f"{one.level}: {one.fact}\n    {one.fix}", markup=False)
    if problems or any(one.level == PROBLEM for one in unfit):
        raise typer.Exit(FOUND_PROBLEMS)


def folder_of(given: Path | None) -> Path:
    """Return the playbook's folder, or end the command where there is none."""
    folder = given or Path(os.environ.get("LEADRELAY_PLAYBOOK") or "playbook")
    if not folder.is_dir():
        fix = f"Write one with `leadrelay init {folder}`."
        if Path("pipeline.yaml").is_file():
            fix = "This folder is one: name it, as in `leadrelay check .`."
        fail(f"There is no playbook folder {folder}. {fix}", WRONG_USAGE)
    return folder


def _people(folder: Path) -> Checked | None:
    """Look who can own leads, where a store that knows it is at hand; no CRM is called."""
    try:
        settings = settings_module.load()
    except SettingsError:
        return None  # the files can be checked anywhere; `serve` and `doctor` tell what the environment lacks
    return check_stored(settings, compiling.load(folder, handlers=HANDLERS))

"""Commands about the playbook's files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from handlers.registry import HANDLERS
from leadrelay.cli.common import FOUND_PROBLEMS, WRONG_USAGE, console, counted, fail, print_json
from mappings import compile as compiling
from mappings import starter


def init(folder: Annotated[Path, typer.Argument(help="A new or empty folder.")]) -> None:
    """Write the starter playbook: a complete B2B example with comments and editor completion."""
    try:
        written = starter.write_starter(folder)
    except FileExistsError as error:
        fail(str(error))
    console.print(f"Wrote {len(written)} files to {folder}. Next: leadrelay check {folder}", markup=False)


def check(
    folder: Annotated[Path | None, typer.Argument(help="Default: LEADRELAY_PLAYBOOK or ./playbook.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Print every problem of the playbook as file:line:column, with a suggestion."""
    folder = folder or Path(os.environ.get("LEADRELAY_PLAYBOOK") or "playbook")
    if not folder.is_dir():
        fail(f"There is no playbook folder {folder}. Write one with `leadrelay init {folder}`.", WRONG_USAGE)
    problems = compiling.check(folder, handlers=HANDLERS)
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
        )
    elif problems:
        for problem in problems:
            console.print(str(problem), markup=False)
        console.print(f"{counted(len(problems), 'problem')} found.", markup=False)
    else:
        console.print(f"{folder}: no problem found.", markup=False)
    if problems:
        raise typer.Exit(FOUND_PROBLEMS)

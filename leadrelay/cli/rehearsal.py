"""The command that tries a playbook's examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handlers.registry import HANDLERS, build
from leadrelay import logs
from leadrelay.cli.common import FOUND_PROBLEMS, WRONG_USAGE, Json, console, counted, fail, print_json
from leadrelay.cli.playbook import Named, folder_of
from mappings import compile as compiling
from mappings.examples import FOLDER, Example, load_examples
from mappings.playbook import Playbook
from mappings.problems import PlaybookError
from sync.rehearsal import Tried, rehearse


def try_examples(
    folder: Annotated[Path | None, typer.Argument(help="Default: LEADRELAY_PLAYBOOK or ./playbook.")] = None,
    place: Named = None,
    only: Annotated[str, typer.Option("-k", help="Only examples whose name has this in it.")] = "",
    why: Annotated[bool, typer.Option("--why", help="Show the reasons of each example's last post.")] = False,
    as_json: Json = False,
) -> None:
    """Try the examples in the playbook's folder tests/, each with nobody known; no CRM or store is used."""
    folder = folder_of(place or folder)
    playbook, examples = _read(folder)
    chosen = [example for example in examples if only.casefold() in example.name.casefold()]
    if not chosen:
        named = f' whose name has "{only}" in it' if only else ""
        fail(f"{folder / FOLDER} has no example{named}.", WRONG_USAGE)
    logs.configure("error", for_people=True)
    tried = []
    for one in rehearse(chosen, playbook, build(playbook)):
        tried.append(one)
        if not as_json:
            _tell(one, why=why)
    failed = sum(bool(one.failures) for one in tried)
    if as_json:
        print_json([_as_json(one) for one in tried])
    else:
        console.print(f"{counted(len(tried), 'example')}: {len(tried) - failed} as expected, {failed} not.")
    if failed:
        raise typer.Exit(FOUND_PROBLEMS)


def _read(folder: Path) -> tuple[Playbook, list[Example]]:
    try:
        playbook = compiling.load(folder, handlers=HANDLERS)
        return playbook, load_examples(folder, playbook)
    except PlaybookError as error:
        fail(str(error))


def _tell(one: Tried, *, why: bool) -> None:
    console.print(f"{'not as expected' if one.failures else 'ok'}  {one.example.name}", markup=False)
    for failure in one.failures:
        console.print(f"    {failure}", markup=False)
        for line in failure.why:
            console.print(f"        {line}", markup=False)
    if why or one.failures:
        for reason in one.reasons:
            console.print(f"      because {reason}", markup=False, style="dim")


def _as_json(one: Tried) -> dict[str, object]:
    return {
        "name": one.example.name,
        "place": str(one.example.place),
        "ok": not one.failures,
        "failures": [
            {"place": str(each.place), "text": each.text, "why": list(each.why)} for each in one.failures
        ],
        "because": list(one.reasons),
    }

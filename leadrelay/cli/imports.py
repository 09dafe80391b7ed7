"""The commands about files of people: taken in, listed."""

from __future__ import annotations

import getpass
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.control import hand_in
from leadrelay.settings import SPACE
from mappings.playbook import Source
from mappings.sheets import Sheet, Unreadable, read_csv
from mappings.tracing import Trace, trace_columns
from mappings.workbooks import MAGIC, read_xlsx
from model.errors import LeadRelayError
from model.event import Event
from sync import imports, undoing
from sync.tables import to_json

AT_ONCE = 500  # rows handed in together
BYTES_AT_ONCE = 4_000_000
SHOWN = 10  # reasons
LONG = 2_000  # rows from which on it is told how far the reading is


class _FileFirst(TyperGroup):
    """Takes what is no command for the file to take in: ``leadrelay import fair.csv``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words after ``import``."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["file", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileFirst,
    no_args_is_help=True,
    help="Files of people: taken in, listed, taken back. `leadrelay import FILE` takes one in.",
)


@app.command("file")
def import_file(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A table as CSV or XLSX; its first line names the columns.")
    ],
    source: Annotated[str, typer.Option(help="The source whose file says what the columns mean.")],
    basis: Annotated[str, typer.Option(help="Why these people's data may be kept and used, in your words.")],
    sheet_name: Annotated[
        str, typer.Option("--sheet", help="The sheet of an XLSX file; left out, the first.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Take them in; without it only shows what would be.")
    ] = False,
    by: Annotated[str, typer.Option(help="Who takes them in; kept with the batch.")] = "",
    as_json: Json = False,
) -> None:
    """Show what would become of the rows of a file, or take them in: each once, however often it is sent."""
    if not basis.strip():
        fail(
            "--basis says why these people's data may be kept and used: consent at a fair, a contract, …",
            WRONG_USAGE,
        )
    settings, now = load_settings(), SystemClock().now()
    playbook = playbook_in_force(settings)
    if source not in playbook.sources:
        fail(
            f"The playbook has no source {source}; it has {', '.join(sorted(playbook.sources))}.", WRONG_USAGE
        )
    raw, sheet = _read(path, sheet_name)
    trace = trace_columns(playbook.sources[source], sheet.columns)
    batch = imports.Batch(
        hashlib.sha256(raw + sheet_name.encode()).hexdigest()[:12],
        path.name,
        basis.strip(),
        source,
        by or getpass.getuser(),
    )
    with reading(settings) as snapshot:
        told = _progress(len(sheet.rows), quiet=as_json)
        found = imports.preview(snapshot, SPACE, sheet, batch, playbook, now, told)
    taken = 0
    if yes:
        try:
            for some in _pieces(found.take):
                taken += hand_in(settings.database_url, some)
                if not as_json:
                    say(f"{taken:,} of {len(found.take):,} rows taken in")
        except LeadRelayError as error:
            fail(
                f"{error} {counted(taken, 'row')} had been taken; send the file again for the rest.",
                FOUND_PROBLEMS,
            )
    if as_json:
        print_json(_as_json(batch, sheet, found, taken) | _traced(trace))
        return
    _tell(batch, sheet, found)
    _tell_trace(trace, playbook.sources[source])
    if yes:
        say(
            f"\nTook in {counted(taken, 'row')} as batch {batch.id}. `leadrelay status` shows where they end,"
            f" `leadrelay import undo {batch.id}` takes them back."
        )
    else:
        say(f"\nNothing was taken in; add --yes to take in {counted(len(found.take), 'row')}.")


def _progress(rows: int, *, quiet: bool) -> Callable[[int], None]:
    """Return what says how far a long file is read."""

    def tell(read: int) -> None:
        if not quiet and rows >= LONG and (read % LONG == 0 or read == rows):
            say(f"{read:,} of {rows:,} rows read")

    return tell


def _pieces(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Yield rows that are handed in together: the daemon takes 8 MiB at once."""
    piece, size = list[Event](), 0
    for event in events:
        bytes_ = len(to_json(dict(event.payload)).encode())
        if piece and (len(piece) == AT_ONCE or size + bytes_ > BYTES_AT_ONCE):
            yield piece
            piece, size = [], 0
        piece.append(event)
        size += bytes_
    if piece:
        yield piece


def _read(path: Path, sheet_name: str) -> tuple[bytes, Sheet]:
    try:
        raw = path.read_bytes()
        is_workbook = raw.startswith(MAGIC)
        if sheet_name and not is_workbook:
            fail(f"{path} is no XLSX file, and has no sheets: leave --sheet out.", WRONG_USAGE)
        return raw, read_xlsx(raw, sheet_name) if is_workbook else read_csv(raw)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}", WRONG_USAGE)
    except Unreadable as error:
        fail(f"{path}: {error}", FOUND_PROBLEMS)


def _tell(batch: imports.Batch, sheet: Sheet, found: imports.Preview) -> None:
    say(
        f"{batch.file}: {counted(len(sheet.rows), 'row')}, batch {batch.id}, as {batch.source}; {batch.basis}"
    )
    for number, text in (
        (found.new, "new people"),
        (found.known, "known already: what they hold is merged as a form's would be"),
        (found.again, "of somebody in an earlier row"),
        (found.set_aside, "to be set aside, until a person mends them:"),
    ):
        console.print(f"{number:>8,}  {text}", markup=False)
    _tell_reasons(found.quarantined, found)
    if found.unread:
        console.print("          fields that cannot be read are left out:", markup=False)
        _tell_reasons(found.unread, found)
    for name, lines in sheet.errors.items():
        say(
            f"          {name}: {counted(len(lines), 'cell')} with an error of the spreadsheet (as #N/A) "
            f"left out (first in line {lines[0]})",
            style="yellow",
        )
    if found.sent:
        console.print(f"{found.sent:>8,}  imported before: left out", markup=False)
    if found.same_id:
        line = found.examples[imports.SAME_ID]
        say(
            f"{found.same_id:>8,}  with {imports.SAME_ID}, which is one post by the source's event_id: "
            f"left out (first in line {line})",
            style="yellow",
        )
    if found.forgotten:
        console.print(f"{found.forgotten:>8,}  erased for privacy: left out", markup=False)


def _tell_reasons(reasons: Counter[str], found: imports.Preview) -> None:
    for text, number in reasons.most_common(SHOWN):
        say(f"            {number:,} × {text} (first in line {found.examples[text]})")
    if len(reasons) > SHOWN:
        say(f"            and {len(reasons) - SHOWN} more reasons")


def _tell_trace(trace: Trace, source: Source) -> None:
    """Say which columns no line reads, and which lines find no column."""
    if trace.unread:
        say(f"no line of {source.place.file} reads the columns: {', '.join(trace.unread)}", style="yellow")
    others: dict[str, list[str]] = {}
    for silent in trace.silent:
        if silent.near or _is_required(silent.line.what, source):
            say(f"no column for {silent}  [{silent.line.place}]", hang=4, style="yellow")
        else:
            others.setdefault(silent.line.what, []).extend(silent.line.paths)
    if others:
        say(f"no column for {', '.join(_missing(what, columns) for what, columns in others.items())}")


def _missing(what: str, columns: Sequence[str]) -> str:
    """Name what finds no column, with the columns that it would be read from where these have other names."""
    return what if what in columns else f"{what} ({' or '.join(dict.fromkeys(columns))})"


def _is_required(field: str, source: Source) -> bool:
    return any(field in one.any_of for one in source.required)


def _traced(trace: Trace) -> dict[str, object]:
    return {
        "unread_columns": list(trace.unread),
        "missing_columns": [
            {
                "for": one.line.what,
                "columns": list(one.line.paths),
                "near": one.near,
                "rule": str(one.line.place),
            }
            for one in trace.silent
        ],
    }


def _as_json(batch: imports.Batch, sheet: Sheet, found: imports.Preview, taken: int) -> dict[str, object]:
    return {
        "batch": batch.id,
        "rows": len(sheet.rows),
        "new": found.new,
        "known": found.known,
        "again": found.again,
        "set_aside": found.set_aside,
        "reasons": dict(found.quarantined),
        "left_out_fields": dict(found.unread),
        "spreadsheet_errors": {name: len(lines) for name, lines in sheet.errors.items()},
        "imported_before": found.sent,
        "same_id": found.same_id,
        "forgotten": found.forgotten,
        "taken": taken,
    }


@app.command("list")
def list_batches(as_json: Json = False) -> None:
    """Show the files that were taken in: when, by whom, on what basis, and where their rows ended."""
    with reading(load_settings()) as snapshot:
        found = undoing.listed(snapshot, SPACE)
    if as_json:
        print_json([one.as_json() for one in found])
        return
    rows = [
        (
            one.batch,
            one.file,
            one.source,
            f"{one.at:%Y-%m-%d %H:%M}",
            one.by,
            ", ".join(f"{number:,} {state}" for state, number in sorted(one.rows.items()) if number),
            one.state,
            one.basis,
        )
        for one in found
    ]
    if rows:
        table("", ("batch", "file", "source", "taken in", "by", "rows", "state", "basis"), rows)
    else:
        say("No file of people was taken in.")

"""What commands share: settings, the store for reading, exit codes, tables and JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError

from leadrelay import settings as settings_module
from leadrelay.settings import Settings, SettingsError
from model.errors import LeadRelayError
from sync import migrate
from sync.database import Store, exclusive, open_store

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

FOUND_PROBLEMS = 1
WRONG_USAGE = 2

PIPED_WIDTH = 160  # columns where nobody says how wide the page is
NARROW = 110  # columns below which long column names are broken


def _width() -> int | None:
    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PIPED_WIDTH


console = Console(emoji=False, highlight=False, soft_wrap=True, width=_width())
errors = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)


def fail(message: str, code: int = FOUND_PROBLEMS) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    errors.print(message, style="red", markup=False)
    raise typer.Exit(code)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 problem``, ``2 problems``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def keep_to_ourselves() -> None:
    """Make no file that other users of the machine can read: the store holds personal data."""
    os.umask(os.umask(0o077) | 0o007)


def load_settings() -> Settings:
    """Return the settings, or end the command with every problem of the environment."""
    try:
        return settings_module.load()
    except SettingsError as error:
        for problem in error.problems:
            errors.print(problem, style="red", markup=False)
        fail(f"{counted(len(error.problems), 'setting')} cannot be used; nothing was started.", WRONG_USAGE)


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the store for reading; a running daemon is not disturbed."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not _exists(url.database):
        fail(
            f"There is no store at {url.database} yet. Start the daemon with `leadrelay serve`, "
            "or name another store in LEADRELAY_DATABASE_URL."
        )
    if url.get_backend_name() == "sqlite" and not is_sqlite(url.database):
        fail(f"{url.database} is not a SQLite file, so it is no store; see LEADRELAY_DATABASE_URL.")
    try:
        store = open_store(settings.database_url)
    except LeadRelayError as error:
        fail(str(error))
    with contextlib.closing(store):
        try:
            with store.snapshot() as snapshot:
                is_current = migrate.current(snapshot) == migrate.head()
            if not is_current:
                _upgrade(store, settings)
        except SQLAlchemyError as error:
            fail(unusable(settings, error))
        yield store


def _upgrade(store: Store, settings: Settings) -> None:
    """Bring a store to this version, unless a daemon of another one may be at work on it."""
    try:
        if store.dialect != "sqlite":
            migrate.refuse_newer(settings.database_url)
            raise LeadRelayError("the store's tables are of another version of leadrelay")
        with exclusive(store):
            migrate.upgrade(settings.database_url)
    except migrate.NewerStore as error:
        fail(f"{error}.")
    except LeadRelayError as error:
        fail(f"{error}: start `leadrelay serve` of this version, which brings the store up to date.")


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """Look at one moment of the store."""
    with opened(settings) as store, store.snapshot() as snapshot:
        yield snapshot


def _exists(path: str | None) -> bool:
    return path is not None and Path(path).exists()


def is_sqlite(path: str | None) -> bool:
    """Say whether a file is a SQLite database, or an empty one that will become one."""
    with Path(path or "").open("rb") as file:
        return file.read(16) in (b"", b"SQLite format 3\0")


def unusable(settings: Settings, error: SQLAlchemyError) -> str:
    """Say in one line, without the password, why a store cannot be opened."""
    shown = make_url(settings.database_url).render_as_string(hide_password=True)
    text = str(getattr(error, "orig", None) or error).strip()
    why = text.splitlines()[0] if text else type(error).__name__
    return f"The store at {shown} cannot be used: {why}"


def print_json(value: Any) -> None:
    """Print a value as JSON, moments as ISO text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def say(text: str, *, hang: int = 0, style: str | None = None) -> None:
    """Print a line; on a terminal it is broken at words, ``hang`` columns in, when piped it stays whole."""
    if sys.stdout.isatty() and len(text) > console.width:
        wrapper = textwrap.TextWrapper(
            console.width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
        )
        text = wrapper.fill(text)
    console.print(text, style=style, markup=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table that fits the page: numbers to the right, long texts broken rather than cut.

    A ``|`` in a column's name is where it may be broken when the page is narrow.
    """
    is_narrow = console.width < NARROW
    gap = (0, 0 if is_narrow else 1, 0, 0)
    grid = Table(header_style="bold", box=box.SIMPLE_HEAD, padding=gap, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        is_number = bool(rows) and all(isinstance(row[number], int) for row in rows)
        name = column.replace("|", "\n") if is_narrow else column.replace("-|", "").replace("|", " ")
        grid.add_column(
            name, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold", vertical="top"
        )
    for row in rows:
        grid.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    if title:
        console.print(f"\n{title}", style="bold", markup=False)
    console.print(grid, soft_wrap=False)

"""What commands share: settings, the store for reading, exit codes, tables and JSON."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import Connection, make_url

from leadrelay import settings as settings_module
from leadrelay.settings import Settings, SettingsError
from model.errors import LeadRelayError
from sync import migrate
from sync.database import open_store

FOUND_PROBLEMS = 1
WRONG_USAGE = 2
SPACE = "main"

PIPED_WIDTH = 160  # columns where nobody says how wide the page is

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str, code: int = FOUND_PROBLEMS) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    errors.print(message, style="red", markup=False)
    raise typer.Exit(code)


def load_settings() -> Settings:
    """Return the settings, or end the command with every problem of the environment."""
    try:
        return settings_module.load()
    except SettingsError as error:
        for problem in error.problems:
            errors.print(problem, style="red", markup=False)
        fail(f"{len(error.problems)} settings cannot be used; nothing was started.", WRONG_USAGE)


@contextlib.contextmanager
def reading(settings: Settings) -> Iterator[Connection]:
    """Open the store for reading; a running daemon is not disturbed."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not _exists(url.database):
        fail(f"There is no store at {url.database} yet. Start the daemon, or set LEADRELAY_DATABASE_URL.")
    try:
        migrate.upgrade(settings.database_url)
        store = open_store(settings.database_url)
    except LeadRelayError as error:
        fail(str(error))
    with contextlib.closing(store), store.snapshot() as snapshot:
        yield snapshot


def _exists(path: str | None) -> bool:
    return path is not None and Path(path).exists()


def print_json(value: Any) -> None:
    """Print a value as JSON, moments as ISO text."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table; numbers to the right."""
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for number, column in enumerate(columns):
        is_number = bool(rows) and all(isinstance(row[number], int) for row in rows)
        grid.add_column(column, justify="right" if is_number else "left")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    console.print(grid, markup=False)

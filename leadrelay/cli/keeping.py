"""Commands that keep the store: backup, restore, and what retention would remove."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from leadrelay.cli.common import (
    errors,
    fail,
    is_sqlite,
    keep_to_ourselves,
    load_settings,
    print_json,
    reading,
    say,
    table,
    unusable,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE
from model.errors import LeadRelayError
from sync.database import open_store
from sync.keeping import archive as archives
from sync.keeping import backup as backing_up
from sync.keeping import restore as restoring
from sync.keeping import retention as retaining
from sync.keeping.archive import Manifest

KEY_NOTE = (
    "Credentials in it stay sealed, and neither LEADRELAY_SECRET_KEY nor the playbook is part of it: "
    "keep both elsewhere."
)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; in a folder, a name with the time.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file of that name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Write the whole store, as it is at this moment, into one file; the daemon may go on."""
    settings = load_settings()
    url, now = make_url(settings.database_url), SystemClock().now()
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        fail(f"There is no store at {url.database}; see LEADRELAY_DATABASE_URL.")
    if url.get_backend_name() == "sqlite" and not is_sqlite(url.database):
        fail(f"{url.database} is not a SQLite file, so it is no store; see LEADRELAY_DATABASE_URL.")
    path = file / f"leadrelay-{now:%Y%m%dT%H%M%SZ}.zip" if file.is_dir() else file
    if path.exists() and not overwrite:
        fail(f"{path} is there already. Name another file, or say --overwrite.")
    began = time.monotonic()
    try:
        with contextlib.closing(open_store(settings.database_url)) as store, _progress() as told:
            manifest = backing_up.backup(store, path, now, told)
    except LeadRelayError as error:
        fail(f"{_sentence(error)} Nothing was written.")
    except SQLAlchemyError as error:
        fail(f"{unusable(settings, error)}. Nothing was written.")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}. Nothing was written.")
    size, seconds = path.stat().st_size, time.monotonic() - began
    if as_json:
        print_json(_facts(path, manifest, size) | {"seconds": round(seconds, 2)})
        return
    leads = manifest.tables["leads"].rows
    say(
        f"Wrote {path}: {large(leads, 'lead')}, {large(manifest.rows, 'row')} of "
        f"{len(manifest.tables)} tables, {_mib(size)} in {seconds:.1f} s."
    )
    say(KEY_NOTE)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `leadrelay backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of what the store holds.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    observe: Annotated[
        bool, typer.Option("--observe", help="Write to no CRM afterwards: all connections observe.")
    ] = False,
    only_check: Annotated[bool, typer.Option("--check", help="Only see whether the file is whole.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Fill an empty store from a backup, whichever database either is; stop the daemon first."""
    settings = load_settings()
    keep_to_ourselves()
    began, now = time.monotonic(), SystemClock().now()
    shown = make_url(settings.database_url).render_as_string(hide_password=True)
    kept = None
    try:
        with archives.opened(file) as archive:
            manifest = archive.manifest
            with _progress() as told:
                told("checking", 0)
                restoring.check(archive)
            if not only_check:
                run = partial(restoring.restore, archive, settings.database_url, now, observe=observe)
                question = f"Replace all that {shown} holds by the backup of {manifest.made_at}?"
                kept = _restore(run, question, replace=replace, yes=yes)
    except restoring.NotEmpty as error:
        fail(f"{_sentence(error)} To take its place, say --replace. Nothing was changed.")
    except LeadRelayError as error:
        fail(f"{_sentence(error)} Nothing was changed.")
    except SQLAlchemyError as error:
        fail(f"{unusable(settings, error)}. Nothing was changed.")
    except OSError as error:
        fail(f"The store cannot be written: {error.strerror}. Nothing was changed.")
    if as_json:
        facts = _facts(file, manifest, file.stat().st_size)
        print_json(facts | {"restored": not only_check, "kept": kept and str(kept)})
        return
    about = (
        f"{large(manifest.tables['leads'].rows, 'lead')}, {large(manifest.rows, 'row')}, "
        f"made {manifest.made_at}"
    )
    if only_check:
        say(f"{file} is whole: {about}.")
        return
    say(f"Restored {about}, in {time.monotonic() - began:.1f} s.")
    if kept is not None:
        say(f"The store as it was is {kept}; remove it when you no longer need it.")
    say("What came in after the backup is not in it. Every record will be read before it is written again.")


def retention(
    _preview: Annotated[
        bool, typer.Option("--preview", help="Count only, which is all that this command does.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Count what the playbook's retention.yaml would remove now; the daemon does it once a day."""
    settings, now = load_settings(), SystemClock().now()
    keep = playbook_in_force(settings).keep
    with reading(settings) as snapshot:
        found = retaining.preview(snapshot, SPACE, keep, now)
    if as_json:
        print_json(
            [
                {
                    "kind": due.kind,
                    "keep_days": due.keep and due.keep.days,
                    "rows": due.rows,
                    "oldest": due.oldest,
                }
                for due in found
            ]
        )
        return
    rows = [
        (
            due.kind,
            f"{due.keep.days}d" if due.keep else "forever",
            due.rows,
            due.oldest and f"{due.oldest:%Y-%m-%d}",
        )
        for due in found
    ]
    table("Retention would remove now", ("kind", "kept", "rows", "oldest"), rows)
    if not keep:
        say("There is no retention.yaml in the playbook: nothing is ever removed.")


def _restore(run: Callable[..., Path | None], question: str, *, replace: bool, yes: bool) -> Path | None:
    """Restore into an empty store; what holds something is replaced only after a yes."""
    try:
        with _progress() as told:
            return run(told=told)
    except restoring.NotEmpty:
        if not replace:
            raise
    if not yes and not typer.confirm(question, err=True):
        raise LeadRelayError("not replaced")
    with _progress() as told:
        return run(replace=True, told=told)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Show the table at hand on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _table, _rows: None
        return
    with errors.status("") as shown:
        yield lambda table, rows: shown.update(f"{table} ({rows:,} rows done)")


def _facts(path: Path, manifest: Manifest, size: int) -> dict[str, object]:
    return {
        "file": os.fspath(path),
        "bytes": size,
        "made_at": manifest.made_at,
        "revision": manifest.revision,
        "rows": {name: one.rows for name, one in manifest.tables.items()},
    }


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:,.1f} MiB"


def large(number: int, noun: str) -> str:
    """Return a number with thousands set apart, and its noun."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sentence(error: BaseException) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + "."

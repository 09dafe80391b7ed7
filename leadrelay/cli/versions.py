"""Commands about versions of the playbook: what differs, what comes into force, what was in force when."""

from __future__ import annotations

import getpass
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from handlers.registry import HANDLERS, build
from leadrelay import control, logs
from leadrelay.cli.common import (
    WRONG_USAGE,
    Json,
    console,
    counted,
    fail,
    load_settings,
    opened,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.fields import fit
from leadrelay.cli.playbook import folder_of
from leadrelay.clock import SystemClock
from leadrelay.playbooks import for_a_restart
from leadrelay.settings import SPACE, Settings
from mappings import compile as compiling
from mappings.changes import as_files, changes, consequences, told
from mappings.examples import FOLDER, check_examples, load_examples
from mappings.playbook import Playbook
from mappings.problems import PlaybookError
from mappings.schema import LONGEST_NAME
from mappings.signing import unsigned
from model.errors import LeadRelayError
from model.event import EventState
from sync import leases, register
from sync.database import Store
from sync.register import APPLY, ROLLBACK, Version, Wish
from sync.rehearsal import rehearse

WAITS = 30  # seconds for the daemon to take a version in

Folder = Annotated[Path | None, typer.Argument(help="Default: LEADRELAY_PLAYBOOK or ./playbook.")]
Note = Annotated[str, typer.Option("--note", help="Why, or who agreed; kept with the version.")]
By = Annotated[str, typer.Option("--by", help="Who; default: your name on this machine.")]
SignedOff = Annotated[
    list[str] | None,
    typer.Option("--signed-off-by", help="Who agreed to it; kept with the version. Once for each of them."),
]
Texts = Mapping[str, bytes]


def versions(
    number: Annotated[str, typer.Argument(help="One version in full: its number or hash.")] = "",
    write: Annotated[
        Path | None, typer.Option("--write", help="Write the files of that version to a new or empty folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every playbook that was in force, the newest first: when, by whom, why, what it decided."""
    if write is not None and not number:
        fail("Name the version whose files are to be written: leadrelay versions 3 --write DIR.", WRONG_USAGE)
    with reading(load_settings()) as snapshot:
        found = register.listed(snapshot, SPACE)
        if number:
            one = _find(snapshot, number)
            found = [each for each in found if each.version == one]
            texts = register.texts_of(snapshot, one)
    if write is not None:
        _write(write, texts)
        console.print(f"Wrote {counted(len(texts), 'file')} of version {one} to {write}.", markup=False)
        return
    if as_json:
        print_json([each.as_dict() | {"files": dict(each.version.files)} for each in found])
        return
    if not found:
        console.print("No version has been in force yet: `leadrelay serve` makes the first one.")
        return
    rows = [
        (
            f"{each.version.number}{'*' if each.is_current else ''}",
            each.version.hash,
            f"{each.version.at:%Y-%m-%d %H:%M:%S}",
            each.version.how,
            each.version.by,
            each.decided,
            ", ".join(each.version.signed_off),
            each.version.note,
        )
        for each in found
    ]
    table(
        "", ("version", "hash", "since (UTC)", "how", "by", "events|decided", "signed off|by", "note"), rows
    )
    if not number:
        console.print("* is in force", style="dim")
    else:
        for name in found[0].version.files:
            console.print(f"  {name}", markup=False)


def diff(
    folder: Folder = None,
    before: Annotated[
        str, typer.Option("--from", help="Number or hash of a version; default: the one in force.")
    ] = "",
    after: Annotated[
        str, typer.Option("--to", help="Number or hash of a version; default: the folder.")
    ] = "",
    files: Annotated[bool, typer.Option("--files", help="Line by line, as a unified diff.")] = False,
    as_json: Json = False,
) -> None:
    """Show what differs between the playbook in force and a folder, or between two versions."""
    with reading(load_settings()) as snapshot:
        old = _find(snapshot, before) if before else register.current(snapshot, SPACE)
        if old is None:
            fail("No version has been in force yet: `leadrelay serve` makes the first one.")
        texts = register.texts_of(snapshot, old)
        if after:
            new = _find(snapshot, after)
            found: Texts = register.texts_of(snapshot, new)
            name = f"version-{new.number}"
        else:
            name = str(folder_of(folder))
            found = _texts_of(folder_of(folder))
    if files:
        for line in as_files(texts, found, f"version-{old.number}", name):
            typer.echo(line)
        return
    _show(texts, found, f"version {old}", f"version {new}" if after else name, as_json=as_json)


def apply(
    folder: Folder = None,
    note: Note = "",
    by: By = "",
    signed_off_by: SignedOff = None,
    make_fields: Annotated[
        bool, typer.Option("--make-fields", help="Make the fields in the CRMs that new lines name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a folder, try its examples, show what differs, and bring it into force.

    A line of a map whose field the connected CRM does not have is refused: look-ups would fail for everybody.
    So is a change of thresholds that somebody whom sign_off of scoring.yaml names has not signed off.
    """
    settings, folder, signed = load_settings(), folder_of(folder), _names(signed_off_by)
    texts = _sound(folder)
    with reading(settings) as snapshot:
        now = register.current(snapshot, SPACE)
        before = register.texts_of(snapshot, now) if now else {}
    hashed = compiling.version_of(texts)
    if now is not None and now.hash == hashed and set(signed) <= set(now.signed_off):
        _end(as_json, f"Nothing differs from version {now}, which is in force.", now)
        return
    if not as_json:
        _show(before, texts, f"version {now}" if now else "nothing", str(folder), as_json=False)
    if now is not None:
        _agreed(register.playbook_of(before, now.number), register.playbook_of(texts, 0), signed)
        fit(settings, texts, before, make=make_fields, quiet=as_json)
    _bring(settings, texts, Wish(APPLY, by or getpass.getuser(), note, signed), as_json=as_json)


def rollback(
    version: Annotated[str, typer.Argument(help="Its number or hash; default: the one before.")] = "",
    note: Note = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Bring an earlier version into force again, as a new line of the register."""
    settings = load_settings()
    with reading(settings) as snapshot:
        now = register.current(snapshot, SPACE)
        if now is None or (not version and now.number == 1):
            fail("There is no version before the one in force.")
        one = _find(snapshot, version or str(now.number - 1))
        before, texts = register.texts_of(snapshot, now), register.texts_of(snapshot, one)
    if one.hash == now.hash:
        _end(as_json, f"Version {one} says what version {now} says, which is in force.", now)
        return
    if not as_json:
        _show(before, texts, f"version {now}", f"version {one}", as_json=False)
    said = f"back to version {one.number}" + (f": {note}" if note else "")
    _bring(settings, texts, Wish(ROLLBACK, by or getpass.getuser(), said, one.signed_off), as_json=as_json)


def _names(given: list[str] | None) -> tuple[str, ...]:
    """Return names each once; ends where one is blank or too long to be kept."""
    names = [" ".join(one.split()) for one in given or ()]
    if not all(0 < len(one) <= LONGEST_NAME for one in names):
        fail(f"--signed-off-by takes a name of 1 to {LONGEST_NAME} characters.", WRONG_USAGE)
    return tuple(dict.fromkeys(names))


def _agreed(before: Playbook, after: Playbook, signed: Sequence[str]) -> None:
    """End where thresholds change without the word of somebody who is to be asked."""
    if problem := unsigned(before, after, signed):
        fail(f"{problem}\nNothing was changed.")


def _find(snapshot: Any, name: str) -> Version:
    found = register.find(snapshot, SPACE, name)
    if found is None:
        fail(f"There is no version {name}; `leadrelay versions` lists them.", WRONG_USAGE)
    return found


def _texts_of(folder: Path) -> Texts:
    try:
        return compiling.texts_of(folder)
    except PlaybookError as error:
        fail(str(error))


def _sound(folder: Path) -> Texts:
    """Return the files of a folder that checks, and whose examples come out as expected; else end."""
    texts = _texts_of(folder)
    try:
        playbook = compiling.load(folder, handlers=HANDLERS)
        if problems := check_examples(folder, playbook):
            raise PlaybookError(problems)
        examples = load_examples(folder, playbook)
    except PlaybookError as error:
        for problem in error.problems:
            console.print(str(problem), markup=False)
        fail(f"{counted(len(error.problems), 'problem')} found; nothing was changed.")
    logs.configure("error", for_people=True)
    failed = [one for one in rehearse(examples, playbook, build(playbook)) if one.failures]
    for one in failed:
        console.print(f"not as expected  {one.example.name}", markup=False)
        for failure in one.failures:
            console.print(f"    {failure}", markup=False)
    if failed:
        count = counted(len(failed), "example")
        fail(f"{count} in {folder / FOLDER} not as expected; nothing was changed. See `leadrelay test`.")
    if playbook.version != compiling.version_of(texts):
        fail(f"{folder} has changed meanwhile; try again.")
    return texts


def _show(before: Texts, after: Texts, name: str, other: str, *, as_json: bool) -> None:
    found = changes(before, after)
    if as_json:
        print_json(told(found))
        return
    if not found:
        console.print(f"Nothing differs between {name} and {other}.", markup=False)
        return
    console.print(f"From {name} to {other}:", style="bold", markup=False)
    for one in found:
        say(f"  {one}", hang=6)
    for text in consequences(before, after):
        say(text, style="yellow")


def _bring(settings: Settings, texts: Texts, wish: Wish, *, as_json: bool) -> None:
    """Hand a version in, and wait until a daemon has decided on it, if one runs; end with 1 if it refuses."""
    wish = replace(wish, once=uuid.uuid4().hex)
    files = {name: raw.decode() for name, raw in texts.items()}
    body = json.dumps({"files": files} | asdict(wish))
    try:
        if control.ask_daemon(settings.database_url, "POST", "playbook", body) is None:
            with control.alone(settings.database_url) as store:
                if decides := _somebody_decides(store):
                    _refuse_what_needs_a_restart(store, texts)
                register.hand_in(store, SPACE, texts, wish, SystemClock().now())
        else:
            decides = True
    except LeadRelayError as error:
        fail(str(error))
    hashed = compiling.version_of(texts)
    ending = _ending(settings, register.event_id(wish, hashed), WAITS if decides else 0)
    if ending is None:
        _end(as_json, f"Handed in as {hashed}: it comes into force when a daemon decides next.", None)
    elif ending.state is EventState.DEAD:
        fail(f"{ending.error}\nNothing was changed.")
    elif ending.version is None:
        fail(f"{hashed} did not come into force: see `leadrelay versions`.")
    else:
        _end(as_json, f"Version {ending.version} is in force.", ending.version)


def _ending(settings: Settings, event: str, waits: float) -> register.Ending | None:
    """Return what became of the wish, once it is known, or nothing when the time is up."""
    until = time.monotonic() + waits
    with opened(settings) as store:
        while True:
            with store.snapshot() as snapshot:
                found = register.ending(snapshot, SPACE, event)
            if found is not None or time.monotonic() >= until:
                return found
            time.sleep(0.1)


def _somebody_decides(store: Store) -> bool:
    """Say whether a daemon holds the decider's lease: on PostgreSQL no file tells where one runs."""
    if store.dialect == "sqlite":
        return False  # nobody else is at this file, whatever lease a killed daemon has left
    with store.snapshot() as snapshot:
        return leases.is_held(snapshot, f"decider:{SPACE}", SystemClock().now())


def _refuse_what_needs_a_restart(store: Store, texts: Texts) -> None:
    """Refuse what the running processes cannot follow, as a daemon would that is asked itself."""
    with store.snapshot() as snapshot:
        now = register.current(snapshot, SPACE)
        before = register.texts_of(snapshot, now) if now else {}
    if now is None:
        return
    running, found = register.playbook_of(before, now.number), register.playbook_of(texts, 0)
    if problems := list(for_a_restart(running.crms, found.crms)):
        raise PlaybookError(problems)


def _end(as_json: bool, text: str, version: Version | None) -> None:
    if as_json:
        kept = ("number", "hash", "note", "signed_off")
        told_of = {name: getattr(version, name) for name in kept} if version else None
        print_json({"told": text, "version": told_of})
    else:
        console.print(text, markup=False)


def _write(folder: Path, texts: Texts) -> None:
    if folder.exists() and any(folder.iterdir()):
        fail(f"{folder} is not empty; name a new folder, so that nothing is overwritten.")
    for name, raw in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)

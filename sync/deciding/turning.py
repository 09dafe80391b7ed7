"""From one playbook to the next: the event after which another version decides.

What is before it in the order was decided by the version before, what is behind it is decided by this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from handlers import registry
from mappings.playbook import Playbook
from mappings.problems import PlaybookError
from mappings.revisiting import BAND, OWNER, SCORE, Concern, concerns
from mappings.signing import refuse_unsigned
from model.cause import Cause
from model.decision import Because, Reason
from model.event import EventState, StoredEvent
from sync import register
from sync.deciding.pipeline import Pipeline
from sync.register import FOLDER, ROLLBACK, Version
from sync.result import Result

UNUSABLE = Cause("PLAYBOOK_UNUSABLE")


def pipeline_of(texts: Mapping[str, bytes], number: int) -> Pipeline:
    """Return the rules of a version's files; raises ``PlaybookError`` where it cannot read them."""
    playbook = register.playbook_of(texts, number)
    return Pipeline(playbook, registry.build(playbook))


@dataclass(frozen=True, slots=True)
class Turn:
    """What became of a wish for another playbook."""

    result: Result
    entry: Version | None = None  # the register's new line
    pipeline: Pipeline | None = None  # what decides from now on
    concerns: Sequence[Concern] = ()  # leads that are to be looked at for it
    folder_of: int = 0  # the version in force, where only the folder came to hold it, too


def turn(snapshot: Connection, space: str, stored: StoredEvent, before: Playbook) -> Turn:
    """Read the files that an event names, and say what follows. What cannot be read changes nothing.

    ``before`` is what decides until then.
    """
    said = stored.event.payload
    now = register.current(snapshot, space)
    is_folder = said["how"] == FOLDER
    folder = said["hash"] if is_folder else (now.folder if now else "")
    if is_folder and now is not None and now.hash == said["hash"]:
        text = f"the folder holds version {now}, which is in force"
        return Turn(_settled(stored, text), folder_of=now.number)
    entry = Version(
        number=now.number + 1 if now else 1,
        hash=said["hash"],
        files=said["files"],
        at=stored.decided_at,
        by=said["by"],
        how=said["how"],
        note=said["note"],
        seq=stored.decided_seq,
        event=stored.id,
        folder=folder,
        signed_off=said.get("signed_off") or (),  # none of an event of before
    )
    try:
        texts = register.texts_of(snapshot, entry)
        pipeline = pipeline_of(texts, entry.number)
        # What was in force once comes back with the word that was given for it then.
        if now is not None and entry.how != ROLLBACK:
            refuse_unsigned(before, pipeline.playbook, entry.signed_off)
    except PlaybookError as error:
        kept = f"version {now} stays in force" if now else "it is not in force"
        text = f"the playbook {entry.hash} cannot be used, so {kept}: {error}"
        refused = replace(_settled(stored, text), state=EventState.DEAD, error=text, cause=UNUSABLE)
        return Turn(refused)
    meant = concerns(before, pipeline.playbook, _files_of(snapshot, now), texts) if now else []
    earlier = f", before it {now}" if now else ""
    agreed = f", signed off by {', '.join(entry.signed_off)}" if entry.signed_off else ""
    text = f"version {entry} is in force from here on{earlier}; by {entry.by}{agreed}"
    result = _settled(stored, f"{text}: {entry.note}" if entry.note else text)
    if meant:
        kinds = ", ".join(dict.fromkeys(_WHOM[one.kind] for one in meant))
        result.reasons.append(Reason("playbook", Because(f"looked at again, in the background: {kinds}")))
    return Turn(result, entry, pipeline, meant)


def _files_of(snapshot: Connection, version: Version) -> Mapping[str, bytes]:
    """Return what the version before said; of one whose files are lost all counts as changed."""
    try:
        return register.texts_of(snapshot, version)
    except PlaybookError:
        return {}


_WHOM = {
    SCORE: "leads with points, as scores change with time",
    BAND: "leads in the band under review",
    OWNER: "leads without an owner, as pools let leads wait",
}


def _settled(stored: StoredEvent, text: str) -> Result:
    return Result(stored, EventState.DONE, reasons=[Reason("playbook", Because(text))])

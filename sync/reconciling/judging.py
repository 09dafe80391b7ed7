"""Judges one link: what became of its record, else how the fields differ. Pure."""

from __future__ import annotations

from model.times import for_people
from sync.reconciling import kinds
from sync.reconciling.fields import Fields
from sync.reconciling.kinds import KINDS, Difference
from sync.reconciling.looks import Look, Rules


def judge(look: Look, rules: Rules) -> list[Difference]:
    """Return how a link's two sides differ, each difference with what made it."""
    fate = _fate(look, missing_is_gone=rules.missing_is_gone)
    if fate is not None:
        return [fate]
    object_map = rules.crm.map_of(look.link.object)
    if look.record is None or look.link.gone_at is not None or object_map is None:
        return []  # known to be deleted, or left out by the map: nothing to compare
    return list(Fields(rules, look, object_map, look.record).differences())


def _fate(look: Look, *, missing_is_gone: bool) -> Difference | None:
    """Say what became of a record that is not simply there."""
    record, link = look.record, look.link
    if record is None:
        if link.gone_at is not None:
            return None
        name = kinds.GONE if missing_is_gone else kinds.UNREADABLE
        why = "it is not there any more" if missing_is_gone else "it is not shown, nor in the recycle bin"
        return _told(look, name, f"{link.object} {link.remote_id}: {why}")
    if record.became is not None:
        name = kinds.MERGED if record.became.object == link.object else kinds.CONVERTED
        return _told(look, name, f"it is {record.became.object} {record.became.id} now")
    if look.holder is not None:
        return _told(
            look,
            kinds.LINKED_TWICE,
            f"{record.ref.object} {record.ref.id} is the record of {look.holder}, too",
        )
    if record.ref.id != link.remote_id:
        return _told(look, kinds.MERGED, f"it was merged into {record.ref.object} {record.ref.id}")
    if record.archived:
        return None if link.gone_at is not None else _told(look, kinds.GONE, "it was deleted there")
    if link.gone_at is not None:
        why = f"the link says that it was deleted at {for_people(link.gone_at)}"
        return _told(look, kinds.RESTORED, why)
    return None


def _told(look: Look, name: str, why: str) -> Difference:
    """Return a difference of the whole record; what is about to be read or decided only waits."""
    if look.next:
        name, why = kinds.WAITING, f"{why}; {look.next}"
    kind = KINDS[name]
    return Difference(
        name,
        look.link.object,
        why,
        look.kind,
        look.entity.id,
        look.link.remote_id,
        mend=kind.mend,
        is_fault=kind.is_fault,
    )

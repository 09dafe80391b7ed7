"""Lets people and companies come to a deal and leave it, in it and in the other CRMs; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings.playbook import CrmMap, Playbook
from model.change import Record
from model.deal import COMPANIES, COMPANY, Deal
from model.decision import Because, Fetch
from model.lead import Link
from sync.deciding.batch import Batch
from sync.deciding.parties import PartiesNow, carried, parties_now
from sync.merging.oscillation import comes_and_goes, is_tripped, remembered
from sync.reasons import Reason
from sync.result import Result

LOOKED_AGAIN = 15.0  # seconds: by then it is known whether the record of somebody who is missed went away


@dataclass(frozen=True, slots=True)
class Seen:
    """A deal's record as it was just read, with its link before and after its fields were merged."""

    record: Record
    before: Link | None
    link: Link
    crm: CrmMap


def let_take_part(
    result: Result, draft: Deal, before: Deal | None, seen: Seen, playbook: Playbook, batch: Batch
) -> None:
    """Merge who takes part, and let other CRMs follow whom and which company somebody took out there."""
    crm, link, now = seen.crm, seen.link, result.stored.decided_at
    parties = parties_now(draft, seen.before, seen.record, crm, batch, now)
    draft.parties = parties.parties
    shadow = {**link.shadow, **parties.marks}
    if parties.company_moved or (seen.before and shadow.get(COMPANIES) != seen.before.shadow.get(COMPANIES)):
        shadow.pop(COMPANY, None)  # what they chose here since counts
    goes = {each: comes_and_goes(link, each, now, crm, is_out=True) for each in parties.left}
    comes = {each: comes_and_goes(link, each, now, crm, is_out=False) for each in parties.came}
    disputes = {**link.disputes, **remembered(goes), **remembered(comes)}
    draft.links[crm.connection] = replace(link, shadow=shadow, disputes=disputes)
    if parties.missed:
        _look_again(result, seen, parties)
    if before is None:
        return
    stays = {each for each, dispute in goes.items() if is_tripped(dispute, crm.breaker)}
    for each in sorted(stays):
        _because(result, f"{each} goes and comes in {crm.connection} again and again: others do not follow")
    left = [lead for each, lead in parties.left.items() if each not in stays]
    for name, marks in carried(draft, before, crm.connection, left, playbook.crms, batch).items():
        other = draft.links[name]
        draft.links[name] = replace(other, shadow={**other.shadow, **marks})


def _look_again(result: Result, seen: Seen, parties: PartiesNow) -> None:
    """Have those who are missed read, and the deal once more behind them."""
    ref = seen.record.ref
    people = [Fetch(ref.connection, seen.crm.people_object, each) for each in parties.missed]
    result.effects += [*people, Fetch(ref.connection, ref.object, ref.id, wait=LOOKED_AGAIN)]
    _because(result, f"it names {', '.join(parties.missed)} no more; they are read, and it once more")


def _because(result: Result, text: str) -> None:
    result.reasons.append(Reason("follow", Because(text)))

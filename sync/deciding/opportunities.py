"""What a deal's record as it is now means for its deal: merged, marked as gone, found, or adopted; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mappings.outward import inward_record
from mappings.playbook import CrmMap, ObjectMap, Playbook
from model.cause import Cause
from model.change import Record
from model.deal import Deal, Outcome, copy_of, deal_id, plain_name
from model.decision import AskReview, Assigned, Because, EnterStage, Fetch, TellLead
from model.event import EventKind, EventState, JsonValue, RecordRef, StoredEvent
from model.lead import Link, Provenance
from sync.deciding.batch import Batch
from sync.deciding.following import KEEPS_HISTORIES
from sync.deciding.parties import just_known, resolved
from sync.deciding.taking_part import Seen, let_take_part
from sync.deciding.uniting import put_in
from sync.merging.choosing import choose
from sync.merging.merge import Merged, merge
from sync.merging.versions import (
    OLDER,
    Sight,
    differs,
    is_older,
    not_believed,
    overwritten,
    read_on_the_way,
    tells,
)
from sync.outcomes import conclude
from sync.reasons import Reason, found_as
from sync.result import Result

SAME_DEAL = "same_deal"  # of a review: two deals may be one, or one record was made of two


def changed(stored: StoredEvent, record: Record, batch: Batch, playbook: Playbook) -> Result:
    """Decide what a deal's record as it is now means for the deal that it is, if any."""
    result = Result(stored, EventState.DONE)
    crm = playbook.crms[record.ref.connection]
    object_map = crm.deal
    if object_map is None:
        return _because(result, f"the map of {crm.connection} leaves {record.ref.object} out")
    former = (RecordRef(record.ref.connection, record.ref.object, each) for each in record.merged_ids)
    holders = [batch.deal_holder(ref) for ref in (record.ref, *former)]
    known = [deal for each in dict.fromkeys(holders) if each and (deal := batch.deal(each)) is not None]
    telling = _Telling(result, record, crm, object_map, batch, playbook)
    if record.archived or record.became is not None:
        return telling.gone(known[0] if known else None)
    if not known:
        return telling.unknown()
    for other in known[1:]:
        telling.taken_in(other, known[0])
    return telling.merged(known[0])


def found(stored: StoredEvent, record: Record, deal_id: str, batch: Batch, playbook: Playbook) -> Result:
    """Decide what a record means that was found, or had changed, when the deal was to be written there."""
    result = Result(stored, EventState.DONE, deal_id=deal_id)
    crm, before = playbook.crms[record.ref.connection], batch.deal(deal_id)
    if before is None or crm.deal is None:
        return _because(result, "there is no such deal any more", "merge")
    holder = batch.deal_holder(record.ref)
    telling = _Telling(result, record, crm, crm.deal, batch, playbook)
    if holder not in (None, deal_id):
        return telling.anothers(before, str(holder))
    is_guess = record.ref.connection not in before.links and not telling.bears_id_of(before)
    if is_guess and telling.is_another_sale(before):
        result.state, result.cause = EventState.REVIEW, Cause("SAME_DEAL")
        return telling.of_another_sale(before)
    sent = stored.event.payload.get("sent") or {}
    why, follows = read_on_the_way(stored, record, before.links.get(crm.connection), crm.deal, sent)
    if why:
        result.effects.extend(follows)
        # What was to be written still is.
        conclude(result, copy_of(before), before, stored.decided_at, playbook, batch)
        return _because(result, why, "merge")
    return telling.take_in(copy_of(before), before)


def said_to_be(stored: StoredEvent, record: Record, deal_id: str, batch: Batch, playbook: Playbook) -> Result:
    """Merge a record of nobody's with the deal that it is, as a person says."""
    result, crm = Result(stored, EventState.DONE), playbook.crms[record.ref.connection]
    deal = batch.deal(deal_id)
    if deal is None or crm.deal is None:
        return _because(result, "there is no such deal any more")
    if not _is_free(deal, record.ref.connection):
        there = deal.links[record.ref.connection].remote_id
        return _because(result, f"the deal has {record.ref.object} {there} there by now; nothing was done")
    result.deal_id = deal.id
    return _Telling(result, record, crm, crm.deal, batch, playbook).take_in(copy_of(deal), deal)


def said_to_be_new(stored: StoredEvent, record: Record, batch: Batch, playbook: Playbook) -> Result:
    """Make a deal of a record, as a person says that it is none of those that are known."""
    result, crm = Result(stored, EventState.DONE), playbook.crms[record.ref.connection]
    found = resolved(record, crm, batch)
    if crm.deal is None or not (found.leads or found.account):
        return _because(result, "none of its people is a lead, nor its company an account; left alone")
    return _Telling(result, record, crm, crm.deal, batch, playbook).adopt()


def chosen(stored: StoredEvent, deal_id: str, batch: Batch, playbook: Playbook) -> Result:
    """Decide what a person's choice between two values means for the deal."""
    result = Result(stored, EventState.DONE, deal_id=deal_id)
    before = batch.deal(deal_id)
    if before is None:
        return _because(result, "there is no such deal any more", "merge")
    draft = copy_of(before)
    found = choose(draft, stored, playbook, batch)
    result.reasons.append(Reason("merge", found.because))
    if found.effects:
        result.effects.extend(one for one in found.effects if not isinstance(one, Assigned | EnterStage))
        conclude(result, draft, before, stored.decided_at, playbook, batch)
    return result


@dataclass(slots=True)
class _Telling:
    """One record of a deal on its way into the house."""

    result: Result
    record: Record
    crm: CrmMap
    object_map: ObjectMap
    batch: Batch
    playbook: Playbook

    def merged(self, before: Deal) -> Result:
        """Merge the record with the deal that it is, unless what was read is behind what is known."""
        result, record, ref = self.result, self.record, self.record.ref
        result.deal_id = before.id
        link, sight = before.links.get(ref.connection), Sight.of(result.stored)
        sent = self.batch.in_flight(ref.connection, before.id)
        if link is not None and link.remote_id == ref.id:
            if is_older(record, link):
                result.effects.extend(overwritten(record, link, self.object_map, sent))
                return _because(result, OLDER)
            why, read_again = not_believed(record, link, self.object_map, sent, sight)
            if why:
                result.effects.extend(read_again)
                return _because(result, why)
        if link is not None and link.gone_at is None and link.remote_id not in (ref.id, *record.merged_ids):
            return self._second_record(before, link)
        return self.take_in(copy_of(before), before)

    def unknown(self) -> Result:
        """Find which deal a record of nobody's is; else adopt it, if the map does."""
        result, ref, batch = self.result, self.record.ref, self.batch
        ours = self.record.fields.get(self.object_map.id_field) if self.object_map.id_field else None
        if ours and isinstance(ours, str):
            known = batch.deal(ours)
            if known is None:
                return _because(result, "it bears the id of a deal that this store does not know")
            return self.merged(known)
        found = resolved(self.record, self.crm, batch)
        if not found.leads and found.account is None:
            return _because(result, "none of its people is a lead, nor its company an account; left alone")
        if ref.connection not in batch.rosters():
            return _because(result, f"not adopted: the owners of {ref.connection} are not known yet")
        if just := just_known(found, self.record, batch):
            result.effects.append(Fetch(ref.connection, ref.object, ref.id))
            return _because(result, f"{', '.join(just)} of it is known since just now; it is read again")
        theirs = batch.deals_with([*found.leads, *([found.account] if found.account else [])])
        alike = self._alike(theirs)
        if len(alike) > 1:
            self._ask([one.id for one in alike])
            return _because(result, "it may be any of several deals of this name; a review asks which")
        if alike and self.is_another_sale(alike[0]):
            return self.of_another_sale(alike[0])
        if alike:
            _because(result, f"it is the deal {alike[0].id}: the same name, and the same people or company")
            return self.merged(alike[0])
        if twins := self._made_by_us(theirs):
            return self._twin(twins[0])
        if not self.crm.adopts_deals:
            return _because(result, "no deal of ours; deals that are born there are not adopted")
        return self.adopt()

    def adopt(self) -> Result:
        """Make a deal of a record of nobody's."""
        result, ref = self.result, self.record.ref
        stored = result.stored
        new = Deal(
            deal_id(stored.event.space, ref.connection, ref.id),
            stored.event.space,
            created_at=stored.decided_at,
        )
        result.deal_id = new.id
        _because(result, f"adopted: {ref.connection} {ref.object} {ref.id} is with people whom we know")
        return self.take_in(new, None)

    def gone(self, before: Deal | None) -> Result:
        """Mark the link of a record that was deleted: it is not written any more, nor made anew.

        What people typed before they deleted it is taken in.
        """
        result, ref = self.result, self.record.ref
        link = before.links.get(ref.connection) if before else None
        if before is None or link is None or link.remote_id != ref.id:
            return _because(result, f"{ref.object} {ref.id} was deleted; no deal's record")
        result.deal_id = before.id
        is_news = tells(self.record, link, self.object_map)
        if link.gone_at is not None and not (is_news and differs(self.record, link, self.object_map)):
            return _because(result, f"{ref.object} {ref.id} is known to be deleted")
        draft = copy_of(before)
        if is_news:
            self._take_last_words(draft)
        link = draft.links[ref.connection]
        draft.links[ref.connection] = replace(link, gone_at=result.stored.decided_at)
        text = (
            f"{ref.connection}: {ref.object} {ref.id} was deleted there; it is not written to, nor made anew"
        )
        _because(result, text)
        conclude(result, draft, before, result.stored.decided_at, self.playbook, self.batch)
        return result

    def _ask(self, deal_ids: Sequence[str], records: Sequence[str] = ()) -> None:
        """Ask a person which of these deals the record is; or which of two records of one deal stays."""
        ref = self.record.ref
        which: dict[str, JsonValue] = {"records": sorted(records)} if records else {"record": ref.id}
        detail = {"connection": ref.connection, "object": ref.object, "deals": sorted(deal_ids), **which}
        self.result.effects.append(AskReview(SAME_DEAL, detail))

    def _take_last_words(self, draft: Deal) -> None:
        sent = self.batch.in_flight(self.record.ref.connection, draft.id)
        read_at = Sight.of(self.result.stored).read_at
        last = merge(draft, self.record, self.crm, self.playbook, self.batch, now=read_at, sent=sent)
        self._put_in(draft, last)
        draft.links[self.record.ref.connection] = last.link
        self.result.reasons.extend(Reason("merge", because) for because in last.because)
        self.result.effects.extend((*last.conflicts, *last.holds))

    def taken_in(self, other: Deal, survivor: Deal) -> None:
        """A record of another deal was merged into this one's: a person says what becomes of the other."""
        ref = self.record.ref
        self._ask([other.id, survivor.id])
        draft = copy_of(other)
        draft.links[ref.connection] = replace(
            other.links[ref.connection], gone_at=self.result.stored.decided_at
        )
        self.result.deals.append(draft)
        if draft.is_gone:
            self.result.effects += [TellLead(each, draft.id, is_news=True) for each in draft.lead_ids]
        _because(
            self.result, f"the record of deal {other.id} was merged into it; a review asks about the two"
        )

    def anothers(self, before: Deal, holder: str) -> Result:
        """The record that was found is another deal's: a person says which deal it is."""
        result, ref = self.result, self.record.ref
        self._ask([before.id, holder])
        result.state, result.cause = EventState.REVIEW, Cause("SAME_DEAL")
        text = f"{ref.connection} {ref.object} {ref.id} is another deal's record already"
        return _because(result, f"{text}; a person must say which deal it is", "merge")

    def bears_id_of(self, deal: Deal) -> bool:
        """Say whether leadrelay's id on the record is the deal's."""
        name = self.object_map.id_field
        return bool(name) and self.record.fields.get(name) == deal.id

    def is_another_sale(self, deal: Deal) -> bool:
        """Say whether the record ends otherwise than the deal, on another day: maybe another sale.

        One that is open still, and was to be closed before the other one was, may just not have been kept up.
        """
        said = inward_record(self.record.fields, self.object_map, self.crm.connection, self.batch)
        stages, stage = self.playbook.deals, said.get("stage")
        ours, theirs = deal.get("close_date"), said.get("close_date")
        if stages is None or not isinstance(stage, str) or not ours or not theirs or ours == theirs:
            return False
        outcome = stages.outcome(stage)
        if outcome == deal.outcome:
            return False
        if Outcome.OPEN not in (outcome, deal.outcome):
            return True
        return str(theirs) > str(ours) if outcome == Outcome.OPEN else str(ours) > str(theirs)

    def of_another_sale(self, deal: Deal) -> Result:
        """It has the deal's name, and may be another sale all the same: a person says whether it is."""
        self._ask([deal.id])
        text = f"it has the name of deal {deal.id}, and ends otherwise on another day; a review asks"
        return _because(self.result, text)

    def _second_record(self, before: Deal, link: Link) -> Result:
        ref = self.record.ref
        self._ask([before.id], [link.remote_id, ref.id])
        return _because(
            self.result, f"the deal has {link.object} {link.remote_id} there; a review asks which"
        )

    def _alike(self, deals: Sequence[Deal]) -> list[Deal]:
        """Return the deals that the record may be: free there and of the same name, if need be of one day."""
        said = inward_record(self.record.fields, self.object_map, self.crm.connection, self.batch)
        free = [one for one in deals if _is_free(one, self.crm.connection) and not one.is_gone]
        named = [
            one
            for one in free
            if said.get("name") and plain_name(one.get("name")) == plain_name(said["name"])
        ]
        if len(named) < 2:
            return named
        closer = [one for one in named if one.get("close_date") == said.get("close_date")]
        return closer or named

    def _made_by_us(self, deals: Sequence[Deal]) -> list[Deal]:
        """Return deals of its name and day whose record there is one that leadrelay made."""
        said = inward_record(self.record.fields, self.object_map, self.crm.connection, self.batch)
        remote = next((rule.remote for rule in self.object_map.fields if rule.field == "name"), "")
        return [
            one
            for one in deals
            if (link := one.links.get(self.crm.connection)) is not None
            and remote in link.written
            and plain_name(one.get("name")) == plain_name(said.get("name"))
            and one.get("close_date") == said.get("close_date")
        ]

    def _twin(self, deal: Deal) -> Result:
        """Somebody made the deal there themselves while leadrelay did: a person says which record stays."""
        ref = self.record.ref
        ours = deal.links[ref.connection]
        self._ask([deal.id], [ours.remote_id, ref.id])
        text = f"it looks like {ref.object} {ours.remote_id}, which leadrelay made; a review asks which stays"
        return _because(self.result, text)

    def take_in(self, draft: Deal, before: Deal | None) -> Result:
        """Merge the record into the draft, link the two, and say what follows."""
        result, record, ref = self.result, self.record, self.record.ref
        link, sight = draft.links.get(ref.connection), Sight.of(result.stored)
        now_read = merge(
            draft,
            record,
            self.crm,
            self.playbook,
            self.batch,
            now=sight.read_at,
            sent=self.result.stored.event.payload.get("sent")
            or self.batch.in_flight(ref.connection, draft.id),
            histories=self.crm.kind in KEEPS_HISTORIES and not sight.history and link is not None,
        )
        if now_read.undecided:
            result.effects.append(Fetch(ref.connection, ref.object, ref.id, history=True))
            return _because(result, "both sides have changed it; the record's history is read")
        self._put_in(draft, now_read)
        seen = Seen(record, link, now_read.link, self.crm)
        let_take_part(result, draft, before, seen, self.playbook, self.batch)
        if before is not None and link is not None and _is_same(before, draft, ref.connection):
            if result.stored.event.kind is EventKind.FOUND:  # a delivery gave way to it: that is still due
                conclude(result, draft, before, sight.read_at, self.playbook, self.batch)
            return _because(result, "it holds what is known of it")
        found = found_as(ref.connection, ref, link)
        result.reasons.extend(Reason("merge", because) for because in (found, *now_read.because))
        result.effects.extend((*now_read.conflicts, *now_read.holds))
        moved_at = now_read.times.get("stage") or record.modified_at or sight.read_at
        conclude(result, draft, before, moved_at, self.playbook, self.batch)
        return result

    def _put_in(self, draft: Deal, now_read: Merged) -> None:
        record, stored = self.record, self.result.stored
        seen_at = record.modified_at or Sight.of(stored).read_at
        put_in(draft, now_read, Provenance(record.ref.connection, seen_at, stored.id, by_people=True))


def _is_free(deal: Deal, connection: str) -> bool:
    link = deal.links.get(connection)
    return link is None or link.gone_at is not None


def _is_same(before: Deal, draft: Deal, connection: str) -> bool:
    link, now = before.links[connection], draft.links[connection]
    return (
        link.gone_at is None
        and before.fields == draft.fields
        and before.parties == draft.parties
        and (link.remote_id, link.shadow, link.written, link.disputes)
        == (now.remote_id, now.shadow, now.written, now.disputes)
    )


def _because(result: Result, text: str, handler: str = "follow") -> Result:
    result.reasons.append(Reason(handler, Because(text)))
    return result

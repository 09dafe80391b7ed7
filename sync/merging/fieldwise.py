"""One merge on its way, field by field; pure. ``merge`` says what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from handlers.base import Lookups
from mappings.outward import difference, inward_record, is_blank_on, same, same_on, sides
from mappings.playbook import CrmField, CrmMap, ObjectMap, Playbook
from model.change import Record
from model.decision import Because, FreeField, HoldField, RecordConflict
from model.dispute import CALM, Dispute, Held, Unknown
from model.entity import Entity
from model.event import JsonValue
from model.lead import Link
from sync.links import later
from sync.merging.oscillation import flips, is_tripped, moved
from sync.merging.weighing import Sides, Stands, Weighed, moment_there, said_no, weigh


@dataclass(slots=True)
class Merged:
    """What a merge found: new values for the lead, the link, what lost, what waits, and why.

    A value of ``None`` blanks the field. ``times`` says when each became true there. ``undecided`` are
    vendor fields that both sides have moved, and what they hold: only the record's history tells who was
    later. Read it, and merge again; nothing else of this result may be kept then. ``confirmed`` are lead
    fields whose value somebody there came to as well, and when, if that is known.
    """

    link: Link
    fields: dict[str, JsonValue] = field(default_factory=dict)
    times: dict[str, datetime] = field(default_factory=dict)
    conflicts: list[RecordConflict] = field(default_factory=list)
    holds: list[HoldField | FreeField] = field(default_factory=list)
    because: list[Because] = field(default_factory=list)
    undecided: dict[str, JsonValue] = field(default_factory=dict)
    confirmed: dict[str, datetime | None] = field(default_factory=dict)


@dataclass(slots=True)
class Fieldwise:
    """One merge on its way, field by field."""

    entity: Entity
    record: Record
    crm: CrmMap
    playbook: Playbook
    lookups: Lookups
    object_map: ObjectMap
    link: Link | None
    now: datetime
    histories: bool
    is_ours: bool  # linked before, or made by a call of ours
    merged: Merged
    ours: Mapping[str, JsonValue] = field(init=False)
    canonical: Mapping[str, JsonValue] = field(init=False)

    def __post_init__(self) -> None:
        self.ours = sides(self.entity, self.object_map, self.crm.connection, self.lookups)
        self.canonical = inward_record(self.record.fields, self.object_map, self.crm.connection, self.lookups)

    def settle(self, rule: CrmField) -> None:
        """Decide one field."""
        remote = rule.remote
        dispute = self.link.disputes.get(remote, CALM) if self.link else CALM
        held = dispute.held
        theirs, ours = (
            self._plain(remote, self.record.fields[remote]),
            self._plain(remote, self.ours.get(remote)),
        )
        known = self.canonical.get(rule.field)
        is_unknown = theirs is not None and known is None and not self._same(remote, theirs, ours)
        if is_unknown and (rule.kind == "stage" or rule.authority != "leadrelay"):
            self._leave_unknown(rule, dispute, theirs)
            return
        if dispute.unknown is not None:
            dispute = replace(dispute, unknown=None)
            self._remember(remote, dispute)
        base = held.base if held and not held.is_breaker else self._shadow(remote)
        theirs_moved = not self._same(remote, theirs, base)
        is_news = theirs_moved
        came_back = not theirs_moved and self._came_back(remote, dispute, base)
        theirs_moved = theirs_moved or came_back
        if dispute.seen is not None:
            dispute = replace(dispute, seen=None)
            self._remember(remote, dispute)
        if theirs is None and not (rule.allow_clear and self.link is not None):
            theirs_moved = False  # a blank that overwrites nothing is no change
        if is_news and theirs_moved and self.link is not None and held is None:
            dispute = moved(dispute, base, theirs, self.now, self.crm.breaker)
            self._remember(remote, dispute)
        if held is not None and held.is_breaker:
            self._still_held(rule, dispute, held, ours, theirs)
            return
        if self._same(remote, theirs, ours):
            if theirs_moved and held is None:
                self._confirm(rule, theirs, came_back=came_back)
            self._free(rule, dispute, "both sides hold the same by now")
            return
        if theirs is None and not theirs_moved:
            self._free(rule, dispute, "the CRM holds none; it is filled")
            return
        if is_unknown:
            self._say(rule, f"{remote} of {self.crm.connection} holds a value unknown here")
            return
        if theirs_moved and held is None and is_tripped(dispute, self.crm.breaker):
            self._hold(rule, dispute, Held(base, ours, theirs, is_breaker=True), _tripped(dispute, self.crm))
            return
        here = self.entity.fields.get(rule.field)
        weighed = weigh(
            Sides(
                rule,
                here,
                known,
                moment_there(rule, self.record),
                is_exact=not self.histories or bool(self.record.changed_at),
                ours_moved=self._has_moved(rule, ours, base),
                theirs_moved=theirs_moved,
                is_edit=self.link is not None,
                said=self.canonical,
            ),
            self.entity,
            self.crm,
            self.playbook,
        )
        self._conclude(rule, dispute, weighed, base, ours, theirs, theirs_moved=theirs_moved)

    def _conclude(
        self,
        rule: CrmField,
        dispute: Dispute,
        weighed: Weighed,
        base: JsonValue,
        ours: JsonValue,
        theirs: JsonValue,
        *,
        theirs_moved: bool,
    ) -> None:
        stands, why = weighed.stands, weighed.why
        if stands is Stands.UNKNOWN:
            self._leave_undecided(rule)
            return
        if stands is Stands.NEITHER:
            settled = dispute.settled
            if settled is None or not (
                self._same(rule.remote, settled.ours, ours)
                and self._same(rule.remote, settled.theirs, theirs)
            ):
                self._hold(rule, dispute, Held(base, ours, theirs, is_breaker=False), why)
                return
            stands = Stands.THEIRS if settled.takes_theirs else Stands.OURS
            why = "a person decided so of the same two values"
        self._free(rule, dispute, why)
        known, here = self.canonical.get(rule.field), self.entity.fields.get(rule.field)
        if stands is Stands.THEIRS and weighed.value is not None:
            known = weighed.value  # of several stages that the value stands for
        if stands is Stands.BOTH:
            self._take(rule, weighed.value)
            self._say(rule, f"{why} are kept")
            return
        if stands is Stands.THEIRS:
            self._take(rule, known)
        elif not theirs_moved:
            return  # what leadrelay changed alone is nothing to tell: delivery writes it
        self._say(
            rule,
            f"{self.crm.connection}'s value {'taken' if stands is Stands.THEIRS else 'not taken'}, {why}",
        )
        kept, lost = (known, here) if stands is Stands.THEIRS else (here, known)
        has_lost = stands is Stands.OURS or self._has_moved(rule, ours, base)
        if has_lost and lost is not None and not same(kept, lost):
            self.merged.conflicts.append(RecordConflict(self.crm.connection, rule.field, kept, lost, why))

    def hear_no(self, rule: CrmField) -> None:
        """Take a no to a purpose of consent that is news, though its field may wait for a person."""
        base = self._shadow(rule.remote)
        theirs = self._plain(rule.remote, self.record.fields[rule.remote])
        if rule.field in self.merged.fields or self.canonical.get(rule.field) is not False:
            return
        here, at = self.entity.fields.get(rule.field), moment_there(rule, self.record)
        moved = not self._same(rule.remote, theirs, base)
        sides = Sides(
            rule, here, False, at, is_exact=True, ours_moved=False, theirs_moved=moved, is_edit=True
        )
        said = said_no(sides, self.entity)
        if said is not None and said.stands is Stands.THEIRS:
            self._take(rule, False)
            self._say(rule, f"{self.crm.connection}'s value taken, {said.why}")

    def note_overwritten(self, rule: CrmField) -> None:
        """Keep what somebody wrote into a field that is only written, where ours is going to replace it."""
        remote = rule.remote
        theirs = self._plain(remote, self.record.fields[remote])
        if theirs is None or self._same(remote, theirs, self._shadow(remote)) or remote not in self.ours:
            return
        wanted = {remote: self.ours[remote]}
        lifecycle = self.playbook.lifecycle
        if difference(wanted, self.merged.link, self.object_map, lifecycle, of=self.entity):
            why = f"{remote} is only written"
            here = self.entity.get(rule.field)
            self.merged.conflicts.append(RecordConflict(self.crm.connection, rule.field, here, theirs, why))

    def note_doubtful(self, rule: CrmField) -> None:
        """Keep what counts as our own word, as a call whose answer was lost may have written it.

        Somebody there may have typed the same. It gives way where the lead holds something else by now.
        """
        remote, known = rule.remote, self.canonical.get(rule.field)
        theirs = self._plain(remote, self.record.fields[remote])
        if self.link is None or known is None or rule.authority == "leadrelay":
            return
        is_news = not self._same(remote, theirs, self._shadow(remote))
        if is_news and not self._same(remote, theirs, self._plain(remote, self.ours.get(remote))):
            why = "written by leadrelay, whose call was not answered, or typed by somebody"
            here = self.entity.fields.get(rule.field)
            self.merged.conflicts.append(RecordConflict(self.crm.connection, rule.field, here, known, why))

    # What follows

    def _confirm(self, rule: CrmField, theirs: JsonValue, *, came_back: bool) -> None:
        """Note that somebody there came to the lead's value: no older word replaces it unseen.

        At the first meeting with a record all that it holds was said there; its stamp does not tell when. It
        matters where the record is newer than what was last seen of another: an old one says nothing that a
        next edit elsewhere should have to answer. A stage was told of when the lead entered it, and is no
        word again.
        """
        if theirs is None or rule.authority == "leadrelay" or rule.kind == "stage":
            return
        if self.link is None and not self.is_ours:
            if self._is_newer_than_another():
                self.merged.confirmed[rule.field] = self.record.changed_at.get(rule.remote)
            return
        is_known, base = self._last_known(rule.remote)
        if came_back or (is_known and not self._same(rule.remote, theirs, base)):
            self.merged.confirmed[rule.field] = moment_there(rule, self.record) or self.now

    def _is_newer_than_another(self) -> bool:
        """Say whether the record changed since another one of theirs was last read or written."""
        moment, here = self.record.modified_at, self.crm.connection
        seen = (later(one.read_at, one.wrote_at) for name, one in self.entity.links.items() if name != here)
        return moment is not None and any(at is not None and at < moment for at in seen)

    def _last_known(self, remote: str) -> tuple[bool, JsonValue]:
        """Say whether it is known what a record of ours held before, and what that was."""
        link = self.link
        if link is None:
            return True, None  # a create of ours, whose answer was lost, left the field blank
        known = link.shadow if remote in link.shadow else link.written  # what a converted record held
        return remote in known or link.read_at is not None, known.get(remote)

    def _take(self, rule: CrmField, value: JsonValue) -> None:
        self.merged.fields[rule.field] = value
        self.merged.times[rule.field] = moment_there(rule, self.record) or self.now

    def _say(self, rule: CrmField, text: str) -> None:
        self.merged.because.append(Because(f"{rule.field}: {text}", rule.place))

    def _leave_undecided(self, rule: CrmField) -> None:
        """Leave a field as it was, so that the next merge finds both sides moved again."""
        self.merged.undecided[rule.remote] = self.record.fields[rule.remote]
        self._keep_shadow(rule)
        known = self.link.disputes.get(rule.remote, CALM) if self.link is not None else CALM
        self._remember(rule.remote, known)
        self._say(rule, "both sides have changed it; the record's history says who was later")

    def _leave_unknown(self, rule: CrmField, dispute: Dispute, theirs: JsonValue) -> None:
        """Leave a value that means nothing here: once it does, it is found to have moved."""
        remote, since = rule.remote, self.now
        if dispute.unknown is not None and self._same(remote, dispute.unknown.value, theirs):
            since = dispute.unknown.since
        self._keep_shadow(rule, unless=theirs)
        self._remember(remote, replace(dispute, unknown=Unknown(theirs, since)))
        text = f"{self.crm.connection}: {remote} holds a value unknown here; it is left as it is"
        self.merged.because.append(Because(text, rule.place))

    def _keep_shadow(self, rule: CrmField, unless: JsonValue = None) -> None:
        """Let the shadow hold what it held before; nothing in the place of ``unless``."""
        link, before = self.merged.link, self.link
        shadow = {name: value for name, value in link.shadow.items() if name != rule.remote}
        if before is not None and rule.remote in before.shadow:
            held = before.shadow[rule.remote]
            if unless is None or not self._same(rule.remote, held, unless):
                shadow[rule.remote] = held
        self.merged.link = replace(link, shadow=shadow)

    def _hold(self, rule: CrmField, dispute: Dispute, held: Held, why: str) -> None:
        if dispute.held != held:
            self._remember(rule.remote, replace(dispute, held=held))
            name, at = self.crm.connection, rule.place
            self.merged.holds.append(HoldField(name, rule.field, rule.remote, held, why))
            self.merged.because.append(Because(f"{rule.field}: held on {name}, {why}", at))

    def _still_held(
        self, rule: CrmField, dispute: Dispute, held: Held, ours: JsonValue, theirs: JsonValue
    ) -> None:
        """Keep a field held that the breaker took out; a person sees the values as they are now."""
        now = replace(held, ours=ours, theirs=theirs)
        self._hold(rule, dispute, now, _tripped(dispute, self.crm))

    def _free(self, rule: CrmField, dispute: Dispute, why: str) -> None:
        if dispute.held is not None:
            self._remember(rule.remote, dispute.freed(None))
            name = self.crm.connection
            self.merged.holds.append(FreeField(name, rule.field, "", why, ""))
            self._say(rule, f"held on {name} no longer: {why}")

    def _remember(self, remote: str, dispute: Dispute) -> None:
        disputes = {name: one for name, one in self.merged.link.disputes.items() if name != remote}
        if dispute != CALM:
            disputes[remote] = dispute
        self.merged.link = replace(self.merged.link, disputes=disputes)

    # What each side holds

    def _same(self, remote: str, a: JsonValue, b: JsonValue) -> bool:
        return same_on(self.object_map, remote, a, b)

    def _plain(self, remote: str, value: JsonValue) -> JsonValue:
        """Return a vendor's value, ``None`` for what counts as blank there."""
        return None if is_blank_on(self.object_map, remote, value) else value

    def _shadow(self, remote: str) -> JsonValue:
        """Return what was agreed last; of a record never seen, what it still holds: nobody changed that."""
        if self.link is None:
            return None
        value = self._plain(remote, self.link.shadow.get(remote))
        if self.link.read_at is None and not self._same(remote, value, self.record.fields.get(remote)):
            return None
        return value

    def _has_moved(self, rule: CrmField, ours: JsonValue, base: JsonValue) -> bool:
        """Say whether the lead's value changed since both agreed; without a form there it cannot be told."""
        is_there = ours is not None or self.entity.fields.get(rule.field) in (None, "")
        if ours is None and not rule.allow_clear:
            return False
        return is_there and (not self._same(rule.remote, ours, base) or self._is_confirmed(rule))

    def _is_confirmed(self, rule: CrmField) -> bool:
        """Say whether somebody in another CRM came (back) to the lead's value since this record was read."""
        origin, link = self.entity.provenance.get(rule.field), self.link
        if origin is None or origin.confirmed_at is None or origin.source == self.crm.connection:
            return False
        if link is None:
            return True
        # Of two reads at one moment either may be the later one.
        is_unread = link.read_at is None or link.read_at <= origin.confirmed_at
        return is_unread and (link.wrote_at is None or link.wrote_at < origin.confirmed_at)

    def _came_back(self, remote: str, dispute: Dispute, base: JsonValue) -> bool:
        """Say whether a field changed since both agreed and came back: a history tells, or another read."""
        if dispute.seen is not None and not self._same(remote, self._plain(remote, dispute.seen.value), base):
            return True
        at, known = self.record.changed_at.get(remote), self.link.modified_at if self.link else None
        now = self.record.modified_at
        return at is not None and known is not None and now is not None and known < at <= now


def _tripped(dispute: Dispute, crm: CrmMap) -> str:
    times, per = flips(dispute), crm.breaker.per
    return f"it came back {times} times within {_span(per.total_seconds())} to a value that it had before"


def _span(seconds: float) -> str:
    hours, minutes = seconds / 3600, seconds / 60
    return f"{hours:g} h" if hours >= 1 else f"{minutes:g} minutes"

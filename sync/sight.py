"""What of people's data whoever asks may see: pages, read API and commands show stored things through this.

Each kind of thing that names a person has a method here that returns it as it is shown. Where nothing is
masked all of them return what they are given, and nothing is read for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mappings.masking import NO_VEIL, Veil, mask, veil_of
from mappings.playbook import Playbook, Privacy
from mappings.playbook.privacy import FREE_TEXT, HIDDEN, PLAIN
from mappings.truth import RuleTruth, veiled
from model.account import Account
from model.decision import EntityKind
from model.lead import Lead, Touch
from sync.account_questions import Asked
from sync.borderline import Card
from sync.deal_books import DealStory
from sync.deletions import HeldBack
from sync.edges.effect_books import EffectState
from sync.explain import Chapter, Story, WriteState
from sync.holds import Hold, Lost
from sync.lists import LeadRow
from sync.proposals import Proposal, Side
from sync.reconciling.kinds import Difference
from sync.replays.mending import Told
from sync.stage_moves import NOTE
from sync.tables import leads
from sync.unmasking import Lifted

SEARCHED_BY = {
    "email": ("email",),
    "full_name": ("first_name", "last_name"),
    "last_name": ("last_name",),
    "company": ("company",),
}
"""What the search looks at -> lead fields; where one is masked it is not searched by its beginning."""


@dataclass(slots=True)
class Sight:
    """The masks of one place, and for whom they are lifted."""

    playbook: Playbook
    channel: str
    lifted: Lifted = field(default_factory=Lifted)
    strictest: Veil = field(init=False)  # the veil of somebody of whom nothing is known
    _known: dict[str, Veil] = field(default_factory=dict)  # lead -> its veil

    def __post_init__(self) -> None:
        self.strictest = veil_of(self._privacy, self.channel, None)

    @property
    def _privacy(self) -> Privacy:
        return self.playbook.privacy

    def __bool__(self) -> bool:
        """Whether anything is masked for anybody."""
        return bool(self.strictest)

    def meet(self, snapshot: Connection, lead_ids: Iterable[str | None]) -> None:
        """Learn in which countries some leads are, before they are shown; who is no lead is passed over."""
        ids = sorted({one for one in lead_ids if one} - self._known.keys()) if self else []
        if ids:
            rows = snapshot.execute(sa.select(leads.c.id, leads.c.fields).where(leads.c.id.in_(ids)))
            self._known |= {row.id: self._veil(row.id, row.fields) for row in rows}

    def _veil(self, lead_id: str, fields: Mapping[str, Any]) -> Veil:
        if lead_id in self.lifted.leads:
            return NO_VEIL
        return veil_of(self._privacy, self.channel, fields.get("country"))

    def of(self, lead_id: str | None) -> Veil:
        """Return the veil of a lead; of one that was not met, or is there no more, the strictest."""
        found = self._known.get(lead_id or "")  # without rules all veils are none, the strictest, too
        return self.strictest if found is None else found

    def prefixes(self) -> Collection[str]:
        """Return what of a lead may be searched by its beginning: else one could guess letter by letter."""
        veil = self.strictest
        return {
            each
            for each, names in SEARCHED_BY.items()
            if not any(veil.classes.get(name) in veil.levels for name in names)
        }

    def lead(self, lead: Lead) -> Lead:
        """Return a lead with its touches."""
        veil = self.veil_of(lead)
        if not veil:
            return lead
        return replace(
            lead, fields=veil.fields(lead.fields), touches=[_touch(veil, one) for one in lead.touches]
        )

    def veil_of(self, lead: Lead) -> Veil:
        """Return the veil of a lead at hand."""
        return self._known.setdefault(lead.id, self._veil(lead.id, lead.fields)) if self else NO_VEIL

    def ruled(self, lead: Lead, found: Mapping[int, Sequence[RuleTruth]]) -> dict[int, list[RuleTruth]]:
        """Return by event what rules asked of a lead."""
        veil = self.veil_of(lead)
        return {
            event: [veiled(one, veil) if veil else one for one in rules] for event, rules in found.items()
        }

    def rows(self, snapshot: Connection, found: Sequence[LeadRow]) -> list[LeadRow]:
        """Return lines of the list of leads."""
        self.meet(snapshot, (row.id for row in found))
        return [self._row(row) for row in found]

    def _row(self, row: LeadRow) -> LeadRow:
        veil = self.of(row.id) if self else NO_VEIL
        if not veil:
            return row
        names = (veil.of("first_name", row.first_name), veil.of("last_name", row.last_name))
        return replace(
            row,
            email=veil.of("email", row.email),
            first_name=names[0],
            last_name=names[1],
            company=veil.of("company", row.company),
        )

    def story(self, story: Story) -> Story:
        """Return all that is told of one lead."""
        lead = self.lead(story.lead)
        if lead is story.lead:
            return story
        veil = self.of(lead.id)
        title = veil.levels.get(FREE_TEXT, PLAIN)
        return replace(
            story,
            lead=lead,
            chapters=[_chapter(veil, one) for one in story.chapters],
            writes=[_write(veil, one) for one in story.writes],
            conflicts=[_conflict(veil, one) for one in story.conflicts],
            asked=[
                replace(one, said=veil.unknown(one.said), error=veil.text(one.error)) for one in story.asked
            ],
            effects=[_effect(veil, one) for one in story.effects],
            engagements=[
                {**one, "title": mask(one.get("title"), FREE_TEXT, title)} for one in story.engagements
            ],
        )

    def disputed(
        self, snapshot: Connection, waiting: Sequence[Hold], lost: Sequence[Lost]
    ) -> tuple[list[Hold], list[Lost]]:
        """Return fields that wait for a person, and values that gave way."""
        self.meet(snapshot, (one.entity_id for one in waiting))
        self.meet(snapshot, (one.entity_id for one in lost))
        return [self.hold(one) for one in waiting], [self.lost(one) for one in lost]

    def hold(self, hold: Hold) -> Hold:
        """Return a field that waits for a person."""
        veil = self.of(hold.entity_id) if self and hold.entity_kind == EntityKind.LEAD else NO_VEIL
        if not veil:
            return hold
        values = {name: veil.of(hold.field, getattr(hold, name)) for name in ("base", "ours", "theirs")}
        return replace(hold, name=veil.known_by(hold.name), **values)

    def lost(self, lost: Lost) -> Lost:
        """Return a value that gave way; those of accounts and deals, whose ids are no lead's, as they are."""
        if not self or lost.entity_id not in self._known:
            return lost
        veil = self.of(lost.entity_id)
        kept, gone = veil.of(lost.field, lost.kept), veil.of(lost.field, lost.lost)
        return replace(lost, name=veil.known_by(lost.name), kept=kept, lost=gone) if veil else lost

    def proposal(self, one: Proposal) -> Proposal:
        """Return what could be done to a record."""
        veil = self.of(one.lead_id) if self else NO_VEIL
        if not veil:
            return one
        return replace(one, name=veil.known_by(one.name), trouble=veil.text(one.trouble) or "")

    def sides(self, one: Proposal, found: Sequence[Side]) -> list[Side]:
        """Return the fields of the records of a proposal."""
        veil = self.of(one.lead_id) if self else NO_VEIL
        if not veil:
            return list(found)

        def shown(name: str, value: Any) -> Any:
            return self._remote(veil, one.connection, one.object, name, value)

        return [Side(each.name, shown(each.name, each.kept), shown(each.name, each.lost)) for each in found]

    def _remote(self, veil: Veil, connection: str, object_type: str, remote: str, value: Any) -> Any:
        """Return a value under the vendor's name; of none of a map, or of an expression, it is hidden."""
        crm = self.playbook.crms.get(connection)
        object_map = crm.objects.get(object_type) if crm else None
        rules = [rule for rule in object_map.fields if rule.remote == remote] if object_map else []
        is_plain_field = len(rules) == 1 and rules[0].expression is None
        return veil.of(rules[0].field, value) if is_plain_field else veil.unknown(value)

    def held(self, one: HeldBack) -> HeldBack:
        """Return deletions that are held back, with some of their people."""
        people = [(lead_id, self.of(lead_id).known_by(email)) for lead_id, email in one.people if self]
        return replace(one, people=people) if self else one

    def account(self, one: Asked) -> Asked:
        """Return an account that a lead may belong to; companies' names are no person's."""
        veil = self.of(one.lead) if self else NO_VEIL
        if not veil:
            return one
        email = veil.known_by(one.email) if one.email else ""
        return replace(one, email=email, company=veil.of("company", one.company) or "")

    def card(self, card: Card) -> Card:
        """Return a lead that waits for a verdict."""
        lead = self.lead(card.lead)
        veil = self.of(lead.id) if lead is not card.lead else NO_VEIL
        if not veil:
            return card
        touches = [_touch(veil, one) for one in card.touches]
        return replace(card, lead=lead, touches=touches, company=_company(veil, card.company))

    def told(self, told: Told) -> Told:
        """Return a letter, or an event that was set aside, with what is known of it."""
        letter = told.letter
        if not self or letter.kind in (EntityKind.ACCOUNT, EntityKind.DEAL, "parties"):
            return told
        is_post = letter.payload is not None
        veil = self._of_post(letter.lead_id, letter.id) if is_post else self.of(letter.lead_id)
        if not veil:
            return told
        sent = {
            name: self._remote(veil, letter.place, letter.object, name, value)
            for name, value in letter.sent.items()
        }
        words = [veil.text(one) or "" for one in letter.words]
        letter = replace(letter, sent=sent, payload=veil.unknown(letter.payload), words=words)
        return replace(told, letter=letter, email=veil.known_by(told.email) if told.email else "")

    def event(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return an event as it came in: a sender's own fields have no class, so their values are hidden."""
        veil = self._of_post(found["lead_id"], found["id"]) if self else NO_VEIL
        if not veil:
            return dict(found)
        return {**found, "payload": veil.unknown(found["payload"]), "error": veil.text(found["error"])}

    def _of_post(self, lead_id: str | None, event: int) -> Veil:
        return NO_VEIL if event in self.lifted.events else self.of(lead_id)

    def deal(self, snapshot: Connection, story: DealStory) -> DealStory:
        """Return a deal with its people; the deal's own fields have no class."""
        if not self:
            return story
        self.meet(snapshot, (one.lead_id for one in story.people))
        self.meet(snapshot, (one.lead_id for one in story.touches))
        people = [
            replace(one, email=one.email and self.of(one.lead_id).known_by(one.email)) for one in story.people
        ]
        touches = [replace(one, touch=_touch(self.of(one.lead_id), one.touch)) for one in story.touches]
        return replace(story, people=people, touches=touches)

    def difference(self, one: Difference) -> Difference:
        """Return what differs between both sides."""
        is_persons = one.entity_kind == EntityKind.LEAD
        veil = self.of(one.entity_id) if self and is_persons else NO_VEIL
        if not veil:
            return one
        values = {
            name: veil.of(one.field, value) if one.field else veil.unknown(value)
            for name in ("ours", "shadow", "theirs")
            if (value := getattr(one, name)) is not None
        }
        return replace(one, **values)

    def named(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return what people call leads, accounts and deals, by id; leads are those that were met."""
        return {
            one: self.of(one).known_by(name) if one in self._known else name for one, name in names.items()
        }

    def plan(self, name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
        """Return what would be written to an account, with its samples.

        Values that do not fit are counted over all leads: they are shown as of somebody who is unknown.
        """
        samples = {kind: [self._sample(name, one) for one in kept] for kind, kept in plan["samples"].items()}
        return {**plan, "samples": samples, "unfit": [self._unfit(name, one) for one in plan["unfit"]]}

    def _unfit(self, connection: str, one: Mapping[str, Any]) -> dict[str, Any]:
        value = self._remote(self.strictest, connection, one["object"], one["field"], one["value"])
        return {**one, "value": value, "problem": self.strictest.text(one["problem"])}

    def _sample(self, connection: str, sample: Mapping[str, Any]) -> dict[str, Any]:
        veil = self.of(sample["lead"]) if self else NO_VEIL
        if not veil:
            return dict(sample)
        lines = [
            {
                **line,
                **{
                    side: self._remote(veil, connection, sample["object"], line["field"], line[side])
                    for side in ("ours", "theirs", "written")
                },
            }
            for line in sample["fields"]
        ]
        who = sample["who"] and veil.known_by(str(sample["who"]))
        return {**sample, "who": who, "error": veil.text(sample["error"]), "fields": lines}

    def until(self, lead_id: str | None) -> datetime | None:
        """Return when the mask of a lead falls again; ``None`` where it is not lifted."""
        return self.lifted.leads.get(lead_id or "")


def _touch(veil: Veil, touch: Touch) -> Touch:
    return replace(touch, fields=veil.of("first_touch", touch.fields)) if veil else touch


def _chapter(veil: Veil, one: Chapter) -> Chapter:
    """Return a decision; its lines hold no value that a person has, but what somebody wrote as a note."""
    level = veil.levels.get(FREE_TEXT, PLAIN)
    if level == PLAIN or not any(each["handler"] == NOTE for each in one.reasons):
        return one
    reasons = [
        {**each, "text": mask(each["text"], FREE_TEXT, level)} if each["handler"] == NOTE else each
        for each in one.reasons
    ]
    return replace(one, reasons=reasons)


def _write(veil: Veil, one: WriteState) -> WriteState:
    return replace(one, error=veil.text(one.error))


def _effect(veil: Veil, one: EffectState) -> EffectState:
    return replace(one, error=veil.text(one.error))


def _conflict(veil: Veil, one: Mapping[str, Any]) -> dict[str, Any]:
    return {**one, **{side: veil.of(one["field"], one[side]) for side in ("kept", "lost")}}


def _company(veil: Veil, company: Account | None) -> Account | None:
    """Return a lead's company by its name; a domain is that of the e-mail, and hidden with it."""
    if company is None:
        return None
    name, domain = company.get("name"), company.get("domain")
    if name in (None, domain):
        return company if veil.level_of("email") != HIDDEN else None
    return replace(company, fields={"name": veil.of("company", name)})

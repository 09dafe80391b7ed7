"""What an event says of consent: noted in the ledger, and what was kept back looked at again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from handlers.base import Lookups
from mappings.playbook import Playbook, Purpose
from mappings.reading import Reading
from mappings.values.identity import match_key
from model.consent import (
    CONFIRMED,
    CONSENT_TEXT,
    EVERYTHING,
    GRANTED,
    MAILBOX,
    REQUESTED,
    WITHDRAWN,
    Consenting,
    confirmed_field_of,
    field_of,
    why_kept,
    why_not,
)
from model.decision import Because, LookAgain, NoteConsent, OneShot, Reason, one_shot_key
from model.event import EventKind, EventState, StoredEvent
from model.lead import OPT_OUT, PERSON, Lead, Provenance
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.imports import is_imported
from sync.result import Result

LONGEST_BY = 64  # characters, as the column has
LONGEST_VERSION = 200  # characters of what a form calls its text


def conclude(result: Result, reading: Reading | None, playbook: Playbook) -> None:
    """Note what an event said of consent, once all that it decides of its lead is known.

    Every way in which a lead changes ends here: posts, records of CRMs, leads that become one, people. A
    post's word is noted also where it changes nothing, because it is proof. Nothing is confirmed of what
    is no yes. What a gate kept back is looked at again when something that gates go by has changed.
    """
    lead, before = result.lead, result.before
    if lead is None or not playbook.consent.purposes:
        return
    _forget_confirmations(lead, playbook)
    if before is not None and not _is_same_mailbox(lead, before):
        result.reasons += _without_mailbox(lead, playbook)
    said = {one.purpose for one in _posted(result, lead, reading, playbook)}
    found = [*_posted(result, lead, reading, playbook), *_changed(result, lead, before, playbook, said)]
    for one in found:
        result.effects.append(NoteConsent(one))
        result.reasons.append(Reason("consent", Because(_told(one))))
        if (asked := _asked_to_confirm(one, result, lead, playbook)) is not None:
            result.effects += [NoteConsent(replace(one, act=REQUESTED)), asked]
            result.reasons.append(Reason("consent", Because(f"{one.purpose}: asked by mail to confirm it")))
    if before is not None and (result.absorbed or _is_other(lead, before, playbook.consent.telling)):
        result.effects.append(LookAgain())


def _forget_confirmations(lead: Lead, playbook: Playbook) -> None:
    for name in playbook.consent.purposes:
        if lead.fields.get(field_of(name)) is not True and confirmed_field_of(name) in lead.fields:
            del lead.fields[confirmed_field_of(name)]


def _is_same_mailbox(lead: Lead, before: Lead) -> bool:
    was, is_ = before.fields.get("email"), lead.fields.get("email")
    return was == is_ or not was or (bool(is_) and match_key(str(was)) == match_key(str(is_)))


def _without_mailbox(lead: Lead, playbook: Playbook) -> Iterator[Reason]:
    """Take back what was confirmed from a mailbox that is no longer theirs; what a CRM says stays."""
    for name in playbook.consent.purposes:
        confirmed = confirmed_field_of(name)
        origin = lead.provenance.get(confirmed)
        if lead.fields.get(confirmed) is True and origin is not None and origin.source == MAILBOX:
            del lead.fields[confirmed]
            yield Reason("consent", Because(f"{name}: confirmed no more, the e-mail is another one"))


def _asked_to_confirm(one: Consenting, result: Result, lead: Lead, playbook: Playbook) -> OneShot | None:
    """Return the mail that asks the person to confirm a yes of a form; none for files and tests."""
    event, purpose = result.stored.event, playbook.consent.purposes.get(one.purpose)
    if event.kind is not EventKind.INTAKE or one.act != GRANTED or not one.counts or purpose is None:
        return None
    is_done = lead.fields.get(confirmed_field_of(one.purpose)) is True
    if purpose.confirm is None or is_done or not lead.get("email") or lead.is_test:
        return None
    if is_imported(event.payload) or why_not(lead):
        return None
    return OneShot(
        key=one_shot_key("confirm", lead.id, one.purpose, result.stored.id),
        kind="confirm",
        target=purpose.confirm.channel,
        payload={"rule": one.purpose},
    )


def _posted(result: Result, lead: Lead, reading: Reading | None, playbook: Playbook) -> Iterator[Consenting]:
    """Yield what a post says itself."""
    if reading is None:
        return
    stored = result.stored
    shown = str(reading.fields.get(CONSENT_TEXT) or "")[:LONGEST_VERSION]
    for name, purpose in playbook.consent.by_field.items():
        value = reading.fields.get(name)
        if isinstance(value, bool):
            yield Consenting(
                purpose.name,
                GRANTED if value else WITHDRAWN,
                stored.event.source,
                stored.event.occurred_at,
                text_version=shown or purpose.version_at(stored.event.occurred_at),
                basis=purpose.basis,
                counts=_is_of(lead.provenance.get(name), result),
            )


def _changed(
    result: Result, lead: Lead, before: Lead | None, playbook: Playbook, posted: set[str]
) -> Iterator[Consenting]:
    """Yield what has become another than it was, whoever changed it."""
    was = before.fields if before is not None else {}
    for name, purpose in playbook.consent.by_field.items():
        now, then = lead.fields.get(name), was.get(name)
        theirs = [one.fields.get(name) for one in result.absorbed]
        is_other = now != then or any(one not in (None, now) for one in theirs)  # their entries come along
        if is_other and purpose.name not in posted and not (now is None and then is False):
            act = GRANTED if now is True else WITHDRAWN
            yield _noted(result, purpose, act, lead.provenance.get(name))
        confirmed = confirmed_field_of(purpose.name)
        if lead.fields.get(confirmed) is True and was.get(confirmed) is not True:
            yield _noted(result, purpose, CONFIRMED, lead.provenance.get(confirmed))
    if lead.fields.get(OPT_OUT) is True and was.get(OPT_OUT) is not True:
        origin = lead.provenance.get(OPT_OUT)
        stored = result.stored
        source, at = (origin.source, origin.at) if origin else (stored.event.source, stored.decided_at)
        yield Consenting(EVERYTHING, WITHDRAWN, source, at)


def _noted(result: Result, purpose: Purpose, act: str, origin: Provenance | None) -> Consenting:
    stored = result.stored
    source, at = (origin.source, origin.at) if origin else (stored.event.source, stored.decided_at)
    payload = stored.event.payload if stored.event.kind is not EventKind.INTAKE else {}
    return Consenting(
        purpose.name,
        act,
        source,
        at,
        text_version=str(payload.get("text_version") or purpose.version_at(at)),
        basis=purpose.basis,
        by=str(payload.get("by") or "")[:LONGEST_BY],
    )


def _is_of(origin: Provenance | None, result: Result) -> bool:
    return origin is not None and origin.event == result.stored.id


def _is_other(lead: Lead, before: Lead, names: tuple[str, ...]) -> bool:
    return any(lead.fields.get(name) != before.fields.get(name) for name in names)


def _told(one: Consenting) -> str:
    what = "everything" if one.purpose == EVERYTHING else one.purpose
    version = f", text {one.text_version}" if one.text_version else ""
    standing = "" if one.counts else "; something newer stands"
    return f"{what} {one.act} ({one.source}{version}){standing}"


def said(stored: StoredEvent, lead_id: str, lookups: Lookups, pipeline: Pipeline) -> Result:
    """Decide what a person's word on a purpose means that somebody noted here, or that came by a link.

    A yes noted here lifts an earlier no: it is what the person said since. Of a no that is older than a
    yes the yes stands. A link confirms a yes that is there, and nothing else.
    """
    result = Result(stored, EventState.DONE, lead_id=lead_id)
    event, before = stored.event, lookups.lead(lead_id)
    name, act = str(event.payload["purpose"]), event.payload["act"]
    if name not in pipeline.playbook.consent.purposes:
        return _because(result, f'the playbook has no purpose "{name}" any more')
    known, is_yes = before.fields.get(field_of(name)), act != WITHDRAWN
    why = why_kept(known, before.provenance.get(field_of(name)), is_yes, event.occurred_at)
    if act == CONFIRMED and known is not True:
        return _because(
            result, f"{name} cannot be confirmed: the person has not agreed to it, or not any more"
        )
    if act == CONFIRMED and before.fields.get(confirmed_field_of(name)) is True:
        return _because(result, f"{name} is confirmed already")
    if act != CONFIRMED and why:
        return _because(result, f"{name} kept: {why}")
    draft = copy_of(before)
    changed = confirmed_field_of(name) if act == CONFIRMED else field_of(name)
    draft.fields[changed] = is_yes
    draft.provenance[changed] = Provenance(
        MAILBOX if act == CONFIRMED else PERSON, event.occurred_at, stored.id
    )
    result.before, result.lead = before, draft
    _forget_confirmations(draft, pipeline.playbook)
    pipeline.run_after(result, draft, lookups, AFTER_MERGE)
    return result


def _because(result: Result, text: str) -> Result:
    result.reasons.append(Reason("consent", Because(text)))
    return result

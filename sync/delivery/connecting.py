"""Calls that put records together: people with their companies, and with the deals that they take part in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model.change import Association, Participation, Updated
from model.deal import COMPANIES, COMPANY, LEFT, PARTIES, PEOPLE
from model.event import JsonValue, RecordRef
from model.lead import ASSOCIATED
from sync.delivery.ended import Ended, Written
from sync.delivery.target import Sending, Target


def associate(target: Target, sendings: Sequence[Sending]) -> Iterable[Ended]:
    """Associate people with their companies; whom somebody gave another one, keeps it."""
    wanted = {s.key: s for s in sendings}
    company = target.playbook().crms[target.name].account
    pairs = [
        Association(
            s.key,
            s.ref(target.name),
            RecordRef(target.name, company.object if company else "", str(s.draft[ASSOCIATED])),
        )
        for s in sendings
    ]
    for outcome in target.connector_for(sendings).associate(pairs):
        if isinstance(outcome, Updated):
            agreed = wanted[outcome.key].draft
            yield Written(outcome.key, outcome.ref, agreed, {}, is_read=False)
        else:
            yield outcome


def take_part(target: Target, sendings: Sequence[Sending]) -> Iterable[Ended]:
    """Let people take part in deals or no more, and give deals a company.

    What is agreed then is what was known before and what was sent: what somebody changed there meanwhile is
    for the decider, who has not heard of it yet.
    """
    wanted = {s.key: s for s in sendings}
    parts = [
        Participation(
            s.key,
            s.ref(target.name),
            tuple(s.draft[PEOPLE]),
            next(iter(s.draft[COMPANIES]), None),
            tuple(s.draft.get(LEFT, ())),
            next(iter(s.draft.get(COMPANY, ())), None),
        )
        for s in sendings
    ]
    for outcome in target.connector_for(sendings).take_part(parts):
        if not isinstance(outcome, Updated):
            yield outcome
            continue
        sending = wanted[outcome.key]
        shadow, sent = sending.link.shadow if sending.link else {}, sending.draft
        known = {*(shadow.get(PEOPLE) or ()), *sent[PEOPLE]} - set(sent.get(LEFT, ()))
        company = (*sent[COMPANIES], *(shadow.get(COMPANIES) or ()))[:1]
        fields: dict[str, JsonValue] = dict(outcome.fields)
        if set(fields[PEOPLE]) != known:
            fields[PEOPLE] = sorted(known)
        if tuple(fields[COMPANIES][:1]) != company:
            fields[COMPANIES] = list(shadow.get(COMPANIES) or ())
        is_news = any(list(fields[name]) != list(outcome.fields[name]) for name in PARTIES)
        fields |= {LEFT: []} if LEFT in sent else {}  # both are done
        fields |= {COMPANY: None} if COMPANY in sent else {}
        yield Written(outcome.key, outcome.ref, fields, {}, is_read=False, is_news=is_news)

"""What a provider said of a lead, taken in where people have said nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from handlers.waiting import ANSWER, waits
from mappings.enriching import reading_of, values_of
from mappings.playbook import Provider
from model.decision import Because, EndWait, Reason
from model.enrichment import asked_of, is_machine, source_of, why_kept
from model.event import EventState, JsonValue, StoredEvent
from model.lead import Lead, Provenance
from sync.deciding.batch import Batch
from sync.deciding.pipeline import AFTER_MERGE, Pipeline
from sync.drafts import copy_of
from sync.result import Result

HANDLER = "enrich"


def answered(stored: StoredEvent, lead_id: str, batch: Batch, pipeline: Pipeline) -> Result:
    """Take an answer in; what changes by it runs through score, qualify and all behind.

    An owner that is there stays. What waited for the answer goes ahead, whatever it is. An answer that
    changes nothing, and for which nothing waited, is told, and that is all.
    """
    result, payload = Result(stored, EventState.DONE), stored.event.payload
    if not batch.knows(lead_id):
        return _because(result, "there is no such lead any more")
    before = batch.lead(lead_id)
    result.lead_id = before.id
    draft = copy_of(before)
    name = str(payload["provider"])
    provider = pipeline.playbook.enrichment.providers.get(name)
    _because(result, _said(payload, name), provider)
    if provider is not None and payload["values"]:
        _take_in(draft, provider, stored, pipeline, result)
    if draft.timers.pop((ANSWER, name), None) is not None and not waits(draft, stored.decided_at):
        result.effects.append(EndWait())
    if (draft.fields, draft.provenance, draft.timers) != (before.fields, before.provenance, before.timers):
        result.before, result.lead = before, draft
        pipeline.run_after(result, draft, batch, AFTER_MERGE)
    return result


def _said(payload: Mapping[str, JsonValue], name: str) -> str:
    """Say in words what the provider answered, or why not."""
    if payload["state"] in ("failed", "capped"):
        asked = "was not asked" if payload["state"] == "capped" else "gave no answer"
        return f"{name} {asked}: {payload['why']}"
    kept = (
        f", by its answer of {payload['answered_at']} (from the cache)"
        if payload["state"] == "cached"
        else ""
    )
    if not payload["values"]:
        return f"{name} knows nothing of it{kept}"
    return f"{name} answered{kept}"


def _take_in(
    draft: Lead, provider: Provider, stored: StoredEvent, pipeline: Pipeline, result: Result
) -> None:
    """Bring the words into the draft: into blanks, and in the place of older words of providers."""
    event = stored.event
    reading = reading_of(stored, provider, pipeline.playbook)
    origin = Provenance(source_of(provider.name), event.occurred_at, stored.id)
    is_of_now = event.payload["asked"] == asked_of(provider.name, values_of(provider, draft) or {})
    taken, same = [], []
    for name, value in reading.fields.items():
        if draft.fields.get(name) == value:
            same.append(name)
            continue
        known = draft.provenance.get(name)
        why = why_kept(draft, name) or _why_outdated(known, origin, is_of_now=is_of_now)
        if why:
            _because(result, f"{name} kept: {why}", provider)
            continue
        draft.fields[name], draft.provenance[name] = value, origin
        taken.append(name)
    if taken:
        _because(result, f"taken from {provider.name}: {', '.join(taken)}", provider)
    if same:
        _because(result, f"{provider.name} says the same of {', '.join(same)}", provider)
    for problem in reading.problems:
        result.reasons.append(Reason(HANDLER, Because(f"{problem}; left as it is", problem.place)))


def _why_outdated(known: Provenance | None, said: Provenance, *, is_of_now: bool) -> str:
    """Return why an answer does not take the place of a provider's word; blank where it does.

    ``is_of_now``: it is about the values that the lead has now. Of the cache it may then be older than what
    the same provider said about earlier values, and counts all the same.
    """
    if known is None or not is_machine(known):
        return ""
    if not is_of_now:
        return f"{known.source} said it, and this is about what the lead said before"
    is_newer = known.at > said.at and known.source != said.source
    return f"{known.source} said something newer" if is_newer else ""


def _because(result: Result, text: str, provider: Provider | None = None) -> Result:
    result.reasons.append(Reason(HANDLER, Because(text, provider.place if provider else None)))
    return result

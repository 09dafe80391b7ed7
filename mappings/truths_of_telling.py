"""Which task and which messages a decision made, and what the others asked for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mappings.playbook import Playbook
from mappings.playbook.messages import IT_WAITS, NOT_DONE, TEST_LEAD
from mappings.truth import Judge, RuleTruth, Truth, ruled

CAUSES = {
    "assignment": "a rule gave the lead its owner",
    "stage": "the lead entered a stage",
    "post": "the event is a post",
}


def rules(
    judge: Judge, causes: Collection[str], playbook: Playbook, reasons: Sequence[Mapping[str, Any]]
) -> Iterator[RuleTruth]:
    """Yield the tasks in their order, then the messages; ``causes`` are what of the event is told of."""
    if "follow_up" in playbook.pipeline:
        yield from _tasks(judge, causes, playbook, _texts("follow_up", reasons))
    if "notify" in playbook.pipeline:
        yield from _messages(judge, causes, playbook, _texts("notify", reasons))


def _tasks(
    judge: Judge, causes: Collection[str], playbook: Playbook, said: Mapping[str, str]
) -> Iterator[RuleTruth]:
    """Yield the tasks: the first that fits is made, those behind it are not asked."""
    is_found = False
    for one in playbook.follow_up.rules:
        asks = (_cause("assignment", causes), *judge.of(one.when))
        found = ruled("follow_up", one.name, one.place, asks, set())
        took = _is_done(said.get(str(one.place), ""))
        yield replace(found, holds=None if is_found else found.holds, took=took)
        is_found = is_found or found.holds is True


def _messages(
    judge: Judge, causes: Collection[str], playbook: Playbook, said: Mapping[str, str]
) -> Iterator[RuleTruth]:
    for one in playbook.notifications.rules:
        text = said.get(str(one.place), "")
        asks = (_cause(one.on, causes), *judge.of(one.when))
        if one.when is not None and f": {one.name}{IT_WAITS}" in text:
            asks = (asks[0], Truth(f"{one.when.text}: asked when it goes out", None))
        found = ruled("notify", f"{one.name} ({one.channel})", one.place, asks, set())
        yield replace(found, took=_is_done(text))


def _cause(name: str, causes: Collection[str]) -> Truth:
    return Truth(CAUSES[name], name in causes)


def _texts(handler: str, reasons: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {str(one["at"]): str(one["text"]) for one in reasons if one["handler"] == handler}


def _is_done(text: str) -> bool:
    return bool(text) and not text.startswith((NOT_DONE, TEST_LEAD))

"""Which rule held for a lead, and which did not, down to each condition. Pure.

What rules ask of a lead is kept with each decision (``seen``). With the files of the version that decided,
the truth of every rule is computed from it when somebody asks (``rules``): deciding pays for the facts alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.masking import NO_VEIL, Veil
from mappings.memory import once_each
from mappings.playbook import Playbook, StageRule
from mappings.playbook.condition import Condition, Term
from mappings.playbook.privacy import PLAIN
from model.event import JsonValue
from model.lead import Activity, Lead
from model.times import EPOCH

JUDGES = frozenset({"score", "qualify", "assign"})
"""Handlers whose rules ask for facts of the lead."""

LONGEST = 500  # characters of a text that are kept; what is longer is not judged again
CUT = "cut"  # fact: the names of such texts
DID = "did"  # fact: how often the lead did each activity that a rule names
PERSONAL = frozenset({"email", "phone", "first_name", "last_name", "message"})


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition, or a part of one, for one lead; ``was`` is what its fields held."""

    text: str
    holds: bool | None  # ``None``: it cannot be told any more
    was: str = ""
    glue: str = ""
    parts: tuple[Truth, ...] = ()

    def as_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON."""
        told: dict[str, JsonValue] = {"text": self.text, "holds": self.holds}
        if self.parts:
            return told | {"glue": self.glue, "parts": [one.as_dict() for one in self.parts]}
        return told | {"was": self.was}


@dataclass(frozen=True, slots=True)
class RuleTruth:
    """A rule for one lead: whether it held, whether it took, and each thing it asks for."""

    handler: str
    name: str
    at: str
    holds: bool | None  # ``None``: it was not asked, for an earlier one took, or cannot be told
    took: bool
    asks: tuple[Truth, ...]

    def as_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON."""
        told: dict[str, JsonValue] = {"handler": self.handler, "name": self.name, "at": self.at}
        return told | {"holds": self.holds, "took": self.took, "asks": [one.as_dict() for one in self.asks]}

    def lines(self) -> Iterator[str]:
        """Yield it as lines of text, what it asks for indented."""
        word = "took" if self.took else {True: "holds", False: "no", None: "not asked"}[self.holds]
        yield f"{word:<9} {self.name}"
        if self.holds is not None:
            for one in self.asks:
                yield from _lines(one, 1)


def _lines(truth: Truth, depth: int) -> Iterator[str]:
    word = {True: "true", False: "false", None: "cannot be told"}[truth.holds]
    indent = "  " * depth
    if truth.parts:
        name = {"and": "all of", "or": "any of", "not": "not"}[truth.glue]
        yield f"{indent}{name}: {word}"
        for one in truth.parts:
            yield from _lines(one, depth + 1)
    else:
        yield (
            f"{indent}{truth.text}: {word}, was {truth.was}" if truth.was else f"{indent}{truth.text}: {word}"
        )


def seen(lead: Lead, playbook: Playbook) -> dict[str, JsonValue]:
    """Return what the rules of a playbook ask of this lead; blank fields are left out."""
    fields, kinds = _asked(playbook)
    facts: dict[str, JsonValue] = {}
    cut: list[str] = []
    for name in fields:
        value = lead.get(name) if "." in name else lead.fields.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, str) and len(value) > LONGEST:
            cut.append(name)
            continue
        facts[name] = value
    if cut:
        facts[CUT] = cut
    if kinds and (did := Counter(deed.kind for deed in lead.deeds() if deed.kind in kinds)):
        facts[DID] = dict(did)
    return facts


@once_each
def _asked(playbook: Playbook) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the fields that rules ask for, and the activities."""
    routing = playbook.routing
    conditions: list[Condition | None] = [rule.when for rule in playbook.scoring.rules]
    conditions += [rule.when for rule in playbook.lifecycle.rules]
    conditions += [one.when for one in routing.territories]
    conditions += [one.when for one in routing.shares]
    fields = {name for one in conditions if one is not None for name in one.fields} | {"stage", "score"}
    kinds = {rule.activity for rule in playbook.scoring.rules}
    kinds |= {rule.activity for rule in playbook.lifecycle.rules}
    return tuple(sorted(fields)), frozenset(kinds - {""})


def rules(
    facts: Mapping[str, JsonValue],
    then: Mapping[str, JsonValue],
    reasons: Sequence[Mapping[str, Any]],
    playbook: Playbook,
    veil: Veil = NO_VEIL,
) -> list[RuleTruth]:
    """Return every rule of scoring, lifecycle and territories with its truth for one decision.

    ``facts`` are those before the rules, ``then`` score and stage behind them, ``reasons`` what was said.
    What is asked of a field that the ``veil`` masks is not told.
    """
    said = {(str(one["handler"]), str(one["at"])) for one in reasons}
    judge = _Judge(facts, veil)
    found: list[RuleTruth] = []
    handlers = {handler for handler, _ in said}
    if "score" in playbook.pipeline:
        for rule in playbook.scoring.rules:
            asks = (*judge.of(rule.when), *judge.did(rule.activity))
            found.append(_ruled("score", rule.name, rule.place, asks, said))
    if "qualify" in playbook.pipeline:
        scored = _Judge({**facts, "score": then.get("score")}, veil)
        for each in playbook.lifecycle.rules:
            found.append(_ruled("qualify", f"{each.name} → {each.to}", each.place, scored.stage(each), said))
    if "assign" in handlers:
        found += _territories(_Judge({**facts, **then}, veil), playbook, said)
    return found


def _territories(judge: _Judge, playbook: Playbook, said: set[tuple[str, str]]) -> Iterator[RuleTruth]:
    """Yield the territories in their order: the first that holds takes, those behind it are not asked."""
    is_taken = not any(
        ("assign", str(place)) in said
        for place in (*(one.place for one in playbook.routing.territories), playbook.routing.fallback_place)
    )
    if is_taken:
        return
    for one in playbook.routing.territories:
        asks = tuple(judge.of(one.when))
        ruled = _ruled("assign", f"territory {one.name}", one.place, asks, said)
        yield RuleTruth("assign", ruled.name, ruled.at, None, took=False, asks=asks) if is_taken else ruled
        is_taken = is_taken or ruled.took


def _ruled(
    handler: str, name: str, place: object, asks: tuple[Truth, ...], said: set[tuple[str, str]]
) -> RuleTruth:
    truths = [one.holds for one in asks]
    holds = False if False in truths else None if None in truths else True
    return RuleTruth(handler, name, str(place), holds, (handler, str(place)) in said, asks)


class _Judge:
    """Judges conditions by the facts of one lead."""

    def __init__(self, facts: Mapping[str, JsonValue], veil: Veil) -> None:
        self._veil = veil
        self._cut = frozenset(facts.get(CUT) or ())
        self._did: Mapping[str, int] = facts.get(DID) or {}
        fields: dict[str, JsonValue] = {}
        for name, value in facts.items():
            outer, dot, inner = name.partition(".")
            if dot:
                fields.setdefault(outer, {})[inner] = value
            elif name not in (CUT, DID):
                fields[name] = value
        deeds = [Activity(kind, EPOCH) for kind, times in self._did.items() for _ in range(times)]
        self._lead = Lead("", fields=fields, activities=deeds)

    def of(self, condition: Condition | None) -> Iterator[Truth]:
        """Yield what a condition asks for, each for itself where all must hold."""
        if condition is None:
            return
        if condition.glue == "and":
            yield from map(self._term, condition.parts)
        else:
            yield self._term(condition)

    def _term(self, term: Term) -> Truth:
        if term.parts:
            parts = tuple(map(self._term, term.parts))
            known = None if any(one.holds is None for one in parts) else term.test(self._lead)
            return Truth(term.text, known, glue=term.glue, parts=parts)
        if term.fields & self._cut:
            return Truth(term.text, None, "a long text")
        if any(self._veil.level_of(name) != PLAIN for name in term.fields):
            return Truth(_named(term), None, "not shown")  # whether it holds can tell the value
        was = ", ".join(self._shown(name) for name in sorted(term.fields))
        return Truth(_named(term), term.test(self._lead), was)

    def did(self, activity: str) -> Iterator[Truth]:
        """Yield whether the lead did an activity, if one is asked for."""
        if activity:
            times = self._did.get(activity, 0)
            yield Truth(f"did {activity}", times > 0, f"{times} times" if times != 1 else "once")

    def stage(self, rule: StageRule) -> tuple[Truth, ...]:
        """Return what a rule of the lifecycle asks for."""
        score = self._lead.score
        least = rule.min_score
        reached = () if least is None else (Truth(f"score at least {least}", score >= least, str(score)),)
        return (*reached, *self.of(rule.when), *self.did(rule.activity))

    def _shown(self, name: str) -> str:
        value = self._lead.get(name) if "." in name else self._lead.fields.get(name)
        if value is None or value == "":
            return "blank"
        return shown(name, value)


def _named(term: Term) -> str:
    """Return a part's words with its field, which the second part of several about one leaves out."""
    [*names] = term.fields
    return f"{names[0]} {term.text}" if len(names) == 1 and names[0] not in term.text else term.text


def shown(name: str, value: JsonValue) -> str:
    """Return a value for people; of what tells who the person is no more than rules ask for."""
    if name == "email":
        return f"…@{str(value).rpartition('@')[2]}"
    if name in PERSONAL:
        return "not shown"
    return str(value).lower() if isinstance(value, bool) else str(value)

"""What a condition, and each part of it, is worth for the facts of one lead; words for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mappings.masking import Veil
from mappings.playbook import StageRule
from mappings.playbook.condition import Condition, Term
from mappings.playbook.privacy import PLAIN
from model.event import JsonValue
from model.lead import Activity, Lead
from model.times import EPOCH

CUT = "cut"  # fact: the names of fields whose text is too long to be kept
DID = "did"  # fact: how often the lead did each activity that a rule names
HAS = "has"  # fact: fields that are filled in, where no rule asks with what
CAUSED = "causes"  # fact: what of the event is a reason to tell somebody: "assignment", "stage", "post"
TURN = "turn"  # fact: the turn that the lead used up and that can be given back
OF_ACCOUNT = "of_account"  # fact: fields that are blank with the lead, as its account has them
BESIDE = frozenset({CAUSED, CUT, DID, HAS, OF_ACCOUNT, TURN})
"""Facts that are no fields of the lead."""

NAMED = "named"  # glue of parts that have a name of their own, and must all hold
PERSONAL = frozenset({"email", "phone", "first_name", "last_name", "message"})


@dataclass(frozen=True, slots=True)
class Truth:
    """A condition, or a part of one, for one lead; ``was`` is what its fields held."""

    text: str
    holds: bool | None  # ``None``: it cannot be told any more
    was: str = ""
    glue: str = ""
    parts: tuple[Truth, ...] = ()
    fields: frozenset[str] = frozenset()  # whose values it tells of

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

    def lacking(self) -> str:
        """Return what it asked for and was not so, in one line; blank where nothing of it was false."""
        return "; ".join(_short(one) for one in self.asks if one.holds is False)

    def lines(self) -> Iterator[str]:
        """Yield it as lines of text, what it asks for indented."""
        yield f"{self.word:<9} {self.name}"
        for depth, text in self.asked():
            yield f"{'  ' * depth}{text}"

    @property
    def word(self) -> str:
        """Return in a word what became of it."""
        return "took" if self.took else {True: "holds", False: "no", None: "not asked"}[self.holds]

    def asked(self) -> Iterator[tuple[int, str]]:
        """Yield what it asks for with how deep it lies within, from 1; nothing where it was not asked."""
        if self.holds is not None:
            for one in self.asks:
                yield from _lines(one, 1)


def _short(truth: Truth) -> str:
    if not truth.parts:
        return f"{truth.text}: was {truth.was}" if truth.was else truth.text
    if truth.glue == "not":
        return f"not {truth.parts[0].text}"
    parts = [_short(one) for one in truth.parts if one.holds is False]
    within = f" {'or' if truth.glue == 'or' else 'and'} ".join(parts)
    return f"{truth.text}: {within}" if truth.glue == NAMED else within


def _lines(truth: Truth, depth: int) -> Iterator[tuple[int, str]]:
    word = {True: "true", False: "false", None: "cannot be told"}[truth.holds]
    if truth.parts:
        name = (
            truth.text if truth.glue == NAMED else {"and": "all of", "or": "any of", "not": "not"}[truth.glue]
        )
        yield depth, f"{name}: {word}"
        for one in truth.parts:
            yield from _lines(one, depth + 1)
    else:
        yield depth, f"{truth.text}: {word}, was {truth.was}" if truth.was else f"{truth.text}: {word}"


def all_of(parts: Iterable[Truth]) -> Truth:
    """Return parts that must all hold as one."""
    [*found] = parts
    truths = [one.holds for one in found]
    holds = False if False in truths else None if None in truths else True
    return found[0] if len(found) == 1 else Truth("", holds, glue="and", parts=tuple(found))


def any_of(parts: Iterable[Truth]) -> Truth:
    """Return parts of which one must hold as one."""
    [*found] = parts
    truths = [one.holds for one in found]
    holds = True if True in truths else None if None in truths else False
    return found[0] if len(found) == 1 else Truth("", holds, glue="or", parts=tuple(found))


def ruled(
    handler: str, name: str, place: object, asks: tuple[Truth, ...], said: set[tuple[str, str]]
) -> RuleTruth:
    """Return a rule that holds where all it asks for does, and took where the decision said so."""
    truths = [one.holds for one in asks]
    holds = False if False in truths else None if None in truths else True
    return RuleTruth(handler, name, str(place), holds, (handler, str(place)) in said, asks)


def veiled(rule: RuleTruth, veil: Veil) -> RuleTruth:
    """Return a rule without what it asks of fields that are masked: whether that holds can tell the value."""
    asks = tuple(_veiled(one, veil) for one in rule.asks)
    if asks == rule.asks:
        return rule
    return replace(rule, asks=asks, holds=rule.holds if rule.took else None)


def _veiled(truth: Truth, veil: Veil) -> Truth:
    if any(veil.level_of(name) != PLAIN for name in truth.fields):
        return replace(truth, holds=None, was="not shown")
    parts = tuple(_veiled(one, veil) for one in truth.parts)
    return truth if parts == truth.parts else replace(truth, parts=parts, holds=None)


class Judge:
    """Judges conditions by the facts of one lead."""

    def __init__(self, facts: Mapping[str, JsonValue]) -> None:
        self._cut = frozenset(facts.get(CUT) or ())
        self._did: Mapping[str, int] = facts.get(DID) or {}
        fields: dict[str, JsonValue] = {}
        filled = dict.fromkeys(facts.get(HAS) or (), "…")  # not with what
        for name, value in {**filled, **facts}.items():
            outer, dot, inner = name.partition(".")
            if dot:
                fields.setdefault(outer, {})[inner] = value
            elif name not in BESIDE:
                fields[name] = value
        deeds = [Activity(kind, EPOCH) for kind, times in self._did.items() for _ in range(times)]
        self.lead = Lead("", fields=fields, activities=deeds)

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
            known = None if any(one.holds is None for one in parts) else term.test(self.lead)
            return Truth(term.text, known, glue=term.glue, parts=parts)
        if term.fields & self._cut:
            return Truth(term.text, None, "a long text", fields=term.fields)
        was = ", ".join(self._shown(name) for name in sorted(term.fields))
        return Truth(_named(term), term.test(self.lead), was, fields=term.fields)

    def did(self, activity: str) -> Iterator[Truth]:
        """Yield whether the lead did an activity, if one is asked for."""
        if activity:
            times = self._did.get(activity, 0)
            yield Truth(f"did {activity}", times > 0, f"{times} times" if times != 1 else "once")

    def stage(self, rule: StageRule) -> tuple[Truth, ...]:
        """Return what a rule of the lifecycle asks for."""
        asks = (*self.reached(rule.min_score), *self.of(rule.when), *self.did(rule.activity))
        if not rule.starts:
            return asks
        here = str(self.lead.stage or "")
        return (
            Truth(f"stage in {', '.join(sorted(rule.starts))}", here in rule.starts, here or "blank"),
            *asks,
        )

    def reached(self, least: int | None) -> tuple[Truth, ...]:
        """Return whether the score is high enough, if that is asked for."""
        score = self.lead.score
        return () if least is None else (Truth(f"score at least {least}", score >= least, str(score)),)

    def _shown(self, name: str) -> str:
        value = self.lead.get(name) if "." in name else self.lead.fields.get(name)
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

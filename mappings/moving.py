"""Whether a lead may move from stage to stage, what is in its way, and what is remembered of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mappings.playbook import Criterion, Gate, Lifecycle, Move, StageRule
from mappings.values.texts import is_blank
from model.decision import Place
from model.event import JsonValue
from model.lead import Lead

RULES, DEALS, CRM, PAGE = "rules", "deals", "crm", "page"
"""Who asks for a move: rules, a deal, people in a CRM, people on the pages or by a command."""

NAMES = {RULES: "rules", DEALS: "deals", CRM: "people in a CRM", PAGE: "people here"}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a move that was asked for.

    ``lacks`` are criteria and fields that are missing; a move that goes through all the same says so.
    ``asks``: a person is to decide.
    """

    allowed: bool
    why: str = ""  # why it is refused
    lacks: tuple[str, ...] = ()
    asks: bool = False


ALLOWED = Ruling(allowed=True)


def judge(
    lifecycle: Lifecycle, lead: Lead, to: str, by: str, said: Mapping[str, JsonValue] | None = None
) -> Ruling:
    """Say whether a lead may move to a stage. ``said`` are lead fields that come with the same word.

    Whether a rule may lead forward or aside at all is the rules' own business (``handlers.qualify``). A deal
    is a fact: what a stage asks for is told, and does not stop it.
    """
    here = lifecycle.stage(lead.stage)
    if here is None or here.name == to:
        return ALLOWED
    move = _move(lifecycle, here.name, to, by)
    if isinstance(move, str):
        return _forbidden(lifecycle, by, move)
    if said:
        known = {name: value for name, value in said.items() if value is not None and name != "stage"}
        lead = replace(lead, fields={**lead.fields, **known})
    if move is not None and (why := _without_reason(move, lead)):
        return _forbidden(lifecycle, by, why)
    lacks = in_the_way(lifecycle, lead, to)
    if not lacks:
        return ALLOWED
    stops = by == RULES or (by != DEALS and lifecycle.unmet == "refuse")
    return Ruling(not stops, "; ".join(lacks) if stops else "", lacks)


def in_the_way(lifecycle: Lifecycle, lead: Lead, to: str) -> tuple[str, ...]:
    """Return what a lead lacks for a move: of its stage's exit where it goes on, of the other's entry."""
    here, there = lifecycle.stage(lead.stage), lifecycle.stage(to)
    lacks: tuple[str, ...] = ()
    if here is not None and lifecycle.goes_on(here.name, to):
        lacks = unmet(here.exit, lead)
    if there is not None:
        lacks += tuple(one for one in unmet(there.entry, lead) if one not in lacks)
    return lacks


def unmet(gate: Gate, lead: Lead) -> tuple[str, ...]:
    """Return what a gate asks for and the lead does not have, each in words; mandatory fields first."""
    if not gate.mandatory and not gate.criteria:
        return ()
    blank = [name for name in gate.mandatory if is_blank(lead.get(name))]
    told = [f"missing {', '.join(blank)}"] if blank else []
    return (*told, *(_lacking(one, lead) for one in gate.criteria if not meets(one, lead)))


def meets(criterion: Criterion, lead: Lead) -> bool:
    """Say whether a lead meets a criterion; one that people judge is never in the way."""
    return (
        (criterion.min_score is None or lead.score >= criterion.min_score)
        and (criterion.when is None or criterion.when.matches(lead))
        and (not criterion.activities or any(deed.kind in criterion.activities for deed in lead.deeds()))
        and (not criterion.any_of or any(meets(one, lead) for one in criterion.any_of))
    )


def spelled(criterion: Criterion) -> str:
    """Write a criterion with what it tests."""
    tests = [f"score {criterion.min_score}"] if criterion.min_score is not None else []
    if criterion.activities:
        tests.append(f"did {' or '.join(criterion.activities)}")
    if criterion.when is not None:
        tests.append(criterion.when.text)
    if criterion.any_of:
        tests.append(" or ".join(spelled(one) for one in criterion.any_of))
    return f"{criterion.name} ({'; '.join(tests)})" if tests else criterion.name


def short_of(criterion: Criterion, lead: Lead) -> str:
    """Return what a lead lacks of a criterion; blank where it meets it."""
    return "" if meets(criterion, lead) else _lacking(criterion, lead)


def grouped(rules: Iterable[StageRule]) -> list[tuple[StageRule, Criterion]]:
    """Return the rules as the file has them, those of several activities as one, and what each asks for."""
    found: dict[Place, tuple[StageRule, list[str]]] = {}
    for rule in rules:
        kinds = found.setdefault(rule.place, (rule, []))[1]
        kinds += [rule.activity] if rule.activity else []
    return [
        (rule, Criterion(rule.name, rule.place, rule.min_score, rule.when, tuple(kinds)))
        for rule, kinds in found.values()
    ]


def entering(
    lifecycle: Lifecycle, fields: Mapping[str, JsonValue], here: str | None, to: str
) -> dict[str, JsonValue]:
    """Return what is remembered of a move: which pass the lead is on, and where it went back from.

    A pass begins where a lead goes back down the way, or comes back to it from beside; one that goes further
    back before it has moved on is still on the same.
    """
    number = pass_of(fields)
    is_back = lifecycle.goes_back(here, to)
    returns = lifecycle.is_beside(here) and lifecycle.order(to) >= 0 and not lifecycle.is_beside(to)
    since = fields.get("led_back_from")
    if returns or (is_back and not since):
        number += 1
    kept: dict[str, JsonValue] = {}
    if number != pass_of(fields):
        kept["stage_pass"] = number
    from_where = (since or here) if is_back else None
    if from_where != since:
        kept["led_back_from"] = from_where
    return kept


def pass_of(fields: Mapping[str, JsonValue]) -> int:
    """Return which time the lead goes up the way."""
    number = fields.get("stage_pass")
    return number if isinstance(number, int) else 1


def _move(lifecycle: Lifecycle, here: str, to: str, by: str) -> Move | str | None:
    """Return the move that allows it, ``None`` where it needs none, or why it is not allowed."""
    stage = lifecycle.stage(here)
    if stage is None or stage.moves is None:
        is_usual = (
            by != CRM or lifecycle.is_beside(here) or lifecycle.order(to) > lifecycle.order(here)
        )  # people here may do what they like, rules and deals look after themselves
        return None if is_usual else f"a lead does not go back from {here} to {to}"
    move = next((one for one in stage.moves if one.to == to), None)
    if move is None:
        return f"{here} has no move to {to}"
    if by not in move.by:
        whose = " or ".join(NAMES[one] for one in NAMES if one in move.by)
        return f"from {here} to {to} only {whose} may move a lead"
    return move


def _without_reason(move: Move, lead: Lead) -> str:
    """Return why a move is not reasoned as it must be; blank where it is."""
    if not move.reason:
        return ""
    given = lead.get(move.reason)
    if is_blank(given):
        return f"a move to {move.to} needs a reason: {move.reason} is blank"
    if move.reasons and str(given).strip().casefold() not in {one.casefold() for one in move.reasons}:
        return f"{move.reason} is none of the reasons for a move to {move.to}: {', '.join(move.reasons)}"
    return ""


def _forbidden(lifecycle: Lifecycle, by: str, why: str) -> Ruling:
    return Ruling(allowed=False, why=why, asks=by == CRM and lifecycle.forbidden == "ask")


def _lacking(criterion: Criterion, lead: Lead) -> str:
    """Write what is missing of a criterion."""
    parts = []
    if criterion.min_score is not None and lead.score < criterion.min_score:
        parts.append(f"score {lead.score} of {criterion.min_score}")
    if criterion.activities and not any(deed.kind in criterion.activities for deed in lead.deeds()):
        parts.append(f"no {' or '.join(criterion.activities)} yet")
    if criterion.when is not None and not criterion.when.matches(lead):
        parts.append(f"not {criterion.when.text}")
    if criterion.any_of and not any(meets(one, lead) for one in criterion.any_of):
        parts.append(" or ".join(_lacking(one, lead) for one in criterion.any_of))
    text = "; ".join(parts)
    is_plain = criterion.min_score is not None and len(parts) == 1
    return text if is_plain and "score" in text else f"{criterion.name} ({text})"

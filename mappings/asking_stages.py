"""A lifecycle made of answers: the template's stages, what people say of each, and the file that follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from mappings import loader, starter
from mappings.compiling import crms as compile_crms
from mappings.compiling import sources as compile_sources
from mappings.compiling.scope import declared
from mappings.problems import did_you_mean
from model.lead import LEAD_FIELDS

FILE = "lifecycle.yaml"
HEADER = """\
# yaml-language-server: $schema=.schemas/lifecycle.json
#
# The stages in their order in life, and what moves a lead on. `leadrelay lifecycle export` prints them as a
# table; docs/playbook.md has all that can be written here.

"""
_SCORE = re.compile(r"score(?:\s+of)?\s+(\d{1,9})", re.IGNORECASE)
_DID = re.compile(r"did\s+(.+)", re.IGNORECASE)


class Unclear(ValueError):
    """An answer that cannot be meant; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a playbook has that stages may name."""

    fields: Collection[str]
    activities: Collection[str]


def known_to(folder: Path) -> Known:
    """Read which fields and activities a playbook has, faulty files as far as they go."""

    def documents(name: str) -> dict[str, loader.Document]:
        return {path.stem: loader.read(path, path.name) for path in sorted(folder.glob(f"{name}/*.yaml"))}

    own = folder / "fields.yaml"
    fields = declared(loader.read(own, own.name), "fields") if own.exists() else []
    activities = compile_sources.activities_of(documents("sources"))
    return Known([*LEAD_FIELDS, *fields], sorted(activities | compile_crms.activities_of(documents("crm"))))


@dataclass(slots=True)
class Asked:
    """The stages and rules as they are so far, in the form of the file."""

    QUESTIONS: ClassVar[dict[str, str]] = {
        "definition": "Definition",
        "team": "Team",
        "activities": "Activities of the team, with ; between them",
        "entry": "Must be so when it comes here (score 60; did demo_request; a text is for people to judge)",
        "exit": "Must be so before it moves on (the same)",
        "mandatory": "Fields that must be known before it moves on, with commas",
    }

    start: str
    stages: list[dict[str, Any]]
    rules: list[dict[str, Any]]
    known: Known
    ends: Collection[str] = field(default_factory=lambda: ("customer", "disqualified"))

    def shown(self, stage: dict[str, Any]) -> dict[str, str]:
        """Return the present answers, as they are typed."""
        return {
            "definition": stage["definition"],
            "team": stage["team"],
            "activities": "; ".join(stage.get("activities", ())),
            "entry": "; ".join(_typed(stage, "entry")),
            "exit": "; ".join(_typed(stage, "exit")),
            "mandatory": ", ".join(stage.get("exit", {}).get("mandatory", ())),
        }

    def answer(self, stage: dict[str, Any], name: str, text: str) -> None:
        """Take an answer; ``-`` is nothing, and the one that stands changes nothing. Raises ``Unclear``."""
        text = text.strip()
        text = "" if text == "-" else text
        if text == self.shown(stage)[name].strip():
            return
        if name in ("definition", "team"):
            if not text:
                raise Unclear("something must stand here")
            stage[name] = text
        elif name == "activities":
            stage[name] = _parts(text, ";")
        elif name == "mandatory":
            self._mandatory(stage, _parts(text, ","))
        else:
            self._criteria(stage, name, _parts(text, ";"))

    def _mandatory(self, stage: dict[str, Any], names: list[str]) -> None:
        self._is_no_end(stage, names)
        for one in names:
            if one not in self.known.fields:
                raise Unclear(
                    f'there is no lead field "{one}". {did_you_mean(one, self.known.fields)}'.strip()
                )
        _put(stage, "exit", "mandatory", names)

    def _criteria(self, stage: dict[str, Any], name: str, texts: list[str]) -> None:
        if name == "exit":
            self._is_no_end(stage, texts)
        elif stage["name"] == self.start and texts:
            raise Unclear("every lead begins here, whatever is known of it: leave it blank")
        made = [self._criterion(text) for text in texts]
        _put(stage, name, "criteria", made)
        if name == "exit":
            self._lead_on(stage, [one for one in made if isinstance(one, dict)])

    def _criterion(self, text: str) -> str | dict[str, Any]:
        if match := _SCORE.fullmatch(text):
            return {"name": f"Score of {match[1]}", "min_score": int(match[1])}
        if match := _DID.fullmatch(text):
            kinds = _parts(match[1].replace(" or ", ","), ",")
            for one in kinds:
                if one not in self.known.activities:
                    fix = did_you_mean(one, self.known.activities)
                    raise Unclear(f'no source brings the activity "{one}". {fix}'.strip())
            return {"name": f"Did {' or '.join(kinds)}", "activity": kinds}
        return text

    def _is_no_end(self, stage: dict[str, Any], given: list[str]) -> None:
        if stage["name"] in self.ends and given:
            raise Unclear("no lead moves on from here: leave it blank")

    def _lead_on(self, stage: dict[str, Any], tested: list[dict[str, Any]]) -> None:
        """Let the tested criteria move a lead to the next stage, in the place of the rules that did."""
        names = [one["name"] for one in self.stages]
        place = names.index(stage["name"])
        if "customer" in names and place >= names.index("customer"):
            return  # beside the way: the rules that lead back stay
        to = names[place + 1]
        if not tested:
            return
        rule: dict[str, Any] = {"to": to, "name": " and ".join(one["name"] for one in tested)}
        for one in tested:
            if "min_score" in one:
                rule["min_score"] = max(one["min_score"], rule.get("min_score", 0))
            if "activity" in one:
                rule["activity"] = list(one["activity"])  # a further one is asked for by the exit
        self.rules = [one for one in self.rules if one["to"] != to] + [rule]


def defaults(known: Known) -> Asked:
    """Return the template's stages, with those of its rules that this playbook can have."""
    data = loader.read(starter.FOLDER / FILE, FILE).data
    rules = []
    for rule in data["rules"]:
        kinds = rule.get("activity", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        left = [one for one in kinds if one in known.activities]
        if (kinds and not left) or not set(_fields(rule.get("when"))) <= set(known.fields):
            continue
        rules.append({**rule, **({"activity": left} if kinds else {})})
    stages = [{"label": one["name"].replace("_", " ").capitalize(), **one} for one in data["stages"]]
    return Asked(data["start"], stages, rules, known)


def as_yaml(asked: Asked) -> str:
    """Write the file."""
    order = ("name", "label", "definition", "team", "activities", "entry", "exit")
    stages = [{key: stage[key] for key in order if stage.get(key)} for stage in asked.stages]
    whole = {"start": asked.start, "stages": stages, "rules": asked.rules}
    return HEADER + yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=110)


def _typed(stage: dict[str, Any], gate: str) -> Iterator[str]:
    for one in stage.get(gate, {}).get("criteria", ()):
        if isinstance(one, str):
            yield one
        elif "min_score" in one:
            yield f"score {one['min_score']}"
        elif "activity" in one:
            kinds = one["activity"]
            yield f"did {' or '.join([kinds] if isinstance(kinds, str) else kinds)}"
        else:
            yield one["name"]


def _put(stage: dict[str, Any], gate: str, name: str, value: list[Any]) -> None:
    kept = {key: one for key, one in {**stage.get(gate, {}), name: value}.items() if one}
    stage[gate] = kept
    if not kept:
        del stage[gate]


def _parts(text: str, mark: str) -> list[str]:
    return [part for one in text.split(mark) if (part := one.strip())]


def _fields(condition: Any) -> Iterator[str]:
    """Yield the lead fields that a condition names."""
    if isinstance(condition, list):
        for one in condition:
            yield from _fields(one)
    elif isinstance(condition, dict):
        for key, value in condition.items():
            if key in ("all", "any", "not"):
                yield from _fields(value)
            else:
                yield key.partition(".")[0]

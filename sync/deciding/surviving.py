"""Which of two values stays when two leads become one, by the rule of the field; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from model.enrichment import is_machine
from model.lead import RULE, Lead


@dataclass(frozen=True, slots=True)
class Survivorship:
    """The playbook's rules for fields of which both leads have a value."""

    rules: Mapping[str, str] = field(default_factory=dict)  # lead field -> one of ``RULES``
    trust: Mapping[str, Sequence[str]] = field(default_factory=dict)  # lead field -> sources, the first first

    def verdict(self, name: str, survivor: Lead, absorbed: Lead) -> tuple[bool, str] | None:
        """Say whether the absorbed lead's value stands, and by what; ``None`` where no rule tells."""
        named = self.trust.get(name, ())
        ours, theirs = (_place(one, name, named) for one in (survivor, absorbed))
        if ours != theirs:
            return theirs < ours, f"the word of {named[min(ours, theirs)]}"
        if name not in self.rules:
            return None
        return takes_theirs(self.rules[name], name, survivor, absorbed), self.rules[name]


def _place(lead: Lead, name: str, named: Sequence[str]) -> int:
    """Return how far behind the source of a value stands; who is not named stands behind all."""
    origin = lead.provenance.get(name)
    return named.index(origin.source) if origin is not None and origin.source in named else len(named)


def takes_theirs(how: str, name: str, survivor: Lead, absorbed: Lead) -> bool:
    """Say whether the absorbed lead's value stands; where the rule tells no difference, the survivor's does.

    Both have a value. ``how`` is of ``RULES``, which are those of matching.yaml.
    """
    rank = RULES[how]
    return rank(absorbed, name) > rank(survivor, name)


def _since(lead: Lead, name: str) -> float | None:
    origin = lead.provenance.get(name)
    return origin.at.timestamp() if origin is not None else None


def _newest(lead: Lead, name: str) -> float:
    since = _since(lead, name)
    return since if since is not None else float("-inf")


def _oldest(lead: Lead, name: str) -> float:
    since = _since(lead, name)
    return -since if since is not None else float("-inf")


def _longest(lead: Lead, name: str) -> float:
    return len(str(lead.fields[name]))


def _most_complete(lead: Lead, _name: str) -> float:
    return sum(value not in (None, "") for value in lead.fields.values())


def _max(lead: Lead, name: str) -> float:
    value = lead.fields[name]
    return float(value) if isinstance(value, int | float) else float("-inf")


def _min(lead: Lead, name: str) -> float:
    value = lead.fields[name]
    return -float(value) if isinstance(value, int | float) else float("-inf")


def _human(lead: Lead, name: str) -> float:
    origin = lead.provenance.get(name)
    if origin is None or is_machine(origin) or origin.source == RULE:
        return 0
    return 2 if origin.by_people else 1


RULES: Mapping[str, Callable[[Lead, str], float]] = {
    "newest": _newest,
    "oldest": _oldest,
    "longest": _longest,
    "most_complete": _most_complete,
    "max": _max,
    "min": _min,
    "human": _human,
}

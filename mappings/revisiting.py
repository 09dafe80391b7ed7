"""Which leads another playbook is about though nothing happens to them: what they wait for is new. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mappings.loader import parse
from mappings.playbook import Lifecycle, Playbook

SCORE, BAND, OWNER = "score", "band", "owner"
SCORING, ROUTING, LIFECYCLE = FILES = ("scoring.yaml", "routing.yaml", "lifecycle.yaml")

Texts = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Concern:
    """Leads that are to be looked at, by what the store can tell of them.

    ``score``: who has points, or did something; ``band``: whose score is ``least`` or more, and less than
    ``below``; ``owner``: who has none and is in one of ``stages``.
    """

    kind: str
    least: int = 0
    below: int | None = None
    stages: tuple[str, ...] = ()


def concerns(before: Playbook, after: Playbook, old: Texts, new: Texts) -> list[Concern]:
    """Return whom a change of the playbook concerns by what goes with time, is reviewed, or waits.

    ``old`` and ``new`` are the files of the two. Other rules are asked when something happens to a lead.
    """
    was, is_ = ({name: _data(texts, name) for name in FILES} for texts in (old, new))
    found = []
    if _in_time(was[SCORING]) != _in_time(is_[SCORING]):
        found.append(Concern(SCORE))
    bands_differ = was[SCORING].get("bands") != is_[SCORING].get("bands")
    if bands_differ or was[LIFECYCLE].get("review") != is_[LIFECYCLE].get("review"):
        found += [one for one in map(_under_review, (before, after)) if one is not None]
    if was[ROUTING] != is_[ROUTING] and (before.routing.queues or after.routing.queues):
        found.append(Concern(OWNER, stages=_on_the_way(after.lifecycle, after.routing.from_stage)))
    return found


def _in_time(scoring: Mapping[str, Any]) -> list[Any]:
    """Return what of the scoring lets a score or a band change by time alone.

    It may be the file of another leadrelay, of which no shape is certain.
    """
    rules, bands = scoring.get("rules"), scoring.get("bands")
    fading = [one for one in rules if _holds(one, "decay")] if isinstance(rules, list) else []
    lasts = isinstance(bands, dict) and any(_holds(one, "after") for one in bands.values())
    return [fading, bands if lasts else None]


def _holds(entry: Any, name: str) -> bool:
    return isinstance(entry, dict) and bool(entry.get(name))


def _under_review(playbook: Playbook) -> Concern | None:
    """Return whose score is that of the band under review; ``None`` where none is."""
    review, bands = playbook.lifecycle.review, playbook.scoring.bands
    if review is None:
        return None
    n = next(n for n, band in enumerate(bands) if band.name == review.band)
    return Concern(BAND, bands[n].down, bands[n + 1].up if n + 1 < len(bands) else None)


def _on_the_way(lifecycle: Lifecycle, first: str) -> tuple[str, ...]:
    """Return the stages in which a lead gets an owner."""
    names = [stage.name for stage in lifecycle.stages if not lifecycle.is_beside(stage.name)]
    return tuple(one for one in names if not first or lifecycle.order(one) >= lifecycle.order(first))


def _data(texts: Texts, name: str) -> dict[str, Any]:
    """Return what a file says, whatever its comments and layout; nothing where there is none."""
    data = parse(texts[name], name).data if name in texts else None
    return data if isinstance(data, dict) else {}

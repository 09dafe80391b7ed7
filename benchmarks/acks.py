"""How many posts a second are acknowledged, and how fast: 16 senders, each posting once it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.figures import Table, Target, percentile
from benchmarks.house import House, Process
from benchmarks.load import Plan, send

RATE = Target(1_500, ">=", "{:.0f}/s")
SHARE = Target(60, ">=", "{:.0f} %")
P99 = Target(40, "<=", "{:.0f} ms")


@dataclass(frozen=True, slots=True)
class Acks:
    """One server's acknowledgements."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Compare the server doing nothing, with its store, the whole daemon, and the script."""
    spell = 2.0 if quick else 5.0
    kinds: dict[str, AbstractContextManager[Process]] = {
        "the HTTP server, doing nothing": house.bare(),
        "the receiver, no store": house.bare(receives=True),
        "the receiver, its store, nobody deciding": house.bare(stores=True),
        "the daemon, deciding and delivering": house.daemon(limited=True),
        "the script, no vendor limits": house.script(limited=False),
    }
    found = {}
    for name, started in kinds.items():
        with started as server:
            found[name] = _acks(server, spell)
    nothing, _, stored, daemon, _ = found.values()
    rows = [
        [name, f"{a.rate:.0f}", f"{a.p50_ms:.1f} ms", f"{a.p99_ms:.1f} ms", f"{a.cpu_ms:.2f} ms",
         f"{100 * a.rate / nothing.rate:.0f} %"]
        for name, a in found.items()
    ]  # fmt: skip
    note = (
        f"Targets with the store: {RATE.judge(stored.rate)}, p99 {P99.judge(stored.p99_ms)}, "
        f"{SHARE.judge(100 * stored.rate / nothing.rate)} of the server doing nothing. "
        f"While deciding and delivering: p99 {P99.judge(daemon.p99_ms)}."
    )
    head = ("server", "acks/s", "p50", "p99", "CPU each", "of doing nothing")
    yield Table(
        "Acknowledgements, 16 senders, each synced to disk first (the script: after both CRMs)",
        head,
        rows,
        note,
    )


def _acks(server: Process, spell: float) -> Acks:
    before = server.cpu_seconds()
    sent = send(Plan(server.port, 0, int(4_000 * spell), seconds=spell))
    cpu = server.cpu_seconds() - before
    taken = [one.took * 1000 for one in sent if one.status in (200, 202)]
    span = max(one.at + one.took for one in sent) - min(one.at for one in sent)
    missing = len(sent) - len(taken)
    return Acks(
        len(taken) / span,
        percentile(taken, 0.5, missing),
        percentile(taken, 0.99, missing),
        1000 * cpu / max(1, len(taken)),
    )

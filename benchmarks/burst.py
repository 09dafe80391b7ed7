"""A burst, as fast as it is taken: leads a second through both CRMs, and what each costs of the processor."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.crms import wait_for
from benchmarks.figures import Table, Target
from benchmarks.house import House, Process
from benchmarks.load import Plan, send
from benchmarks.posts import email

CPU = Target(2.0, "<=", "{:.1f} ms")
MEMORY = Target(150, "<=", "{:.0f} MB")
RATE = {False: Target(1_000, ">=", "{:.0f}/s"), True: Target(700, ">=", "{:.0f}/s")}
PATIENCE = 120.0


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Send a burst without limits, one with, and the script's, which is smaller as it is so much slower."""
    count = 800 if quick else 3_000
    rows, notes = [], []
    for limited in (False,) if quick else (False, True):
        with house.daemon(limited=limited) as daemon:
            row, rate, cpu = _row(house, daemon, count)
            memory = daemon.memory_mb()
        what = "under the vendors' limits" if limited else "no vendor limits"
        rows.append([f"the daemon, {what}", *row])
        notes.append(
            f"{what}: {RATE[limited].judge(rate)}, CPU {CPU.judge(cpu)}, memory {MEMORY.judge(memory)}"
        )
    with house.script(limited=False) as script:
        row, _, _ = _row(house, script, 60 if quick else 300)
        rows.append(["the script, no vendor limits", *row])
    head = (
        "server",
        "leads",
        "leads/s",
        "CPU a lead",
        "memory",
        "HubSpot calls",
        "Salesforce calls",
        "arrived",
    )
    yield Table(
        "A burst, from the first post to the last write in both CRMs", head, rows, "; ".join(notes) + "."
    )


def _row(house: House, server: Process, count: int) -> tuple[list[str], float, float]:
    before, calls = server.cpu_seconds(), [crm.count() for crm in house.crms]
    sent = send(Plan(server.port, 0, count, seconds=60))
    sent_at = {email(one.person): one.at for one in sent}
    arrivals = wait_for(house.crms, sent_at, PATIENCE)
    cpu = 1000 * (server.cpu_seconds() - before) / count
    last = max((at for arrived in arrivals for at in arrived.values()), default=float("inf"))
    rate = count / (last - min(sent_at.values()))
    each = [
        f"{crm.count().since(earlier).calls / count:.3f}"
        for crm, earlier in zip(house.crms, calls, strict=True)
    ]
    arrived = min(len(found) for found in arrivals) / count
    row = [
        str(count),
        f"{rate:.0f}",
        f"{cpu:.2f} ms",
        f"{server.memory_mb():.0f} MB",
        *each,
        f"{100 * arrived:.0f} %",
    ]
    return row, rate, cpu

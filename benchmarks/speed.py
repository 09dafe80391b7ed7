"""How long a lead takes from the form to both CRMs, and how many calls that costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.crms import Crm, wait_for
from benchmarks.figures import Table, Target, percentile, seconds
from benchmarks.house import House, Process
from benchmarks.load import Plan, send
from benchmarks.posts import email

PATIENCE = 15.0  # seconds after the last post; what is not there by then counts as never
SCRIPT_PATIENCE = 3.0  # under limits: it does not send again what was refused
HEAD = (
    "leads/s",
    "person",
    "CRM",
    "p50",
    "target",
    "p99",
    "target",
    "arrived",
    "with owner",
    "calls each",
    "429, 403",
)

# By rate and whether the person is new: p50 to HubSpot, p50 to Salesforce, p99.
TARGETS = {
    (5, True): (0.20, 0.46, 0.6), (5, False): (0.20, 0.26, 0.6),
    (50, True): (0.20, 0.46, 0.6), (50, False): (0.20, 0.26, 0.6),
    (200, True): (0.35, 0.65, 1.0), (200, False): (0.35, 0.65, 1.0),
}  # fmt: skip
LIMITED_P50 = {"hubspot": Target(0.35, "<=", "{:.2f} s")}
LIMITED_CALLS = {("hubspot", 50): 0.2, ("hubspot", 200): 0.05, ("salesforce", 50): 0.1}


@dataclass(frozen=True, slots=True)
class Way:
    """What became of the posts of one spell in one CRM."""

    crm: Crm
    rate: int
    is_new: bool
    sent: int
    waits: list[float]
    owned: int
    calls: float
    refused: int

    @property
    def p50(self) -> float:
        """The middle wait."""
        return percentile(self.waits, 0.5, self.sent - len(self.waits))

    @property
    def p99(self) -> float:
        """The wait of the slowest in a hundred."""
        return percentile(self.waits, 0.99, self.sent - len(self.waits))


def without_limits(house: House, *, quick: bool) -> Iterator[Table]:
    """Measure as fast as the CRMs answer; nobody limits the calls."""
    spells = ((5, 3), (50, 3), (200, 3)) if quick else ((5, 12), (50, 10), (200, 10))
    with house.daemon(limited=False) as daemon:
        rows = [_row(way, _targets(way)) for way in _ways(house, daemon, spells)]
    yield Table("Speed to lead, no vendor limits", HEAD, rows)
    with house.script(limited=False) as script:
        its_spells = ((5, 3), (50, 2)) if quick else ((5, 6), (50, 5), (200, 3))
        visits = (1,) if quick else (1, 2)
        rows = [_row(way, ("", "")) for way in _ways(house, script, its_spells, visits)]
    yield Table("The script, no vendor limits", HEAD, rows)


def with_limits(house: House, *, quick: bool) -> Iterator[Table]:
    """Measure under HubSpot's 110 calls in 10 s and Salesforce's allowance for a day."""
    spells = ((50, 4),) if quick else ((50, 60), (200, 10))
    with house.daemon(limited=True) as daemon:
        ways = list(_ways(house, daemon, spells, visits=(1,) if quick else (1, 2)))
        rows = [_row(way, _limited_targets(way)) for way in ways]
        memory = daemon.memory_mb()
    held = Target(150, "<=", "{:.0f} MB").judge(memory)
    judged = [
        f"{way.crm.name} at {way.rate}/s {Target(most, '<=').judge(way.calls)} ({way.calls:.3f})"
        for way in ways
        if way.is_new and (most := LIMITED_CALLS.get((way.crm.name, way.rate)))
    ]
    yield Table(
        "Speed to lead under the vendors' limits",
        HEAD,
        rows,
        f"Most memory {memory:.0f} MB, {held}. Calls: {'; '.join(judged)}.",
    )
    with house.script(limited=True) as script:
        rows = [
            _row(way, ("", ""))
            for way in _ways(house, script, ((50, 3 if quick else 10),), (1,), SCRIPT_PATIENCE)
        ]
    yield Table("The script under the vendors' limits", HEAD, rows)


def _ways(
    house: House,
    server: Process,
    spells: tuple[tuple[int, int], ...],
    visits: tuple[int, ...] = (1, 2),
    patience: float = PATIENCE,
) -> Iterator[Way]:
    """Post new people at each rate, then the same people once more; yield what became of it in each CRM."""
    first = 0
    for rate, length in spells:
        for visit in visits:
            before = [crm.count() for crm in house.crms]
            sent = send(
                Plan(server.port, first, rate * length, visit, senders=64, rate=rate, seconds=length + 1.0)
            )
            sent_at = {email(one.person): one.at for one in sent}
            arrivals = wait_for(house.crms, sent_at, patience)
            for crm, arrived, earlier in zip(house.crms, arrivals, before, strict=True):
                count = crm.count().since(earlier)
                waits = [at - sent_at[who] for who, at in arrived.items()]
                calls = count.calls / max(1, len(arrived))
                yield Way(crm, rate, visit == 1, len(sent), waits, crm.owned(sent_at), calls, count.refused)
        first += rate * length


def _row(way: Way, targets: tuple[str, str]) -> list[str]:
    return [
        str(way.rate),
        "new" if way.is_new else "known",
        way.crm.name,
        seconds(way.p50),
        targets[0],
        seconds(way.p99),
        targets[1],
        f"{100 * len(way.waits) / way.sent:.0f} %",
        f"{100 * way.owned / way.sent:.0f} %",
        f"{way.calls:.3f}",
        str(way.refused),
    ]


def _targets(way: Way) -> tuple[str, str]:
    hubspot, salesforce, p99 = TARGETS[way.rate, way.is_new]
    p50 = hubspot if way.crm.name == "hubspot" else salesforce
    return Target(p50, "<=", "{:.2f} s").judge(way.p50), Target(p99, "<=", "{:.1f} s").judge(way.p99)


def _limited_targets(way: Way) -> tuple[str, str]:
    target = LIMITED_P50.get(way.crm.name) if way.rate == 50 else None
    return target.judge(way.p50) if target else "", ""

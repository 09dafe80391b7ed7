"""What the job costs in calls where nobody shares one: people alone, and the full job."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.burst import PATIENCE
from benchmarks.crms import Crm, wait_for
from benchmarks.figures import Table
from benchmarks.house import House
from benchmarks.load import Plan, send
from benchmarks.posts import COMPANIES, email

JOBS = {"person": "people alone", "full": "the full job"}
QUIET = 1.5  # seconds without a call: all that follows has happened
RATE = 0.5  # leads a second of the trickle: none shares a call with another
BURST = 100  # leads a second of the burst


def measure(house: House, *, quick: bool) -> Iterator[Table]:
    """Send each job a trickle of new people, of new companies then of known ones, and then a burst."""
    slow, fast = (4, 300) if quick else (10, 2_000)
    rows = []
    for job, name in JOBS.items():
        with house.daemon(limited=True, full=job == "full") as daemon:
            _settled(house.crms)
            found = [
                _calls(house, Plan(daemon.port, first, slow, rate=RATE, seconds=slow / RATE + 5))
                for first in (0, COMPANIES)
            ]
            found.append(_calls(house, Plan(daemon.port, 10_000, fast, rate=BURST, seconds=fast / BURST + 5)))
        (hubspot, force, _), (known, known_force, _), (burst, burst_force, rate) = found
        trickle = f"{hubspot:.1f} + {force:.1f}", f"{known:.1f} + {known_force:.1f}"
        rows.append([name, *trickle, f"{burst:.3f} + {burst_force:.3f}", f"{rate:.0f}/s"])
    head = ("job", "of a new company", "of a known one", f"{BURST} leads/s", "until all is written")
    title = f"Calls a new person, HubSpot + Salesforce: {slow} one by one, {fast:,} in a burst"
    yield Table(title, head, rows, "Searches are counted; HubSpot's OAuth limits are on.")


def _calls(house: House, plan: Plan) -> tuple[float, float, float]:
    """Send a plan; return the calls of a person in HubSpot and in Salesforce, and the people a second."""
    before = [crm.count().calls for crm in house.crms]
    sent = send(plan)
    began = min(one.at for one in sent)
    arrivals = wait_for(house.crms, {email(one.person): one.at for one in sent}, PATIENCE)
    if any(len(arrived) < plan.count for arrived in arrivals):
        raise RuntimeError("not everybody arrived")
    ended = _settled(house.crms)
    calls = [crm.count().calls - earlier for crm, earlier in zip(house.crms, before, strict=True)]
    return calls[0] / plan.count, calls[1] / plan.count, plan.count / (ended - began)


def _settled(crms: tuple[Crm, ...]) -> float:
    """Wait until no call has come for a while; return when the last one had come."""
    seen: list[int] = []
    at = time.time()
    while time.time() - at < QUIET:
        now = [crm.count().calls for crm in crms]
        if now != seen:
            seen, at = now, time.time()
        time.sleep(0.1)
    return at

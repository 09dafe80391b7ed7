"""How far going live has come. Pure."""

from __future__ import annotations

from leadrelay.doctor.findings import Area, Finding
from sync.releases import HELD, STOPPED, Release


def check_release(area: Area, release: Release) -> Finding:
    """Say how the release of a connection stands; one that is held waits for a person."""
    written = f"{release.written:,} of at most {release.at_most:,} records are written"
    fact = f"go-live {release.number} is {release.state}: {written}"
    if release.state == HELD:
        fix = f"Look at what was written, then run `leadrelay go-live {area.name}` for the rest."
        return area.warn(f"{fact}; new leads are written all the same", fix)
    if release.state == STOPPED:
        return area.ok(f"{fact}; {release.reason}")
    return area.ok(fact)

"""The pools of the playbook against the owners of the CRMs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from leadrelay.doctor.findings import Area, Finding, named
from mappings.playbook import Playbook
from model.teammate import Teammate


def check_people(
    area: Area, playbook: Playbook, mates: Mapping[str, Teammate], rosters: Collection[str]
) -> Iterator[Finding]:
    """Yield who of the pools and territories cannot own leads in a CRM whose owners are known."""
    if not rosters:
        yield area.warn(
            "no CRM's owners are known, so nobody can be checked",
            "Connect a CRM, or start the daemon, which reads them.",
        )
        return
    wanted = {member.email.lower() for pool in playbook.routing.pools.values() for member in pool.members}
    wanted |= {territory.owner.lower() for territory in playbook.routing.territories if territory.owner}
    unfit: set[str] = set()
    for connection in sorted(rosters):
        strangers = [email for email in sorted(wanted) if not _knows(mates, email, connection)]
        inactive = [
            email
            for email in sorted(wanted - set(strangers))
            if not mates[email].active.get(connection, False)
        ]
        if strangers:
            yield area.warn(
                f"no owner in {connection}, so they get no leads: {named(strangers)}",
                "Add them as users there with this e-mail, or correct routing.yaml.",
            )
        if inactive:
            yield area.warn(
                f"inactive in {connection}, so they get no leads: {named(inactive)}",
                "Take them out of routing.yaml, or activate them there.",
            )
        unfit |= {*strangers, *inactive}
    for name, pool in playbook.routing.pools.items():
        if pool.members and all(member.email.lower() in unfit for member in pool.members):
            yield area.problem(
                f"pool {name}: none of its {len(pool.members)} members can own leads",
                f"Mend its members; until then its leads wait for an owner. [{pool.place}]",
            )
    if not unfit:
        yield area.ok(f"all {len(wanted)} people of the pools own leads in {', '.join(sorted(rosters))}")


def _knows(mates: Mapping[str, Teammate], email: str, connection: str) -> bool:
    mate = mates.get(email)
    return mate is not None and connection in mate.ids

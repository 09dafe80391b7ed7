"""Fields that new lines of a map name and the account does not have: looked at before the lines are in force.

A look-up or a read names every field of its map, so one that is missing would have all writes of the object
refused, those of leads that have nothing in it, too.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from connectors.inspection import Inspector
from leadrelay.doctor.fields import missing, nearest
from mappings.playbook import CrmField, CrmMap, ObjectMap, Playbook
from mappings.problems import Problem
from model.errors import ConnectorError

log = structlog.get_logger("leadrelay.lacking")

Lines = set[tuple[str, str]]  # object and field


def new_lines(found: CrmMap, running: CrmMap | None) -> Lines:
    """Return the fields that a map names and the running one does not."""
    return _lines(found) - (_lines(running) if running else set())


def lacking(
    found: Playbook, running: Playbook, inspector: Callable[[str], Inspector | None]
) -> list[Problem]:
    """Ask the accounts whether they have the fields of all new lines; say which they have not.

    An account that is not connected, only observed, or does not answer is not waited for: `plan`, the nightly
    look and the doctor tell what it lacks.
    """
    told: list[Problem] = []
    for name, crm in found.crms.items():
        lines = new_lines(crm, running.crms.get(name))
        asker = inspector(name) if lines else None
        if asker is None:
            continue
        try:
            told += lacked(crm, lines, asker)
        except ConnectorError as error:
            log.warning("playbook.fields_not_asked", connection=name, reason=str(error))
    return told


def lacked(crm: CrmMap, lines: Lines, asker: Inspector) -> list[Problem]:
    """Say which of these lines name a field that the account has not. Raises ``ConnectorError``."""
    told = []
    for name in sorted({name for name, _ in lines}):
        mapped, held = crm.all_objects[name], asker.fields(name)
        if held is None:
            continue  # the object itself is missing, which is no matter of new lines
        lack = [rule for rule in missing(mapped, held) if (name, rule.remote) in lines]
        told += [_problem(crm, mapped, rule, nearest(rule.remote, held.by_name)) for rule in lack]
    return told


def _lines(crm: CrmMap) -> Lines:
    return {(name, rule.remote) for name, mapped in crm.all_objects.items() for rule in mapped.fields}


def _problem(crm: CrmMap, mapped: ObjectMap, rule: CrmField, near: str) -> Problem:
    meant = f' Did you mean "{near}"?' if near else ""
    fix = f"Make it there, or let `leadrelay apply --make-fields` do it.{meant}"
    return Problem(rule.place, f"{crm.connection} has no field {rule.remote} of {mapped.object}", fix)

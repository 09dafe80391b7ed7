"""All checks in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

from connectors.registry import CONNECTORS, INSPECTORS
from handlers.registry import HANDLERS
from leadrelay.connections import Known, endpoint, options_of
from leadrelay.doctor.accounts import Checked, check_account
from leadrelay.doctor.findings import Area, Finding
from leadrelay.doctor.following import check_following
from leadrelay.doctor.golive import check_release
from leadrelay.doctor.house import check_alerts, check_domains, check_door, check_seals, check_store
from leadrelay.doctor.people import check_people
from leadrelay.grants import ReconnectNeeded
from leadrelay.in_force import beside, held_by_store, standing
from leadrelay.settings import Settings, prefix_of
from leadrelay.unset import unset
from mappings import compile as compiling
from mappings.playbook import CrmMap, Playbook
from mappings.problems import PlaybookError
from model.change import OwnerRecord
from model.errors import LeadRelayError
from model.teammate import Teammate
from sync import teammates
from sync.budgets import MemoryBudget
from sync.budgets.day import Day, Kept
from sync.budgets.forecast import forecast


def examine(settings: Settings, only: Collection[str], at: datetime) -> Iterator[Finding]:
    """Yield every finding; with names in ``only``, of those connections alone."""
    in_store, stored = check_store(settings)
    known = Known(settings, stored.connections)
    playbook, of_playbook = _playbook(settings)
    if not only:
        yield from in_store
        yield from check_seals(settings.vault(), list(known.stored.values()))
        yield from of_playbook
        yield from check_door(settings)
        yield check_alerts(settings)
    if playbook is None:
        if only:
            yield from of_playbook
        return
    if not only:
        yield from _environment(settings, playbook)
        yield from check_domains(Area("accounts"), playbook, stored.shared)
    rosters: dict[str, list[OwnerRecord]] = {}
    for name in sorted({*playbook.crms, *known.stored, *only}):
        if only and name not in only:
            continue
        checked = _connection(known, playbook, name, at, stored.days.get(name))
        yield from checked.findings
        if name in stored.releases:
            yield check_release(Area(name), stored.releases[name])
        if name in stored.followed:
            paces = playbook.crms[name].polling.activities if name in playbook.crms else {}
            yield from check_following(Area(name), stored.followed[name], at, paces)
        if checked.owners is not None:
            rosters[name] = checked.owners
    if not only:
        mates: Mapping[str, Teammate] = {}
        for name, owners in rosters.items():
            mates = teammates.with_roster(dict(mates), name, owners)
        yield from check_people(Area("people"), playbook, mates, rosters)


def _environment(settings: Settings, playbook: Playbook) -> Iterator[Finding]:
    """Say what the playbook asks of the environment: of this command's, which may not be the daemon's."""
    area = Area("environment")
    lacking = [area.warn(one.fact, one.fix) for one in unset(settings, playbook)]
    yield from lacking or [area.ok("sources, providers and channels have what they need")]


def _playbook(settings: Settings) -> tuple[Playbook | None, list[Finding]]:
    area, folder = Area("playbook"), settings.playbook
    if not folder.is_dir():
        fix = f"Write the starter with `leadrelay init {folder}`, or set LEADRELAY_PLAYBOOK."
        return None, [area.problem(f"there is no folder {folder}", fix)]
    problems = compiling.check(folder, handlers=HANDLERS)
    found = [area.problem(str(one).splitlines()[0], one.fix or "Correct the line.") for one in problems]
    in_force = held_by_store(settings)
    if not problems:
        version = compiling.version_of(compiling.texts_of(folder))
        found = [area.ok(f"{folder} has no problem (version {version})")]
        if note := beside(in_force, folder):
            found = [
                area.warn(
                    note, "`leadrelay diff` shows what differs; the accounts are looked at by the version."
                )
            ]
    try:
        return standing(in_force, folder).playbook, found
    except PlaybookError:
        return None, found


def _connection(known: Known, playbook: Playbook, name: str, at: datetime, day: Kept | None) -> Checked:
    area, crm = Area(name), playbook.crms.get(name)
    if crm is None:
        fact = "no crm/*.yaml says `connection: " + name + "`, so nothing is done with it"
        return Checked(findings=[area.warn(fact, "Add a map to the playbook, or `leadrelay disconnect` it.")])
    prefix = prefix_of(name)
    try:
        reach = known.reach(name, crm.kind)
        if not reach.is_set_up:
            fix = f"`leadrelay connect {name}`, or set {prefix}_BASE_URL and {prefix}_TOKEN."
            return Checked(findings=[area.warn("not set up; the map of the playbook does nothing", fix)])
        found = _doubly(area, known, crm)
        checked = _account(known, crm, playbook, at, day)
    except ReconnectNeeded as error:
        return Checked(
            findings=[area.problem(str(error), "Until then all that is for it waits; nothing is lost.")]
        )
    except LeadRelayError as error:
        return Checked(
            findings=[area.problem(f"cannot be used: {error}", f"`leadrelay connect {name}` anew.")]
        )
    checked.findings[:0] = found
    return checked


def _account(known: Known, crm: CrmMap, playbook: Playbook, at: datetime, day: Kept | None) -> Checked:
    reach = known.reach(crm.connection, crm.kind)
    point = endpoint(crm.kind, reach, MemoryBudget(crm.limits, name=crm.connection), options_of(crm))
    return check_account(
        crm,
        reach,
        INSPECTORS[crm.kind](point),
        CONNECTORS[crm.kind](crm.connection, point),
        writes=known.writes(crm),
        types=playbook.fields,
        stages=list(playbook.lifecycle.by_name),
        named=playbook.named,
        today=at.date(),
        heading=forecast(Day(crm.limits, day), at) if day else None,
    )


def _doubly(area: Area, known: Known, crm: CrmMap) -> list[Finding]:
    """Say which of two set-ups counts."""
    kept = known.stored.get(crm.connection)
    if kept is None or not kept.has_credentials:
        return []
    prefix = prefix_of(crm.connection)
    if known.of_store(crm.connection, crm.kind) is None:
        fix = f"Take {prefix}_… out of the environment, or `leadrelay disconnect {crm.connection}`."
        return [area.warn("set up by the store and by the environment, which wins", fix)]
    if known.settings.environ.get(f"{prefix}_BASE_URL") and not known.settings.app(crm.connection, crm.kind):
        fix = "Take it out, or set the credentials beside it."
        return [
            area.warn(f"{prefix}_BASE_URL is not used: the store's credentials go to their own address", fix)
        ]
    return []

"""One connected account: does it answer, may the token do what the map asks, how far is it used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from connectors.base import Connector, Usage
from connectors.inspection import Account, Fields, Inspector
from leadrelay.doctor.fields import check_map
from leadrelay.doctor.findings import OK, Area, Finding
from leadrelay.settings import ConnectionSettings, is_loopback
from mappings.playbook import CrmMap, NamedValue
from model.change import OwnerRecord
from model.errors import ConnectorError, NotAuthorized
from sync.budgets.forecast import Forecast

SKEW = 60.0  # seconds
NEARLY_USED = 0.8  # of what the map leaves to leadrelay
SOON = 90  # days until a version is not supported any more


@dataclass
class Checked:
    """What the check of an account leaves for the other checks."""

    owners: list[OwnerRecord] | None = None
    findings: list[Finding] = field(default_factory=list)


def check_account(
    crm: CrmMap,
    reach: ConnectionSettings,
    inspector: Inspector,
    connector: Connector,
    *,
    writes: bool,
    types: Mapping[str, type],
    stages: Collection[str] = (),
    named: Sequence[NamedValue] = (),
    today: date,
    heading: Forecast | None = None,
) -> Checked:
    """Ask an account everything; what fails is a finding, and what can still be asked is asked."""
    area, checked = Area(crm.connection), Checked()
    add = checked.findings.extend
    add(_address(area, reach))
    try:
        account = inspector.account()
    except ConnectorError as error:
        add([_failure(area, "not reachable as it is set up", error)])
        told = _try(area, "the API version", lambda: _version(area, inspector, today))
        add(one for one in told if one.level != OK and not one.fact.endswith(str(error)))
        add(_clock(area, inspector.clock_ahead))
        return checked
    said = " ".join(filter(None, (account.id, account.name, account.kind and f"({account.kind})")))
    whose = f", as {account.user}" if account.user else ""
    mode = "written to" if writes else "observed"
    add([area.ok(f"answers: account {said}{whose}; {mode}, set up by the {reach.origin}")])
    add(_scopes(area, account, inspector, list(crm.all_objects), writes=writes))
    add(_try(area, "the API version", lambda: _version(area, inspector, today)))
    add(_try(area, "the fields", lambda: _fields(area, crm, inspector, types, stages, named)))
    add(_try(area, "the owners", lambda: _owners(area, connector, checked)))
    add(_usage(area, crm, inspector.usage()))
    add(_heading(area, heading))
    add(_clock(area, inspector.clock_ahead))
    return checked


def _try(area: Area, what: str, look: Callable[[], Iterator[Finding]]) -> Sequence[Finding]:
    try:
        return list(look())
    except ConnectorError as error:
        return [_failure(area, f"{what} cannot be read", error)]


def _failure(area: Area, what: str, error: ConnectorError) -> Finding:
    fix = (
        "Do what it says, or connect it anew."
        if isinstance(error, NotAuthorized)
        else "Look at the address, the network and the vendor's status page, then try again."
    )
    return area.problem(f"{what}: {error}", fix)


def _address(area: Area, reach: ConnectionSettings) -> Iterator[Finding]:
    if urlsplit(reach.base_url).scheme == "http" and not is_loopback(reach.base_url):
        yield area.problem(
            f"{reach.base_url}: the token travels in clear", "Use the https address of the account."
        )


def _scopes(
    area: Area, account: Account, inspector: Inspector, objects: Sequence[str], *, writes: bool
) -> Iterator[Finding]:
    needs = inspector.needs(objects)
    if account.scopes is None:
        yield area.ok("scopes are not told of this token; reading below shows what it may do")
        return
    lacking = [need for need in needs if account.scopes.isdisjoint(need.scopes)]
    for need in lacking:
        name = " or ".join(need.scopes)
        fix = (
            f"Add {name} to the app or key in the vendor's settings, then connect anew if the token changes."
        )
        if need.to_write and not writes:
            yield area.warn(f"scope {name} is missing, needed {need.what} once it is written to", fix)
        else:
            yield area.problem(f"scope {name} is missing, needed {need.what}", fix)
    if not lacking:
        names = ", ".join(next(one for one in need.scopes if one in account.scopes) for need in needs)
        yield area.ok(f"has the scopes it needs: {names}")


def _version(area: Area, inspector: Inspector, today: date) -> Iterator[Finding]:
    found = inspector.version(today)
    name = f"API version {found.used}"
    fix = f"Set LEADRELAY_{area.name.upper().replace('-', '_')}_API_VERSION={found.newest}."
    if not found.is_supported:
        yield area.problem(f"{name} is not supported", fix)
    elif found.until is not None and (found.until - today).days < SOON:
        yield area.warn(f"{name} is supported until {found.until} only", fix)
    else:
        until = f" until {found.until}" if found.until else ""
        yield area.ok(f"{name} is supported{until}")


def _fields(
    area: Area,
    crm: CrmMap,
    inspector: Inspector,
    types: Mapping[str, type],
    stages: Collection[str],
    named: Sequence[NamedValue],
) -> Iterator[Finding]:
    of: dict[str, Fields | None] = {name: inspector.fields(name) for name in crm.described}
    yield from check_map(area, crm, of, types, stages, named)


def _owners(area: Area, connector: Connector, checked: Checked) -> Iterator[Finding]:
    checked.owners = list(connector.owners())
    active = sum(owner.active for owner in checked.owners)
    if active:
        yield area.ok(f"{active} active owners of {len(checked.owners)}")
    else:
        yield area.problem("has no active owner", "Give people in the CRM a seat that may own records.")


def _usage(area: Area, crm: CrmMap, used: Sequence[Usage]) -> Iterator[Finding]:
    limits, day = crm.limits, next((one for one in used if one.is_day), None)
    if day is not None and day.used is not None and day.most:
        share = day.used / day.most
        fact = f"{day.used:,} of {day.most:,} calls of the day are used ({share:.0%})"
        if share >= 1 - limits.reserve:
            yield area.problem(
                f"{fact}; what is left is the reserve of other apps",
                "Find what else calls the API, or lower `reserve` in crm/*.yaml.",
            )
        elif share >= NEARLY_USED * (1 - limits.reserve):
            yield area.warn(fact, "Find what else calls the API; leadrelay slows down from here on.")
        else:
            yield area.ok(fact)
    if day is not None and limits.daily_calls and limits.daily_calls > day.most:
        yield area.warn(
            f"the map counts on {limits.daily_calls:,} calls a day, and the account has {day.most:,}",
            f"Set `daily_calls: {day.most}`. [{crm.place}]",
        )
    for one in used:
        if one.is_day or not limits.burst_calls:
            continue
        if limits.burst_calls > one.most:
            yield area.warn(
                f"the map counts on {limits.burst_calls} {one.name}, and the account has {one.most}",
                f"Set `burst_calls: {one.most}`. [{crm.place}]",
            )
        else:
            yield area.ok(f"{one.most} {one.name} are allowed, and the map counts on {limits.burst_calls}")
    if not used:
        yield area.ok("tells no limits; the map's are kept")


def _heading(area: Area, day: Forecast | None) -> Iterator[Finding]:
    """Say where the day is heading by what the daemon has counted."""
    if day is None or day.share is None:
        return
    until = f"by {day.renews_at:%H:%M} UTC, when the day is new" if day.renews_at else "within 24 hours"
    fact = f"{day.per_hour:,.0f} calls in the last hour: {day.expected:,} of {day.share:,} expected {until}"
    if day.runs_out_at is None:
        yield area.ok(fact)
    else:
        yield area.warn(
            f"{fact}; the share is used up at {day.runs_out_at:%Y-%m-%d %H:%M} UTC",
            "leadrelay slows down and keeps the last tenth for new leads. If that is too slow, lower "
            "`reserve`, or find what else calls the API.",
        )


def _clock(area: Area, ahead: float | None) -> Iterator[Finding]:
    if ahead is None:
        return
    if abs(ahead) > SKEW:
        way = "behind" if ahead > 0 else "ahead of"
        yield area.warn(
            f"this machine's clock is {abs(ahead):,.0f} s {way} the CRM's",
            "Set the clock by NTP: sign-ins by JWT and the order of changes go by it.",
        )
    else:
        yield area.ok("this machine's clock agrees with the CRM's")

"""The command that shows what would be written to an account, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leadrelay.cli.common import (
    WRONG_USAGE,
    console,
    counted,
    fail,
    load_settings,
    opened,
    print_json,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.settings import SPACE, Settings, prefix_of
from model.errors import LeadRelayError
from sync.budgets import MemoryBudget
from sync.database import Store
from sync.releases import DONE

if TYPE_CHECKING:
    from leadrelay.golive.opener import Opener
    from leadrelay.golive.plan import Plan, Survey

Name = Annotated[str, typer.Argument(help="The connection, as crm/*.yaml calls it: hubspot.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
Samples = Annotated[int, typer.Option("--samples", min=0, max=1_000, help="Leads shown of each kind.")]

ACTIONS = {
    "create": "a record is made",
    "match": "the mirror has them: looked up, compared, and none is made",
    "update": "the record is changed",
    "same": "the record holds it all already",
    "skip": "not written; the reasons are below",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What a command needs to look at one connection."""

    settings: Settings
    store: Store
    known: Known
    opener: Opener

    def survey(self) -> Survey:
        """Ask the account what it has, or end the command with what it says."""
        try:
            return self.opener.survey()
        except LeadRelayError as error:
            fail(f"{self.opener.crm.connection} cannot be asked: {error}")

    def plan(self, found: Survey, samples: int) -> Plan:
        """Go through all leads, or end the command with what is in the way."""
        with self.store.snapshot() as snapshot:
            try:
                return self.opener.plan(snapshot, SPACE, found, SystemClock().now(), samples)
            except LeadRelayError as error:
                fail(str(error))


@contextmanager
def desk(name: str) -> Iterator[Desk]:
    """Open store, playbook and account of a connection, or end the command with what is wrong."""
    from leadrelay.golive.opener import Opener  # the vendors' clients load slowly

    settings = load_settings()
    playbook = playbook_in_force(settings)
    crm = playbook.crms.get(name)
    if crm is None:
        known = ", ".join(sorted(playbook.crms)) or "none"
        fail(f"No crm/*.yaml of the playbook says `connection: {name}`; there is {known}.", WRONG_USAGE)
    with opened(settings) as store:
        with store.snapshot() as snapshot:
            connected = Known.read(settings, snapshot, SPACE)
        try:
            reach = connected.reach(name, crm.kind)
            if not reach.is_set_up:
                fail(
                    f"{name} is not connected. Run `leadrelay connect {name}`, "
                    f"or set {prefix_of(name)}_TOKEN."
                )
            opener = Opener.of(connected, crm, playbook, MemoryBudget(crm.limits, name=crm.connection))
        except LeadRelayError as error:
            fail(f"{name} cannot be used: {error}")
        yield Desk(settings, store, connected, opener)


def plan(name: Name, samples: Samples = 3, masked: Masked = False, as_json: Json = False) -> None:
    """Show what would be written to an account now, and what stands in its way. Writes nothing."""
    with desk(name) as at:
        sight = sight_of(at.settings, masked=masked)
        told = (found := at.plan(at.survey(), samples)).as_dict()
        if sight:
            with at.store.snapshot() as snapshot:
                sight.meet(snapshot, (one["lead"] for kept in told["samples"].values() for one in kept))
            told = sight.plan(name, told)
    if as_json:
        print_json(told)
        return
    print_summary(told)
    print_details(told)
    print_samples(told["samples"])
    if found.mode == "observe" or (found.backlog and _is_over(told)):
        console.print(f"\nNothing was written. Next: leadrelay go-live {name}", markup=False)


def print_summary(told: dict[str, Any]) -> None:
    """Print whose account it is, the counts, and what is missing there."""
    account, counts = told["account"], told["counts"]
    whose = " ".join(filter(None, (account["id"], account["name"])))
    mode = "written to" if told["mode"] == "write" else "observed"
    say(f"Plan for {told['connection']}: account {whose}, {mode}; playbook {told['playbook']}")
    if warning := told["mirror"]["warning"]:
        say(f"\n{warning}", style="bold yellow")
    _print_release(told)
    rows = [
        (action, counts[action], f"{words}{_of_objects(told, action)}") for action, words in ACTIONS.items()
    ]
    table(f"{counted(counts['leads'], 'lead')}", ("", "leads", "what happens"), rows)
    for one in told["companies"]:
        say(f"\nTheir companies: up to {one['records']:,} {one['object']} are looked up, and written.")
    if told["associations"]:
        say(f"{counted(told['associations'], 'association')} of a person with their company.")
    if told["deals"]:
        say(f"{counted(told['deals'], 'deal')} to be made or changed.")
    if counts["conflict"]:
        say(
            f"\nOn {counted(counts['conflict'], 'lead')} both sides hold different values; "
            f"see below who stands."
        )
    if told["missing"]:
        missing = [(f"{one['object']}.{one['name']}", _shape(one), one["rule"]) for one in told["missing"]]
        table("Not there, or hidden; go-live makes them", ("field", "type", "rule"), missing)
    _print_findings(told)


def _of_objects(told: dict[str, Any], action: str) -> str:
    parts = [f"{one['leads']:,} {one['object']}" for one in told["objects"] if one["action"] == action]
    return f" ({', '.join(parts)})" if parts else ""


def _is_over(told: dict[str, Any]) -> bool:
    """Say whether the last go-live has let out all that there was, so that more needs another one."""
    release = told["release"]
    return release is None or release["state"] == DONE


def _print_release(told: dict[str, Any]) -> None:
    release = told["release"]
    if release is None:
        return
    written = f"{release['written']:,} of at most {release['at_most']:,} records are written"
    left = f", {counted(told['backlog'], 'lead')} left" if told["backlog"] else ""
    if left and _is_over(told):
        left = f"; {counted(told['backlog'], 'record')} gathered since then and wait for the next go-live"
    held = f": {release['reason']}" if release["reason"] else ""
    say(f"Go-live {release['number']} is {release['state']}{held}; {written}{left}.", style="yellow")


def _print_findings(told: dict[str, Any]) -> None:
    """Print what the doctor finds wrong with the fields, but for those that go-live makes."""
    from leadrelay.golive.plan import left_over

    rows = [(one["level"], f"{one['fact']}\n{one['fix']}") for one in left_over(told)]
    if rows:
        table("What does not fit between map and account", ("level", "what, and what to do"), rows)


def print_details(told: dict[str, Any]) -> None:
    """Print every count there is."""
    _table("Not written", told["skipped"], {"leads": "leads", "reason": "reason"})
    _table("Waiting for a record elsewhere", told["waiting_for"], {"leads": "leads", "connection": "in"})
    rows = [
        (f"{one['object']}.{one['field']}", one["create"], one["update"], one["rule"])
        for one in told["fields"]
    ]
    if rows:
        table("Fields written", ("field", "new|records", "changed|records", "rule"), rows)
    rows = [
        (f"{one['object']}.{one['field']}", one["stands"], one["leads"], f"{one['why']} [{one['rule']}]")
        for one in told["conflicts"]
    ]
    if rows:
        table("Both sides hold a value", ("field", "stands", "leads", "why"), rows)
    _table(
        "Settled while observing, when the record was found",
        told["settled"],
        {"field": "field", "leads": "leads", "why": "why"},
    )
    _table("Owners", told["owners"], {"owner": "owner", "leads": "leads", "problem": "problem"})
    rows = [
        (f"{one['object']}.{one['field']}", one["value"], one["leads"], one["problem"])
        for one in told["unfit"]
    ]
    if rows:
        table("Values that the account will not take", ("field", "value", "leads", "problem"), rows)


def _table(title: str, told: Sequence[dict[str, Any]], columns: dict[str, str]) -> None:
    if told:
        table(title, tuple(columns.values()), [tuple(one[name] for name in columns) for one in told])


def print_samples(samples: dict[str, list[dict[str, Any]]]) -> None:
    """Print some leads of each kind, field by field."""
    for category, kept in samples.items():
        for one in kept:
            record = f", {one['object']} {one['record']}" if one["record"] else ""
            title = f"For example, {category}: {one['who'] or 'no address'} ({one['lead']}{record})"
            say(f"\n{title}", style="bold")
            if one["fields"]:
                _print_lines(one)
            else:
                say(one["error"] or one["why"])


def _print_lines(one: dict[str, Any]) -> None:
    """Print a lead's fields; of a record that is not there yet, what it will hold."""
    if one["record"] is None:
        rows = [(line["field"], _shown(line["ours"]), line["rule"]) for line in one["fields"]]
        table("", ("field", "written", "rule"), rows)
        return
    lines = [
        (line["field"], _shown(line["ours"]), _shown(line["theirs"]), _fate(line)) for line in one["fields"]
    ]
    table("", ("field", "ours", "theirs", "what happens"), lines)


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _fate(line: dict[str, Any]) -> str:
    what = "ours is written" if line["written"] is not None else "theirs stays"
    return f"{what}: {line['why']} [{line['rule']}]"


def _shape(one: dict[str, Any]) -> str:
    parts = [one["type"]]
    if one["type"] == "text":
        parts.append(f"of {one['length']}")
    if one["options"]:
        parts.append(f"with {counted(len(one['options']), 'option')}")
    if one["is_unique"]:
        parts.append("unique")
    return " ".join(parts)

"""`leadrelay replay`: what was set aside or given up goes on its way again: one, some, or all of a cause."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    Json,
    console,
    counted,
    fail,
    load_settings,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.in_force import playbook_if_any, playbook_in_force
from leadrelay.clock import SystemClock
from leadrelay.control import daemon_facts, hand_in, send_again
from leadrelay.settings import SPACE, Settings
from mappings.inward import settable
from mappings.problems import did_you_mean
from mappings.values.durations import duration
from model.errors import LeadRelayError
from sync.replays import letters, mending
from sync.replays import replay as replays
from sync.replays.letters import ASIDE, CHANGE, EFFECT, SHELVES, Asked
from sync.replays.mending import Told
from sync.replays.replaying import MOST, Order

SHOWN = 10  # letters of each list that a look shows

Overrides = dict[str, Any]


def replay(
    events: Annotated[list[int] | None, typer.Argument(help="Event numbers, as `status` shows them.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Every event in this state: quarantined, review, spam, dead.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Every dead letter of the outbox, tasks and messages too.")
    ] = False,
    error: Annotated[
        str, typer.Option(help="Of one cause: INVALID_OPTION, or with its field 'INVALID_OPTION industry'.")
    ] = "",
    connection: Annotated[str, typer.Option(help="Dead letters of one connection or channel.")] = "",
    object_name: Annotated[str, typer.Option("--object", help="Dead letters of one object: contacts.")] = "",
    source: Annotated[str, typer.Option(help="Events of one source.")] = "",
    newer: Annotated[str, typer.Option(help="Set aside or given up within this time: 24h.")] = "",
    older: Annotated[str, typer.Option(help="Set aside or given up before this time: 7d.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many of each list, the oldest first.")] = MOST,
    yes: Annotated[bool, typer.Option("--yes", help="Send them; without it they are only shown.")] = False,
    assign: Annotated[
        list[str] | None, typer.Option("--set", help="Correct a field: --set email=ada@example.com")
    ] = None,
    lead: Annotated[str, typer.Option(help="A person's verdict: a lead's id or e-mail, or `new`.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Not spam after all.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; kept in the audit.")] = "",
    as_json: Json = False,
) -> None:
    """Send set-aside events and dead letters on their way again, with corrections if any.

    Events that are named are sent at once. Of a list it is shown what would be sent, until --yes.
    """
    shelves = _shelves(
        state or [], changes=changes, error=error, of_events=source, of_letters=connection or object_name
    )
    if bool(events) == bool(shelves):
        fail(
            f"Name events, or --state ({', '.join(ASIDE)}), --changes, --error, --connection, --source.",
            WRONG_USAGE,
        )
    settings, now = load_settings(), SystemClock().now()
    overrides = _corrections(settings, assign or [], release=release)
    if overrides and set(shelves) - set(ASIDE):
        fail("--set and --release are for events: name --state.", WRONG_USAGE)
    who = by or getpass.getuser()
    if events:
        _replay_events(settings, events, overrides, lead, who, now, as_json=as_json)
        return
    if lead or overrides.keys() & {"email", "phone"}:
        fail("--lead, --set email and --set phone are one person's: name one event.", WRONG_USAGE)
    asked = Asked(connection or source, object_name, error, _ago(newer, now), _ago(older, now))
    orders = [Order(name, asked, who, limit, overrides) for name in shelves]
    if yes:
        _send(settings, orders, now, as_json=as_json)
    else:
        _show(settings, orders, as_json=as_json)


def _shelves(
    state: Sequence[str], *, changes: bool, error: str, of_events: str, of_letters: str
) -> list[str]:
    """Return which lists are meant; a cause alone may lie on any."""
    if unknown := [name for name in state if name not in ASIDE]:
        fail(f"There is no state {', '.join(unknown)}: {', '.join(ASIDE)}.", WRONG_USAGE)
    if of_events and (of_letters or changes):
        fail("--source is of events, --connection and --object are of dead letters.", WRONG_USAGE)
    found = [*dict.fromkeys(state), *((CHANGE, EFFECT) if changes or of_letters else ())]
    if not found and of_events:
        return [*ASIDE]
    return found or ([*SHELVES] if error else [])


def _ago(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        return now - duration(text)
    except ValueError as error:
        fail(f"{error}", WRONG_USAGE)


def _corrections(settings: Settings, assign: Sequence[str], *, release: bool) -> Overrides:
    overrides = _overrides(assign)
    if overrides:
        _check_names(overrides, settings)
    return overrides | ({"release": True} if release else {})


def _replay_events(
    settings: Settings,
    events: Sequence[int],
    overrides: Overrides,
    lead: str,
    who: str,
    now: datetime,
    *,
    as_json: bool,
) -> None:
    """Send the named events at once."""
    with reading(settings) as snapshot:
        if lead:
            overrides["lead"] = _verdict(snapshot, lead)
        problems = [text for number in events if (text := replays.unfit(snapshot, SPACE, number))]
        if problems:
            fail("\n".join([*problems, "Nothing was replayed."]))
        if len(set(events)) > 1 and overrides.keys() & {"email", "phone"}:
            fail("--set email and --set phone are one person's: name one event.", WRONG_USAGE)
        found = replays.of_events(snapshot, SPACE, events, by=who, now=now, overrides=overrides)
    try:
        taken = hand_in(settings.database_url, found) if found else 0
    except LeadRelayError as error:
        fail(str(error), FOUND_PROBLEMS)
    if as_json:
        print_json({"replayed": taken})
    else:
        tail = " `leadrelay status` shows where they end." if taken else ""
        console.print(f"{taken or 'Nothing'} sent on the way again.{tail}")


def _send(settings: Settings, orders: Sequence[Order], now: datetime, *, as_json: bool) -> None:
    """Have whole lists sent again by the daemon."""
    with reading(settings):  # a store there is, and of this version
        pass
    try:
        total = sum(send_again(settings.database_url, order, now) for order in orders)
    except LeadRelayError as error:
        fail(str(error), FOUND_PROBLEMS)
    if as_json:
        print_json({"replayed": total})
        return
    tail = ""
    if total:
        runs = settings.database_url.startswith("postgresql") or daemon_facts(settings.database_url)
        when = "in pieces, new leads first" if runs else "as soon as the daemon runs"
        tail = f" They go {when}; `leadrelay status` shows how far it is and where they end."
    console.print(f"{total or 'Nothing'} sent on the way again.{tail}")


def _show(settings: Settings, orders: Sequence[Order], *, as_json: bool) -> None:
    """Show what --yes would send."""
    playbook = playbook_if_any(settings)
    found: dict[str, tuple[int, list[Told]]] = {}
    with reading(settings) as snapshot:
        for order in orders:
            shelf = SHELVES[order.shelf]
            total, upto = letters.first(snapshot, SPACE, shelf, order.asked, order.limit)
            ids = letters.numbers(snapshot, SPACE, shelf, order.asked, after=0, upto=upto, limit=SHOWN)
            oldest = letters.load(snapshot, SPACE, shelf, ids)[::-1]
            found[order.shelf] = total, mending.tell(snapshot, oldest, playbook) if playbook else []
    if as_json:
        lists = {name: [one.as_dict() for one in told] for name, (_, told) in found.items()}
        print_json({"would_replay": {name: total for name, (total, _) in found.items()}, "oldest": lists})
        return
    for name, (total, told) in found.items():
        if total:
            _print_list(name, total, told)
    total = sum(number for number, _ in found.values())
    say(
        f"\n{counted(total, 'letter')} would be sent again. Nothing was sent; add --yes."
        if total
        else "Nothing to send again."
    )


TITLES = {CHANGE: "changes that a CRM refused", EFFECT: "tasks and messages that were given up"}


def _print_list(name: str, total: int, told: Sequence[Told]) -> None:
    rows = [
        (
            one.letter.id,
            f"{one.letter.place} {one.letter.object}".strip(),
            one.email or one.letter.lead_id or "",
            str(one.letter.cause) or "no code",
            "" if one.value is None else one.value,
            "; ".join(one.letter.words),
        )
        for one in told
    ]
    title = f"{total} {TITLES.get(name, f'events: {name}')}{', the oldest:' if total > len(rows) else ''}"
    table(title, ("number", "where", "lead", "cause", "value sent", "words"), rows)
    places = dict.fromkeys((one.advice, one.rule) for one in told)
    for advice, rule in places:
        say(f"- {advice}{f' The line is {rule}.' if rule else ''}", hang=2)


def _verdict(snapshot: Connection, lead: str) -> str:
    lead_id = replays.verdict(snapshot, SPACE, lead)
    if lead_id is None:
        fail(f"No lead is known by {lead}. Nothing was replayed.")
    return lead_id


def _overrides(assign: Sequence[str]) -> Overrides:
    overrides: Overrides = {}
    for text in assign:
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(f"--set {text}: write it as field=value.", WRONG_USAGE)
        overrides[name] = value
    return overrides


def _check_names(names: Iterable[str], settings: Settings) -> None:
    """End the command unless these are fields that a person may set."""
    cannot = "--set cannot be checked. Nothing was replayed."
    known = settable(playbook_in_force(settings, cannot))
    wrong = [name for name in names if name not in known]
    if wrong:
        lines = [
            f'--set {name}: there is no field "{name}" to set. {did_you_mean(name, known)}' for name in wrong
        ]
        fail("\n".join([*lines, "Nothing was replayed."]), WRONG_USAGE)

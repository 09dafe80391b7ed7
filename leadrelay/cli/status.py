"""`leadrelay status`: where everything stands, and what a person should look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import Connection

from leadrelay.cli.common import Json, console, counted, load_settings, print_json, reading, say, table
from leadrelay.cli.days import print_days
from leadrelay.cli.following import print_following
from leadrelay.cli.in_force import playbook_if_any
from leadrelay.cli.providers import print_providers
from leadrelay.cli.questions import print_questions
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.control import daemon_facts
from leadrelay.processes import as_told, missing
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from sync import alerts, connections, processes, questions, releases
from sync import explain as stories
from sync import status as counts
from sync.budgets import keeper
from sync.budgets.forecast import Forecast
from sync.edges import effect_books
from sync.grants import reconnect_text
from sync.outbox import dead_letters
from sync.reading.backfill import lacking
from sync.releases import Release
from sync.replays import advice, letters, replaying
from sync.replays.letters import SHELVES, Group
from sync.replays.replaying import Progress
from sync.timers import TimerCount

MOST_CAUSES = 20
SHELF_WORDS = {"change": "changes", "effect": "tasks, messages"}
ENDS = {  # how a source's events are counted: attribute -> column
    "received": "received",
    "delivered": "delivered",
    "merged": "merged",
    "review": "review",
    "quarantined": "quaran-|tined",
    "spam": "spam",
    "dead": "dead",
    "in_flight": "in|flight",
    "duplicates": "dupli-|cates",
}


def status(as_json: Json = False) -> None:
    """Show where every event ended, what waits for each CRM, and what a person should look at."""
    settings = load_settings()
    facts = daemon_facts(settings.database_url)
    playbook = playbook_if_any(settings, quiet=facts is not None)  # a daemon says it itself
    with reading(settings) as snapshot:
        writing = _writing(playbook, settings, snapshot)
        found = counts.read(snapshot, SPACE, writing, SystemClock().now())
        aside = stories.set_aside_list(snapshot, SPACE, limit=10)
        refused = dead_letters(snapshot, SPACE, limit=10)
        causes = [one for shelf in SHELVES.values() for one in letters.groups(snapshot, SPACE, shelf)]
        orders = replaying.recent(snapshot, SPACE, [*SHELVES])
        unsent = effect_books.dead_letters(snapshot, SPACE, limit=10)
        alarms = list(alerts.load(snapshot, SPACE).values())
        days = _days(playbook, snapshot)
        waiting = questions.read(snapshot, SPACE)
        running = [as_told(one, SystemClock().now()) for one in processes.load(snapshot, SPACE)]
        anew = {
            name: one.reconnect for name, one in connections.load(snapshot, SPACE).items() if one.reconnect
        }
    if as_json:
        told_of = [one.as_dict() | {"advice": advice.on(one.cause, one.shelf)} for one in causes]
        again = [one.as_dict() for one in orders]
        lists = {"set_aside": aside, "dead_letters": refused, "dead_effects": unsent}
        lists |= {"causes": told_of, "replays": again}
        more = {name: day.as_dict() for name, day in days.items()}
        told = [asdict(one) for one in alarms]
        status = found.as_dict() | {
            "daemon": facts or {"running": False},
            "processes": running,
            "days": more,
            "alarms": told,
            "questions": waiting.as_dict(),
            "reconnect": anew,
        }
        print_json(status | lists)
        return
    _print_daemon(facts, settings, running)
    for name, why in anew.items():
        if name not in (facts or {}).get("unusable", {}):
            say(f"{name} cannot be used: {reconnect_text(name, why)}", style="yellow")
    _print_mirror(found.mirror, playbook)
    print_following(found.following)
    for alarm in alarms:
        say(f"Alarm since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.text}", style="red")
    print_questions(waiting)
    _print_counts(found)
    print_providers(found.providers, playbook)
    print_days(days)
    _print_aside(aside)
    _print_causes(causes, orders)


def _print_counts(found: counts.Status) -> None:
    if not found.sources:
        console.print(
            "\nNothing has come in yet. Post a lead to /in/SOURCE, or: leadrelay source test SOURCE"
        )
        return
    rows = [(name, *(getattr(count, n) for n in ENDS)) for name, count in sorted(found.sources.items())]
    title = "Events by source (received = the sum of what follows; duplicates apart)"
    table(title, ("source", *ENDS.values()), rows)
    if found.connections:
        outbox = [
            (
                name,
                c.due,
                c.waiting,
                c.backlog,
                c.dead,
                c.done,
                c.oldest_due and f"{c.oldest_due:%Y-%m-%d %H:%M:%S}",
            )
            for name, c in sorted(found.connections.items())
        ]
        columns = ("connection", "due", "waiting", "backlog", "dead", "done", "oldest due")
        table("Records to write", columns, outbox)
    if found.effects:
        told = [
            (name, c.waiting, c.sent, c.unknown, c.withheld, c.dead)
            for name, c in sorted(found.effects.items())
        ]
        ends = ("where to", "waiting", "sent", "unknown", "withheld", "dead")
        table("Tasks and messages (unknown: the answer was lost; withheld: see explain)", ends, told)
    if found.blocked:
        console.print(f"Kept back for want of consent: {found.blocked}; see leadrelay consent impact.")
    _print_timers(found.timers)
    if found.revisit:
        seen = counted(found.revisit.seen, "lead")
        say(f"\nVersion {found.revisit.version} of the playbook: {seen} looked at again so far.")
    for name, release in sorted(found.releases.items()):
        _print_release(name, release)
    _print_parked(found)
    stages = ", ".join(f"{count} {stage}" for stage, count in sorted(found.leads_by_stage.items()))
    console.print(f"\n{counted(found.leads, 'lead')}{': ' if stages else ''}{stages}", markup=False)


def _print_timers(found: TimerCount) -> None:
    """Say how many leads are looked at again at a later time, and what is late."""
    if found.set_aside:
        text = f"\n{counted(found.set_aside, 'timer')} came due, and our rules failed on the lead: "
        say(f"{text}leadrelay replay sends the events again, see By cause", style="yellow")
    if not found.waiting:
        return
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.by_kind.items())
    late = f"; {found.overdue} overdue" if found.overdue else ""
    first = f", the next at {found.next_at:%Y-%m-%d %H:%M} UTC" if found.next_at else ""
    say(f"\nTimers waiting: {kinds}{first}{late}", style="yellow" if found.overdue else None)


def _print_release(name: str, release: Release) -> None:
    """Say how far going live has come, and what to do where it is held."""
    written = f"{release.written:,} of at most {release.at_most:,} records are written"
    text = f"\nGo-live {release.number} of {name} is {release.state}: {written}."
    if release.state == releases.HELD:
        say(f"{text} {release.reason}. Look at what was written, then: leadrelay go-live {name}", style="red")
    else:
        say(text)


def _print_parked(found: counts.Status) -> None:
    """Say what waits for a go-live on a connection that had its own already, and how to let it out."""
    for name, count in sorted(found.connections.items()):
        release = found.releases.get(name)
        if count.backlog and (release is None or release.state == releases.DONE):
            say(
                f"\n{counted(count.backlog, 'record')} of {name} gathered while another connection was "
                f"matched and wait for a go-live. Look at them: leadrelay plan {name}; let them out: "
                f"leadrelay go-live {name}",
                style="yellow",
            )


def _print_mirror(mirror: dict[str, dict[str, counts.MirrorCount]], playbook: Playbook | None) -> None:
    """Show how far each CRM is mirrored, what stops it, and which fields only another walk brings."""
    rows = [
        (name, object_type, one.seen, one.total, _standing(one), one.problem)
        for name, objects in mirror.items()
        for object_type, one in objects.items()
    ]
    if rows:
        title = "Mirror: what was read of each CRM, to match who is there already"
        table(title, ("connection", "object", "records", "of", "", "problem"), rows)
    for name, object_type, names in _lacking(mirror, playbook):
        say(
            f"{name} {object_type}: the mirror lacks {', '.join(names)}, which the playbook names now: "
            f"leadrelay backfill {name} --again",
            style="yellow",
        )


def _standing(one: counts.MirrorCount) -> str:
    if one.is_walking:
        return "being read again" if one.is_whole else "being read"
    return f"whole since {one.finished_at[:16].replace('T', ' ')}"


def _lacking(
    mirror: dict[str, dict[str, counts.MirrorCount]], playbook: Playbook | None
) -> Iterable[tuple[str, str, list[str]]]:
    crms = playbook.crms if playbook else {}
    for name, objects in mirror.items():
        for object_type, one in objects.items():
            if name in crms and one.is_whole and (names := lacking(object_type, one.fields, crms[name])):
                yield name, object_type, names


def _days(playbook: Playbook | None, snapshot: Connection) -> dict[str, Forecast]:
    """Return where each connection's day of API calls is heading, by what is kept in the store."""
    return keeper.forecasts(snapshot, SPACE, playbook.crms, SystemClock().now()) if playbook else {}


def _writing(playbook: Playbook | None, settings: Settings, snapshot: Connection) -> list[str]:
    if playbook is None:
        return ["hubspot", "salesforce"]
    return Known.read(settings, snapshot, SPACE).writing(playbook.crms.values())


def _print_daemon(facts: dict[str, Any] | None, settings: Settings, running: list[dict[str, Any]]) -> None:
    if running:
        _print_processes(running)
        return
    if facts is None:
        if settings.database_url.startswith("sqlite"):
            say("The daemon is not running on this store: what comes in is not taken.", style="yellow")
        else:  # nothing tells a command where the daemons of a PostgreSQL store are
            say("Ask /readyz of the daemon how it is; this shows what is in the store.")
        return
    number = facts.get("playbook_number")
    version = f"{number} ({facts['playbook']})" if number else facts["playbook"]
    console.print(f"The daemon is running, playbook {version}.", markup=False)
    for name, one in facts["connections"].items():
        mode = "is written to" if one["mode"] == "write" else "is only observed: nothing is written"
        console.print(f"  {name} {mode}; {counted(one['calls'], 'call')} so far", markup=False)
    if not facts["connections"]:
        console.print("  no CRM is connected", style="yellow")
    if facts["playbook_problem"]:
        say(facts["playbook_problem"], style="yellow")
    if facts.get("playbook_aside"):
        say(facts["playbook_aside"], style="yellow")
    for said in facts.get("unset", ()):
        say(said, style="yellow")
    if not facts.get("disk", {}).get("takes_posts", True):
        say("Posts are answered 503: the store's disk is nearly full.", style="red")
    for name, reason in facts.get("unusable", {}).items():
        say(f"{name} cannot be used: {reason}", style="yellow")
    for name, failure in facts["polls"].items():
        if failure:
            say(f"{name}: owners cannot be read: {failure}", style="yellow")
    for name, failure in facts.get("following", {}).items():
        if failure:
            say(f"{name}: what changes there cannot be followed: {failure}", style="yellow")


def _print_processes(running: list[dict[str, Any]]) -> None:
    """Show who is at work where several processes share the store, and who is missing."""
    rows = [
        (
            one["role"],
            one["name"],
            ", ".join(one["works"]) + (" (decides now)" if one["deciding"] else ""),
            "lives" if one["lives"] else f"silent for {one['heard_seconds_ago']:.0f} s",
            one["trouble"],
        )
        for one in running
    ]
    table("Processes", ("role", "host:pid:mark", "works", "", "trouble"), rows)
    for words in missing({work for one in running if one["lives"] for work in one["works"]}):
        say(f"{words.capitalize()}.", style="red")


def _print_aside(aside: list[dict[str, Any]]) -> None:
    if aside:
        rows = [(row["id"], row["source"], row["state"], _why(row)) for row in aside]
        title = "Newest events set aside (leadrelay explain event:N, then leadrelay replay N)"
        table(title, ("event", "source", "state", "why"), rows)


def _print_causes(causes: Sequence[Group], orders: Sequence[Progress]) -> None:
    """Show what waits for a person by its cause, with what to do."""
    if causes:
        shown = sorted(causes, key=lambda one: -one.count)[:MOST_CAUSES]
        rows = [
            (
                one.count,
                SHELF_WORDS.get(one.shelf, one.shelf),
                f"{one.place} {one.object}".strip(),
                str(one.cause) or "no code",
                one.first and f"{one.first:%Y-%m-%d %H:%M}",
                one.last and f"{one.last:%Y-%m-%d %H:%M}",
            )
            for one in shown
        ]
        columns = ("count", "what", "where", "cause", "first", "last")
        table("By cause (leadrelay replay --error CODE shows them, --yes sends them again)", columns, rows)
        what = {one.cause.code or "no code": advice.on(one.cause, one.shelf) for one in shown}
        table("What to do", ("cause", ""), list(what.items()))
    for one in orders:
        if one.is_running:
            say(f"Being sent again, asked for by {one.by}: {one.handed_in:,} of {one.total:,} handed in.")


def _why(row: dict[str, Any]) -> str:
    if row["error"]:
        return str(row["error"]).strip().splitlines()[-1]
    return "; ".join(reason["text"] for reason in row["reasons"] or [])

"""Commands that look at leads, and send set-aside ones on their way again."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli.common import (
    FOUND_PROBLEMS,
    WRONG_USAGE,
    console,
    counted,
    fail,
    load_settings,
    print_json,
    reading,
    say,
    table,
)
from leadrelay.cli.days import print_days
from leadrelay.clock import SystemClock
from leadrelay.connections import Known
from leadrelay.control import daemon_facts, hand_in
from leadrelay.settings import SPACE, Settings
from mappings.compile import load
from mappings.identity import keys_of
from mappings.inward import settable
from mappings.problems import PlaybookError, did_you_mean
from model.decision import EntityKind
from model.errors import LeadRelayError
from sync import alerts, connections, effect_books, releases
from sync import explain as stories
from sync import replay as replays
from sync import status as counts
from sync.backfill import lacking
from sync.budgets import keeper
from sync.budgets.forecast import Forecast
from sync.grants import reconnect_text
from sync.outbox import dead_letters
from sync.releases import Release
from sync.replay import SET_ASIDE
from sync.retention import REMOVED

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
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
    with reading(settings) as snapshot:
        found = counts.read(snapshot, SPACE, _writing(settings, snapshot), SystemClock().now())
        aside = stories.set_aside_list(snapshot, SPACE, limit=10)
        letters = dead_letters(snapshot, SPACE, limit=10)
        unsent = effect_books.dead_letters(snapshot, SPACE, limit=10)
        alarms = list(alerts.load(snapshot, SPACE).values())
        days = _days(settings, snapshot)
        anew = {
            name: one.reconnect for name, one in connections.load(snapshot, SPACE).items() if one.reconnect
        }
    if as_json:
        lists = {"set_aside": aside, "dead_letters": letters, "dead_effects": unsent}
        more = {name: day.as_dict() for name, day in days.items()}
        told = [asdict(one) for one in alarms]
        status = found.as_dict() | {
            "daemon": facts or {"running": False},
            "days": more,
            "alarms": told,
            "reconnect": anew,
        }
        print_json(status | lists)
        return
    _print_daemon(facts, settings)
    for name, why in anew.items():
        if name not in (facts or {}).get("unusable", {}):
            say(f"{name} cannot be used: {reconnect_text(name, why)}", style="yellow")
    _print_mirror(found.mirror, settings)
    for alarm in alarms:
        say(f"Alarm since {alarm.since:%Y-%m-%d %H:%M} UTC: {alarm.text}", style="red")
    _print_counts(found)
    print_days(days)
    _print_aside(aside, letters, unsent)


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
    for name, release in sorted(found.releases.items()):
        _print_release(name, release)
    _print_parked(found)
    stages = ", ".join(f"{count} {stage}" for stage, count in sorted(found.leads_by_stage.items()))
    console.print(f"\n{counted(found.leads, 'lead')}{': ' if stages else ''}{stages}", markup=False)


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


def _print_mirror(mirror: dict[str, dict[str, counts.MirrorCount]], settings: Settings) -> None:
    """Show how far each CRM is mirrored, what stops it, and which fields only another walk brings."""
    rows = [
        (name, object_type, one.seen, one.total, _standing(one), one.problem)
        for name, objects in mirror.items()
        for object_type, one in objects.items()
    ]
    if rows:
        title = "Mirror: what was read of each CRM, to match who is there already"
        table(title, ("connection", "object", "records", "of", "", "problem"), rows)
    for name, object_type, names in _lacking(mirror, settings):
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
    mirror: dict[str, dict[str, counts.MirrorCount]], settings: Settings
) -> Iterable[tuple[str, str, list[str]]]:
    try:
        crms = load(settings.playbook).crms
    except PlaybookError:
        return
    for name, objects in mirror.items():
        for object_type, one in objects.items():
            if name in crms and one.is_whole and (names := lacking(object_type, one.fields, crms[name])):
                yield name, object_type, names


def _days(settings: Settings, snapshot: Connection) -> dict[str, Forecast]:
    """Return where each connection's day of API calls is heading, by what is kept in the store."""
    try:
        crms = load(settings.playbook).crms
    except PlaybookError:
        return {}
    return keeper.forecasts(snapshot, SPACE, crms, SystemClock().now())


def _writing(settings: Settings, snapshot: Connection) -> list[str]:
    try:
        crms = load(settings.playbook).crms.values()
    except PlaybookError:
        return ["hubspot", "salesforce"]
    return Known.read(settings, snapshot, SPACE).writing(crms)


def _print_daemon(facts: dict[str, Any] | None, settings: Settings) -> None:
    if facts is None:
        if settings.database_url.startswith("sqlite"):
            say("The daemon is not running on this store: what comes in is not taken.", style="yellow")
        else:  # nothing tells a command where the daemons of a PostgreSQL store are
            say("Ask /readyz of the daemon how it is; this shows what is in the store.")
        return
    console.print(f"The daemon is running, playbook {facts['playbook']}.", markup=False)
    for name, one in facts["connections"].items():
        mode = "is written to" if one["mode"] == "write" else "is only observed: nothing is written"
        console.print(f"  {name} {mode}; {counted(one['calls'], 'call')} so far", markup=False)
    if not facts["connections"]:
        console.print("  no CRM is connected", style="yellow")
    if facts["playbook_problem"]:
        say(facts["playbook_problem"], style="yellow")
    if not facts.get("disk", {}).get("takes_posts", True):
        say("Posts are answered 503: the store's disk is nearly full.", style="red")
    for name, reason in facts.get("unusable", {}).items():
        say(f"{name} cannot be used: {reason}", style="yellow")
    for name, failure in facts["polls"].items():
        if failure:
            say(f"{name}: owners cannot be read: {failure}", style="yellow")


def _print_aside(aside: list[dict[str, Any]], letters: list[Any], unsent: list[Any]) -> None:
    if aside:
        rows = [(row["id"], row["source"], row["state"], _why(row)) for row in aside]
        title = "Newest events set aside (leadrelay explain event:N, then leadrelay replay N)"
        table(title, ("event", "source", "state", "why"), rows)
    if letters:
        rows = [(one.id, one.connection, one.lead_id, one.error) for one in letters]
        table(
            "Dead letters (leadrelay replay --changes)",
            ("change", "connection", "lead", "the CRM's words"),
            rows,
        )

    if unsent:
        told = [(one.kind, one.target, one.lead_id, one.error) for one in unsent]
        columns = ("kind", "where to", "lead", "the other side's words")
        table("Tasks and messages given up (leadrelay replay --changes)", columns, told)


def _why(row: dict[str, Any]) -> str:
    if row["error"]:
        return str(row["error"]).strip().splitlines()[-1]
    return "; ".join(reason["text"] for reason in row["reasons"] or [])


def explain(
    who: Annotated[str, typer.Argument(help="E-mail, lead id, or event:NUMBER.")], as_json: Json = False
) -> None:
    """Tell a lead's story: what came in, which rule decided what and why, what was written where."""
    settings = load_settings()
    with reading(settings) as snapshot:
        if who.startswith("event:") and who[6:].isdigit():
            event = stories.set_aside(snapshot, SPACE, int(who[6:]))
            if event is None:
                fail(f"There is no event {who[6:]}.")
            if not event["lead_id"]:
                _explain_event(event, as_json=as_json)
                return
            who = event["lead_id"]
        lead_id = stories.find_lead(snapshot, SPACE, who, keys_of(who))
        if lead_id is None:
            fail(f"No lead is known by {who}. `leadrelay status` lists the events that were set aside.")
        story = stories.read(snapshot, lead_id)
    if as_json:
        print_json(story.as_dict())
    else:
        _tell(story)


NEXT_STEPS = {
    "quarantined": "Correct it and send it again: leadrelay replay {0} --set email=ada@example.com",
    "review": "Say whose it is: leadrelay replay {0} --lead new, or --lead LEAD-ID",
    "spam": "If it is none: leadrelay replay {0} --release",
    "dead": "Once the cause is mended: leadrelay replay {0}",
}


def to_text(value: Any) -> str:
    """Write a posted value on one line."""
    return json.dumps(value, ensure_ascii=False)


def _explain_event(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(event)
        return
    number = event["id"]
    console.print(f"event {number} from {event['source']}: {event['state']}", style="bold", markup=False)
    for reason in event["reasons"] or []:
        say(f"  {reason['text']}  [{reason['at'] or reason['handler']}]", hang=4)
    if event["error"]:
        console.print(event["error"].rstrip(), markup=False)
    payload = event["payload"] or {}
    posted = payload.get("body")
    if REMOVED in payload:
        say(
            f"\nWhat was posted was removed on {payload[REMOVED][:10]}: its term had passed (retention.yaml)."
        )
    if posted:
        console.print("\nposted", style="bold")
        for name, value in posted.items():
            say(f"  {name}: {value if isinstance(value, str) else to_text(value)}", hang=4)
    if event["state"] in NEXT_STEPS:
        console.print()
        say(NEXT_STEPS[event["state"]].format(number), hang=2)


def _tell(story: stories.Story) -> None:
    lead = story.lead
    name = " ".join(filter(None, (lead.get("first_name"), lead.get("last_name")))) or "(no name)"
    console.print(f"{name} <{lead.get('email') or lead.get('phone')}>  {lead.id}", style="bold", markup=False)
    owner = lead.owner or "nobody"
    console.print(f"stage {lead.stage}, score {lead.score}, owner {owner}", markup=False)
    for label in ("first_touch", "last_touch"):
        touch = lead.fields.get(label) or {}
        shown = ", ".join(f"{key} {value}" for key, value in touch.items() if value)
        say(f"{label.replace('_', ' ')}: {shown or 'unknown'}", hang=2)
    if story.account is not None:
        name = story.account.get("name") or story.account.domain
        say(f"account: {name}, {story.account.domain}  {story.account.id}", hang=2)
    version = ""
    for chapter in story.chapters:
        when = f"{chapter.decided_at:%Y-%m-%d %H:%M:%S}"
        number = "" if chapter.event is None else f"event {chapter.event} · "
        head = f"{number}{chapter.kind} from {chapter.source} · {when} · {chapter.state}"
        console.print()
        changed = f" · playbook {chapter.playbook}" if chapter.playbook != version else ""
        version = chapter.playbook
        say(f"{head}{changed}", hang=2, style="bold")
        for reason in chapter.reasons:
            at = f"  [{reason['at']}]" if reason["at"] else ""
            say(f"  {reason['handler']:<10} {reason['text']}{at}", hang=13)
    console.print()
    for write in story.writes:
        where = f"{write.connection} {write.object} {write.remote_id or ''}".strip()
        if write.kind == EntityKind.ASSOCIATION:
            company = f" {write.remote_id}" if write.remote_id else ""
            where = f"{write.connection} {write.object} associated with company{company}"
        say(f"{where}: {write.state}{': ' + write.error if write.error else ''}", hang=2)
    if not story.writes:
        console.print("not written to any CRM")
    for effect in story.effects:
        why = f": {effect.error}" if effect.error else ""
        number = f" {effect.remote_id}" if effect.remote_id else ""
        at = f"{effect.at:%Y-%m-%d %H:%M:%S}"
        say(f"{effect.kind} “{effect.rule}” in {effect.target}: {effect.state}{number} {at}{why}", hang=2)
    for conflict in story.conflicts:
        say(
            f"conflict on {conflict['field']} with {conflict['connection']}: {conflict['rule']}",
            hang=2,
            style="yellow",
        )


def replay(
    events: Annotated[list[int] | None, typer.Argument(help="Event numbers, as `status` shows them.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Every event in this state: quarantined, review, spam, dead.")
    ] = None,
    changes: Annotated[
        bool, typer.Option("--changes", help="Every dead letter of the outbox, tasks and messages too.")
    ] = False,
    assign: Annotated[
        list[str] | None, typer.Option("--set", help="Correct a field: --set email=ada@example.com")
    ] = None,
    lead: Annotated[str, typer.Option(help="A person's verdict: a lead's id or e-mail, or `new`.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Not spam after all.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; kept in the audit.")] = "",
    as_json: Json = False,
) -> None:
    """Send set-aside events and dead letters on their way again, with corrections if any."""
    unknown = [name for name in state or [] if name not in SET_ASIDE]
    if unknown or not (events or state or changes):
        fail(f"Name events, --state ({', '.join(SET_ASIDE)}) or --changes.", WRONG_USAGE)
    overrides = _overrides(assign or [])
    settings = load_settings()
    if overrides:
        _check_names(overrides, settings)
    if release:
        overrides["release"] = True
    now, who = SystemClock().now(), by or _user()
    with reading(settings) as snapshot:
        if lead:
            overrides["lead"] = _verdict(snapshot, lead)
        problems = [text for number in events or [] if (text := replays.unfit(snapshot, SPACE, number))]
        if problems:
            fail("\n".join([*problems, "Nothing was replayed."]))
        ids = list(events or []) + (replays.set_aside(snapshot, SPACE, state) if state else [])
        if len(set(ids)) > 1 and overrides.keys() & {"email", "phone"}:
            fail("--set email and --set phone are one person's: name one event.", WRONG_USAGE)
        found = replays.of_events(snapshot, SPACE, ids, by=who, now=now, overrides=overrides)
        if changes:
            found += replays.of_dead_letters(snapshot, SPACE, by=who, now=now)
            found += replays.of_dead_effects(snapshot, SPACE, by=who, now=now)
    try:
        taken = hand_in(settings.database_url, found) if found else 0
    except LeadRelayError as error:
        fail(str(error), FOUND_PROBLEMS)
    if as_json:
        print_json({"replayed": taken})
    else:
        tail = " `leadrelay status` shows where they end." if taken else ""
        console.print(f"{taken or 'Nothing'} sent on the way again.{tail}")


def _verdict(snapshot: Connection, lead: str) -> str:
    lead_id = replays.verdict(snapshot, SPACE, lead)
    if lead_id is None:
        fail(f"No lead is known by {lead}. Nothing was replayed.")
    return lead_id


def _overrides(assign: list[str]) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    for text in assign:
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(f"--set {text}: write it as field=value.", WRONG_USAGE)
        overrides[name] = value
    return overrides


def _check_names(names: Iterable[str], settings: Settings) -> None:
    """End the command unless these are fields that a person may set."""
    try:
        known = settable(load(settings.playbook))
    except PlaybookError as error:
        fail(f"{error}\n--set cannot be checked. Nothing was replayed.")
    wrong = [name for name in names if name not in known]
    if wrong:
        lines = [
            f'--set {name}: there is no field "{name}" to set. {did_you_mean(name, known)}' for name in wrong
        ]
        fail("\n".join([*lines, "Nothing was replayed."]), WRONG_USAGE)


def _user() -> str:
    return getpass.getuser()

"""Commands about the map: each field's way, and what becomes of one post. Neither needs a store."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from handlers.registry import HANDLERS
from leadrelay.cli.common import FOUND_PROBLEMS, WRONG_USAGE, Json, console, fail, print_json, say, table
from leadrelay.cli.in_force import say_beside
from leadrelay.cli.playbook import folder_of
from leadrelay.clock import SystemClock
from mappings.compile import load
from mappings.inward import read
from mappings.playbook import Playbook, Source
from mappings.previewing import Payload, new_lead, payload
from mappings.problems import PlaybookError
from mappings.reading import Reading
from mappings.sending import moment_of
from mappings.tracing import Trace, trace_posts
from mappings.ways import Way, Ways, ways_of
from model.errors import Refused
from model.event import Event, EventKind, JsonValue, StoredEvent
from sync.people import People
from webhooks import envelope

app = typer.Typer(help="The map: where each field comes from and goes to.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Option("--playbook", help="Default: LEADRELAY_PLAYBOOK or ./playbook.")]
Place = Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help="The same as --playbook.")]
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@app.callback()
def maps() -> None:
    """The map: where each field comes from and goes to."""


@app.command("show")
def show(
    source: Annotated[str | None, typer.Argument(help="One source; left out, all of them.")] = None,
    place: Place = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Print each field's way: sender, converters, lead field, and the field of each CRM."""
    playbook = _playbook(folder or place)
    chosen = [_source(playbook, source)] if source else list(playbook.sources.values())
    found = [ways_of(one, playbook) for one in chosen]
    if as_json:
        print_json([_told(ways) for ways in found])
        return
    for ways in found:
        _print_ways(ways, list(playbook.crms))


@app.command("test")
def try_map(
    source: Annotated[str, typer.Argument(help="A source of the playbook, such as website.")],
    file: Annotated[str, typer.Argument(help="A post: JSON, or form-encoded; - is standard input.")],
    place: Place = None,
    folder: Folder = None,
    as_json: Json = False,
) -> None:
    """Show what becomes of one post: the lead, what is refused, what the CRMs would get. Writes nothing."""
    playbook = _playbook(folder or place)
    one = _source(playbook, source)
    event = _event(one, _content(file))
    reading = read(event, playbook)
    trace = trace_posts(one, [event.event.payload])
    lead = new_lead(reading, playbook)
    nobody = People({}, frozenset(), {})
    made = [sent for crm in playbook.crms.values() if (sent := payload(lead, crm, nobody)) is not None]
    is_well = not reading.problems and not reading.honeypot and not any(sent.violations for sent in made)
    if as_json:
        print_json(_as_json(reading, made, is_well=is_well) | _traced(trace))
    else:
        _print_reading(reading)
        _print_trace(trace, one)
        for sent in made:
            _print_payload(sent)
        say("\nNothing was written. Score, owner and further stages follow when a post is decided.")
        console.print("fits" if is_well else "DOES NOT FIT", style="green" if is_well else "red")
    if not is_well:
        raise typer.Exit(FOUND_PROBLEMS)


def _playbook(folder: Path | None) -> Playbook:
    folder = folder_of(folder)
    try:
        playbook = load(folder, handlers=HANDLERS)
    except PlaybookError as error:
        fail("\n".join(str(problem) for problem in error.problems))
    say_beside(folder)
    return playbook


def _source(playbook: Playbook, name: str) -> Source:
    if name not in playbook.sources:
        known = ", ".join(sorted(playbook.sources))
        fail(f"The playbook has no source {name}; it has {known}.", WRONG_USAGE)
    return playbook.sources[name]


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.", WRONG_USAGE)


def _event(source: Source, content: bytes) -> StoredEvent:
    """Return the post as intake would store it, within the source's limits; no proof is asked for."""
    kind = JSON if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[", b'"') else FORM
    content = content if kind == JSON else content.strip()  # an editor's last line break is no part of a form
    builder = EnvironBuilder(method="POST", content_type=kind, input_stream=io.BytesIO(content))
    builder.content_length = len(content)
    request = cast(Any, Request(builder.get_environ()))
    try:
        body = envelope.parse(request, source, envelope.read(request, source))
    except Refused as refused:
        fail(f"{refused.status} {refused.code}: {refused.message}. {refused.fix}")
    now = SystemClock().now()
    at = moment_of(source, body["body"], now)
    event = Event(source.name, "map-test", EventKind.INTAKE, body, occurred_at=at, received_at=now)
    return StoredEvent(0, event, 0, now, 1)


# -- what is printed


def _print_ways(ways: Ways, connections: list[str]) -> None:
    columns = ("from", "converters", "lead field", "type", *connections)
    rows = [
        (way.sender, way.steps, way.rule.field, way.type, *(_stops(way, name) for name in connections))
        for way in ways.ways
    ]
    table(f"{ways.source.name} [{ways.source.place.file}]", columns, rows)
    if ways.nowhere:
        say(f"No CRM is sent: {', '.join(ways.nowhere)}.", style="yellow")
    for stop, other in ways.lacking:
        text = f"{stop.connection} {other} has no line for {stop.rule.field}, as {stop.object} has"
        say(f"{text}: who is a {other} there does not get it [{stop.rule.place}]", style="yellow")
    for gap in ways.gaps:
        say(f"{gap.connection} {gap.object}.{gap.remote} gets nothing: {gap.why} [{gap.place}]", style="red")


def _stops(way: Way, connection: str) -> str:
    return "\n".join(str(stop) for stop in way.stops if stop.connection == connection)


def _print_reading(reading: Reading) -> None:
    table("The lead", ("field", "value"), [(name, value) for name, value in reading.fields.items()])
    if reading.problems:
        rows = [(p.field, p.reason, _weight(p.fatal), str(p.place)) for p in reading.problems]
        table("Refused", ("field", "reason", "and so", "rule"), rows)
    for path in reading.honeypot:
        say(f"{path} is filled in, which people leave blank: spam.", style="red")
    touch = {} if reading.touch is None else reading.touch.fields
    table("The touch", ("field", "value"), list(touch.items()))
    for done in reading.activities:
        say(f"\nCounts as {done.kind}{f' ({done.detail})' if done.detail else ''}.")
    if not reading.activities:
        say("\nCounts as no activity.")


def _print_trace(trace: Trace, source: Source) -> None:
    rows = [
        (silent.line.what, " or ".join(silent.line.paths), silent.near, str(silent.line.place))
        for silent in trace.silent
    ]
    if rows:
        table("Found nothing", ("for", "there is no", "perhaps", "rule"), rows)
    if trace.unread:
        say(f"\nNo line of {source.place.file} reads: {', '.join(trace.unread)}.", style="yellow")


def _traced(trace: Trace) -> dict[str, JsonValue]:
    return {
        "found_nothing": [
            {
                "for": silent.line.what,
                "paths": list(silent.line.paths),
                "near": silent.near,
                "rule": str(silent.line.place),
            }
            for silent in trace.silent
        ],
        "unread": list(trace.unread),
    }


def _weight(is_fatal: bool) -> str:
    return "set aside until a person mends it" if is_fatal else "left blank"


def _print_payload(sent: Payload) -> None:
    table(f"{sent.connection}: a new {sent.object}", ("field", "value"), list(sent.values.items()))
    for one in sent.violations:
        say(f"{one.field}: {one.problem} [{one.place}]", style="red")


def _told(ways: Ways) -> dict[str, Any]:
    return {
        "source": ways.source.name,
        "fields": [
            {
                "field": way.rule.field,
                "type": way.type,
                "from": list(way.rule.paths),
                "sender": way.sender,
                "when": {path: list(values) for path, values in way.rule.when.items()},
                "value": way.rule.constant,
                "default": way.rule.default,
                "convert": [{"name": step.name, **step.options} for step in way.rule.convert],
                "rule": str(way.rule.place),
                "crms": [
                    {
                        "connection": stop.connection,
                        "object": stop.object,
                        "field": stop.rule.remote,
                        "kind": stop.rule.kind,
                        "authority": stop.rule.authority,
                        "direction": stop.direction,
                        "when": stop.rule.when.text if stop.rule.when else None,
                        "expression": stop.rule.expression.text if stop.rule.expression else None,
                        "rule": str(stop.rule.place),
                    }
                    for stop in way.stops
                ],
            }
            for way in ways.ways
        ],
        "nowhere": list(ways.nowhere),
        "lacking": [
            {
                "connection": stop.connection,
                "object": other,
                "field": stop.rule.field,
                "beside": f"{stop.object}.{stop.rule.remote}",
                "rule": str(stop.rule.place),
            }
            for stop, other in ways.lacking
        ],
        "gaps": [
            {
                "connection": gap.connection,
                "object": gap.object,
                "field": gap.remote,
                "why": gap.why,
                "rule": str(gap.place),
            }
            for gap in ways.gaps
        ],
    }


def _as_json(reading: Reading, made: list[Payload], *, is_well: bool) -> dict[str, JsonValue]:
    return {
        "source": reading.source.name,
        "lead": dict(reading.fields),
        "refused": [
            {"field": p.field, "reason": p.reason, "fatal": p.fatal, "rule": str(p.place)}
            for p in reading.problems
        ],
        "honeypot": list(reading.honeypot),
        "touch": {} if reading.touch is None else dict(reading.touch.fields),
        "activities": [{"kind": done.kind, "detail": done.detail} for done in reading.activities],
        "payloads": [
            {
                "connection": sent.connection,
                "object": sent.object,
                "values": dict(sent.values),
                "violations": [
                    {"field": one.field, "problem": one.problem, "rule": str(one.place)}
                    for one in sent.violations
                ],
            }
            for sent in made
        ],
        "fits": is_well,
    }

"""`leadrelay explain`: one lead's story, or what became of an event that is none's."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from sqlalchemy.engine import Connection

from dashboard.words import candidate, span
from leadrelay.cli.common import Json, console, fail, load_settings, print_json, reading, say
from leadrelay.cli.in_force import playbook_if_any
from leadrelay.cli.masked import Masked, sight_of
from leadrelay.cli.providers import tell_asked
from leadrelay.clock import SystemClock
from leadrelay.settings import SPACE, Settings
from mappings.truth import RuleTruth, veiled
from mappings.values.identity import keys_of
from model.cause import Cause
from model.decision import EntityKind
from sync import explain as stories
from sync import ruling
from sync.alike.pairs import FILTERED, Pair
from sync.keeping.retention import REMOVED
from sync.replays import advice
from sync.stages import LifeSoFar, life_of


def explain(
    who: Annotated[str, typer.Argument(help="E-mail, lead id, or event:NUMBER.")],
    with_rules: Annotated[
        bool,
        typer.Option("--rules", help="Each rule with its truth, those that failed, too, and all candidates."),
    ] = False,
    masked: Masked = False,
    as_json: Json = False,
) -> None:
    """Tell a lead's story: what came in, which rule decided what and why, what was written where."""
    settings = load_settings()
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        if who.startswith("event:") and who[6:].isdigit():
            event = stories.set_aside(snapshot, SPACE, int(who[6:]))
            if event is None:
                fail(f"There is no event {who[6:]}.")
            if not event["lead_id"]:
                screens = ruling.screened(snapshot, SPACE, event["id"]) if with_rules else []
                if sight:
                    event, screens = sight.event(event), [veiled(one, sight.strictest) for one in screens]
                _explain_event(event, screens, as_json=as_json)
                return
            who = event["lead_id"]
        lead_id = stories.find_lead(snapshot, SPACE, who, keys_of(who))
        if lead_id is None:
            fail(f"No lead is known by {who}. `leadrelay status` lists the events that were set aside.")
        story = stories.read(snapshot, lead_id)
        life = _life(snapshot, settings, lead_id)
        ruled = ruling.ruled(snapshot, SPACE, story.chapters) if with_rules else {}
    if sight:
        story, ruled = sight.story(story), sight.ruled(story.lead, ruled)
    if as_json:
        told = story.as_dict() | {"lifecycle": life.as_json() if life else None}
        if with_rules:
            told["rules"] = {event: [one.as_dict() for one in rules] for event, rules in ruled.items()}
        print_json(told)
    else:
        _tell(story, life, ruled)


def _life(snapshot: Connection, settings: Settings, lead_id: str) -> LifeSoFar | None:
    """Return where the lead stands by the playbook that counts; ``None`` where that has a problem."""
    playbook = playbook_if_any(settings)
    return life_of(snapshot, lead_id, playbook.lifecycle, SystemClock().now()) if playbook else None


NO_WAIT = ("score",)  # timers that hold nothing up

NEXT_STEPS = {
    "quarantined": "Correct it and send it again: leadrelay replay {0} --set email=ada@example.com",
    "review": "Say whose it is: leadrelay replay {0} --lead new, or --lead LEAD-ID",
    "spam": "If it is none: leadrelay replay {0} --release",
    "dead": "Once the cause is mended: leadrelay replay {0}",
}


PAIR_WORDS = {
    "open": "may be the same person, asked in `leadrelay match review`",
    "filtered": "may be the same person; nobody is asked:",
    "agreed": "was said to be the same person, and is joined in a moment",
    "same": "was said to be the same person",
    "different": "was said to be somebody else",
}


def _tell_pair(pair: Pair, lead_id: str) -> None:
    """Say who may be the same person, with the evidence, and what a person said."""
    why = f"{'' if pair.state == FILTERED else ';'} {pair.why}" if pair.why else ""
    by = f", by {pair.by}" if pair.by else ""
    say(f"lead {pair.beside(lead_id)} {PAIR_WORDS[pair.state]}{why}{by}", hang=2)
    if pair.evidence:
        say(f"  {pair.probability:.1%} likely: {pair.text}", hang=4)


def to_text(value: Any) -> str:
    """Write a posted value on one line."""
    return json.dumps(value, ensure_ascii=False)


def _explain_event(event: dict[str, Any], screens: list[RuleTruth], *, as_json: bool) -> None:
    if as_json:
        print_json(event | ({"rules": [one.as_dict() for one in screens]} if screens else {}))
        return
    number = event["id"]
    console.print(f"event {number} from {event['source']}: {event['state']}", style="bold", markup=False)
    for reason in event["reasons"] or []:
        say(f"  {reason['text']}  [{reason['at'] or reason['handler']}]", hang=4)
    if event["error"]:
        console.print(event["error"].rstrip(), markup=False)
    if event["state"] in NEXT_STEPS and event["cause"]:
        say(f"{event['cause']}: {advice.on(Cause.parse(event['cause']), event['state'])}", hang=2)
    _tell_rules([], screens)
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


def _tell_rules(reasons: list[dict[str, Any]], rules: list[RuleTruth]) -> None:
    """Print each rule with what it asked, and the candidates of each pool."""
    for one in rules:
        for line in one.lines():
            say(f"  {one.handler:<10} {line}", hang=15)
    for reason in reasons:
        for each in reason.get("candidates", ()):
            say(f"  {reason['handler']:<10} {candidate(each)}", hang=15)


def _tell_life(life: LifeSoFar | None) -> None:
    """Say what is in the lead's way, and how long it was where, once it has been in more than one stage."""
    if life is None:
        say("stages: the playbook has a problem; see leadrelay check", hang=2)
        return
    if life.standing is not None:
        for line in life.standing.lines():
            say(line, hang=2)
        for ahead in life.standing.ahead:
            if ahead.judged:
                say(f"for people to judge before {ahead.label}: {'; '.join(ahead.judged)}", hang=2)
        if life.standing.flags:
            say(f"in {life.standing.label} without: {'; '.join(life.standing.flags)}", hang=2, style="yellow")
    for stay in life.stays if len(life.stays) > 1 else ():
        business = "" if stay.business is None else f" ({span(stay.business)} of working hours)"
        number = f", pass {stay.pass_number}" if stay.pass_number > 1 else ""
        still = "for" if stay.until is None else "was there for"
        since = f"since {stay.since:%Y-%m-%d %H:%M}, {still} {span(stay.wall)}"
        say(f"{stay.stage}{number}: {since}{business}", hang=2)


def _tell(story: stories.Story, life: LifeSoFar | None, ruled: dict[int, list[RuleTruth]]) -> None:
    lead = story.lead
    name = " ".join(filter(None, (lead.get("first_name"), lead.get("last_name")))) or "(no name)"
    console.print(f"{name} <{lead.get('email') or lead.get('phone')}>  {lead.id}", style="bold", markup=False)
    owner = lead.owner or "nobody"
    marks = "".join(f", {name} {lead.fields[name]}" for name in ("band", "grade") if lead.fields.get(name))
    console.print(f"stage {lead.stage}, score {lead.score}{marks}, owner {owner}", markup=False)
    if lead.fields.get("icp_reasons"):
        tier = lead.fields.get("icp_tier")
        fits = f"tier {tier}" if tier else "no tier"
        say(f"profile: {fits}, {lead.fields['icp_score']} percent; {lead.fields['icp_reasons']}", hang=2)
    _tell_life(life)
    for label in ("first_touch", "last_touch"):
        touch = lead.fields.get(label) or {}
        shown = ", ".join(f"{key} {value}" for key, value in touch.items() if value)
        say(f"{label.replace('_', ' ')}: {shown or 'unknown'}", hang=2)
    if story.account is not None:
        name = story.account.get("name") or story.account.domain
        say(f"account: {name}, {story.account.domain}  {story.account.id}", hang=2)
    for pair in story.pairs:
        _tell_pair(pair, story.lead.id)
    for deal in story.deals:
        why = f" ({deal.reason})" if deal.reason else ""
        say(f"deal: {deal.get('name') or '(no name)'}, {deal.outcome}{why}  {deal.id}", hang=2)
    for timer in story.timers:
        since = f", since {timer.since:%Y-%m-%d %H:%M}" if timer.kind not in NO_WAIT else ""
        say(f"looked at again at {timer.due_at:%Y-%m-%d %H:%M} UTC: {timer.why}{since}", hang=2)
    version = ""
    for chapter in story.chapters:
        when = f"{chapter.decided_at:%Y-%m-%d %H:%M:%S}"
        number = "" if chapter.event is None else f"event {chapter.event} · "
        head = f"{number}{chapter.kind} from {chapter.source} · {when} · {chapter.state}"
        console.print()
        decided_by = f"{chapter.version} ({chapter.playbook})" if chapter.version else chapter.playbook
        changed = f" · playbook {decided_by}" if decided_by != version else ""
        version = decided_by
        say(f"{head}{changed}", hang=2, style="bold")
        for reason in chapter.reasons:
            at = f"  [{reason['at']}]" if reason["at"] else ""
            say(f"  {reason['handler']:<10} {reason['text']}{at}", hang=13)
        if chapter.event in ruled:
            console.print("  each rule:", style="dim")
            _tell_rules(chapter.reasons, ruled[chapter.event])
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
    tell_asked(story.asked)
    for done in story.engagements:
        by = f" by {done['by']}" if done["by"] else ""
        title = f": {done['title']}" if done["title"] else ""
        what = f"{done['kind'].replace('_', ' ')}{by} in {done['connection']}, {done['standing']}"
        say(f"{what}, {done['at']:%Y-%m-%d %H:%M:%S}{title}", hang=2)
    for one in story.consents:
        text = f", text {one['text_version']}" if one["text_version"] else ""
        counts = "" if one["counts"] else " (older than what stands)"
        at = f"{one['said_at']:%Y-%m-%d %H:%M:%S}"
        say(f"consent {one['purpose']}: {one['act']} by {one['source']} {at}{text}{counts}", hang=2)
    for conflict in story.conflicts:
        say(
            f"conflict on {conflict['field']} with {conflict['connection']}: {conflict['rule']}",
            hang=2,
            style="yellow",
        )

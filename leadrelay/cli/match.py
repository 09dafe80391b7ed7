"""Who may be one person: what evidence weighs, which pairs wait for a word, and the word."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli import answering
from leadrelay.cli.common import (
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
from leadrelay.cli.in_force import say_beside
from leadrelay.cli.masked import Masked, names_of, sight_of
from leadrelay.clock import SystemClock
from leadrelay.doctor.findings import named
from leadrelay.settings import SPACE
from mappings.compile import load
from mappings.matcher.learning import Learned
from mappings.matcher.model import Model
from mappings.matcher.weighing import as_yaml, model_of
from mappings.playbook import Matching, Playbook
from mappings.problems import PlaybookError
from mappings.values.identity import keys_of
from sync import account_questions, remembered, shared_domains
from sync.alike import pairs, teaching
from sync.alike.pairs import DIFFERENT, SAME
from sync.explain import find_lead

app = typer.Typer(help="Leads that may be one person.", no_args_is_help=True)

COLUMNS = ("field", "level", "m", "u", "weight")
MOST = 100_000
NOTHING_KEPT = "none was joined here within the time to undo it"

Who = Annotated[str, typer.Argument(help="A lead: its id or e-mail.")]
WhichAccount = Annotated[str, typer.Argument(help="An account: its id or domain; or none.")]
By = Annotated[str, typer.Option(help="Who says so; kept in the audit.")]


@app.command("learn")
def learn(
    *,
    most: Annotated[int, typer.Option(min=2, help="How many leads at most are looked at.")] = MOST,
    write: Annotated[bool, typer.Option("--write", help="Write them to match_weights.yaml.")] = False,
    as_json: Json = False,
) -> None:
    """Learn from the store's own pairs what evidence weighs; it counts once it is in the playbook."""
    settings = load_settings()
    matching = _matching(settings.playbook)
    say_beside(settings.playbook)
    with reading(settings) as snapshot:
        learned, people = teaching.learn(snapshot, SPACE, matching or Matching(), most)
    model = model_of(matching or Matching()) if learned.why_not else learned.model
    if as_json:
        print_json(_told(learned, model, people))
    else:
        _show(learned, model, people)
    if not write:
        return
    if learned.why_not:
        fail("Nothing was written.")
    if matching is None:
        fail("Nothing was written: the playbook has no matching.yaml, so nobody would be asked.")
    path = settings.playbook / "match_weights.yaml"
    path.write_text(as_yaml(model, f"{SystemClock().now():%Y-%m-%d}"), encoding="utf-8")
    if not as_json:
        console.print(f"Written: {path}", markup=False)


@app.command("review")
def review(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 50,
    masked: Masked = False,
    as_json: Json = False,
) -> None:
    """Show which leads may be one person, the likeliest first, with the evidence."""
    settings = load_settings()
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        found = pairs.open_ones(snapshot, SPACE, limit=limit)
        who = names_of(snapshot, {each for one in found for each in (one.one, one.other)}, sight)
    if as_json:
        print_json([{**one.as_json(), "who": [who.get(one.one), who.get(one.other)]} for one in found])
    elif found:
        rows = [
            (a, who.get(a), b, who.get(b), f"{one.probability:.1%}", one.text, one.why)
            for one in found
            for a, b in [(one.one, one.other)]
        ]
        title = "One person? (leadrelay match same A B, or different A B)"
        table(title, ("lead", "who", "lead", "who", "likely", "evidence, in bits", "note"), rows)
    else:
        console.print("No two leads wait for somebody to say whether they are one person.")


@app.command("same")
def same(a: Who, b: Who, by: By = "", as_json: Json = False) -> None:
    """Say that two leads are one person: they become one lead."""
    _answer(a, b, SAME, by, as_json=as_json)


@app.command("different")
def different(a: Who, b: Who, by: By = "", as_json: Json = False) -> None:
    """Say that two leads are two people: nobody is asked about them again."""
    _answer(a, b, DIFFERENT, by, as_json=as_json)


@app.command("accounts")
def accounts(
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 50,
    masked: Masked = False,
    as_json: Json = False,
) -> None:
    """Show which leads may belong to an account that no domain names, the longest waiting first."""
    settings = load_settings()
    sight = sight_of(settings, masked=masked)
    with reading(settings) as snapshot:
        found = account_questions.open_ones(snapshot, SPACE, limit=limit)
        who = names_of(snapshot, {one.lead for one in found}, sight)
        if sight:
            found = [sight.account(one) for one in found]
    if as_json:
        print_json([one.as_json() for one in found])
    elif found:
        rows = [
            (
                one.lead,
                who.get(one.lead),
                one.company,
                one.account,
                one.name,
                one.domain,
                "" if one.likely is None else f"{one.likely:.1%}: {one.evidence}",
            )
            for one in found
        ]
        title = "Whose? (leadrelay match account LEAD ACCOUNT, or LEAD none)"
        table(title, ("lead", "who", "its company", "account", "name", "domain", "likely"), rows)
    else:
        console.print("No lead waits for somebody to say which account it belongs to.")


@app.command("account")
def account(lead: Who, account: WhichAccount, by: By = "", as_json: Json = False) -> None:
    """Say for ever to which account a lead belongs, or that it is none of those it looks like."""
    settings = load_settings()
    with reading(settings) as snapshot:
        one = _lead(snapshot, lead)
        named = "" if account == "none" else account_questions.find(snapshot, SPACE, account)
    if named is None:
        fail(f"No account is known by {account}.")
    now = SystemClock().now()
    event = account_questions.answer_event(SPACE, one, named, by=by or getpass.getuser(), now=now)
    told = {"lead": one, "account": named or None}
    answering.send(settings, event, said=told, text="Your word is on its way.", as_json=as_json)


@app.command("domains")
def domains(as_json: Json = False) -> None:
    """Show domains that are taken for one company, and whose people name many."""
    settings = load_settings()
    listed = _playbook(settings.playbook).accounts.shared_domains
    with reading(settings) as snapshot:
        found = [one for one in shared_domains.read(snapshot, SPACE) if one.domain not in listed]
    if as_json:
        print_json([one.as_json() for one in found])
    elif found:
        rows = [(one.domain, one.people, len(one.companies), named([*one.companies], 4)) for one in found]
        title = "Many companies each? (if so: shared_domains of accounts.yaml)"
        table(title, ("domain", "people", "companies", "such as"), rows)
    else:
        say("No domain that is taken for one company has people of many.")


@app.command("undo")
def undo(
    lead: Annotated[str, typer.Argument(help="The lead: its id or e-mail, or the id of the one taken in.")],
    *,
    of: Annotated[str, typer.Option(help="Which lead is parted again, where several were taken in.")] = "",
    by: By = "",
    as_json: Json = False,
) -> None:
    """Part two leads again that were joined by mistake: both are as they were, and are never joined again."""
    settings, now = load_settings(), SystemClock().now()
    with reading(settings) as snapshot:
        into = _lead(snapshot, lead)
        found = remembered.undoable(snapshot, into, now)
        absorbed = of or (lead if lead != into and lead.startswith("ld_") else found[0][0] if found else "")
        if not absorbed:
            fail(f"No lead that was taken into {lead} can be parted from it: {NOTHING_KEPT}", WRONG_USAGE)
        memory = remembered.load(snapshot, SPACE, absorbed, now)
    why = memory if isinstance(memory, str) else memory.why_not
    if why:
        fail(f"Not undone: {why}.", WRONG_USAGE)
    event = pairs.undo_event(SPACE, absorbed, by=by or getpass.getuser(), now=now)
    told = {"undone": absorbed, "leads": [into, absorbed]}
    text = (
        f"Your word is on its way: {absorbed} and {into} will be two leads. See: leadrelay explain {absorbed}"
    )
    answering.send(settings, event, said=told, text=text, as_json=as_json)


def _answer(a: str, b: str, said: str, by: str, *, as_json: bool) -> None:
    settings = load_settings()
    with reading(settings) as snapshot:
        one, other = _lead(snapshot, a), _lead(snapshot, b)
    if one == other:
        fail(f"{a} and {b} are one lead already.", WRONG_USAGE)
    now = SystemClock().now()
    event = pairs.answer_event(SPACE, one, other, said, by=by or getpass.getuser(), now=now)
    told = {"answered": said, "leads": [one, other]}
    answering.send(settings, event, said=told, text="Your word is on its way.", as_json=as_json)


def _lead(snapshot: Connection, who: str) -> str:
    found = find_lead(snapshot, SPACE, who, keys_of(who))
    if found is None:
        fail(f"No lead is known by {who}.")
    return found


def _matching(folder: Path) -> Matching | None:
    return _playbook(folder).matching


def _playbook(folder: Path) -> Playbook:
    try:
        return load(folder)
    except PlaybookError as error:
        fail(f"{error}\nWhat the playbook says cannot be told.")


def _told(learned: Learned, model: Model, people: int) -> dict[str, object]:
    return {
        "leads": people,
        "pairs": learned.pairs,
        "matches": round(learned.matches, 1),
        "rounds": learned.rounds,
        "why_not": learned.why_not,
        "version": model.version,
        "prior": model.prior,
        "weights": [dict(zip(COLUMNS, row, strict=True)) for row in model.rows()],
    }


def _show(learned: Learned, model: Model, people: int) -> None:
    rows = [
        (name, level, f"{m:.4f}", f"{u:.4f}", f"{weight:+.2f}") for name, level, m, u, weight in model.rows()
    ]
    table(f"What evidence weighs, in bits (version {model.version})", COLUMNS, rows)
    say(f"{counted(people, 'lead')}, {counted(learned.pairs, 'candidate pair')}.")
    if learned.why_not:
        kept = "shipped weights" if model.pairs == 0 else "weights of match_weights.yaml"
        say(f"Not learned: {learned.why_not}. The {kept} stay, and are shown.")
    else:
        say(f"Learned in {counted(learned.rounds, 'round')}: {learned.matches:.0f} look like one person.")

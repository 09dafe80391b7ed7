"""Every page empty, filled, with hostile values in it, and with the store away."""

from __future__ import annotations

import contextlib
import re
import threading
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from mappings.problems import Problem
from model.event import Event, EventKind
from model.times import to_text
from sync import account_questions, borderline, days, inbox, register, same_deals, status, tables
from sync.lists import Wanted
from sync.reading.engagement_polling import EngagementPoll
from tests.builders import place
from tests.dashboard.house import HOSTILE, Tags, fill, letter_in, number_in, words
from tests.sync.followed import follow, look
from tests.sync.house import HUBSPOT
from tests.sync.stores import rows

EMPTY = {
    "/": "Nothing needs a person now. No lead yet",
    "/leads": "No lead yet",
    "/leads?q=nobody": "No lead matches",
    "/leads?after=2026-01-01T00:00:00.000000Z+x": "That was the last page",
    "/sources": "No post yet",
    "/aside/quarantined": "Nothing here",
    "/aside/review": "Nothing here",
    "/aside/spam": "Nothing here",
    "/aside/dead": "Nothing here",
    "/aside/letters": "No dead letter",
    "/connections": "Leads are written to it",
    "/playbook": "Check: no problem found.",
}
FILLED = {
    "/": "events failed on our own rules",
    "/leads": "Ada Lovelace ada@example.com",
    "/leads?order=score": "Ada Lovelace",
    "/leads?q=love": "Ada Lovelace",
    "/sources": "website",
    "/aside/quarantined": "email is not an e-mail address",
    "/aside/review": "info@example.com",
    "/aside/spam": "website_url",
    "/aside/dead": "a rule stumbles over Bad",
    "/aside/letters": "rejected@example.com INVALID: the CRM will not take it",
    "/connections": "hubspot",
    "/playbook": "rules: []",
}


@contextlib.contextmanager
def _away():
    raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))
    yield


def every_page(desk):
    pages = [*FILLED, "/sign-in"]
    pages += [f"/events/{number_in(desk, state)}" for state in ("quarantined", "review", "spam", "dead")]
    pages += [f"/aside/letters/change/{letter_in(desk)}"]
    pages += [f"/leads/{desk.house.lead_id(who)}" for who in ("ada@example.com", "eve@example.com")]
    return pages


@pytest.mark.parametrize("path", EMPTY)
def test_an_empty_page_says_that_there_is_nothing_and_what_to_do(desk, path):
    page = desk.get(path)
    assert page.status_code == 200
    for part in EMPTY[path].split(". "):
        assert part in words(page.text)


@pytest.mark.parametrize("path", FILLED)
def test_a_filled_page_shows_what_there_is(desk, path):
    fill(desk)
    page = desk.get(path)
    assert page.status_code == 200
    if path == "/":
        assert "1 event failed on our own rules" in words(page.text)
        assert "hubspot: 1 dead letter" in words(page.text)
    else:
        assert FILLED[path] in words(page.text)


def test_the_overview_lists_every_kind_of_question_and_what_is_not_set(desk):
    asked = [
        {"id": n, "space": "main", "kind": kind, "event": n, "lead_id": "ld_1", "detail": {}, "state": "open"}
        | {"doubt": kind, "created_at": desk.house.clock.now()}
        for n, kind in enumerate((borderline.KIND, account_questions.KIND, same_deals.KIND), start=1)
    ]
    desk.house.store.write(lambda on: on.execute(sa.insert(tables.reviews), asked))
    desk.facts["unset"] = ["the source Expo has no secret: its posts are answered 401"]
    page = desk.get("/")
    assert "The source Expo has no secret" in words(page.text)
    for anchor, text in (
        ("borderline", "1 lead waits to be approved or disqualified"),
        ("accounts", "1 lead may belong to an account"),
        ("sales", "1 record may be a deal known here"),
    ):
        assert f'<a href="/reviews#{anchor}">{text}' in page.text


@pytest.mark.parametrize("path", [*EMPTY, "/leads/L1", "/events/1"])
def test_with_the_store_away_a_page_says_so(desk, monkeypatch, path):
    monkeypatch.setattr(desk.daemon.store, "snapshot", _away)
    page = desk.get(path)
    if path == "/playbook":  # its files are not in the store
        assert (page.status_code, "The store cannot be read now" in page.text) == (200, True)
        return
    assert page.status_code == 503
    assert "The store cannot be read now" in page.text
    assert page.headers["Retry-After"] == "5"
    assert "disk I/O" not in page.text


def test_nothing_that_was_posted_becomes_markup(desk):
    fill(desk)
    for path in every_page(desk):
        text = desk.get(path).text
        assert HOSTILE not in text
        found = Tags(text)
        assert all((given.get("src") or "").startswith("/static/") for given in found.of("script")), path
        assert not found.of("img", "svg", "style", "object", "base"), path
        for tag, given in found.tags:
            assert not [name for name in given if name.startswith("on") or name == "style"], (path, tag)
            assert not str(given.get("href", "")).lower().startswith("javascript:")
        assert "{{7*7}}" in text or "49" not in words(text).split(), path


def test_what_was_posted_is_shown_as_it_was(desk):
    fill(desk)
    assert HOSTILE in words(desk.get(f"/events/{number_in(desk, 'dead')}").text).replace("\\", "")


def test_a_leads_page_shows_what_providers_were_asked_and_what_they_said(desk):
    fill(desk)
    lead_id, now = desk.house.lead_id("ada@example.com"), desk.house.clock.now()
    asked = [
        {"id": n, "space": "main", "key": f"k{n}", "provider": provider, "lead_id": lead_id, "event": n}
        | {"asked": f"q{n}", "told": {}, "state": state, "attempts": n, "due_at": now, "raised_at": now}
        | {"settled_at": now, "error": error}
        for n, (provider, state, error) in enumerate(
            [("firmo", "answered", None), ("<b>lookup", "failed", "HTTP 503")], start=1
        )
    ]
    said = Event(
        "provider:firmo",
        "e1",
        EventKind.ENRICHED,
        {"lead_id": lead_id, "asked": "q1", "values": {"hq.country": "DE"}},
        now,
        now,
    )
    desk.house.store.write(lambda on: on.execute(sa.insert(tables.asks), asked))
    inbox.append(desk.house.store, [said])
    page = desk.get(f"/leads/{lead_id}")
    assert "<b>lookup" not in page.text
    text = words(page.text)
    assert "lookup gave no answer: HTTP 503" in text
    assert "2 calls" in text
    assert "firmo answered" in text
    assert "hq.country DE" in text


def test_a_leads_story_has_reasons_with_rules_records_touches_and_conflicts(desk):
    fill(desk)
    page = desk.get(f"/leads/{desk.house.lead_id('ada@example.com')}")
    text = words(page.text)
    assert "Ada Lovelace" in text
    assert "new person: e-mail not known" in text
    assert re.search(r'href="/playbook\?file=scoring.yaml#line-10"', page.text)
    assert 'href="http://127.0.0.1:8901/hubspot/contacts/' in page.text
    assert "No conflict" in text
    assert "event" in text


def test_a_leads_page_shows_what_was_done_with_them_and_never_runs_a_title(desk):
    fill(desk)
    house = desk.house
    follow(house, HUBSPOT, activities={"calls": timedelta(minutes=1)})
    contact = house.lead("ada@example.com").links[HUBSPOT].remote_id
    walk = EngagementPoll(house.crms[HUBSPOT], house.store, house.clock, lambda: house.playbook)
    look(walk)
    now = to_text(house.clock.now())
    call = house.crms[HUBSPOT].log(
        "calls", contact, hs_timestamp=now, hs_call_title=HOSTILE, hubspot_owner_id="o1"
    )
    look(walk, 60)
    house.decide()
    page = desk.get(f"/leads/{house.lead_id('ada@example.com')}")
    text = words(page.text)
    assert HOSTILE in text
    assert HOSTILE not in page.text
    assert "call made" in text
    assert "ann@example.com" in text
    assert "answers the person" in text
    assert "First answered" in text
    assert f'href="http://127.0.0.1:8901/hubspot/calls/{call}"' in page.text


def test_of_a_long_story_the_page_shows_the_newest_and_says_where_the_rest_is(desk, monkeypatch):
    fill(desk)
    lead_id = desk.house.lead_id("ada@example.com")
    monkeypatch.setattr("dashboard.pages.MOST_CHAPTERS", 1)
    text = words(desk.get(f"/leads/{lead_id}").text)
    assert "delivered from" in text
    assert "intake from website" not in text
    assert re.search(rf"\d older: leadrelay explain {lead_id}", text)


def test_the_list_goes_on_where_the_last_page_ended(desk, monkeypatch):
    monkeypatch.setattr("sync.lists.PAGE", 2)
    monkeypatch.setattr("sync.lists.leads_page.__defaults__", (2,))
    for number in range(5):
        desk.house.post(email=f"p{number}@example.com", last_name=f"N{number}")
    desk.house.decide()
    for order in ("created_at", "score"):
        path, seen = f"/leads?order={order}", []
        while path:
            text = desk.get(path).text
            seen += re.findall(r"<bdi>(N\d)</bdi>", text)
            following = re.search(r'href="([^"]+)" rel="next"', text)
            path = following[1].replace("&amp;", "&") if following else ""
        assert sorted(seen) == ["N0", "N1", "N2", "N3", "N4"]


@pytest.mark.parametrize(
    "path",
    [
        "/leads?after=nonsense",
        "/leads?order=score&after=x+y",
        "/leads/none",
        "/events/999999",
        "/events/99999999999999999999",  # more than a database counts to
        "/reconcile/99999999999999999999",
        "/aside/waiting",
        "/aside/spam?before=x",
        "/aside/letters?before=-1",
        "/playbook?file=../../etc/passwd",
    ],
)
def test_what_is_not_there_is_a_page_too(desk, path):
    page = desk.get(path)
    assert page.status_code == 404
    assert "There is nothing at this address" in page.text


def test_a_fault_of_ours_is_a_page_and_a_line_of_the_log_without_its_values(desk, monkeypatch, capsys):
    def fail(_snapshot: object, _space: str, wanted: Wanted) -> None:
        raise RuntimeError(f"cannot find '{wanted.search}'")

    monkeypatch.setattr("sync.lists.leads_page", fail)
    page = desk.get("/leads?q=ada@secret.example")
    assert page.status_code == 500
    assert "http.failed" in page.text
    logged = "".join(capsys.readouterr())  # whichever stream the log goes to
    assert "RuntimeError: cannot find" in logged
    assert "ada@secret.example" not in page.text + logged


def test_the_overview_names_all_that_is_wrong_first(desk):
    desk.facts["playbook_problem"] = "version x keeps running"
    desk.facts["alarms"] = [{"kind": "disk", "subject": "", "text": "4 MB are free", "since": ""}]
    desk.facts["polls"]["salesforce"] = "the token is refused"
    desk.facts["deciding"] = False
    del desk.facts["connections"]["hubspot"]
    desk.checks["workers"] = lambda: "decider has stopped"
    text = words(desk.get("/").text)
    for part in (
        "workers: decider has stopped",
        "disk: 4 MB are free",
        "Playbook: version x keeps running",
        "salesforce: owners cannot be read: the token is refused",
        "hubspot is in the playbook, but not connected",
        "does not decide",
    ):
        assert part in text
    page = desk.get("/").text
    assert page.index('id="look"') < page.index('class="figures"')


def test_a_source_that_has_gone_silent_is_named(desk):
    desk.house.post(email="ada@example.com")
    desk.house.settle()
    assert ">silent</span>" not in desk.get("/sources").text
    desk.house.clock.advance(25 * 3600)
    assert ">silent</span>" in desk.get("/sources").text
    assert "website: no post for 1 d 1 h" in words(desk.get("/").text)


def test_the_playbook_shows_its_versions_with_who_signed_them_off(desk):
    version = register.Version(
        2, "abcdef012345", {}, desk.house.clock.now(), "ada", "apply", "hotter", 1, 1, "", ("Olga", HOSTILE)
    )
    desk.house.store.write(lambda on: register.add(on, "main", version))
    text = desk.get("/playbook").text
    assert "abcdef012345 in force" in words(text)
    assert "Olga, <script>" in words(text)
    assert HOSTILE not in text


def test_a_broken_playbook_shows_each_problem_at_its_line(desk):
    desk.problems.append(
        Problem(place(1, "scoring.yaml"), 'there is no lead field "emial"', "Did you mean email?")
    )
    page = desk.get("/playbook")
    assert "1 problem; the last sound version goes on" in words(page.text)
    assert "Did you mean email?" in words(page.text)
    assert 'href="/playbook?file=scoring.yaml#line-1"' in page.text
    assert '<code id="line-1" class="marked">' in page.text


@pytest.mark.parametrize(
    ("state", "at", "shown"),
    [("quarantined", "email", "ok@example.com"), ("dead", "company", "Good"), ("spam", "first_name", "Sam")],
)
def test_an_event_is_corrected_and_sent_again_from_its_page(desk, state, at, shown):
    fill(desk)
    number = number_in(desk, state)
    values = {"field": at, "value": shown} | ({"release": "1"} if state == "spam" else {})
    answer = desk.send(f"/events/{number}/replay", f"/events/{number}", **values)
    assert (answer.status_code, answer.location) == (303, f"/events/{number}?said=replayed")
    desk.house.settle()
    assert "Nothing here" in words(desk.get(f"/aside/{state}").text)
    assert "replayed" in words(desk.get(f"/events/{number}").text)
    assert shown in words(desk.get("/leads").text) or shown in desk.get("/leads?q=" + shown).text


@pytest.mark.parametrize("whose", ["new", "ada@example.com"])
def test_a_person_says_whose_a_reviewed_post_is(desk, whose):
    fill(desk)
    number = number_in(desk, "review")
    assert desk.send(f"/events/{number}/replay", f"/events/{number}", lead=whose).status_code == 303
    desk.house.settle()
    assert "Nothing here" in words(desk.get("/aside/review").text)
    status = desk.house.status().sources["website"]
    assert (status.review, status.gap) == (0, 0)


@pytest.mark.parametrize(
    ("values", "status", "says"),
    [
        ({"lead": "stranger@example.com"}, 422, "No lead is known by stranger@example.com."),
        ({"field": "emial", "value": "x"}, 422, "There is no field emial to set."),
        *(
            ({"field": name, "value": "1"}, 422, f"There is no field {name} to set.")
            for name in ("account", "first_touch", "last_touch", "owner", "score", "stage")
        ),
    ],
)
def test_a_correction_that_cannot_be_is_refused_in_place(desk, values, status, says):
    fill(desk)
    number = number_in(desk, "review")
    answer = desk.send(f"/events/{number}/replay", f"/events/{number}", **values)
    assert answer.status_code == status
    assert says in words(answer.text)
    assert desk.house.decide() == 0


def test_only_what_a_person_may_set_is_offered(desk):
    fill(desk)
    offered = set(re.findall(r"<option>(\w+)</option>", desk.get(f"/events/{number_in(desk, 'dead')}").text))
    assert {"email", "company"} <= offered
    assert not offered & {"account", "first_touch", "last_touch", "owner", "score", "stage"}


def test_an_event_that_was_settled_is_not_sent_again(desk):
    fill(desk)
    number = number_in(desk, "dead")
    desk.send(f"/events/{number}/replay", f"/events/{number}", field="company", value="Good")
    desk.house.settle()
    answer = desk.send(f"/events/{number}/replay", "/aside/letters")
    assert answer.status_code == 409
    assert "is not set aside: it ended as replayed" in words(answer.text)


def test_who_sent_it_again_is_kept(closed):
    fill(closed)
    closed.sign_in()
    number = number_in(closed, "spam")
    closed.send(f"/events/{number}/replay", f"/events/{number}", release="1")
    newest = rows(closed.daemon.store, tables.inbox_events)[-1]
    assert (newest["kind"], newest["payload"]["event"], newest["payload"]["by"]) == ("replay", number, "ada")


def test_every_page_can_be_read_aloud_and_by_keyboard(desk):
    fill(desk)
    for path in every_page(desk):
        answer = desk.get(path, follow_redirects=True)
        found = Tags(answer.text)
        assert found.of("html")[0]["lang"] == "en"
        assert len(found.of("h1")) == 1, path
        assert found.of("main")[0]["id"] == "main"
        assert any(given.get("href") == "#main" for given in found.of("a"))
        assert not found.bare, (path, found.bare)
        levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1, path
        assert set(levels) <= {1, 2}, path
        ids = [given["id"] for _, given in found.tags if "id" in given]
        assert len(ids) == len(set(ids)), path
        for given in found.of("th"):
            assert given.get("scope") in ("col", "row"), path
        assert re.search(r"<title>[^<]+ · leadrelay</title>", answer.text), path
        for given in found.of("section"):
            assert given.get("aria-labelledby", ids[0]) in ids, path


def test_moments_have_a_zone_and_an_age(desk):
    desk.house.post(email="ada@example.com", last_name="Ada")
    desk.house.decide()
    desk.house.clock.advance(125)
    assert "2026-03-02 12:00:00 UTC 2 min ago" in words(desk.get("/leads").text)


def test_while_figures_are_first_counted_pages_say_so_and_are_whole(desk, monkeypatch):
    fill(desk)
    may_end = threading.Event()

    def slow(count, *given, **named):
        assert may_end.wait(30)
        return count(*given, **named)

    monkeypatch.setattr(status, "totals", partial(slow, status.totals))
    monkeypatch.setattr(days, "read", partial(slow, days.read))
    desk.daemon.patience_seconds = 0.01
    for path in ("/", "/sources", "/connections"):
        page = desk.get(path)
        assert page.status_code == 200
        assert "Being counted" in page.text or path == "/connections"
    may_end.set()
    desk.daemon.patience_seconds = 30
    assert "Being counted" not in desk.get("/").text + desk.get("/sources").text


def test_what_is_written_to_a_crm_is_counted(desk):
    fill(desk)
    assert re.search(r'data-heading="Written" class="n">[1-9]', desk.get("/").text)
    assert re.search(r"<dt>Written</dt><dd>[1-9]", desk.get("/connections").text)


def test_a_connection_that_cannot_be_used_says_why(desk):
    del desk.facts["connections"]["hubspot"]
    desk.facts["unusable"]["hubspot"] = "no key opens its credentials"
    assert "hubspot cannot be used: no key opens its credentials" in words(desk.get("/").text)
    assert "no key opens its credentials" in words(desk.get("/connections").text)


def test_a_connection_says_where_its_day_of_calls_is_heading(desk):
    page = words(desk.get("/connections").text).replace("\u202f", " ")
    assert "Calls of the day 1 200 of 800 expected within 24 hours" in page
    assert "used up at 2026-03-02 15:00:00 UTC" in page

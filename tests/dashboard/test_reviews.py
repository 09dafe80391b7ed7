"""The page of reviews: what waits for a person's word, the word, what became of it; and for programs."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.registry import build
from mappings.playbook import AccountMatch, Accounts, Band, FieldRule, Matching, Review
from sync import proposals, tables
from sync.alike import pairs, walk
from tests.builders import place
from tests.dashboard.house import HOSTILE, words
from tests.sync import test_undoing
from tests.sync.followed import ADA, a_poll, known, look
from tests.sync.house import HUBSPOT, SALESFORCE
from tests.sync.selling import Followed, person, sell, selling, the_deal
from tests.sync.stores import rows
from tests.sync.test_carrying import merged_in_hubspot
from tests.sync.test_deleting import BRAKE, MANY, carry_out, crowd, delete, delete_all, erase, there


def with_merges(desk, how: str) -> None:
    crms = {name: replace(crm, merges=how) for name, crm in desk.house.playbook.crms.items()}
    desk.house.playbook = replace(desk.house.playbook, crms=crms)


@pytest.fixture
def two(desk):
    """Let Ada have two records in Salesforce, since people merged hers in HubSpot; both are mirrored."""
    with_merges(desk, "propose")
    poll = a_poll(desk.house, SALESFORCE)
    look(poll)
    ids = merged_in_hubspot(desk.house)
    look(poll, 60)
    desk.house.settle()
    return ids


def proposed(house):
    with house.store.snapshot() as snapshot:
        [one] = [
            *proposals.open_ones(snapshot, "main", limit=9),
            *proposals.answered(snapshot, "main", limit=9),
        ]
    return one


def answer(desk, said: str, number: int | None = None):
    return desk.send(f"/reviews/{number or proposed(desk.house).id}", "/reviews", answer=said)


def test_nothing_waits_and_nothing_was_answered(desk):
    page = words(desk.get("/reviews").text)
    assert "Nothing waits" in page
    assert "Nothing was answered" in page


def test_both_records_stand_side_by_side_and_lead_to_the_person_and_to_the_crm(desk, two):
    ada, bo = two
    text = desk.get("/reviews").text
    page = words(text)
    for part in ("Two records of ada@example.com in salesforce", "merged in hubspot", "bo@example.org"):
        assert part in page
    for record in (ada[SALESFORCE], bo[SALESFORCE]):
        assert f'href="http://127.0.0.1:8901/salesforce/Lead/{record}"' in text
    assert "1 record could be merged or deleted as in another CRM" in words(desk.get("/").text)
    lead = words(desk.get(f"/leads/{desk.house.lead_id(ADA)}").text)
    assert "waits for your word" in lead


def test_records_are_told_apart_by_what_people_know_of_them_not_by_ids(desk, two):
    _, bo = two
    desk.house.crms[SALESFORCE].edit(bo[SALESFORCE], owner="o2")
    look(a_poll(desk.house, SALESFORCE), 60)
    with desk.house.store.snapshot() as snapshot:
        maps = desk.house.playbook.crms[SALESFORCE].objects
        sides = {one.name: one for one in proposals.sides(snapshot, "main", proposed(desk.house), maps)}
    assert sides["owner"].lost == "bo@example.com"
    assert "lead_id" not in sides
    assert "lead_id" not in words(desk.get("/reviews").text)


def test_agreed_it_is_done_and_the_page_says_so(desk, two):
    said = answer(desk, "agree")
    assert (said.status_code, said.location) == (303, "/reviews?said=agreed")
    desk.house.decide()
    assert "on its way" in words(desk.get("/reviews").text)
    carry_out(desk.house)
    page = words(desk.get("/reviews?said=agreed").text)
    assert "agreed by (sandbox)" in page
    assert f"done: they are Lead {two[0][SALESFORCE]} now" in page
    assert "Nothing waits" in page


def test_refused_both_stay(desk, two):
    answer(desk, "refuse")
    carry_out(desk.house)
    assert "it stays as it is" in words(desk.get("/reviews").text)
    assert desk.house.crms[SALESFORCE].merged == {}


def test_what_the_crm_said_of_it_is_shown(desk, two):
    answer(desk, "agree")
    desk.house.decide()
    desk.house.crms[SALESFORCE].next("merge", rejects="MERGE_FAILED: the user may not")
    carry_out(desk.house)
    assert "given up: MERGE_FAILED: the user may not" in words(desk.get("/reviews").text)


@pytest.mark.parametrize("trouble", ["off", "observed", "not connected"])
def test_where_leadrelay_does_not_merge_nobody_can_agree_and_the_page_says_why(desk, two, trouble):
    if trouble == "off":
        with_merges(desk, "off")
    elif trouble == "observed":
        desk.facts["connections"][SALESFORCE]["mode"] = "observe"
    else:
        del desk.facts["connections"][SALESFORCE]
    text = desk.get("/reviews").text
    assert "leadrelay does not do it" in words(text)
    assert 'value="agree"' not in text
    said = answer(desk, "agree")
    assert said.status_code == 422
    assert trouble in words(said.text)


def test_a_word_on_what_is_settled_or_was_never_there(desk, two):
    key = desk.get("/reviews").text.split('name="csrf" value="')[1].split('"')[0]
    answer(desk, "refuse")
    desk.house.decide()
    form = {"csrf": key, "answer": "agree"}
    late = desk.client.post(f"/reviews/{proposed(desk.house).id}", data=form)
    assert late.status_code == 409
    assert "it is settled already (refused)" in words(late.text)
    assert desk.client.post("/reviews/999", data=form).status_code == 404
    assert desk.client.post("/reviews/1", data=form | {"answer": "perhaps"}).status_code == 404


def test_what_waits_is_paged(desk, two, monkeypatch):
    monkeypatch.setattr("dashboard.reviews.PAGE", 1)
    [row] = rows(desk.house.store, tables.proposals)
    second = {name: value for name, value in row.items() if name != "id"} | {"record": "s99"}
    desk.house.store.write(lambda on: on.execute(tables.proposals.insert(), second))
    first = desk.get("/reviews").text
    path = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert "s99" in desk.get(path).text
    assert desk.get("/reviews?after=x").status_code == 404


def test_values_are_shown_as_they_are_and_run_nothing(desk, two):
    crm = desk.house.crms[SALESFORCE]
    crm.edit(two[1][SALESFORCE], title=HOSTILE)
    look(a_poll(desk.house, SALESFORCE), 60)
    page = desk.get("/reviews").text
    assert "<script>alert" not in page
    assert "{{7*7}}" in page


def test_programs_read_the_same(desk, two):
    [waiting] = desk.ask("/api/v1/reviews").json["waiting"]
    assert (waiting["kind"], waiting["record"], waiting["name"]) == ("merge", two[1][SALESFORCE], ADA)
    answer(desk, "refuse")
    desk.house.decide()
    told = desk.ask("/api/v1/reviews").json
    assert (told["waiting"], [one["state"] for one in told["answered"]]) == ([], [proposals.REFUSED])


# Deletions


def with_policy(desk, policy: str, **given) -> None:
    crms = {name: replace(crm, on_delete=policy, **given) for name, crm in desk.house.playbook.crms.items()}
    desk.house.playbook = replace(desk.house.playbook, crms=crms)


def test_a_record_that_could_be_deleted_too_is_shown_and_goes_on_agreement(desk):
    with_policy(desk, "propose")
    ids = known(desk.house)
    delete(desk.house)
    page = words(desk.get("/reviews").text)
    for part in (
        "The record of ada@example.com in salesforce",
        "deleted in hubspot",
        "It goes to the recycle",
    ):
        assert part in page
    answer(desk, "agree")
    carry_out(desk.house)
    assert desk.house.crms[SALESFORCE].records[ids[SALESFORCE]].archived
    assert "was deleted" in words(desk.get("/reviews").text)


def test_who_was_erased_is_forgotten_on_agreement_and_the_pages_go_on(desk):
    known(desk.house)
    erase(desk.house)
    assert "Everything leadrelay knows of ada@example.com" in words(desk.get("/reviews").text)
    answer(desk, "agree")
    desk.house.settle()
    page = words(desk.get("/reviews").text)
    assert "The record of somebody who is no lead here any more in salesforce" in page
    assert ADA not in page
    answer(desk, "refuse")
    desk.house.settle()
    assert "it stays as it is" in words(desk.get("/reviews").text)


@pytest.fixture
def many(desk):
    """Let more people be deleted in Salesforce at once than its brake lets through."""
    with_policy(desk, "delete", delete_brake=BRAKE)
    crowd(desk.house)
    delete_all(desk.house, MANY[:7])
    return desk


def release(desk, said: str, last: str = "7", name: str = SALESFORCE):
    return desk.send(f"/reviews/deletions/{name}", "/reviews", answer=said, last=last)


def test_many_deletions_at_once_are_held_and_the_first_page_says_so(many):
    page = words(many.get("/reviews").text)
    assert "7 people were deleted in salesforce, more than usual" in page
    assert "p0@example.com" in page
    assert "salesforce : 7 deletions at once" in words(many.get("/").text).replace(":", " :").replace(
        "  ", " "
    )
    [told] = many.ask("/api/v1/reviews").json["deletions"]
    assert (told["connection"], told["records"], len(told["people"])) == (SALESFORCE, 7, 7)


def test_released_what_the_map_says_follows(many):
    said = release(many, "release")
    assert (said.status_code, said.location) == (303, "/reviews?said=released")
    carry_out(many.house)
    assert there(many.house, HUBSPOT) == 2
    assert "Deletions held back" not in words(many.get("/reviews").text)


def test_dismissed_nothing_follows(many):
    assert release(many, "dismiss").location == "/reviews?said=dismissed"
    carry_out(many.house)
    assert there(many.house, HUBSPOT) == 9


def test_a_word_reaches_as_far_as_the_page_that_it_was_said_on(many):
    release(many, "release", last="3")
    many.house.settle()
    assert many.ask("/api/v1/reviews").json["deletions"][0]["records"] == 4
    assert release(many, "release", name=HUBSPOT).status_code == 409
    assert release(many, "perhaps").status_code == 404
    assert release(many, "release", last="x").status_code == 404


@pytest.fixture
def sold(desk):
    """Let Salesforce have a deal of the name of one that HubSpot lost last year."""
    house = desk.house
    house.playbook = selling(creates_deals=False)
    ids = person(house)
    sell(house, HUBSPOT, ids[HUBSPOT], name="Renewal", stage="lost", close_date="2025-03-31")
    followed = Followed(house)
    sell(house, SALESFORCE, ids[SALESFORCE], name="Renewal")
    followed.look()
    [row] = rows(house.store, tables.reviews)
    return row["id"]


def test_which_deal_a_record_is_is_said_on_the_page_and_done(desk, sold):
    assert "1 record may be a deal known here" in words(desk.get("/").text)
    page = desk.get("/reviews").text
    assert "Which deal is it?" in words(page)
    assert f'href="/deals/{the_deal(desk.house).id}"' in page
    [told] = desk.ask("/api/v1/reviews").get_json()["deals"]
    assert told["answers"] == [f"same {the_deal(desk.house).id}", "another", "leave"]
    said = desk.send(f"/reviews/deals/{sold}", "/reviews", answer=f"same {the_deal(desk.house).id}")
    assert (said.status_code, said.location) == (303, "/reviews?said=agreed")
    desk.house.settle()
    assert sorted(the_deal(desk.house).links) == [HUBSPOT, SALESFORCE]
    assert "Which deal is it?" not in words(desk.get("/reviews?said=agreed").text)


def test_a_word_on_a_deal_that_cannot_be_given_is_refused(desk, sold):
    key = desk.get("/reviews").text.split('name="csrf" value="')[1].split('"')[0]
    path = f"/reviews/deals/{sold}"
    for said, status in (("perhaps", 404), ("same de_nobody", 422), ("leave", 303)):
        assert desk.client.post(path, data={"csrf": key, "answer": said}).status_code == status
    desk.house.settle()
    assert desk.client.post(path, data={"csrf": key, "answer": "another"}).status_code == 409


def test_what_people_call_a_deal_is_shown_as_text(desk, sold):
    house = desk.house
    [record] = [one for one, kept in house.crms[SALESFORCE].records.items() if kept.object == "Opportunity"]
    house.crms[SALESFORCE].edit(record, name=HOSTILE)
    look(a_poll(house, SALESFORCE), 60)
    house.decide()
    page = desk.get("/reviews").text
    assert "<script>alert(1)" not in page


@pytest.fixture
def alike(desk):
    """Let two leads be so alike that somebody is asked whether they are one person."""
    house = desk.house
    for address, last in (("eva.stone@one.example", "Stone"), ("eva.stone@gmail.com", "Stona")):
        house.post(email=address, first_name="Eva", last_name=last, country="GB", company="<b>Stone & Co</b>")
        house.settle()
    while walk.step(house.store, "main", Matching(review=0.9), house.clock.now()):
        pass
    with house.store.snapshot() as snapshot:
        [pair] = pairs.open_ones(snapshot, "main", limit=9)
    return pair


def test_two_who_may_be_one_person_stand_side_by_side_with_the_evidence(desk, alike):
    text = desk.get("/reviews").text
    page = words(text)
    for part in ("likely one person", "last_name close", "eva.stone@one.example", "They are two people"):
        assert part in page
    assert "<b>Stone" not in text


def test_a_word_on_two_people_is_decided_and_they_are_asked_of_no_more(desk, alike):
    path = f"/reviews/people/{alike.one}/{alike.other}"
    assert desk.send(path, "/reviews", answer="perhaps").status_code == 404
    assert desk.send(path, "/reviews", answer="same").status_code == 303
    desk.house.settle()
    assert "likely one person" not in words(desk.get("/reviews").text)
    [left] = [row for row in rows(desk.house.store, tables.leads) if row["id"] in (alike.one, alike.other)]
    assert left["email"].startswith("eva.stone@")
    assert desk.send(path, "/reviews", answer="same").status_code == 409


def test_two_who_were_joined_are_parted_on_the_page_of_the_lead(desk, alike):
    desk.send(f"/reviews/people/{alike.one}/{alike.other}", "/reviews", answer="same")
    desk.house.settle()
    ids = {alike.one, alike.other}
    [left] = ids & {row["id"] for row in rows(desk.house.store, tables.leads)}
    [gone] = ids - {left}
    assert gone in words(desk.get(f"/leads/{left}").text)
    assert desk.send(f"/reviews/joined/{left}/ld_x", f"/leads/{left}").status_code == 409
    assert desk.send(f"/reviews/joined/{left}/{gone}", f"/leads/{left}").status_code == 303
    desk.house.settle()
    assert ids <= {row["id"] for row in rows(desk.house.store, tables.leads)}
    assert "undo" not in words(desk.get(f"/leads/{left}").text)


def test_of_two_of_whom_nobody_is_asked_no_word_is_taken(desk, alike):
    assert desk.send(f"/reviews/people/{alike.one}/ld_x", "/reviews", answer="same").status_code == 409


@pytest.fixture
def warm(desk):
    """Let a lead be in the band under review; return its id."""
    house, playbook = desk.house, desk.house.playbook
    review = Review("warm", "sal", "disqualified", "message", ("No budget",), place(2, "lifecycle.yaml"))
    bands = (Band("warm", 0, 0, timedelta(), place(1, "scoring.yaml")),)
    website = playbook.sources["website"]
    budget = FieldRule("budget", ("budget",), (), place(9))
    house.playbook = replace(
        playbook,
        sources={"website": replace(website, fields=(*website.fields, budget))},
        fields={**playbook.fields, "budget": str},
        lifecycle=replace(playbook.lifecycle, review=review),
        scoring=replace(playbook.scoring, bands=bands),
    )
    house.handlers = build(house.playbook)
    house.post(email="warm@one.example", last_name=HOSTILE, budget="Five figures")
    house.settle()
    return house.lead_id("warm@one.example")


def test_a_borderline_lead_shows_what_helps_to_decide(desk, warm):
    text = desk.get("/reviews").text
    page = words(text)
    for part in (
        "Approve or disqualify",
        "warm@one.example",
        "Your fields budget Five figures",
        "Company one.example",
        "Deals none",
        "Did ",
        "May be one person with",
        "Approve: sal",
        "No budget",
    ):
        assert part in page
    assert "<script>alert(1)" not in text


def test_an_approved_lead_moves_and_waits_no_more(desk, warm):
    assert desk.send(f"/reviews/leads/{warm}", "/reviews", answer="approve").status_code == 303
    desk.house.settle()
    assert desk.house.lead("warm@one.example").stage == "sal"
    assert "Approve or disqualify" not in words(desk.get("/reviews").text)
    desk.house.post(email="other@one.example")
    desk.house.settle()
    assert desk.send(f"/reviews/leads/{warm}", "/reviews", answer="approve").status_code == 409


@pytest.mark.parametrize(
    ("reason", "code", "stage"), [("", 409, ""), ("Bored", 409, ""), ("No budget", 303, "disqualified")]
)
def test_nobody_is_disqualified_from_the_page_without_a_listed_reason(desk, warm, reason, code, stage):
    before = desk.house.lead("warm@one.example").stage
    answer = desk.send(f"/reviews/leads/{warm}", "/reviews", answer="disqualify", reason=reason)
    assert answer.status_code == code
    desk.house.settle()
    assert desk.house.lead("warm@one.example").stage == (stage if code == 303 else before)


def test_of_nobody_and_of_another_word_no_verdict_is_taken(desk, warm):
    assert desk.send("/reviews/leads/ld_x", "/reviews", answer="approve").status_code == 404
    assert desk.send(f"/reviews/leads/{warm}", "/reviews", answer="perhaps").status_code == 404


@pytest.fixture
def whose(desk):
    """Let a lead look like one of an account that is known, with too little evidence to be sure."""
    house = desk.house
    match = AccountMatch(0.99, 0.8, (), ("oldest",), "domain", place(3))
    house.playbook = replace(house.playbook, accounts=Accounts(match=match))
    house.handlers = build(house.playbook)
    company = {"company": "<b>Stone</b> Ltd", "country": "GB"}
    for address in ("eva@stone.example", "eve@gmail.com"):
        house.post(email=address, **company)
        house.decide()
    return house.lead_id("eve@gmail.com")


def test_a_lead_is_asked_for_with_the_accounts_it_may_belong_to_and_the_word_is_taken(desk, whose):
    text = desk.get("/reviews").text
    assert "<b>Stone" not in text
    assert "Which account?" in text
    assert re.search(r"\d\d\.\d % likely .*same \+", words(text))
    [stone] = rows(desk.house.store, tables.accounts)
    path = f"/reviews/accounts/{whose}"
    assert desk.send(path, "/reviews", answer="ac_other").status_code == 404
    assert desk.send(path, "/reviews", answer=stone["id"]).status_code == 303
    desk.house.settle()
    [lead] = [row for row in rows(desk.house.store, tables.leads) if row["id"] == whose]
    assert lead["account_id"] == stone["id"]
    assert "Which account?" not in desk.get("/reviews").text


@pytest.fixture
def taken_back(desk):
    """Ask a person of four people's records in HubSpot: a file of them was taken back; all are mirrored."""
    lines = "\n".join(f"p{number}@acme.com,CEO" for number in range(4))
    test_undoing.take_in(desk.house, f"email,job_title\n{lines}\n".encode())
    look(a_poll(desk.house, HUBSPOT), 60)
    test_undoing.undo(desk.house)
    return [one for one in waiting(desk) if one.connection == HUBSPOT]


def waiting(desk):
    with desk.house.store.snapshot() as snapshot:
        return proposals.open_ones(snapshot, "main", limit=99)


def test_many_deletions_for_one_reason_are_one_question_with_its_records(desk, taken_back):
    first, *_ = taken_back
    text = desk.get("/reviews").text
    page = words(text)
    assert "4 records in hubspot could be deleted" in page
    assert "import b1 was taken back" in page
    assert all(f"http://127.0.0.1:8901/hubspot/contacts/{one.record}" in text for one in taken_back)
    assert all(f"of p{number}@acme.com" in page for number in range(4))
    assert f"review-{first.id}" not in text
    singly = desk.get(f"/reviews?singly={first.id}").text
    assert all(f'id="review-{one.id}"' in singly for one in taken_back)
    assert "The record of p0@acme.com (no lead here any more) in hubspot" in words(singly)


def test_one_word_answers_those_that_were_shown_and_no_others(desk, taken_back):
    first, *_, last = taken_back
    shown = str(taken_back[-2].id)
    said = desk.send(f"/reviews/{first.id}/alike", "/reviews", answer="agree", last=shown)
    assert (said.status_code, said.location) == (303, "/reviews?said=agreed")
    carry_out(desk.house)
    assert [one.id for one in waiting(desk) if one.connection == HUBSPOT] == [last.id]
    with desk.house.store.snapshot() as snapshot:
        assert [one.name for one in proposals.answered(snapshot, "main", limit=9)] == [
            ""
        ] * 3  # nobody is asked
    assert sum(one.archived for one in desk.house.crms[HUBSPOT].records.values()) == 3
    again = desk.send(f"/reviews/{first.id}/alike", "/reviews", answer="agree", last=shown)
    assert again.status_code == 409


def test_a_merge_is_no_part_of_many(desk, two):
    number = proposed(desk.house).id
    assert desk.send(f"/reviews/{number}/alike", "/reviews", answer="agree", last="9").status_code == 404

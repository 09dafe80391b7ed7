"""`consent`: how somebody's purposes stand, whom the gates keep something back of, words noted by hand."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from leadrelay.clock import SystemClock
from model.event import EventKind
from sync import leads, tables
from sync.database import open_store
from tests.builders import a_lead

ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def consent(empty_store, leadrelay, playbook):
    """Run the command on a store with two leads, of whom Ada objected to calls."""
    store, now = open_store(empty_store), SystemClock().now()
    some = [
        a_lead("ld_1", email=ADA, country="DE", consent_email=True, version=0),
        a_lead("ld_2", email=BOB, country="US", version=0),
    ]
    some[0].fields["consent_sales_call"] = False
    store.write(lambda on: leads.save(on, some, {}, now))
    row = {"space": "main", "lead_id": "ld_1", "event": 1, "at": now, "said_at": now, "by": "eva"}
    said = {"purpose": "sales_call", "act": "withdrawn", "source": "person", "text_version": "1"}
    entry = row | said | {"basis": "legitimate_interest", "counts": True}
    store.write(lambda on: on.execute(sa.insert(tables.consents), entry))
    store.close()
    environ = {"LEADRELAY_DATABASE_URL": empty_store, "LEADRELAY_PLAYBOOK": str(playbook)}
    return lambda *words: leadrelay("consent", *words, **environ)


def test_how_each_purpose_stands_is_shown_with_what_is_kept_back_and_why(consent):
    told = json.loads(consent("show", "ld_1", "--json").out)
    assert {one["purpose"]: one["stands"] for one in told["purposes"]} == {"email": "yes", "sales_call": "no"}
    assert [(one["act"], one["why"]) for one in told["shut"]] == [
        ("task", "blocked: consent withdrawn for sales_call")
    ]
    page = consent("show", ADA)
    assert page.code == 0
    assert "task blocked: consent withdrawn for sales_call" in page.out
    assert "person by eva" in page.out


def test_the_impact_lists_whom_the_gates_keep_something_back_of(consent):
    told = json.loads(consent("impact", "--json").out)
    assert (told["leads"], told["acts"], [one["lead_id"] for one in told["listed"]]) == (
        1, {"task": 1}, ["ld_1"],
    )  # fmt: skip
    page = consent("impact", "--on", "2026-12-31")
    assert (page.code, "1 lead (task 1)." in page.out, ADA in page.out) == (0, True, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "nobody@example.com"), 1, "There is no such lead."),
        (
            ("grant", ADA, "calls"),
            2,
            'There is no purpose "calls" in consent.yaml; there is email, sales_call.',
        ),
        (("impact", "--on", "soon"), 2, '--on: "soon" is no day'),
    ],
)
def test_what_cannot_be_used_is_told(consent, words, code, says):
    answer = consent(*words)
    assert (answer.code, says in answer.err) == (code, True)


def test_a_word_noted_by_hand_is_an_event_with_who_noted_it(consent, empty_store):
    answer = consent("withdraw", BOB, "email", "--by", "eva", "--note", "by phone")
    assert answer.code == 0, answer.err
    store = open_store(empty_store)
    with store.snapshot() as snapshot:
        e = tables.inbox_events.c
        [payload] = snapshot.execute(sa.select(e.payload).where(e.kind == str(EventKind.CONSENT))).scalars()
    store.close()
    assert payload == {
        "lead_id": "ld_2", "purpose": "email", "act": "withdrawn", "by": "eva", "note": "by phone",
    }  # fmt: skip


@pytest.mark.parametrize(("who", "is_told"), [(ADA, True), (BOB, False)])
def test_a_yes_by_phone_that_a_gate_does_not_take_is_told(consent, playbook, who, is_told):
    rules, crm = playbook / "consent.yaml", playbook / "crm" / "hubspot.yaml"
    gate = "gates:\n  - {act: notify, needs: email, double_opt_in: true, regions: [EU]}\n"
    rules.write_text(rules.read_text(encoding="utf-8").replace("gates:\n", gate), encoding="utf-8")
    line = (
        "      doi: {field: consent_email_confirmed, authority: newest, direction: from_crm}\n      email: "
    )
    text = crm.read_text(encoding="utf-8").replace("      email: ", line, 1)
    crm.write_text(text, encoding="utf-8")
    answer = consent("grant", who, "email", "--note", "by phone")
    assert answer.code == 0, answer.err
    said = " ".join(answer.out.split())
    assert ("notify stays kept back: it needs a yes that the person's mailbox confirmed" in said) is is_told

"""Invented records are the same for a seed, full of real noise, and such as the vendors would take."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox import hubspot, salesforce
from sandbox.app import vendor_of
from sandbox.clock import Clock
from sandbox.crowd import Crowd
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.writes import Writer
from sandbox.server import Server, running, serve
from tests.sandbox.toy import toy_app

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PEOPLE = 2_000


def seeded(vendor, people=PEOPLE, seed=7):
    clock = Clock()
    clock.set(NOON, frozen=True)
    account = vendor_of(vendor.create_app(clock))
    account.seed(account.shares_of(people), seed)
    return account


@pytest.fixture(scope="module")
def account():
    return seeded(hubspot)


@pytest.fixture(scope="module")
def org():
    return seeded(salesforce)


def told(vendor):
    return {name: [dict(row.values) for row in vendor.tables[name].after()] for name in vendor.seeds}


@pytest.mark.parametrize("vendor", [hubspot, salesforce])
def test_a_seed_is_always_the_same_and_another_is_not(vendor):
    first = told(seeded(vendor, 300))
    assert first == told(seeded(vendor, 300))
    assert first != told(seeded(vendor, 300, seed=8))


def test_the_nth_person_is_the_same_in_a_larger_crowd_and_at_both_vendors(account, org):
    few, many = Crowd(7, 50), Crowd(7, 50)
    assert [few.person(n) for n in range(30)] == [many.person(n) for n in range(5_000)][:30]
    leads = [row["Email"].strip().lower() for row in told(org)["Lead"][:200] if "Email" in row]
    contacts = {row.get("email") for row in told(account)["contacts"][:200]}
    assert sum(email in contacts for email in leads) > 0.9 * len(leads)


def test_hubspot_itself_would_take_every_value(account):
    for name in account.seeds:
        objects = account.objects[name]
        for record in objects.table.after():
            sent = {
                field: value for field, value in record.values.items()
                if not objects.definitions.get(field)["modificationMetadata"]["readOnlyValue"]
            }  # fmt: skip
            values, problems = objects.sort_out(sent)
            assert problems == []
            assert {field: values[field] for field in sent} == sent
            assert objects.incomplete(values, ()) is None


def test_salesforce_itself_would_take_every_value_and_derive_the_same(org):
    never = {
        "Id",
        "OwnerId",
        "CompletedDateTime",
        "CreatedDate",
        "PhotoUrl",
        "LastModifiedDate",
        "SystemModstamp",
    }
    for name in org.seeds:
        kind = org.kind(name)
        for record in list(org.rows(name).after())[:150]:
            sent = {
                field: value for field, value in record.values.items()
                if kind.by_exact_name[field].createable
            }  # fmt: skip
            journal = Journal()
            made = Writer(org, journal, org.user_id, assign=False).create(kind, sent)
            same = {field: value for field, value in made.values.items() if field not in never}
            assert same == {field: value for field, value in record.values.items() if field not in never}
            journal.roll_back()


def test_the_noise_of_real_data_is_there(account, org):
    contacts, leads = told(account)["contacts"], told(org)["Lead"]
    mails = Counter(row["Email"].strip().lower() for row in leads if "Email" in row)
    assert sum(count > 1 for count in mails.values()) > 5, "the same address, now and then in capitals"
    assert any(row.get("Email", "").lower() != row.get("Email", "") for row in leads)
    assert sum("+" in row.get("email", "") for row in contacts) > 10
    phones = Counter(row["phone"] for row in contacts if "phone" in row)
    assert sum(count > 1 for count in phones.values()) > 20, "switchboards"
    for field, least in (
        ("email", 0.03),
        ("phone", 0.2),
        ("jobtitle", 0.1),
        ("company", 0.05),
        ("firstname", 0.01),
    ):
        assert sum(field not in row for row in contacts) > least * len(contacts), field
    assert sum(not row["lastname"].isascii() for row in contacts) > 0.1 * len(contacts)
    assert sum(row.get("phone", "").startswith("+") for row in contacts) > 0.2 * len(contacts)
    assert any(row["lastname"] != row["lastname"].strip() for row in contacts)


def test_every_address_leads_nowhere(account, org):
    for row in [*told(account)["contacts"], *told(org)["Lead"], *told(org)["Contact"]]:
        mail = row.get("email") or row.get("Email")
        assert mail is None or mail.strip().lower().endswith(".example")


def test_owners_are_spread_and_active(account, org):
    owners = Counter(row.get("hubspot_owner_id") for row in told(account)["contacts"])
    assert len(owners) == 9, "eight teammates, and nobody"
    assert min(owners.values()) > PEOPLE / 9 / 3
    assert all(account.owner(owner) for owner in owners if owner)
    holders = Counter(row["OwnerId"] for row in told(org)["Lead"])
    assert org.queue_id in holders
    assert len(holders) == 9


def test_companies_hold_their_people(account, org):
    links, contacts = account.links, [row.id for row in account.tables["contacts"].after()]
    employed = [links.of(("contacts", one), "companies") for one in contacts]
    assert 0.75 < sum(bool(one) for one in employed) / len(contacts) < 0.95
    assert all(len(specs) == 2 for one in employed for specs in one.values()), "unlabelled and primary"
    accounts = {row["Id"] for row in told(org)["Account"]}
    held = [row["AccountId"] for row in told(org)["Contact"] if "AccountId" in row]
    assert len(held) > 0.8 * PEOPLE * 0.4
    assert set(held) <= accounts
    assert any(row.get("AccountId") for row in told(org)["Task"])


def test_people_alone_still_work_somewhere():
    contacts, leads = vendor_of(hubspot.create_app()), vendor_of(salesforce.create_app())
    contacts.seed({"contacts": 200}, 1)
    leads.seed({"Lead": 200}, 1)
    assert sum("company" in row.values for row in contacts.tables["contacts"].after()) > 150
    assert len({row.values["Company"] for row in leads.tables["Lead"].after()}) > 10


def test_hubspot_keeps_each_address_once_however_often_it_is_seeded():
    account = vendor_of(hubspot.create_app())
    for _ in range(3):
        account.seed({"contacts": 100}, 1)
    mails = [row.values["email"] for row in account.tables["contacts"].after() if "email" in row.values]
    assert len(mails) == len(set(mails)) > 270


def test_days_are_spread_over_the_past_years_by_the_clock(account, org):
    days = [row.created_at for row in account.tables["contacts"].after()]
    assert days == sorted(days)
    assert NOON - timedelta(days=4 * 365) < days[0] < NOON - timedelta(days=3 * 365)
    assert NOON - timedelta(days=14) < days[-1] < NOON
    leads = list(org.rows("Lead").after())
    assert all(row.created_at <= row.updated_at <= NOON for row in leads)
    stamps = [row.values["SystemModstamp"] for row in org.rows("Lead").changed_from("2026-01-01")]
    assert stamps == sorted(stamps)
    assert len(stamps) > 100


def test_they_came_with_the_account_and_nobody_is_told(account, org):
    assert account.history.writes == []
    assert org.history.writes == []


@pytest.mark.parametrize(("vendor", "counts", "people"), [
    (hubspot, {"contacts": 300, "companies": 20, "seed": 7}, "contacts"),
    (salesforce, {"Lead": 200, "Contact": 100, "Account": 20, "seed": 7}, "Lead"),
])  # fmt: skip
def test_over_http_and_beside_other_records(vendor, counts, people):
    with running(vendor.create_app()) as url:
        made = requests.post(f"{url}/__sandbox/seed", json=counts, timeout=20)
        assert made.status_code == 201
        assert made.json()["made"] == {name: count for name, count in counts.items() if name != "seed"}
        more = requests.post(f"{url}/__sandbox/seed", json={"people": 100}, timeout=20).json()["made"]
        total = requests.get(f"{url}/__sandbox/stats", timeout=60).json()["records"]
        assert total[people] == counts[people] + more[people]
        assert requests.get(f"{url}/browse/{people}", timeout=60).status_code == 200


@pytest.mark.parametrize(("body", "told"), [
    ({"spoons": 5}, "spoons cannot be seeded"),
    ({"contacts": -1}, "a whole number, 0 or more, is needed"),
    ({"contacts": "5"}, "contacts: a whole number"),
    ({"contacts": 1, "seed": "x"}, "seed: a whole number"),
])  # fmt: skip
def test_what_cannot_be_seeded_is_refused_by_name(body, told):
    with running(hubspot.create_app()) as url:
        refused = requests.post(f"{url}/__sandbox/seed", json=body, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_argument")
        assert told in refused.json()["message"]
        assert requests.get(f"{url}/__sandbox/stats", timeout=60).json()["records"]["contacts"] == 0


def test_a_vendor_without_seeds_says_so():
    with running(toy_app()) as url:
        refused = requests.post(f"{url}/__sandbox/seed", json={"things": 1}, timeout=60)
        assert "things cannot be seeded" in refused.json()["message"]


def test_a_start_fills_the_accounts_before_it_answers_or_saves(tmp_path):
    """A kill in the middle of it leaves nothing that the next start would take for a filled account."""
    seen: list[tuple[str, bool]] = []

    def fill(name: str, server: Server) -> None:
        with pytest.raises(requests.Timeout):  # it waits for its turn
            requests.get(f"{server.url}/__sandbox/stats", timeout=0.2)
        vendor_of(server.app).seed({"contacts": 20} if name == "hubspot" else {"Lead": 20}, 1)
        seen.append((name, any(tmp_path.glob("*.account"))))

    servers = serve(on={"hubspot": 0, "salesforce": 0}, tls_on={}, folder=tmp_path, prepare=fill)
    try:
        for name, kind in (("hubspot", "contacts"), ("salesforce", "Lead")):
            told = requests.get(f"{servers[name].url}/__sandbox/stats", timeout=60).json()
            assert told["records"][kind] == 20
    finally:
        for server in servers.values():
            server.stop()
    assert seen == [("hubspot", False), ("salesforce", False)]

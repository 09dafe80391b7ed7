"""Lists for the pages: each page in order and whole, found by an index however many leads there are."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import sqlalchemy as sa

from sync import leads, lists, tables
from sync.drafts import copy_of
from sync.lists import NOBODY, Wanted, leads_page
from tests.builders import NOON, a_lead
from tests.sync.house import a_house
from tests.sync.stores import rows

NAMES = ("Ada", "Åsa", "Bo", "ß", "İpek", "Zoë")
STAGES = ("suspect", "prospect", "mql")


def many(store, count: int = 60) -> list:
    """Store leads of every kind, and return them."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        lead = a_lead(
            f"L{number:04d}",
            email=f"p{number}@example.com" if number % 10 else None,
            first_name=chance.choice(NAMES),
            last_name=f"Name {number % 7}",
            company=f"Company {number % 5}",
            stage=chance.choice(STAGES),
            score=chance.randrange(5),
            owner=chance.choice(("ann@example.com", "bo@example.com", None)),
        )
        lead.version, lead.is_test = 0, number % 13 == 0
        lead.created_at = NOON + timedelta(seconds=chance.randrange(20))
        made.append(lead)
    store.write(lambda on: leads.save(on, made, {}, NOON))
    return [lead for lead in made if not lead.is_test]


def walk(store, wanted: Wanted, size: int = 7) -> list[str]:
    """Read page after page."""
    found, after = [], ""
    while True:
        with store.snapshot() as snapshot:
            page = leads_page(
                snapshot, "main", Wanted(wanted.search, wanted.stage, wanted.owner, wanted.order, after), size
            )
        found += [row.id for row in page.rows]
        if page.next is None:
            return found
        after = page.next


@pytest.mark.parametrize("order", ["created_at", "score"])
@pytest.mark.parametrize("stage", ["", "mql"])
@pytest.mark.parametrize("owner", ["", "ann@example.com", NOBODY])
def test_every_lead_is_on_one_page_and_in_order(store, order, stage, owner):
    made = many(store)
    wanted = [
        lead
        for lead in made
        if (not stage or lead.stage == stage)
        and (not owner or lead.owner == (None if owner == NOBODY else owner))
    ]
    key = (
        (lambda lead: (lead.score, lead.id)) if order == "score" else lambda lead: (lead.created_at, lead.id)
    )
    expected = [lead.id for lead in sorted(wanted, key=key, reverse=True)]
    assert walk(store, Wanted(stage=stage, owner=owner, order=order)) == expected


@pytest.mark.parametrize(
    ("search", "is_found"),
    [
        ("p1", lambda lead: (lead.get("email") or "").startswith("p1")),
        ("  ADA ", lambda lead: lead.get("first_name") == "Ada"),
        ("åsa  name 3", lambda lead: (lead.get("first_name"), lead.get("last_name")) == ("Åsa", "Name 3")),
        ("name 3", lambda lead: lead.get("last_name") == "Name 3"),
        ("company 4", lambda lead: lead.get("company") == "Company 4"),
        ("SS", lambda lead: lead.get("first_name") == "ß"),
        ("zoë", lambda lead: lead.get("first_name") == "Zoë"),
        ("%", lambda _: False),
        ("_", lambda _: False),
        ("ada\x00", lambda lead: lead.get("first_name") == "Ada"),
        ("'; DROP TABLE leads; --", lambda _: False),
    ],
)
def test_a_search_finds_how_email_name_and_company_begin(store, search, is_found):
    made = many(store)
    assert sorted(walk(store, Wanted(search=search))) == [lead.id for lead in made if is_found(lead)]


def test_a_search_keeps_to_the_filters_and_says_when_there_is_more(store, monkeypatch):
    made = many(store)
    with store.snapshot() as snapshot:
        page = leads_page(snapshot, "main", Wanted(search="company", stage="mql"))
        assert {row.id for row in page.rows} == {lead.id for lead in made if lead.stage == "mql"}
        assert not page.has_more
        monkeypatch.setattr(lists, "MOST_FOUND", 10)
        page = leads_page(snapshot, "main", Wanted(search="company"))
        assert len(page.rows) <= 10
        assert page.has_more


@pytest.mark.parametrize("wanted", [{"stage": "mql"}, {"owner": "ann@example.com"}, {"owner": NOBODY}])
def test_a_search_finds_who_passes_the_filters_behind_many_who_do_not(store, monkeypatch, wanted):
    made = many(store)
    monkeypatch.setattr(lists, "MOST_FOUND", 5)
    passing = {
        lead.id
        for lead in made
        if all((getattr(lead, name) or NOBODY) == value for name, value in wanted.items())
    }
    with store.snapshot() as snapshot:
        page = leads_page(snapshot, "main", Wanted(search="company", **wanted))
    assert len(passing) > len(page.rows) == 5
    assert page.has_more
    assert {row.id for row in page.rows} <= passing


def test_owners_and_stages_are_those_of_leads(store):
    many(store)
    with store.snapshot() as snapshot:
        assert lists.owners(snapshot, "main") == ["ann@example.com", "bo@example.com"]
        assert lists.stages(snapshot, "main") == sorted(STAGES)


def test_names_no_database_takes_are_searched_without_their_marks(store):
    lead = a_lead("L1", first_name="A\x00da\ud800", last_name="L\u202eove", company="x" * 900)
    lead.version = 0
    store.write(lambda on: leads.save(on, [lead], {}, NOON))
    assert walk(store, Wanted(search="a da l ove")) == ["L1"]
    assert walk(store, Wanted(search="x" * 900)) == ["L1"]


def test_a_lead_is_found_by_its_new_name_after_a_change(store):
    house = a_house(store)
    house.post(email="ada@example.com", last_name="Byron", company="Engines")
    house.decide()
    house.post(email="ada@example.com", last_name="Lovelace")
    house.decide()
    assert len(walk(store, Wanted(search="engines"))) == 1
    name = house.lead("ada@example.com").get("last_name").lower()
    assert len(walk(store, Wanted(search=name))) == 1


LISTED = ("email", "stage", "score", "owner", "full_name", "last_name", "company", "created_at")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"message": "hello"}, set()),
        ({"score": 7}, {"score"}),
        ({"stage": "sql", "owner": None}, {"stage", "owner"}),
        ({"last_name": "Byron"}, {"full_name", "last_name"}),
        ({"email": "b@example.com", "company": None}, {"email", "company"}),
    ],
)
def test_an_update_names_a_listed_column_only_where_it_changed(store, fields, named):
    first = {"email": "a@example.com", "first_name": "Ada", "last_name": "Love", "company": "Engines"}
    lead = a_lead("L1", **first, stage="mql", score=3, owner="ann@example.com")
    lead.version = 0
    store.write(lambda on: leads.save(on, [lead], {}, NOON))
    with store.snapshot() as snapshot:
        before = leads.load(snapshot, ["L1"])
    draft = copy_of(before["L1"])
    draft.fields |= fields
    said: list[str] = []

    def save(on: sa.Connection) -> None:
        sa.event.listen(on, "before_cursor_execute", lambda *given: said.append(given[2]))
        leads.save(on, [draft], before, NOON)

    store.write(save)
    [update] = [text for text in said if text.startswith("UPDATE leads")]
    assert {name for name in LISTED if f" {name}=" in update.split("WHERE")[0]} == named
    [row] = rows(store, tables.leads)
    expected = {"stage": draft.stage, "score": draft.score, "owner": draft.owner, "email": draft.get("email")}
    assert {name: row[name] for name in expected} == expected
    assert [row[name] for name in ("full_name", "last_name", "company")] == [
        leads.search_keys(draft.fields)[name] for name in ("full_name", "last_name", "company")
    ]


def plan(connection: sa.Connection, statement: sa.Select) -> str:
    """Return how the database would go about a query."""
    text = statement.compile(connection, compile_kwargs={"literal_binds": True})
    words = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{words} {text}".replace("%", "%%")))


AFTER = f"{NOON.isoformat()} L5"
LISTS = {
    "newest": lists.leads_statement("main", Wanted(), 51),
    "newest, further": lists.leads_statement("main", Wanted(after=AFTER), 51),
    "score": lists.leads_statement("main", Wanted(order="score"), 51),
    "score, further": lists.leads_statement("main", Wanted(order="score", after="90 L5"), 51),
    "stage": lists.leads_statement("main", Wanted(stage="mql"), 51),
    "stage by score": lists.leads_statement("main", Wanted(stage="mql", order="score", after="90 L5"), 51),
    "owner": lists.leads_statement("main", Wanted(owner="owner7@example.com", after=AFTER), 51),
    "nobody's": lists.leads_statement("main", Wanted(owner=NOBODY, order="score"), 51),
    **{f"search {column}": lists.search_statement("main", column, "key77", 201) for column in lists.SEARCHED},
    **{
        f"search {column} of a stage and an owner": lists.search_statement(
            "main", column, "key77", 201, "mql", "owner7@example.com"
        )
        for column in lists.SEARCHED
    },
}


SORTED_WHILE_FEW = (
    "stage by score",
    "nobody's",
)  # PostgreSQL's planner sorts what it holds to be some ninety


PEOPLE = 8_000


@pytest.fixture
def crowd(store):
    """Leads, enough for a planner to care; written straight into the tables."""
    row = {
        "space": "main", "unit": "default", "version": 1, "fields": {}, "provenance": {}, "is_test": False,
        "updated_at": NOON,
    }  # fmt: skip

    def fill(on: sa.Connection) -> None:
        people = [
            row
            | dict.fromkeys(lists.SEARCHED, f"key{number}")
            | {
                "id": f"L{number}",
                "stage": STAGES[number % 3],
                "score": number % 100,
                "owner": f"owner{number % 40}@example.com" if number % 50 else None,
                "created_at": NOON + timedelta(seconds=number),
            }
            for number in range(PEOPLE)
        ]
        on.execute(sa.insert(tables.leads), people)

    store.write(fill)
    if store.dialect == "postgresql":
        store.write(lambda on: on.exec_driver_sql("ANALYZE"))
    return store


def test_every_list_is_read_by_an_index_in_its_order(crowd):
    with crowd.snapshot() as snapshot:
        for name, statement in LISTS.items():
            if crowd.dialect == "postgresql" and name in SORTED_WHILE_FEW:
                continue
            found = plan(snapshot, statement)
            assert "ix_" in found, (name, found)
            for slow in ("Seq Scan", "SCAN ", "TEMP B-TREE", "Sort"):
                assert slow not in found, (name, found)


def test_leads_are_counted_without_reading_one(crowd):
    statement = sa.select(tables.leads.c.stage, sa.func.count()).where(tables.leads.c.space == "main")
    with crowd.snapshot() as snapshot:
        found = plan(snapshot, statement.group_by(tables.leads.c.stage).where(sa.text("is_test")))
        assert "ix_leads_test" in found

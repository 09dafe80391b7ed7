"""For any records and conditions a query finds what a filter finds; walks lose and repeat nothing."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.salesforce import TOKEN, create_app

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Sforce-Auto-Assign": "FALSE"}
TITLES = st.sampled_from([None, "CTO", "cto", "CEO", "Head of 50% _x_"])
NUMBERS = st.sampled_from([None, 0, 1, 7, 50])
EMAILS = st.sampled_from([None, "a@example.com", "B@example.com", "b@EXAMPLE.com"])
LEADS = st.fixed_dictionaries(
    {"Title": TITLES, "NumberOfEmployees": NUMBERS, "Email": EMAILS, "DoNotCall": st.booleans()}
)
calm = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def quoted(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else {None: "null"}.get(value, str(value))


def compared(field: str, operator: str, value: Any):
    """A comparison: its SOQL, and what it means for a record given as a dict."""
    compare = {
        "=": lambda have: have == value, "!=": lambda have: have != value,
        "<": lambda have: have is not None and value is not None and have < value,
        ">=": lambda have: have is not None and value is not None and have >= value,
    }[operator]  # fmt: skip
    value, shown = folded(value), quoted(value)
    return f"{field} {operator} {shown}", lambda record: compare(folded(record[field]))


def listed(field: str, values: list[Any], negated: bool):
    shown = ", ".join(quoted(value) for value in values)
    wanted = {folded(value) for value in values}
    text = f"{field} {'NOT ' if negated else ''}IN ({shown})"
    return text, lambda record: (folded(record[field]) in wanted) is not negated


def joined(word: str, parts):
    combine = all if word == "AND" else any
    text = f"({f' {word} '.join(text for text, _ in parts)})"
    return text, lambda record: combine(test(record) for _, test in parts)


FIELDS = st.one_of(
    st.tuples(st.just("Title"), TITLES), st.tuples(st.just("Email"), EMAILS),
    st.tuples(st.just("NumberOfEmployees"), NUMBERS),
)  # fmt: skip
SIMPLE = st.one_of(
    st.builds(lambda pair, operator: compared(pair[0], operator, pair[1]), FIELDS,
              st.sampled_from(["=", "!=", "<", ">="])),
    st.builds(listed, st.just("Email"), st.lists(EMAILS, min_size=1, max_size=3), st.booleans()),
    st.builds(listed, st.just("Title"), st.lists(TITLES, min_size=1, max_size=3), st.booleans()),
    st.builds(
        lambda wanted: (f"DoNotCall = {str(wanted).lower()}", lambda lead: lead["DoNotCall"] == wanted),
        st.booleans(),
    ),
)  # fmt: skip
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
        inner.map(lambda one: (f"(NOT {one[0]})", lambda record: not one[1](record))),
    ),
    max_leaves=5,
)


class World:
    """An org without a network in between."""

    def __init__(self) -> None:
        app: Flask = create_app()
        self.client: FlaskClient = app.test_client()
        self.client.post("/__sandbox/clock", json={"now": "2026-11-21T10:00:00Z", "frozen": True})

    def call(self, method: str, path: str, **how: Any) -> Any:
        full = path if path.startswith("/services") else f"/services/data/v68.0/{path}"
        answer = self.client.open(full, method=method, headers={**HEADERS, **how.pop("headers", {})}, **how)
        assert answer.status_code < 300, answer.text
        return answer.get_json(silent=True)

    def add(self, leads: list[dict[str, Any]]) -> list[str]:
        records = [
            {"attributes": {"type": "Lead"}, "LastName": "x", "Company": "y", **lead} for lead in leads
        ]
        return [one["id"] for one in self.call("POST", "composite/sobjects", json={"records": records})]

    def query(self, soql: str, **headers: str) -> Any:
        return self.call("GET", "query", query_string={"q": soql}, headers=headers)


WORLD = World()


@calm
@given(st.lists(LEADS, min_size=1, max_size=12), CONDITIONS)
def test_a_query_finds_what_a_filter_finds(leads, condition):
    text, test = condition
    ids = WORLD.add(leads)
    expected = [one for one, lead in zip(ids, leads, strict=True) if test(lead)]
    inside = ", ".join(f"'{one}'" for one in ids)
    found = WORLD.query(f"SELECT Id FROM Lead WHERE {text} AND Id IN ({inside})")
    assert [row["Id"] for row in found["records"]] == expected
    alone = WORLD.query(f"SELECT Id FROM Lead WHERE {text}")
    assert [row["Id"] for row in alone["records"] if row["Id"] in set(ids)] == expected


@calm
@given(
    st.lists(LEADS, min_size=1, max_size=12), st.sampled_from(["Title", "NumberOfEmployees", "Email"]),
    st.booleans(), st.sampled_from(["", "NULLS FIRST", "NULLS LAST"]),
)  # fmt: skip
def test_an_order_is_that_of_a_sort(leads, field, descending, nulls):
    ids = WORLD.add(leads)
    inside = ", ".join(f"'{one}'" for one in ids)
    order = f"ORDER BY {field} {'DESC' if descending else 'ASC'} {nulls}"
    rows = WORLD.query(f"SELECT Id, {field} FROM Lead WHERE Id IN ({inside}) {order}")["records"]
    values = [folded(row[field]) for row in rows]
    present = sorted((folded(lead[field]) for lead in leads if lead[field] is not None), reverse=descending)
    absent = [None] * (len(leads) - len(present))
    assert values == (present + absent if nulls == "NULLS LAST" else absent + present)
    grouped = WORLD.query(f"SELECT {field} v, COUNT(Id) n FROM Lead WHERE Id IN ({inside}) GROUP BY {field}")[
        "records"
    ]
    assert {folded(row["v"]): row["n"] for row in grouped} == {value: values.count(value) for value in values}


WRITES = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete"]), st.integers(0, 10_000)), max_size=6
)


def write(world: World, alive: list[str], what: str, number: int) -> None:
    if what == "create" or not alive:
        alive += world.add([{"Title": str(number)}])
        return
    lead = alive[number % len(alive)]
    if what == "update":
        world.call("PATCH", f"sobjects/Lead/{lead}", json={"Title": str(number)})
    else:
        world.call("DELETE", f"sobjects/Lead/{lead}")
        alive.remove(lead)


@settings(calm, max_examples=15)
@given(st.lists(WRITES, min_size=3, max_size=3))
def test_a_locator_neither_skips_nor_repeats_what_stays(writes):
    world = World()
    alive = [one for _ in range(3) for one in world.add([{}] * 200)]
    start = set(alive)
    page = world.query("SELECT Id FROM Lead", **{"Sforce-Query-Options": "batchSize=200"})
    seen = [row["Id"] for row in page["records"]]
    for batch in writes:
        for what, number in batch:
            write(world, alive, what, number)
        if not page["done"]:
            options = {"Sforce-Query-Options": "batchSize=200"}
            page = world.call("GET", page["nextRecordsUrl"], headers=options)
            seen += [row["Id"] for row in page["records"]]
    assert page["done"]
    assert len(seen) == len(set(seen))
    assert start & set(alive) <= set(seen) <= start


@settings(calm, max_examples=25)
@given(st.lists(WRITES, min_size=1, max_size=6))
def test_a_keyset_walk_sees_the_last_state_of_every_record(writes):
    world = World()
    alive = world.add([{}] * 5)
    stamp, last, seen = "2020-01-01T00:00:00Z", "000000000000000", {}

    def walk() -> None:
        nonlocal stamp, last
        while rows := world.query(
            f"SELECT Id, Title, SystemModstamp FROM Lead WHERE SystemModstamp > {stamp} OR "
            f"(SystemModstamp = {stamp} AND Id > '{last}') ORDER BY SystemModstamp, Id LIMIT 2"
        )["records"]:
            for row in rows:
                assert seen.get(row["Id"]) != (row["SystemModstamp"], row["Title"]), "told twice"
                seen[row["Id"]] = (row["SystemModstamp"], row["Title"])
            stamp, last = rows[-1]["SystemModstamp"].replace("+0000", "Z"), rows[-1]["Id"]

    for batch in writes:
        walk()
        world.client.post("/__sandbox/clock", json={"advance": 1})  # a stamp is a whole second
        for what, number in batch:
            write(world, alive, what, number)
    walk()
    rows = world.query("SELECT Id, Title FROM Lead")["records"]
    assert {row["Id"]: row["Title"] for row in rows} == {one: seen[one][1] for one in alive}

"""Searches against a plain filter written anew, over any contacts; and what offsets miss."""

from __future__ import annotations

import operator as op
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.hubspot import TOKEN, create_app

NAMES = ["ada", "Ada", "BOB", "Ada Lovelace", "Zoë", ""]
STAGES = ["", "lead", "customer"]
CONTACT = st.fixed_dictionaries(
    {
        "firstname": st.sampled_from(NAMES),
        "leadrelay_score": st.sampled_from(["", "2", "10", "-1.5"]),
        "lifecyclestage": st.sampled_from(STAGES),
    }
)
FILTER = st.one_of(
    st.tuples(st.just("firstname"), st.sampled_from(["EQ", "NEQ"]), st.sampled_from(NAMES[:5])),
    st.tuples(
        st.just("leadrelay_score"),
        st.sampled_from(["EQ", "NEQ", "LT", "LTE", "GT", "GTE"]),
        st.sampled_from(["2", "9", "10"]),
    ),
    st.tuples(
        st.just("lifecyclestage"),
        st.sampled_from(["EQ", "NEQ"]),
        st.sampled_from(["lead", "LEAD", "customer"]),
    ),
    st.tuples(
        st.sampled_from(["firstname", "leadrelay_score", "lifecyclestage"]),
        st.sampled_from(["HAS_PROPERTY", "NOT_HAS_PROPERTY"]),
        st.just(""),
    ),
)
COMPARE = {"EQ": op.eq, "NEQ": op.ne, "LT": op.lt, "LTE": op.le, "GT": op.gt, "GTE": op.ge}


WEB = create_app().test_client()


def client():
    """A call to a new account without a socket."""
    web = WEB
    web.post("/__sandbox/reset")
    web.post("/__sandbox/faults", json={"limits": {"search_per_s": None, "per_10s": None}})

    def call(path: str, body: Any, method: str = "POST") -> Any:
        answer = web.open(path, method=method, json=body, headers={"Authorization": f"Bearer {TOKEN}"})
        return answer.get_json()

    return call, web


def passes(row: dict[str, str], told: tuple[str, str, str]) -> bool:
    name, operator, value = told
    kept = row[name]
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (kept != "") == (operator == "HAS_PROPERTY")
    if kept == "":
        return False
    if name == "leadrelay_score":
        return COMPARE[operator](float(kept), float(value))
    return (
        COMPARE[operator](kept.lower(), value.lower())
        if name == "firstname"
        else COMPARE[operator](kept, value)
    )


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(CONTACT, max_size=12),
    groups=st.lists(st.lists(FILTER, min_size=1, max_size=3), max_size=3),
    edits=st.lists(st.tuples(st.integers(0, 11), CONTACT), max_size=4),
)
def test_once_the_index_has_caught_up_a_search_is_a_plain_filter(rows, groups, edits):
    call, web = client()
    ids = []
    if rows:
        made = call(
            "/crm/v3/objects/contacts/batch/create", {"inputs": [{"properties": row} for row in rows]}
        )
        ids = [row["id"] for row in made["results"]]
    kept = [dict(row) for row in rows]
    for place, row in edits:
        if place < len(kept):
            changes = {name: value for name, value in row.items() if name != "lifecyclestage"}
            call(f"/crm/v3/objects/contacts/{ids[place]}", {"properties": changes}, "PATCH")
            kept[place] |= changes
    web.post("/__sandbox/faults", json={"search_lag_ms": 5_000, "limits": {"search_per_s": None}})
    web.post("/__sandbox/clock", json={"advance": 6})
    told = [
        {
            "filters": [
                {"propertyName": name, "operator": operator, "value": value}
                for name, operator, value in group
            ]
        }
        for group in groups
    ]
    found = call("/crm/v3/objects/contacts/search", {"filterGroups": told, "limit": 100})
    wanted = [
        record_id
        for record_id, row in zip(ids, kept, strict=True)
        if not groups or any(all(passes(row, told) for told in group) for group in groups)
    ]
    assert [row["id"] for row in found["results"]] == wanted
    assert found["total"] == len(wanted)


def test_an_offset_skips_rows_that_move_and_a_window_by_id_does_not():
    call, _ = client()
    rows = [{"properties": {"firstname": "new"}} for _ in range(6)]
    made = call("/crm/v3/objects/contacts/batch/create", {"inputs": rows})
    ids = [row["id"] for row in made["results"]]
    new = {"propertyName": "firstname", "operator": "EQ", "value": "new"}

    def page(**more: Any) -> list[str]:
        filters = [new, *more.pop("filters", [])]
        told = call(
            "/crm/v3/objects/contacts/search", {"filterGroups": [{"filters": filters}], "limit": 3, **more}
        )
        return [row["id"] for row in told["results"]]

    first = page()
    for record_id in first[:2]:
        call(f"/crm/v3/objects/contacts/{record_id}", {"properties": {"firstname": "old"}}, "PATCH")
    assert set(ids) - {*first, *page(after="3")} == set(ids[3:5]), "two rows slid before the offset"
    beyond = [{"propertyName": "hs_object_id", "operator": "GT", "value": first[-1]}]
    assert {*first, *page(filters=beyond)} == set(ids)

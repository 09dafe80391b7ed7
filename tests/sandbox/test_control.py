"""What the endpoints under /__sandbox tell and do."""

from __future__ import annotations

import pytest
import requests


def get(url: str, path: str) -> requests.Response:
    return requests.get(f"{url}/__sandbox/{path}", timeout=60)


def post(url: str, path: str, body: object = None) -> requests.Response:
    return requests.post(f"{url}/__sandbox/{path}", json=body, timeout=60)


def make(url: str, name: str) -> str:
    return requests.post(f"{url}/things", json={"name": name}, timeout=60).json()["id"]


def test_stats_count_calls_by_template_answers_and_records(toy):
    thing = make(toy, "lamp")
    requests.get(f"{toy}/things/{thing}", timeout=60)
    requests.get(f"{toy}/things/999", timeout=60)
    requests.get(f"{toy}/things/{thing}", headers={"X-Stranger": "yes"}, timeout=60)
    requests.delete(f"{toy}/things/12345", timeout=60)
    assert get(toy, "stats").json() == {
        "calls": {"POST /things": 1, "GET /things/{thing_id}": 3, "DELETE /things/{id}": 1},
        "answers": {"201": 1, "200": 1, "404": 1, "401": 1, "501": 1},
        "records": {"things": 1},
    }


def test_records_come_in_pages_oldest_first(toy):
    ids = [make(toy, f"thing {number}") for number in range(5)]
    first = get(toy, "records/things?limit=2").json()
    rest = get(toy, f"records/things?after={first['after']}").json()
    assert [row["id"] for row in first["records"] + rest["records"]] == ids
    assert (first["total"], rest["after"]) == (5, None)
    assert first["records"][0]["fields"] == {"name": "thing 0"}


def test_more_records_than_one_piece_of_the_stream(toy):
    requests.post(f"{toy}/things/batch", json=[{"name": "x"}] * 1203, timeout=60)
    assert len(get(toy, "records/things").json()["records"]) == 1203
    exact = get(toy, "records/things?limit=1203").json()
    assert (len(exact["records"]), exact["after"]) == (1203, None)


def test_deleted_records_are_listed_apart(toy):
    thing = make(toy, "lamp")
    post(toy, "act/delete", {"object": "things", "id": thing})
    assert get(toy, "records/things").json()["records"] == []
    [gone] = get(toy, "records/things?archived=true").json()["records"]
    assert (gone["id"], gone["archived"]) == (thing, True)


def test_history_tells_every_write_and_its_call(toy):
    thing = make(toy, "lamp")
    post(
        toy, "act/edit", {"object": "things", "id": thing, "fields": {"name": "torch"}, "by": "mei@x.example"}
    )
    post(toy, "act/edit", {"object": "things", "id": thing, "fields": {"name": "torch"}})
    created, edited, unchanged = get(toy, f"history/things/{thing}").json()["writes"]
    assert created["call"] == {"id": 1, "method": "POST", "path": "/things"}
    assert (created["kind"], created["changes"]) == ("create", {"name": [None, "lamp"]})
    assert (edited["kind"], edited["changes"]) == ("update", {"name": ["lamp", "torch"]})
    assert edited["call"]["by"] == "mei@x.example"
    assert unchanged["changes"] == {}
    assert unchanged["call"]["by"] == "anna.keller@northlight.example"


def test_history_of_all_records_since_a_call(toy):
    for name in "abc":
        make(toy, name)
    assert len(get(toy, "history").json()["writes"]) == 3
    later = get(toy, "history?since_call=2&limit=1&object=things").json()["writes"]
    assert [write["call"]["id"] for write in later] == [2]
    assert get(toy, "history?object=others").json()["writes"] == []
    assert get(toy, "history/things/999").json()["writes"] == []


def test_a_person_creates_edits_and_deletes(toy):
    made = post(toy, "act/create", {"object": "things", "fields": {"name": "vase"}})
    thing = made.json()["id"]
    assert (made.status_code, made.json()["fields"]) == (201, {"name": "vase"})
    edited = post(toy, "act/edit", {"object": "things", "id": thing, "fields": {"name": "jug"}})
    assert edited.json()["fields"] == {"name": "jug"}
    assert post(toy, "act/delete", {"object": "things", "id": thing}).status_code == 204
    assert get(toy, "stats").json()["calls"] == {}, "a person's act is no API call"


def test_a_body_is_json_whatever_its_type_says(toy):
    form = {"Content-Type": "application/x-www-form-urlencoded"}  # what curl -d sends
    told = requests.post(f"{toy}/__sandbox/faults", data='{"seed": 5}', headers=form, timeout=60)
    assert told.json()["seed"] == 5


def test_reset_forgets_everything(toy):
    make(toy, "lamp")
    post(toy, "faults", {"error_rate": 1})
    post(toy, "clock", {"now": "2030-01-01T00:00:00Z"})
    assert post(toy, "reset").status_code == 204
    assert get(toy, "stats").json() == {"calls": {}, "answers": {}, "records": {"things": 0}}
    assert get(toy, "history").json()["writes"] == []
    assert get(toy, "clock").json()["real"] is True
    assert make(toy, "lamp") == "101"


def test_the_clock_is_set_advanced_frozen_and_let_go(toy):
    assert get(toy, "clock").json()["real"] is True
    told = post(toy, "clock", {"now": "2030-01-01T00:00:00Z", "frozen": True}).json()
    assert told == {"now": "2030-01-01T00:00:00+00:00", "real": False, "frozen": True}
    assert post(toy, "clock", {"advance": 90}).json()["now"] == "2030-01-01T00:01:30+00:00"
    thing = make(toy, "lamp")
    [write] = get(toy, f"history/things/{thing}").json()["writes"]
    assert write["at"] == "2030-01-01T00:01:30.000Z"
    assert post(toy, "clock", {"real": True}).json()["real"] is True


def test_a_clock_that_is_set_goes_on_ticking(toy):
    first = post(toy, "clock", {"now": "2030-01-01T00:00:00Z"}).json()["now"]
    assert first < get(toy, "clock").json()["now"] < "2030-01-01T00:00:30"


def test_endpoints_lists_what_is_built(toy):
    assert get(toy, "endpoints").json() == {
        "endpoints": ["GET /things/{thing_id}", "POST /things", "POST /things/batch"]
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "nothing", None, 404, "no_such_control"),
        ("GET", "records/spoons", None, 404, "no_such_object"),
        ("GET", "records/things?limit=few", None, 400, "bad_argument"),
        ("GET", "records/things?after=7", None, 400, "bad_argument"),
        ("GET", "history/spoons/1", None, 404, "no_such_object"),
        ("GET", "history?since_call=x", None, 400, "bad_argument"),
        ("POST", "faults", [], 400, "bad_json"),
        ("POST", "clock", {}, 400, "bad_argument"),
        ("POST", "clock", {"now": "noon"}, 400, "bad_argument"),
        ("POST", "act/paint", {}, 404, "no_such_act"),
        ("POST", "act/merge", {}, 501, "not_built"),
        ("POST", "act/convert", {}, 501, "not_built"),
        ("POST", "act/edit", {"object": "things", "id": "7"}, 404, "no_such_record"),
        ("POST", "act/edit", {"object": "things", "fields": []}, 400, "bad_argument"),
        ("POST", "act/create", {"object": "spoons"}, 404, "no_such_object"),
    ],
)
def test_a_control_request_that_cannot_be_says_why(toy, method, path, body, status, code):
    response = requests.request(method, f"{toy}/__sandbox/{path}", json=body, timeout=60)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"]

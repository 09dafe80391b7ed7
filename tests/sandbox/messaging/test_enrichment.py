"""People Data Labs' look-ups: the same answer each time, and every documented refusal."""

from __future__ import annotations

from typing import Any

import pytest
import requests

KEY = {"X-Api-Key": "sandbox-enrichment-key"}


def look_up(office, what: str, headers: dict[str, str] = KEY, **params: Any) -> requests.Response:
    return requests.get(f"{office.url}/v5/{what}/enrich", params=params, headers=headers, timeout=60)


def test_a_person_is_told_alike_each_time(office):
    first, again = (look_up(office, "person", email="Ada.Lovelace@analytical.example") for _ in range(2))
    assert first.json() == again.json()
    told = first.json()
    assert (told["status"], told["likelihood"]) == (200, 9)
    data = told["data"]
    assert (data["full_name"], data["work_email"]) == ("ada lovelace", "ada.lovelace@analytical.example")
    assert (data["job_company_name"], data["job_company_size"]) == ("analytical engines", "11-50")
    assert data["experience"][0]["title"]["name"] == data["job_title"]
    assert data["mobile_phone"] is None
    assert first.headers["X-Call-Credits-Spent"] == "1"


def test_namesakes_are_two_people(office):
    one, other = (
        look_up(office, "person", email=f"sofia.moreau{number}@pampas.example").json() for number in (1, 2)
    )
    assert one["data"]["full_name"] == other["data"]["full_name"] == "sofia moreau"
    assert one["data"]["id"] != other["data"]["id"]


@pytest.mark.parametrize(
    "params", [{"website": "https://www.brightwater.example/jobs"}, {"name": "Brightwater Logistics"}]
)
def test_a_company_is_found_by_website_or_name(office, params):
    told = look_up(office, "company", **params).json()
    assert (told["status"], told["name"], told["size"], told["employee_count"]) == (
        200, "brightwater logistics", "51-200", 180,
    )  # fmt: skip
    assert (told["location"]["country"], told["ticker"]) == ("germany", None)
    assert "data" not in told


@pytest.mark.parametrize(
    ("what", "params"),
    [
        ("person", {"email": "info@brightwater.example"}),
        ("person", {"email": "ada.lovelace@elsewhere.example"}),
        ("person", {"email": "ada.lovelace@analytical.example", "min_likelihood": 10}),
        ("company", {"website": "elsewhere.example"}),
        ("company", {"name": "nobody"}),
        ("company", {"website": "brightwater.example", "min_likelihood": 9}),
    ],
)
def test_nothing_found_is_404_and_free(office, what, params):
    office.post("faults", limits={"enrich_credits": 1})
    for _ in range(2):
        answer = look_up(office, what, **params)
        assert (answer.status_code, answer.json()) == (
            404,
            {
                "status": 404,
                "error": {"type": "not_found", "message": "No records were found matching your request"},
            },
        )
    assert "X-Call-Credits-Spent" not in answer.headers


def test_credits_run_out(office):
    office.post("faults", limits={"enrich_credits": 1})
    statuses = [look_up(office, "company", website="kitsune.example").status_code for _ in range(2)]
    assert statuses == [200, 402]


def test_each_endpoint_has_its_own_minute(office):
    office.post("faults", limits={"enrich_per_min": 1})
    office.post("clock", now="2026-11-21T09:00:10Z", frozen=True)
    assert look_up(office, "company", website="kitsune.example").status_code == 200
    late = look_up(office, "company", website="kitsune.example")
    assert (late.status_code, late.json()["error"]["type"], late.headers["Retry-After"]) == (
        429,
        "rate_limit_error",
        "50",
    )
    assert look_up(office, "person", email="a.b@kitsune.example").status_code == 404
    office.post("clock", advance=50)
    assert look_up(office, "company", website="kitsune.example").status_code == 200


def test_key_and_parameters_are_wanted(office):
    assert (
        look_up(office, "person", headers={}, email="a@x.example").json()["error"]["type"]
        == "authentication_error"
    )
    assert look_up(office, "person", headers={"X-Api-Key": "no"}).status_code == 401
    by_query = look_up(
        office, "company", headers={}, api_key="sandbox-enrichment-key", website="kitsune.example"
    )
    assert by_query.status_code == 200
    for what, params in (
        ("person", {}),
        ("company", {}),
        ("company", {"name": "x", "min_likelihood": "much"}),
    ):
        answer = look_up(office, what, **params)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")

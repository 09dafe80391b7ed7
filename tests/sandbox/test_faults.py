"""Each fault does to a call what it says, and to no other call."""

from __future__ import annotations

import time

import pytest
import requests

THING = {"name": "lamp"}


def post(url: str, path: str = "/things", body: object = THING, **more: object) -> requests.Response:
    return requests.post(f"{url}{path}", json=body, timeout=60, **more)  # type: ignore[arg-type]


def stats(url: str) -> dict:
    return requests.get(f"{url}/__sandbox/stats", timeout=60).json()


def test_latency_delays_the_answer(toy, faults):
    faults(toy, latency_ms=120)
    began = time.monotonic()
    assert post(toy).status_code == 201
    assert time.monotonic() - began >= 0.12


def test_latency_between_two_bounds(toy, faults):
    faults(toy, latency_ms={"min": 20, "max": 60})
    began = time.monotonic()
    post(toy)
    assert time.monotonic() - began >= 0.02


def test_an_error_takes_no_effect_and_has_the_vendors_shape(toy, faults):
    faults(toy, error_rate=1, error_status=503)
    response = post(toy)
    assert (response.status_code, response.json()) == (503, {"error": "injected"})
    assert stats(toy)["records"] == {"things": 0}


@pytest.mark.parametrize("status", [423, 477, 500, 502, 524])
def test_unofficial_statuses_can_be_injected(toy, faults, status):
    faults(toy, error_rate=1, error_status=status)
    assert post(toy).status_code == status


def test_429_is_an_error_of_its_own(toy, faults):
    faults(toy, rate_429=1, error_rate=1, error_status=500)
    assert post(toy).status_code == 429


def test_a_dropped_call_gets_no_byte_and_takes_no_effect(toy, faults):
    faults(toy, drop_rate=1)
    with pytest.raises(requests.ConnectionError, match="without response"):
        post(toy)
    assert stats(toy)["records"] == {"things": 0}
    assert stats(toy)["answers"] == {"dropped": 1}


def test_a_timed_out_call_takes_effect_and_gets_no_byte(toy, faults):
    faults(toy, timeout_rate=1, timeout_s=0.05)
    with pytest.raises(requests.ConnectionError, match="without response"):
        post(toy)
    assert stats(toy)["records"] == {"things": 1}


def test_a_client_that_gives_up_first_sees_a_timeout(toy, faults):
    faults(toy, timeout_rate=1, timeout_s=0.5)
    with pytest.raises(requests.ReadTimeout):
        requests.post(f"{toy}/things", json=THING, timeout=0.1)
    assert stats(toy)["records"] == {"things": 1}


def test_a_dropped_keep_alive_connection_is_closed_and_the_next_call_opens_another(toy, faults):
    session = requests.Session()
    assert session.post(f"{toy}/things", json=THING, timeout=60).status_code == 201
    faults(toy, drop_rate=1, count=1)
    with pytest.raises(requests.ConnectionError):
        session.post(f"{toy}/things", json=THING, timeout=60)
    assert session.post(f"{toy}/things", json=THING, timeout=60).status_code == 201


def test_single_items_of_a_batch_fail(toy, faults):
    faults(toy, half_failed_rate=0.5, seed=7)
    ids = post(toy, "/things/batch", [THING] * 40).json()
    assert 5 < ids.count(None) < 35
    assert stats(toy)["records"]["things"] == 40 - ids.count(None)


def test_the_same_seed_gives_the_same_faults(toy, faults):
    def outcomes() -> list[int]:
        faults(toy, error_rate=0.5, seed=3)
        return [post(toy).status_code for _ in range(20)]

    first = outcomes()
    assert first == outcomes()
    assert {201, 500} == set(first)


def test_count_ends_the_faults_after_so_many_calls(toy, faults):
    faults(toy, error_rate=1, count=2)
    assert [post(toy).status_code for _ in range(3)] == [500, 500, 201]
    assert requests.get(f"{toy}/__sandbox/faults", timeout=60).json()["applied"] == 2


@pytest.mark.parametrize("only", ["/things/batch", ["POST /things/batch"]])
def test_only_narrows_the_faults_to_some_calls(toy, faults, only):
    faults(toy, error_rate=1, only=only)
    assert post(toy).status_code == 201
    assert post(toy, "/things/batch", [THING]).status_code == 500


def test_control_and_pages_are_never_faulty(toy, faults):
    faults(toy, drop_rate=1, error_rate=1)
    assert stats(toy)["calls"] == {}
    assert requests.get(f"{toy}/browse/things", timeout=60).status_code == 200


def test_a_new_setting_replaces_the_old_one_whole(toy, faults):
    faults(toy, error_rate=1)
    faults(toy, latency_ms=1)
    assert post(toy).status_code == 201


def test_the_clock_of_the_vendor_can_be_wrong(toy, faults):
    faults(toy, clock_skew_s=-3600)
    post(toy)
    [write] = requests.get(f"{toy}/__sandbox/history", timeout=60).json()["writes"]
    told = requests.get(f"{toy}/__sandbox/clock", timeout=60).json()["now"]
    assert write["at"] < told[:13]  # the hour before


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ({"latncy_ms": 5}, "latncy_ms"),
        ({"error_rate": 1.5}, "error_rate"),
        ({"error_rate": "1"}, "error_rate"),
        ({"error_status": 200}, "error_status"),
        ({"latency_ms": {"min": 9, "max": 1}}, "latency_ms"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"count": -1}, "count"),
        ({"seed": "x"}, "seed"),
        ({"only": 5}, "only"),
        ({"limits": 5}, "limits"),
        ({"limits": {"per_minute": 5}}, "limits.per_minute"),
        ({"limits": {"daily": "many"}}, "limits.daily"),
        ({"mood": "ugly"}, "mood"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name_and_changes_nothing(toy, faults, setting, key):
    faults(toy, error_rate=1)
    refused = faults(toy, **setting)
    assert refused.status_code == 400
    assert refused.json()["code"] == "bad_fault"
    assert refused.json()["message"].startswith(f"{key}: ")
    assert post(toy).status_code == 500


def test_limits_keep_their_defaults_where_not_named(toy, faults):
    assert faults(toy).json()["limits"] == {"daily": 1000}
    assert faults(toy, limits={"daily": None}).json()["limits"] == {"daily": None}

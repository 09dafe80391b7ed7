"""Who is let in: sign-in and its limits, sessions that end, forms that are ours, headers on every answer."""

from __future__ import annotations

import pytest

from dashboard.doors import csrf_of, own_path
from dashboard.throttle import Throttle
from model.errors import StoreBusy
from sync import access
from tests.dashboard.house import Desk, a_desk, hashed

PAGES = ("/", "/leads", "/sources", "/aside/spam", "/aside/letters", "/connections", "/playbook", "/account")


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_signing_in(closed, path):
    answer = closed.get(path)
    assert answer.status_code == 303
    assert answer.location == f"/sign-in?next={path}"


def test_whoever_signs_in_is_led_to_the_page_they_wanted(closed):
    answer = closed.send(
        "/sign-in",
        "/sign-in?next=/leads?q=a",
        name="ada",
        password="correct horse battery",
        next="/leads?q=a",
    )
    assert (answer.status_code, answer.location) == (303, "/leads?q=a")
    page = closed.get("/leads")
    assert page.status_code == 200
    assert ">ada</a>" in page.text


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"),
        ("nobody", "correct horse battery"),
        ("", ""),
        ("ada\x00", "x"),
        ("a" * 500, "x" * 5_000),
    ],
)
def test_a_wrong_name_or_password_opens_nothing_and_does_not_say_which(closed, name, password):
    answer = closed.sign_in(name, password)
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert closed.get("/").status_code == 303


def test_the_sixth_try_of_a_name_at_an_address_must_wait_even_with_the_right_password(closed):
    for _ in range(5):
        assert closed.sign_in("ada", "wrong").status_code == 401
    answer = closed.sign_in()
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1
    closed.house.clock.advance(15 * 60 + 1)
    assert closed.sign_in().status_code == 303


def test_an_address_that_tries_many_names_must_wait(closed):
    for number in range(30):
        assert closed.sign_in(f"name{number}", "wrong").status_code == 401
    assert closed.sign_in().status_code == 429


def test_a_name_that_is_tried_from_many_addresses_must_wait(closed):
    throttle_answers = []
    for number in range(31):
        closed.client.environ_base["REMOTE_ADDR"] = f"192.0.2.{number}"
        throttle_answers.append(closed.sign_in("ada", "wrong").status_code)
    assert throttle_answers == [401] * 30 + [429]


def test_the_cookie_is_out_of_reach_of_scripts_and_new_after_signing_in(closed):
    before = closed.get("/sign-in").headers["Set-Cookie"]
    after = closed.sign_in().headers["Set-Cookie"]
    for cookie in (before, after):
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
    assert before.split(";")[0] != after.split(";")[0], "a token planted before must not become a session"


@pytest.mark.parametrize("way", ["forwarded", "setting"])
def test_behind_https_the_cookie_is_secure_and_browsers_are_told_to_stay(closed, way):
    if way == "setting":
        closed.daemon.public_url = "https://leads.example.com"
    answer = closed.get("/sign-in", headers={"X-Forwarded-Proto": "https"} if way == "forwarded" else {})
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_a_session_ends_when_it_is_idle(closed):
    closed.sign_in()
    for _ in range(3):
        closed.house.clock.advance(50 * 60)
        assert closed.get("/leads").status_code == 200
    closed.house.clock.advance(61 * 60)
    assert closed.get("/leads").status_code == 303


def test_a_session_ends_after_a_day_of_work_however_busy(closed):
    closed.sign_in()
    for _ in range(14):
        closed.house.clock.advance(50 * 60)
        assert closed.get("/leads").status_code == 200
    closed.house.clock.advance(30 * 60)
    assert closed.get("/leads").status_code == 303


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(closed):
    closed.sign_in()
    for _ in range(2):
        closed.house.clock.advance(35 * 60)
        answer = closed.get("/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_signing_out_ends_the_session_for_whoever_copied_the_cookie(closed):
    closed.sign_in()
    copied = closed.client.get_cookie("leadrelay").value
    assert closed.send("/sign-out", "/leads").location == "/sign-in"
    closed.client.set_cookie("leadrelay", copied)
    assert closed.get("/leads").status_code == 303


def test_a_new_password_ends_every_other_session(closed, store):
    other = closed.client.application.test_client()
    mine = closed.client
    for browser in (other, mine):
        closed.client = browser
        closed.sign_in()
    answer = closed.send(
        "/account", "/account", old="correct horse battery", new="another long one", again="another long one"
    )
    assert answer.status_code == 303
    assert mine.get("/leads").status_code == 200
    assert other.get("/leads").status_code == 303
    closed.client = other
    assert closed.sign_in("ada", "another long one").status_code == 303


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"old": "wrong", "new": "another long one", "again": "another long one"},
            "present password is wrong",
        ),
        ({"old": "correct horse battery", "new": "another long one", "again": "other"}, "same way twice"),
        ({"old": "correct horse battery", "new": "short", "again": "short"}, "12 to 256 characters"),
    ],
)
def test_a_password_is_changed_only_as_it_should_be(closed, values, says):
    closed.sign_in()
    answer = closed.send("/account", "/account", **values)
    assert answer.status_code == 422
    assert says in answer.text
    closed.send("/sign-out", "/leads")
    assert closed.sign_in().status_code == 303


def test_somebody_who_is_removed_is_out_at_once(closed, store):
    closed.sign_in()
    store.write(lambda on: access.act(on, "remove_user", {"name": "ada"}, closed.house.clock.now()))
    assert closed.get("/leads").status_code == 303


ACTS = (
    "/events/1/replay",
    "/aside/spam/replay",
    "/aside/letters/replay",
    "/aside/letters/replay-all",
    "/sign-out",
    "/account",
)


@pytest.mark.parametrize("path", [*ACTS, "/sign-in"])
@pytest.mark.parametrize("key", [None, "", "0" * 64])
def test_a_form_without_our_key_is_refused(closed, path, key):
    closed.sign_in()
    answer = closed.client.post(path, data={} if key is None else {"csrf": key})
    assert answer.status_code == 403
    assert "not from a page of this session" in answer.text


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.parametrize(
    "header",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused_even_with_the_key(desk, path, header):
    desk.get("/aside/spam")
    key = desk.client.get_cookie("leadrelay").value
    answer = desk.client.post(path, data={"csrf": csrf_of(key)}, headers=header)
    assert answer.status_code == 403


def test_a_form_by_a_proxy_with_our_public_name_is_taken(closed):
    closed.daemon.public_url = "https://leads.example.com"
    closed.sign_in()
    key = csrf_of(closed.client.get_cookie("leadrelay").value)
    answer = closed.client.post(
        "/sign-out", data={"csrf": key}, headers={"Origin": "https://leads.example.com"}
    )
    assert answer.status_code == 303


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/leads/none", "/static/style.css"])
def test_every_answer_keeps_to_itself(desk, path):
    headers = desk.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    if not path.startswith("/static"):
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "given",
    [
        {"environ_base": {"REMOTE_ADDR": "192.0.2.7"}},
        {"headers": {"X-Forwarded-For": "192.0.2.7"}},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Host": "127.0.0.1.evil.example"}},
    ],
    ids=str,
)
def test_a_sandbox_run_is_open_to_this_machine_only(desk, given):
    assert desk.get("/").status_code == 200
    assert desk.get("/", **given).status_code == 303


def test_where_nobody_can_sign_in_the_page_says_how_to_begin(store):
    desk = a_desk(store, is_open=False)
    assert "leadrelay user add NAME" in desk.get("/sign-in").text
    assert desk.sign_in().status_code == 401


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/leads?q=a", "/leads?q=a"),
        ("//evil.example", "/"),
        ("//[", "/"),
        ("https://[", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_led_to_another_site(path, to):
    assert own_path(path) == to


def test_an_address_that_is_none_is_no_fault_of_ours(closed):
    assert closed.get("/sign-in?next=//[").status_code == 200


def test_a_host_that_is_none_is_not_this_machine(desk):
    assert desk.get("/", headers={"Host": "["}).status_code in (303, 400)


def test_a_full_disk_shuts_nobody_out_who_is_in(closed, monkeypatch):
    closed.sign_in()
    closed.house.clock.advance(120)

    def full(*_: object) -> None:
        raise StoreBusy("database or disk is full")

    monkeypatch.setattr(closed.daemon.store, "write", full)
    assert closed.get("/leads").status_code == 200


def test_long_names_fill_no_memory(closed):
    throttle, now = Throttle(), closed.house.clock.now()
    for _ in range(5):
        throttle.failed("n" * 60_000, "192.0.2.1", now)
    assert throttle.wait("n" * 60_000, "192.0.2.1", now) is not None
    assert max(len(part) for key in throttle._failures for part in key) <= 65
    throttle.succeeded("n" * 60_000, "192.0.2.1")
    assert throttle.wait("n" * 60_000, "192.0.2.1", now) is None


def test_intake_knows_no_sessions(closed):
    answer = closed.client.post("/in/nowhere", json={"email": "ada@example.com"})
    assert answer.status_code == 404
    assert answer.json["code"] == "unknown_source"
    assert "Set-Cookie" not in answer.headers


def test_the_store_keeps_no_password_and_no_token(closed, store):
    closed.sign_in()
    token = closed.client.get_cookie("leadrelay").value
    with open(store.path, "rb") as file, open(f"{store.path}-wal", "rb") as log:
        kept = file.read() + log.read()
    assert token.encode() not in kept
    assert b"correct horse" not in kept
    assert hashed("correct horse battery").encode() in kept


def test_a_form_larger_than_any_of_ours_is_refused(desk: Desk):
    answer = desk.client.post("/sign-out", data={"csrf": "x" * 100_000})
    assert answer.status_code == 413

"""Who may post: each kind of proof, taken and refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from leadrelay.settings import read_secret
from mappings.playbook import SourceAuth
from tests.builders import a_source
from tests.webhooks.house import HERE, NOON, a_house

SECRET = "s3cret-\u00fcber"
BODY = b'{"email": "ada@example.com"}'
KEY = b"24 bytes of the best key"
WHSEC = "whsec_" + base64.b64encode(KEY).decode()


def post(auth: SourceAuth, headers=None, query="", peer="127.0.0.1", secrets=None, body=BODY):
    house = a_house(a_source(auth=auth), secrets={"IN_SECRET": SECRET} if secrets is None else secrets)
    answer = house.client.post(
        f"/in/website?{query}",
        data=body,
        content_type="application/json",
        headers=headers or {},
        environ_overrides={"REMOTE_ADDR": peer},
    )
    assert (answer.status_code == 202) == (len(house.inbox.events) == 1)
    text = json.dumps(
        [answer.json, [dict(event.payload) for event in house.inbox.events]], ensure_ascii=False
    )
    assert SECRET not in text
    assert WHSEC[6:] not in text
    return answer.status_code, answer.json.get("code")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"])
def test_an_unsigned_source_takes_posts_from_loopback(peer):
    assert post(SourceAuth("none", HERE), peer=peer) == (202, None)


@pytest.mark.parametrize(
    "peer", ["10.0.0.1", "172.17.0.1", "2001:db8::1", "::ffff:10.0.0.1", "", "1270.0.0.1"]
)
def test_an_unsigned_source_refuses_everyone_else(peer):
    assert post(SourceAuth("none", HERE), peer=peer) == (401, "unsigned_source")


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_an_unsigned_source_refuses_what_a_proxy_on_this_machine_passes_on(name):
    assert post(SourceAuth("none", HERE), {name: "127.0.0.1"}) == (401, "unsigned_source")


BEARER = SourceAuth("token", HERE, secret_env="IN_SECRET", header="Authorization")
NAMED = SourceAuth("token", HERE, secret_env="IN_SECRET", header="X-Token")
QUERY = SourceAuth("token", HERE, secret_env="IN_SECRET", query="key")
WIRE = SECRET.encode().decode("latin-1")  # UTF-8 on the wire, as WSGI shows it


@pytest.mark.parametrize(
    ("auth", "headers", "query", "found"),
    [
        (BEARER, {"Authorization": f"Bearer {WIRE}"}, "", (202, None)),
        (BEARER, {"Authorization": f"bearer  {WIRE}"}, "", (202, None)),
        (BEARER, {"Authorization": "Bearer wrong"}, "", (401, "token_wrong")),
        (BEARER, {"Authorization": f"Bearer {WIRE}x"}, "", (401, "token_wrong")),
        (BEARER, {"Authorization": "Bearer"}, "", (401, "token_missing")),
        (BEARER, {"Authorization": WIRE}, "", (202, None)),
        (BEARER, {}, "", (401, "token_missing")),
        (BEARER, {}, "key=s3cret-%C3%BCber", (401, "token_missing")),
        (NAMED, {"X-Token": WIRE}, "", (202, None)),
        (NAMED, {"Authorization": f"Bearer {WIRE}"}, "", (401, "token_missing")),
        (QUERY, {}, "key=s3cret-%C3%BCber", (202, None)),
        (QUERY, {}, "key=%ff%00", (401, "token_wrong")),
        (QUERY, {}, "key=", (401, "token_missing")),
        (QUERY, {"Authorization": f"Bearer {WIRE}"}, "", (401, "token_missing")),
    ],
)
def test_a_token_opens_only_where_the_source_says(auth, headers, query, found):
    assert post(auth, headers, query) == found


def test_a_token_of_the_query_is_not_stored():
    house = a_house(a_source(auth=QUERY), secrets={"IN_SECRET": "t"})
    house.client.post("/in/website?key=t&utm_source=x", json={})
    assert house.inbox.events[0].payload["query"] == {"utm_source": "x"}


def signed(algorithm: str, encoding: str, body: bytes = BODY, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), body, algorithm).digest()
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_an_hmac_is_over_the_raw_body(algorithm, encoding, prefix):
    auth = SourceAuth("hmac", HERE, "IN_SECRET", "X-Sig", "", algorithm, encoding, prefix)
    good = signed(algorithm, encoding)
    assert post(auth, {"X-Sig": prefix + good}) == (202, None)
    assert post(auth, {"X-Sig": prefix + good}, body=BODY + b" ") == (401, "signature_wrong")
    assert post(auth, {"X-Sig": prefix + signed(algorithm, encoding, secret="other")}) == (
        401,
        "signature_wrong",
    )
    assert post(auth, {"X-Sig": prefix + good[:-4]}) == (401, "signature_wrong")
    assert post(auth, {"X-Sig": prefix + "\u00ff%%"}) == (401, "signature_wrong")
    assert post(auth, {"X-Sig": prefix}) == (401, "signature_wrong" if prefix else "signature_missing")
    assert post(auth) == (401, "signature_missing")
    if prefix:
        assert post(auth, {"X-Sig": good}) == (401, "signature_wrong")


def test_an_hmac_in_hex_may_be_in_capitals():
    auth = SourceAuth("hmac", HERE, secret_env="IN_SECRET", header="X-Sig")
    assert post(auth, {"X-Sig": signed("sha256", "hex").upper()}) == (202, None)


STANDARD = SourceAuth("standard_webhooks", HERE, secret_env="WH")


def webhook(body=BODY, message_id="msg_1", offset=0.0, key=KEY):
    timestamp = str(int(NOON.timestamp() + offset))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def post_webhook(headers, body=BODY, secret=WHSEC, auth=STANDARD):
    return post(auth, headers, body=body, secrets={"WH": secret})


def test_the_example_of_the_standard_webhooks_specification_verifies():
    # From the reference libraries' tests: a secret, an id, a timestamp, a body and their signature.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    house = a_house(a_source(auth=STANDARD), secrets={"WH": secret})
    house.clock.at = NOON.fromtimestamp(1614265330, NOON.tzinfo)
    answer = house.client.post(
        "/in/website", data=b'{"test": 2432232314}', content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json["event"]) == (202, "msg_p5jXN8AQM9LWM0D4loKWxJek")


@pytest.mark.parametrize("offset", [0, 299, -299])
def test_a_webhook_within_the_tolerance_is_taken(offset):
    assert post_webhook(webhook(offset=offset)) == (202, None)


@pytest.mark.parametrize("offset", [301, -301, 86_400 * 365])
def test_a_webhook_from_the_past_or_the_future_is_refused(offset):
    assert post_webhook(webhook(offset=offset)) == (401, "timestamp_outside_tolerance")


def test_the_tolerance_is_the_sources_own():
    wide = SourceAuth("standard_webhooks", HERE, secret_env="WH", tolerance=timedelta(hours=1))
    assert post_webhook(webhook(offset=-3000), auth=wide) == (202, None)


def test_one_good_signature_among_several_is_enough():
    headers = webhook()
    headers["webhook-signature"] = f"v1a,AAAA v1,bm90IGl0 {headers['webhook-signature']} v2,x"
    assert post_webhook(headers) == (202, None)


@pytest.mark.parametrize("part", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_webhook_without_one_of_its_headers_is_refused(part):
    headers = webhook()
    del headers[part]
    assert post_webhook(headers) == (401, "signature_missing")


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOON.timestamp()) + 1)},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1"},
        {"webhook-signature": webhook(key=b"another key")["webhook-signature"]},
        {"webhook-signature": webhook()["webhook-signature"].replace("v1,", "v1a,")},
    ],
)
def test_a_webhook_whose_parts_were_changed_is_refused(change):
    assert post_webhook(webhook() | change) == (401, "signature_wrong")


@pytest.mark.parametrize("timestamp", ["soon", "-1", "1_0", "\u0661", "9" * 12, "9" * 5000, "1e9"])
def test_a_timestamp_that_is_no_time_is_refused(timestamp):
    headers = webhook() | {"webhook-timestamp": timestamp.encode().decode("latin-1")}
    assert post_webhook(headers) == (401, "timestamp_malformed")


@pytest.mark.parametrize("auth", [BEARER, QUERY, SourceAuth("hmac", HERE, "IN_SECRET", "X-Sig"), STANDARD])
@pytest.mark.parametrize("blank", [None, ""])
def test_a_source_whose_secret_is_not_set_takes_nothing(auth, blank):
    secrets = {} if blank is None else {auth.secret_env: blank}
    headers = {"X-Sig": hmac.new(b"", BODY, "sha256").hexdigest(), **webhook(key=b"")}
    house = a_house(a_source(auth=auth), secrets=secrets)
    answer = house.client.post(
        "/in/website?key=", data=BODY, content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json["code"]) == (401, "secret_missing")
    assert auth.secret_env in answer.json["fix"]


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_\u00fc"])
def test_a_webhook_secret_that_is_none_takes_nothing(secret):
    assert post_webhook(webhook(key=b""), secret=secret) == (401, "secret_malformed")


def test_a_secret_that_cannot_be_read_now_is_asked_for_again(tmp_path):
    """As while its file is being replaced: the sender's word is as good as before."""
    file = tmp_path / "secret"
    environ = {"IN_SECRET_FILE": str(file)}
    house = a_house(a_source(auth=NAMED), secret_of=lambda name: read_secret(environ, name))
    with capture_logs() as lines:
        answer = house.client.post("/in/website", data=BODY, headers={"X-Token": "s"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["code"] == "secret_unreadable"
    assert str(tmp_path) not in answer.text
    assert [(line["event"], line["secret"]) for line in lines] == [("source.secret_unreadable", "IN_SECRET")]
    assert house.inbox.events == []
    file.write_text("s\n")
    again = house.client.post("/in/website", json={"email": "ada@example.com"}, headers={"X-Token": "s"})
    assert again.status_code == 202


PAIRS = SourceAuth(
    "hmac", HERE, "IN_SECRET", "X-Sig", signed="{time}.{body}", time_key="t", signature_key="v1"
)
STAMPED = SourceAuth("hmac", HERE, "IN_SECRET", "X-Sig", signed="v0:{time}:{body}", time_header="X-At")
AT = int(NOON.timestamp())


def timed(message: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), message.encode() + BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (f"t={AT},v1={timed(f'{AT}.')}", (202, None)),
        (f" v1={timed(f'{AT}.')} , t={AT} ", (202, None)),
        (
            f"t={AT},v1={timed(f'{AT}.', 'old')},v1={timed(f'{AT}.')},v0=ff",
            (202, None),
        ),  # while it is rotated
        (f"t={AT},v1={timed(f'{AT}.', 'old')}", (401, "signature_wrong")),
        (f"t={AT},v1={timed('')}", (401, "signature_wrong")),
        (f"t={AT},v0={timed(f'{AT}.')}", (401, "signature_missing")),
        (f"t={AT},v1=", (401, "signature_missing")),
        (f"v1={timed('.')}", (401, "signature_missing")),
        (f"t=soon,v1={timed('soon.')}", (401, "timestamp_malformed")),
        (f"t=-1,v1={timed('-1.')}", (401, "timestamp_malformed")),
        (f"t={'9' * 15},v1={timed('9' * 15 + '.')}", (401, "timestamp_malformed")),
        (f"t={'9' * 5000},v1=ff", (401, "timestamp_malformed")),
        (f"t={AT + 301},v1={timed(f'{AT + 301}.')}", (401, "timestamp_outside_tolerance")),
        (f"t={AT - 301},v1={timed(f'{AT - 301}.')}", (401, "timestamp_outside_tolerance")),
        ("", (401, "signature_missing")),
        ("t,v1", (401, "signature_missing")),
    ],
)
def test_a_signature_and_its_time_in_one_header(header, found):
    assert post(PAIRS, {"X-Sig": header}) == found


@pytest.mark.parametrize(
    ("stamp", "found"),
    [
        (str(AT), (202, None)),
        (str(AT * 1000 + 999), (202, None)),  # milliseconds
        (str(AT * 1000 + 302_000), (401, "timestamp_outside_tolerance")),
        (str(AT // 2), (401, "timestamp_outside_tolerance")),
        ("", (401, "signature_missing")),
        ("\u0661", (401, "timestamp_malformed")),
        (f"{AT}.5", (401, "timestamp_malformed")),
    ],
)
def test_a_signed_time_in_a_header_of_its_own(stamp, found):
    headers = {"X-Sig": timed(f"v0:{stamp}:"), "X-At": stamp.encode().decode("latin-1")}
    assert post(STAMPED, headers) == found


IN_BODY = SourceAuth("token", HERE, secret_env="IN_SECRET", field="key")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (SECRET, (202, None)),
        (SECRET + "x", (401, "token_wrong")),
        ("", (401, "token_missing")),
        (None, (401, "token_missing")),
        (7, (401, "token_missing")),
        ([SECRET], (401, "token_missing")),
        ("\u00fc", (401, "token_wrong")),
    ],
)
def test_a_token_inside_the_body_is_compared_and_not_kept(key, found):
    body = json.dumps({"email": "ada@example.com", "key": key}).encode()
    assert post(IN_BODY, body=body) == found  # ``post`` looks for the secret in what was stored and answered


def test_a_token_that_is_nowhere_but_in_the_body_opens_by_no_other_way():
    assert post(IN_BODY, {"Authorization": f"Bearer {WIRE}"}, "key=s3cret-%C3%BCber") == (
        401,
        "token_missing",
    )


def test_posts_that_differ_in_their_token_only_are_one(tmp_path):
    house = a_house(a_source(auth=IN_BODY), secrets={"IN_SECRET": "a"})
    first = house.client.post("/in/website", json={"email": "ada@example.com", "key": "a"})
    house.secrets["IN_SECRET"] = "b"
    again = house.client.post("/in/website", json={"email": "ada@example.com", "key": "b"})
    assert (first.json["duplicate"], again.json["duplicate"]) == (False, True)

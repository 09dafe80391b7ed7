"""Whatever is sent: never a 5xx, always JSON, and what is accepted is stored exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.playbook import SourceAuth
from tests.builders import a_source
from tests.webhooks.house import HERE, a_house

CONTENT_TYPES = st.one_of(
    st.sampled_from(
        [
            "application/json",
            "application/json; charset=iso-8859-1",
            "application/x+json",
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=windows-1252",
            "multipart/form-data; boundary=x",
            "multipart/form-data; boundary=\u00fc",
            "multipart/form-data; boundary*=utf-8''%ff",
            "text/plain",
        ]
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=60),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
PART = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'
PIECES = [
    b"--x",
    b"\r\n",
    b"\r\n\r\n",
    b"--x--\r\n",
    b"Content-Disposition: form-data;",
    b' name="\xff"',
    PART,
    b":",
]
BODIES = st.one_of(
    st.binary(max_size=400),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.text(), JSON).map(lambda value: json.dumps(value).encode()),
    st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=12).map(b"".join),
    st.lists(st.sampled_from([b"a", b"=", b"&", b"%", b"%00", b"%ff", b"+", b"\xe9"]), max_size=30).map(
        b"".join
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Origin", "Referer", "User-Agent", "X-Id", "Authorization", "X-Sig",
                     "webhook-id", "webhook-timestamp", "webhook-signature", "Content-Encoding"]),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
    max_size=4,
)  # fmt: skip
QUERIES = st.lists(
    st.sampled_from(["a", "=", "&", "%", "%00", "%ff", "%ed%a0%80", "key", "\u00e9"]), max_size=20
).map("".join)

SOURCES = (
    a_source(
        id_header="X-Id", id_path="a", occurred_at_path="a", cors=("*",), redirect="/thanks", max_bytes=600
    ),
    a_source("token", auth=SourceAuth("token", HERE, "S", query="key")),
    a_source("hmac", auth=SourceAuth("hmac", HERE, "S", "X-Sig", encoding="base64")),
    a_source("webhooks", auth=SourceAuth("standard_webhooks", HERE, "S")),
)


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from texts_of(inner)


@settings(max_examples=400, deadline=None)
@given(
    BODIES, CONTENT_TYPES, HEADERS, QUERIES, st.sampled_from([source.name for source in SOURCES] * 2 + ["x"])
)
def test_every_answer_is_json_below_500_and_what_is_accepted_is_stored_once(
    body, content_type, headers, query, name
):
    house = a_house(*SOURCES, secrets={"S": "whsec_c2VjcmV0"})
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ |= {"QUERY_STRING": query.encode().decode("latin-1"), "CONTENT_TYPE": content_type}
    answer = house.client.post(f"/in/{name}", data=body, environ_overrides=environ)
    assert answer.status_code < 500
    if answer.status_code in (202, 303):
        [event] = house.inbox.events
        assert answer.json == {"event": event.event_id, "duplicate": False}
        assert event.event_id.encode("utf-8")
        stored = json.dumps(event.payload, ensure_ascii=False, allow_nan=False)
        assert not any("\0" in text for text in texts_of(event.payload))
        assert json.loads(stored.encode("utf-8")) == event.payload
        assert event.occurred_at <= event.received_at
    else:
        assert set(answer.json) == {"code", "message", "fix"}
        assert house.inbox.events == []

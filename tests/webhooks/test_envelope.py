"""The envelope: what is taken, how it is kept, and what is refused with which words."""

from __future__ import annotations

import json

import pytest

from tests.builders import a_source
from tests.webhooks.house import a_house

FORM = "application/x-www-form-urlencoded"


def payload_of(body: bytes | str, content_type: str, query: str = "", **limits: int) -> dict:
    house = a_house(a_source(**limits))
    answer = house.client.post(f"/in/website?{query}", data=body, content_type=content_type)
    assert answer.status_code == 202, answer.json
    [event] = house.inbox.events
    json.dumps(event.payload, ensure_ascii=False, allow_nan=False).encode("utf-8")  # every store can hold it
    return dict(event.payload)


def refusal_of(
    body: bytes | str, content_type: str, query: str = "", headers: dict | None = None, **limits: int
):
    house = a_house(a_source(**limits))
    answer = house.client.post(f"/in/website?{query}", data=body, content_type=content_type, headers=headers)
    assert house.inbox.events == []
    assert set(answer.json) == {"code", "message", "fix"}
    return answer.status_code, answer.json["code"], answer.json["message"]


def test_a_json_post_is_kept_with_its_query_some_headers_and_the_peer():
    house = a_house()
    headers = {
        "Referer": "https://example.com/pricing",
        "User-Agent": "Zo\u00eb/1".encode().decode("latin-1"),
        "Cookie": "session=secret",
        "Authorization": "Bearer secret",
    }
    house.client.post(
        "/in/website?utm_source=news&gclid=x", json={"email": "ada@example.com"}, headers=headers
    )
    [event] = house.inbox.events
    assert event.payload == {
        "body": {"email": "ada@example.com"},
        "query": {"utm_source": "news", "gclid": "x"},
        "headers": {"referer": "https://example.com/pricing", "user-agent": "Zo\u00eb/1"},
        "ip": "127.0.0.1",
        "content_type": "application/json",
    }


@pytest.mark.parametrize(
    ("body", "content_type", "kept"),
    [
        ("email=ada%40example.com&name=Zo%C3%AB", FORM, {"email": "ada@example.com", "name": "Zoë"}),
        ("interest=crm&interest=ads&blank=", FORM, {"interest": ["crm", "ads"], "blank": ""}),
        ("name=Zo%EB", f"{FORM}; charset=ISO-8859-1", {"name": "Zoë"}),
        ("name=Zoë".encode(), f"{FORM}; charset=UTF-8", {"name": "Zoë"}),
        ("a=x%00y", FORM, {"a": "x\ufffdy"}),
        ("", FORM, {}),
        ('\ufeff{"a": 1}'.encode(), "application/json", {"a": 1}),
        ('{"a": 1}', "application/cloudevents+json; charset=utf-8", {"a": 1}),
        ('{"a": 1, "b": 0, "a": [2]}', "application/json", {"a": [1, [2]], "b": 0}),
        (
            '{"a": "x\\u0000y", "\\u0000": "\\ud800"}',
            "application/json",
            {"a": "x\ufffdy", "\ufffd": "\ufffd"},
        ),
        ('{"\\u0000": 1, "\\ud800": 2}', "application/json", {"\ufffd": [1, 2]}),
        ('{"a": "\\ud83d\\ude00"}', "application/json", {"a": "\U0001f600"}),
        ('{"a": [{"b": "\\udfff"}]}', "application/json", {"a": [{"b": "\ufffd"}]}),
        ('{"a": 1e999, "b": -1e999, "c": 1.5}', "application/json", {"a": "1e999", "b": "-1e999", "c": 1.5}),
        ('{"a": ' + "9" * 5000 + "}", "application/json", {"a": "9" * 5000}),
        ('{"a": 12345678901234567890}', "application/json", {"a": 12345678901234567890}),
    ],
)
def test_contents_are_kept_whatever_they_are(body, content_type, kept):
    assert payload_of(body, content_type)["body"] == kept


def test_of_a_multipart_file_only_name_and_size_are_kept():
    body = (
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.com\r\n'
        b'--x\r\nContent-Disposition: form-data; name="cv"; filename="cv.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n\x00\xff\x01\r\n"
        b'--x\r\nContent-Disposition: form-data; name="tag"\r\n\r\na\r\n'
        b'--x\r\nContent-Disposition: form-data; name="tag"\r\n'
        b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nb\xe9\r\n--x--\r\n"
    )
    assert payload_of(body, "multipart/form-data; boundary=x")["body"] == {
        "email": "ada@example.com",
        "cv": {"filename": "cv.pdf", "size": 3},
        "tag": ["a", "bé"],
    }


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "words"),
    [
        ('{"a": 1,\n "b": }', "application/json", 400, "malformed_json", "line 2, column 7"),
        ("", "application/json", 400, "malformed_json", "line 1, column 1"),
        ('{"a": NaN}', "application/json", 400, "malformed_json", "NaN"),
        ('{"a": -Infinity}', "application/json", 400, "malformed_json", "-Infinity"),
        (b'{"a": "\xff"}', "application/json", 400, "bad_encoding", "UTF-8"),
        ("a=%ff", FORM, 400, "bad_encoding", "UTF-8"),
        (b"a=\xff", FORM, 400, "bad_encoding", "UTF-8"),
        ("[1]", "application/json", 422, "not_an_object", "object"),
        ('"a"', "application/json", 422, "not_an_object", "object"),
        ("null", "application/json", 422, "not_an_object", "object"),
        ("[" * 100_000, "application/json", 422, "too_deep", "12 levels"),
        ("a", "text/plain", 415, "content_type", "Content-Type"),
        ("a", "", 415, "content_type", "Content-Type"),
        ("a=1", f"{FORM}; charset=utf-7", 415, "charset", "charset"),
        ("a", "multipart/form-data", 400, "malformed_multipart", "boundary"),
        ("--x\r\n", "multipart/form-data; boundary=x", 400, "malformed_multipart", "part"),
    ],
)
def test_a_wrong_envelope_is_refused_in_words_that_help(body, content_type, status, code, words):
    found = refusal_of(body, content_type)
    assert found[:2] == (status, code)
    assert words in found[2]


def test_a_compressed_body_is_refused():
    assert refusal_of(b"\x1f\x8b", "application/json", headers={"Content-Encoding": "gzip"})[:2] == (
        415,
        "content_encoding",
    )


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def test_depth_is_counted_in_objects_and_lists():
    assert payload_of(nested(3), "application/json", max_depth=3)
    assert refusal_of(nested(4), "application/json", max_depth=3)[1] == "too_deep"
    assert refusal_of('{"a": [[[1]]]}', "application/json", max_depth=3)[1] == "too_deep"


PART = '--x\r\nContent-Disposition: form-data; name="{0}"\r\n\r\n{0}\r\n'
FOUR_PARTS = "".join(PART.format(name) for name in "abcd") + "--x--"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{"a": 1, "b": [1, 2]}', "application/json"),
        ("a=1&b=2&c=3&d=4", FORM),
        (FOUR_PARTS, "multipart/form-data; boundary=x"),
    ],
)
def test_fields_are_counted_in_every_form_of_body(body, content_type):
    assert payload_of(body, content_type, max_fields=4)
    assert refusal_of(body, content_type, max_fields=3)[:2] == (422, "too_many_fields")


def test_size_counts_query_and_body_together():
    assert payload_of('{"a":"12"}', "application/json", query="b=1", max_bytes=13)
    assert refusal_of('{"a":"123"}', "application/json", query="b=1", max_bytes=13)[:2] == (413, "too_large")
    assert refusal_of("{}", "application/json", query="b=" + "1" * 20, max_bytes=13)[:2] == (413, "too_large")


class Stream:
    """A body of endless bytes that counts how many were asked for, in short reads."""

    def __init__(self, body: bytes | None = None) -> None:
        self.left = body
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "read without a limit"
        chunk = b" " * min(size, 7) if self.left is None else self.left[: min(size, 7)]
        if self.left is not None:
            self.left = self.left[len(chunk) :]
        self.taken += len(chunk)
        return chunk


def test_a_chunked_body_is_read_no_further_than_the_limit():
    house = a_house(a_source(max_bytes=100))
    endless = Stream()
    chunked = {"wsgi.input": endless, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = house.client.post("/in/website", content_type="application/json", environ_overrides=chunked)
    assert (answer.status_code, endless.taken) == (413, 101)


def test_a_chunked_body_in_small_pieces_is_read_whole():
    house = a_house()
    chunked = {"wsgi.input": Stream(b'{"email": "ada@example.com"}'), "wsgi.input_terminated": True}
    answer = house.client.post("/in/website", content_type="application/json", environ_overrides=chunked)
    assert answer.status_code == 202
    assert house.inbox.events[0].payload["body"] == {"email": "ada@example.com"}


def test_a_content_length_above_the_limit_is_refused_without_reading():
    house = a_house(a_source(max_bytes=100))
    endless = Stream()
    lying = {"wsgi.input": endless, "CONTENT_LENGTH": "101"}
    answer = house.client.post("/in/website", content_type="application/json", environ_overrides=lying)
    assert (answer.status_code, endless.taken) == (413, 0)


def test_a_body_shorter_than_its_content_length_is_not_taken():
    house = a_house()
    lying = {"wsgi.input": Stream(b'{"a": 1}'), "CONTENT_LENGTH": "50"}
    answer = house.client.post("/in/website", content_type="application/json", environ_overrides=lying)
    assert (answer.status_code, answer.json["code"]) == (400, "incomplete_body")
    assert house.inbox.events == []

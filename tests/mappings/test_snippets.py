"""The form that is printed for a page: what it posts is read as the lead, the visit and the consent."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mappings.compile import load
from mappings.inward import read
from mappings.snippets import Wanted, snippet
from mappings.starter import write_starter
from model.errors import LeadRelayError
from model.event import Event, EventKind, StoredEvent
from tests.builders import NOON

ADDRESS = "https://leads.example"


@pytest.fixture(scope="module")
def playbook(tmp_path_factory):
    folder = tmp_path_factory.mktemp("snippets") / "playbook"
    write_starter(folder)
    return load(folder)


class Form(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str]] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag in ("input", "select", "textarea") and "name" in given:
            self.inputs[given["name"]] = {"tag": tag, **given}


def form_of(playbook, name="website", **wanted):
    return Form(snippet(playbook, playbook.sources[name], Wanted(**wanted), ADDRESS, NOON))


def test_what_it_posts_becomes_the_lead_with_its_activity_and_consent(playbook):
    form = form_of(playbook, activity="pricing_inquiry")
    [action] = [given["action"] for tag, given in form.tags if tag == "form"]
    assert action == f"{ADDRESS}/in/website"
    assert "required" in form.inputs["email"]
    body = {name: given.get("value", "") for name, given in form.inputs.items()}
    body |= {
        "email": "ada@analytical.example",
        "last_name": "Lovelace",
        "utm_source": "news",
        "utm_medium": "email",
    }
    event = Event("website", "1", EventKind.INTAKE, {"body": body, "query": {}, "headers": {}}, NOON, NOON)
    found = read(StoredEvent(1, event, 0, NOON, 1), playbook)
    assert (found.fields["email"], found.fields["consent_email"]) == ("ada@analytical.example", True)
    assert [one.kind for one in found.activities] == ["pricing_inquiry"]
    assert (found.honeypot, found.problems) == ((), ())
    assert found.touch.fields["source"] == "news"


def test_a_field_with_a_table_or_options_is_a_choice(playbook):
    with_options = replace(playbook, options={"buying_timeframe": ("Now", "<Later>")})
    text = snippet(with_options, playbook.sources["website"], Wanted(["buying_timeframe"]), ADDRESS, NOON)
    assert "<option>&lt;Later&gt;</option>" in text
    assert Form(text).inputs["timeframe"]["tag"] == "select"


def test_the_consents_text_is_that_of_the_day_and_escaped(playbook):
    text = snippet(playbook, playbook.sources["website"], Wanted(), ADDRESS, NOON)
    shown = playbook.consent.purposes["email"].shown_at(NOON).text
    assert shown in text


def test_a_captcha_and_a_fill_time_have_their_place(playbook):
    source = replace(playbook.sources["website"], fill_time_path="how_long")
    text = snippet(playbook, source, Wanted(), ADDRESS, NOON)
    assert "how_long" in Form(text).inputs
    assert 'form.elements["how_long"]' in text


@pytest.mark.parametrize(
    ("source", "wanted", "told"),
    [
        ("partner", {}, "its secret would be in the page"),
        ("events", {}, "its secret would be in the page"),
        ("website", {"fields": ["emial"]}, "reads no emial"),
        ("website", {"activity": "demo"}, "No post to website counts as demo; there are: demo_request"),
    ],
)
def test_what_no_page_can_do_is_said(playbook, source, wanted, told):
    with pytest.raises(LeadRelayError, match=told):
        form_of(playbook, source, **wanted)


def test_a_token_stands_in_the_address(playbook):
    source = playbook.sources["website"]
    public = replace(source, auth=replace(source.auth, kind="token", query="key", secret_env="X"))
    assert f'action="{ADDRESS}/in/website?key=THE-TOKEN"' in snippet(
        playbook, public, Wanted(), ADDRESS, NOON
    )

"""A visit is told by what names its origin: UTM parameters, click ids, referrer, landing page."""

from __future__ import annotations

import pytest

from mappings.touches import CLICK_IDS, Post, read_touch

PAGE = "https://www.northlight.example/demo"


def touch(paths=None, constants=None, **post):
    return read_touch(Post(post.get, post, paths or {}, lambda *_: None), constants or {})


@pytest.mark.parametrize(
    ("post", "source", "medium", "channel"),
    [
        ({"utm_source": "google", "utm_medium": "cpc"}, "google", "cpc", "paid_search"),
        ({"utm_source": "LinkedIn", "utm_medium": "CPC"}, "linkedin", "cpc", "paid_social"),
        ({"utm_source": "fb", "utm_medium": "paid_social"}, "fb", "paid_social", "paid_social"),
        ({"utm_source": "news.example", "utm_medium": "cpc"}, "news.example", "cpc", "paid_other"),
        ({"utm_source": "newsletter", "utm_medium": "email"}, "newsletter", "email", "email"),
        ({"utm_source": "awin", "utm_medium": "affiliate"}, "awin", "affiliate", "affiliate"),
        ({"utm_source": "dv360", "utm_medium": "display"}, "dv360", "display", "display"),
        ({"utm_source": "chatgpt.com"}, "chatgpt.com", None, "ai_assistant"),
        ({"utm_source": "perplexity", "utm_medium": "referral"}, "perplexity", "referral", "ai_assistant"),
        ({"utm_source": "acme"}, "acme", None, "other"),
        ({"utm_campaign": "spring"}, None, None, "other"),
        ({"page_url": f"{PAGE}?gclid=A1"}, "google", "cpc", "paid_search"),
        ({"page_url": f"{PAGE}?wbraid=A1"}, "google", "cpc", "paid_search"),
        ({"page_url": f"{PAGE}?msclkid=A1"}, "bing", "cpc", "paid_search"),
        ({"page_url": f"{PAGE}?li_fat_id=A1"}, "linkedin", "paid_social", "paid_social"),
        ({"page_url": f"{PAGE}?dclid=A1"}, "google", "display", "display"),
        ({"page_url": f"{PAGE}?fbclid=A1"}, "facebook", "social", "organic_social"),
        (
            {"page_url": f"{PAGE}?fbclid=A1&utm_source=facebook&utm_medium=cpc"},
            "facebook",
            "cpc",
            "paid_social",
        ),
        ({"referrer": "https://www.google.co.uk/"}, "google", "organic", "organic_search"),
        ({"referrer": "https://duckduckgo.com/"}, "duckduckgo", "organic", "organic_search"),
        ({"referrer": "https://lnkd.in/x"}, "linkedin", "social", "organic_social"),
        ({"referrer": "https://t.co/x"}, "x", "social", "organic_social"),
        ({"referrer": "https://chatgpt.com/"}, "chatgpt", "ai_assistant", "ai_assistant"),
        ({"referrer": "https://gemini.google.com/app"}, "gemini", "ai_assistant", "ai_assistant"),
        ({"referrer": "https://mail.google.com/"}, "gmail", "email", "email"),
        ({"referrer": "android-app://com.google.android.gm/"}, "gmail", "email", "email"),
        ({"referrer": "https://blog.acme.example/x?y"}, "blog.acme.example", "referral", "referral"),
        ({"referrer": "https://google.evil.example.com"}, "google.evil.example.com", "referral", "referral"),
        ({"referrer": PAGE, "page_url": f"{PAGE}/more"}, None, None, "direct"),  # the own site
        ({"referrer": "https://northlight.example", "page_url": PAGE}, None, None, "direct"),
        ({}, None, None, "direct"),
        ({"utm_source": "undefined", "utm_campaign": "{{campaign.name}}"}, None, None, "direct"),
        ({"utm_source": "(not set)", "referrer": "null"}, None, None, "direct"),
    ],
)
def test_channel_source_and_medium(post, source, medium, channel):
    found = touch(**post)
    assert (found.get("source"), found.get("medium"), found["channel"]) == (source, medium, channel)


@pytest.mark.parametrize("kind", sorted(CLICK_IDS))
def test_every_click_id_is_found_in_fields_and_in_the_page_address(kind):
    for found in (touch(**{kind: "Ab-1"}), touch(page_url=f"{PAGE}?x=1&{kind}=Ab-1")):
        assert (found["click_id"], found["click_id_kind"]) == ("Ab-1", kind)


def test_a_field_beats_the_landing_page_and_this_the_page_of_the_form():
    found = touch(
        utm_campaign="field",
        landing_page=f"{PAGE}?utm_campaign=landing&utm_term=landing",
        page_url=f"{PAGE}/form?utm_term=page&utm_content=page",
    )
    assert (found["campaign"], found["term"], found["content"]) == ("field", "landing", "page")
    assert found["landing_page"] == PAGE


def test_addresses_lose_their_queries_where_personal_data_travels():
    found = touch(page_url=f"{PAGE}?email=ada@example.com&token=1#x", referrer="https://a.example/?q=ada")
    assert found["landing_page"] == PAGE
    assert found["referrer"] == "https://a.example/"


def test_constants_of_the_source_stand_where_the_sender_says_nothing():
    constants = {"channel": "referral", "source": "brightbridge"}
    assert touch(constants=constants) == {"source": "brightbridge", "channel": "referral"}
    assert touch(constants=constants, utm_source="other")["source"] == "other"


def test_own_names_of_the_sender_come_first():
    found = touch(
        paths={"campaign": ("kampagne",), "channel": ("kanal",)}, kampagne="Frühling", kanal="Event"
    )
    assert (found["campaign"], found["channel"]) == ("Frühling", "event")


def test_a_value_that_cannot_be_used_is_told_and_costs_only_itself():
    told = []
    post = {"utm_source": {"a": 1}, "utm_medium": "email"}
    found = read_touch(Post(post.get, post, {}, lambda field, reason: told.append((field, reason))), {})
    assert told == [("touch.source", "is an object, not a value")]
    assert found == {"medium": "email", "channel": "email"}


def test_long_values_are_cut():
    assert len(touch(utm_campaign="x" * 900)["campaign"]) == 255
    assert len(touch(page_url=f"https://a.example/{'x' * 9_000}")["landing_page"]) == 255

"""enrichment.yaml: who is asked what, and what is wrong with it, with its place and a remedy."""

from __future__ import annotations

import pytest

from mappings import starter
from mappings.compile import check, load
from mappings.enriching import kept_of, request_of, values_of
from mappings.requesting import parse
from mappings.templates import BadTemplate
from model.errors import LeadRelayError
from tests.builders import a_lead
from tests.mappings.folders import playbook_folder

GOOD = """\
providers:
  - name: firmo
    when: {country: [DE, AT]}
    url: https://api.firmo.example/v1/companies/{company}?v=2
    method: POST
    headers: {X-Key: "${LEADRELAY_PROVIDER_FIRMO_KEY}"}
    query: {mail: "{email}", phone: "{phone|}"}
    body:
      who: {size: "{employees|0}", words: ["{first_name|Mr.} {last_name|X}", 7]}
    timeout: 5s
    fields:
      title: person.role
      budget: {from: [money, cash], convert: number}
    cache: 7d
    spend: {per_day: 10, cost: 0.05}
    at_cap: later
    on_failure: later
"""
PIPELINE = "handlers: [screen, identify, enrich, score]\n"


def written(tmp_path, text, pipeline=PIPELINE):
    return playbook_folder(tmp_path, files={"enrichment.yaml": text, "pipeline.yaml": pipeline})


def test_what_is_asked_is_what_the_file_says(tmp_path):
    [firmo] = load(written(tmp_path, GOOD)).enrichment.providers.values()
    assert (firmo.spend.per_day, firmo.spend.cost, firmo.cache.days, firmo.timeout) == (10, 50_000, 7, 5.0)
    lead = a_lead(email="ada@example.com", company="A & B/C ${LEADRELAY_PROVIDER_FIRMO_KEY}", employees=12)
    values = values_of(firmo, lead)
    request = request_of(firmo, values, lambda name: f"<{name}>", "")
    word = "A%20%26%20B%2FC%20%24%7BLEADRELAY_PROVIDER_FIRMO_KEY%7D"  # no secret, though it looks like one
    assert request.url == f"https://api.firmo.example/v1/companies/{word}?v=2"
    assert request.query == {"mail": "ada@example.com"}  # what is blank is left out
    assert request.headers == {"X-Key": "<LEADRELAY_PROVIDER_FIRMO_KEY>"}
    assert request.body == {"who": {"size": 12, "words": ["Mr. X", 7]}}
    assert "<LEADRELAY" not in repr(request)
    elsewhere = request_of(firmo, values, lambda _: "", "http://127.0.0.1:8903/fake/")
    assert elsewhere.url == f"http://127.0.0.1:8903/fake/v1/companies/{word}?v=2"


def test_nobody_is_asked_without_a_value_that_is_needed(tmp_path):
    [firmo] = load(written(tmp_path, GOOD)).enrichment.providers.values()
    assert values_of(firmo, a_lead(email="ada@example.com")) is None


def test_of_an_answer_only_what_is_read_is_kept(tmp_path):
    [firmo] = load(written(tmp_path, GOOD)).enrichment.providers.values()
    answer = {"person": {"role": "CEO", "age": 50}, "money": "", "cash": "x" * 30_000, "other": 1}
    assert kept_of(firmo, answer) == {"person.role": "CEO"}


def test_another_question_or_another_field_makes_older_answers_useless(tmp_path):
    marks = set()
    for n, text in enumerate((GOOD, GOOD.replace("v=2", "v=3"), GOOD.replace("person.role", "person.job"))):
        marks |= {one.mark for one in load(written(tmp_path / str(n), text)).enrichment.providers.values()}
    assert len(marks) == 3


def test_without_the_file_nobody_is_asked(tmp_path):
    assert not load(playbook_folder(tmp_path)).enrichment.providers


def test_the_starters_example_is_sound_and_not_in_use(tmp_path):
    starter.write_starter(tmp_path)
    assert not load(tmp_path).enrichment.providers
    starter.use_example(tmp_path / "enrichment.yaml")
    assert list(load(tmp_path).enrichment.providers) == ["companies"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: firmo", "name: Firmo Inc", 'enrichment.yaml:2:11: "Firmo Inc" cannot be used here'),
        (
            "name: firmo",
            "name: captcha",
            "2:11: captchas are asked under this name\n    Give the provider an",
        ),
        ("{company}", "{compny}", '4:10: there is no lead field "compny"\n    Did you mean "company"?'),
        ("{company}", "{company", '4:10: "{" stands alone; write {{ for the character itself'),
        ("https://api", "api", "4:10: this does not begin with the address of a host, up to the / behind it"),
        ("api.firmo.example/v1", "{company}.firmo.example", "4:10: this does not begin with the address"),
        ("https://api", "https://me:pw@api", "4:10: a secret never stands in the playbook"),
        (
            "${LEADRELAY_PROVIDER_FIRMO_KEY}",
            "${LEADRELAY_HUBSPOT_TOKEN}",
            "6:22: secrets of providers are in",
        ),
        ("headers: {X-Key", "headers: {X-Api-Key: s3cret, X-Key", "6:26: a secret never stands in the playb"),
        ("method: POST", "method: GET", "8:5: nothing is posted by GET\n    Write method: POST"),
        ("timeout: 5s", "timeout: 5m", "10:14: an answer may take 1s to 60s"),
        ("title: person.role", "email: mail", '12:7: a provider cannot set "email": it is by the address'),
        ("title: person.role", "opted_out: o", '12:7: a provider cannot set "opted_out": nobody but'),
        ("title: person.role", "consent_email: o", '12:7: a provider cannot set "consent_email": nobody but'),
        ("title: person.role", "score: s", '12:7: "score" is decided by leadrelay'),
        ("title: person.role", "record.hubspot.contacts: s", "12:7: a provider knows no records of a CRM"),
        ("person.role", "people[a=b]", '12:7: "people[a=b]" says which entry, but not what of it'),
        ("convert: number", "convert: text", '13:46: "budget" needs the converter "number" at the end'),
        (
            "{per_day: 10, cost: 0.05}",
            "{cost: 0.05}",
            "15:5: nothing bounds what is spent\n    Write for exa",
        ),
        ("cache: 7d", "cache: 7d\n    wait_for: 2h", "15:15: a lead may wait 1s to 1h for an answer"),
        ("at_cap: later", "at_cap: wait", '16:13: "wait" is not possible here\n    Known: skip, later.'),
        ("    when: {country", "    when: {contry", '3:12: there is no lead field "contry"'),
        ("{phone|}", "${HOME}", "7:37: secrets of providers are in variables called LEADRELAY_PROVIDER_…"),
        ("fields:", "felds:", '11:5: there is no setting "felds"\n    Did you mean "fields"?'),
    ],
)
def test_each_mistake_is_told_with_its_place_and_a_remedy(tmp_path, old, new, problem):
    assert old in GOOD
    told = "\n".join(map(str, check(written(tmp_path, GOOD.replace(old, new, 1)))))
    assert problem in told


def test_two_of_one_name_and_a_question_about_nobody(tmp_path):
    plain = "  - name: a\n    url: https://x.example/\n    fields: {title: t}\n    spend: {per_day: 1}\n"
    told = [str(one) for one in check(written(tmp_path, f"providers:\n{plain}{plain}"))]
    assert told[0].startswith("enrichment.yaml:2:5: this asks about nobody")
    assert told[1].startswith('enrichment.yaml:6:11: there are two providers called "a"')


@pytest.mark.parametrize(
    ("handlers", "problem"),
    [
        (
            "screen, identify, score",
            "pipeline.yaml:1:1: enrichment.yaml has providers, and no rule asks them",
        ),
        ("screen, enrich, identify, score", '1:20: "enrich" asks by what "identify" finds out'),
    ],
)
def test_the_rule_that_asks_stands_in_its_place(tmp_path, handlers, problem):
    assert problem in "\n".join(map(str, check(written(tmp_path, GOOD, f"handlers: [{handlers}]\n"))))


def test_braces_can_be_said_and_secrets_only_by_their_own_names():
    assert parse("{{a}}", []) == ("{", "a", "}")
    with pytest.raises(BadTemplate):
        parse("${LEADRELAY_SECRET_KEY}", [])


def test_a_secret_that_is_not_set_stops_the_call(tmp_path):
    def missing(name):
        raise LeadRelayError(f"{name} is not set")

    [firmo] = load(written(tmp_path, GOOD)).enrichment.providers.values()
    with pytest.raises(LeadRelayError, match="FIRMO_KEY is not set"):
        request_of(firmo, {"company": "x", "email": "y"}, missing, "")

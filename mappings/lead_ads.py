"""Lead ads: notices that name a lead, how the lead is asked for, and its answers as a post's body. Pure.

Sources: Meta, "Webhooks for Leadgen", "Retrieving Leads" and "Handle Errors" (Graph API); LinkedIn, "Lead
Forms" (leadFormResponses, leadNotifications).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mappings.playbook import LEAD_ADS, LeadAds, Playbook
from mappings.requesting import Secrets, moved_to
from model.enrichment import Request
from model.event import JsonValue

VERSIONS = {"facebook": "v24.0", "linkedin": "202601"}
HOSTS = {"facebook": "https://graph.facebook.com", "linkedin": "https://api.linkedin.com"}
ANSWERS = "answers"
"""Name in the body under which the answers stand, each by its question."""

FACEBOOK_FIELDS = ("id", "created_time", "form_id", "is_organic", "platform", "field_data")
"""What every token reads; names of ads and campaigns take one with ads_management."""

LINKEDIN_FIELDS = (
    "id,submittedAt,testLead,leadType,leadMetadataInfo,formResponse,form:(id,name,hiddenFields,content)"
)
BUSY_CODES = frozenset({1, 2, 4, 17, 32, 341, 368, 613, 80001, 80004, 80005})
"""Codes of the Graph API's errors, which have the status 400, that say: later."""

TIMEOUT = 20.0  # seconds
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Notice:
    """One lead of which a post tells; ``body`` is what it tells."""

    id: str
    body: Mapping[str, JsonValue]


def notices(kind: str, body: JsonValue) -> list[Notice]:
    """Return the leads that a post tells of; news of anything else are passed over.

    Raises ``ValueError`` for one without a number that can be asked for.
    """
    given: Any = body
    found = []
    for number, told in (_of_facebook if kind == "facebook" else _of_linkedin)(given):
        if not _ID.fullmatch(number):
            raise ValueError("a notice names no lead")
        found.append(Notice(number, told))
    return found


def _of_facebook(body: Any) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    for entry in _list(body, "entry"):
        for change in _list(entry, "changes"):
            if isinstance(change, Mapping) and change.get("field") == "leadgen":
                value = change.get("value")
                told = value if isinstance(value, Mapping) else {}
                yield str(told.get("leadgen_id") or ""), told


def _of_linkedin(body: Any) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    if (
        isinstance(body, Mapping)
        and body.get("type") == "LEAD_ACTION"
        and body.get("leadAction") == "CREATED"
    ):
        yield str(body.get("leadGenFormResponse") or "").rpartition(":")[2], body


def _list(given: Any, name: str) -> Sequence[Any]:
    found = given.get(name) if isinstance(given, Mapping) else None
    return found if isinstance(found, list) else []


def lead_ads_named(name: str, playbook: Playbook) -> LeadAds | None:
    """Return whose leads are asked for by this name; ``None`` where the source reads none any more."""
    source = playbook.sources.get(name.removeprefix(LEAD_ADS))
    return source.lead_ads if source is not None else None


def request_of(setting: LeadAds, number: str, secrets: Secrets, base: str) -> Request:
    """Return the call; raises what ``secrets`` raises."""
    headers = {"Authorization": f"Bearer {secrets(setting.secret_env)}"}
    host = HOSTS[setting.kind]
    if setting.kind == "facebook":
        url = f"{host}/{setting.version}/{number}"
        names = ",".join(dict.fromkeys((*FACEBOOK_FIELDS, *setting.fields)))
        query = {"fields": names}
    else:
        url, query = f"{host}/rest/leadFormResponses/{number}?fields={LINKEDIN_FIELDS}", {}
        headers |= {"LinkedIn-Version": setting.version, "X-Restli-Protocol-Version": "2.0.0"}
    return Request(
        "GET",
        moved_to(url, base) if base else url,
        headers=headers,
        query=query,
        timeout=TIMEOUT,
        busy_codes=BUSY_CODES if setting.kind == "facebook" else frozenset(),
    )


def body_of(kind: str, told: Mapping[str, JsonValue], answer: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return a post's body: what its notice told, and the lead with each answer by its question."""
    if kind == "facebook":
        rest = {name: value for name, value in answer.items() if name != "field_data"}
        return {**told, **rest, ANSWERS: dict(_answers_of_facebook(answer))}
    form, response = answer.get("form"), answer.get("formResponse")
    rest = {name: value for name, value in answer.items() if name not in ("form", "formResponse")}
    named = {name: form[name] for name in ("id", "name") if isinstance(form, Mapping) and name in form}
    hidden = {
        str(one["name"]): one.get("value")
        for one in _list(form, "hiddenFields")
        if isinstance(one, Mapping) and "name" in one
    }
    answers = dict(_answers_of_linkedin(form, response))
    return {**told, **rest, "form": named, "hidden": hidden, ANSWERS: answers}


def _answers_of_facebook(answer: Mapping[str, Any]) -> Iterator[tuple[str, JsonValue]]:
    for one in _list(answer, "field_data"):
        if isinstance(one, Mapping) and isinstance(values := one.get("values"), list):
            yield str(one.get("name") or ""), values[0] if len(values) == 1 else values


def _answers_of_linkedin(form: Any, response: Any) -> Iterator[tuple[str, JsonValue]]:
    """Yield each answer by what LinkedIn calls the question (EMAIL), or by its name on the form."""
    content = form.get("content") if isinstance(form, Mapping) else None
    questions = {
        one.get("questionId"): one for one in _list(content, "questions") if isinstance(one, Mapping)
    }
    for one in _list(response, "answers"):
        question = questions.get(one.get("questionId"), {}) if isinstance(one, Mapping) else {}
        name = question.get("predefinedField") or question.get("name")
        details = one.get("answerDetails") if isinstance(one, Mapping) else None
        if name and isinstance(details, Mapping):
            yield str(name), _said(details, question)


def _said(details: Mapping[str, Any], question: Mapping[str, Any]) -> JsonValue:
    text = details.get("textQuestionAnswer")
    if isinstance(text, Mapping):
        answer: JsonValue = text.get("answer")
        return answer
    chosen = _list(details.get("multipleChoiceAnswer"), "options")
    asked = question.get("questionDetails")
    choice = asked.get("multipleChoiceQuestionDetails") if isinstance(asked, Mapping) else None
    words = {one.get("id"): _word(one) for one in _list(choice, "options") if isinstance(one, Mapping)}
    said = [words.get(one) or one for one in chosen]
    return said[0] if len(said) == 1 else said


def _word(option: Mapping[str, Any]) -> JsonValue:
    text = option.get("text")
    localized = text.get("localized") if isinstance(text, Mapping) else None
    return next(iter(localized.values()), None) if isinstance(localized, Mapping) else None

"""Playbook folders for tests: a small one that is sound, and copies of it with something changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SMALL: Mapping[str, str] = {
    "fields.yaml": "fields:\n  budget: {type: number}\n",
    "lifecycle.yaml": """\
start: suspect
stages:
  - {name: suspect, definition: Known., team: Marketing}
  - {name: mql, definition: Qualified., team: BDR}
  - {name: customer, definition: Has bought., team: CS}
  - {name: nurture, definition: Not now., team: Marketing}
rules:
  - to: mql
    name: Score
    min_score: 60
  - to: mql
    name: Asked
    activity: demo
""",
    "pipeline.yaml": "handlers: [screen, identify, score]\n",
    "routing.yaml": """\
fallback_pool: all
territories:
  - name: Home
    when: {country: [DE, AT]}
    pool: all
  - name: Key account
    when: {company: {contains: acme}}
    owner: eva@northlight.example
pools:
  all:
    members:
      - ann@northlight.example
      - {email: bob@northlight.example, weight: 2}
""",
    "scoring.yaml": """\
groups:
  fit: {cap: 60}
  intent: {cap: 40}
rules:
  - name: Big
    group: fit
    points: 40
    when: {employees: {at_least: 50}}
  - name: Demo
    group: intent
    points: 20
    activity: demo
""",
    "screening.yaml": "disposable: spam\n",
    "sources/web.yaml": """\
auth: {kind: none}
fields:
  email: email
  city: [city, town]
  employees: {from: size, convert: integer}
  lead_source: {value: Web}
required: [email]
activities:
  - kind: demo
    when: {form: demo}
""",
    "crm/hubspot.yaml": """\
kind: hubspot
create: contacts
objects:
  contacts:
    fields:
      email: {field: email, authority: crm}
      stage: {field: stage, authority: leadrelay, values: {mql: "2", customer: "3"}}
""",
}

Edit = tuple[str, str, str]
"""File, what to replace, by what."""


def playbook_folder(folder: Path, *edits: Edit, files: Mapping[str, str] | None = None) -> Path:
    """Write the small playbook with some text replaced, and with files added, replaced or left out ("")."""
    texts = dict(SMALL)
    for name, old, new in edits:
        assert old in texts[name], f"{name} has no {old!r}"
        texts[name] = texts[name].replace(old, new, 1)
    for name, text in {**texts, **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text:
            path.write_text(text, encoding="utf-8")
    return folder

"""A form to paste into a page, for one source: its fields, what tells of the visit, and consent. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from mappings.playbook import ActivityRule, Captcha, FieldRule, Playbook, Source
from mappings.touches import CLICK_IDS, UTM
from model.consent import CONSENT_TEXT
from model.errors import LeadRelayError

USUAL = ("email", "first_name", "last_name", "company", "phone", "message")
VISIT = (*(f"utm_{name}" for name in UTM), *CLICK_IDS)
"""What is taken out of the page's address."""

TYPES = {
    "email": "email",
    "phone": "tel",
    "website": "url",
    "employees": "number",
    "annual_revenue": "number",
}
FILLED_IN_BY_BROWSERS = {
    "email": "email",
    "first_name": "given-name",
    "last_name": "family-name",
    "phone": "tel",
    "company": "organization",
    "title": "organization-title",
    "country": "country-name",
    "city": "address-level2",
    "state": "address-level1",
    "postal_code": "postal-code",
    "website": "url",
}
WIDGETS = {  # class of the element, and the script that draws it
    "turnstile": ("cf-turnstile", "https://challenges.cloudflare.com/turnstile/v0/api.js"),
    "hcaptcha": ("h-captcha", "https://js.hcaptcha.com/1/api.js"),
    "recaptcha_v2": ("g-recaptcha", "https://www.google.com/recaptcha/api.js"),
}
SCRIPT = """\
<script>
  (function () {
    var form = document.currentScript.previousElementSibling, opened = performance.now();
    var names = NAMES;
    var here = new URLSearchParams(location.search), visit = {};
    try { visit = JSON.parse(sessionStorage.getItem("leadrelay-visit")) || {}; } catch (e) { visit = {}; }
    if (!visit.landing_page || names.some(function (name) { return here.get(name); })) {
      visit = { landing_page: location.href, referrer: document.referrer };
      names.forEach(function (name) { if (here.get(name)) visit[name] = here.get(name).slice(0, 255); });
      try { sessionStorage.setItem("leadrelay-visit", JSON.stringify(visit)); } catch (e) {}
    }
    Object.keys(visit).forEach(function (name) {
      if (!visit[name]) return;
      var input = document.createElement("input");
      input.type = "hidden"; input.name = name; input.value = visit[name];
      form.appendChild(input);
    });
    form.addEventListener("submit", function () {
      var took = form.elements[FILL_TIME];
      if (took) took.value = Math.round(performance.now() - opened);
    });
  })();
</script>
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a form shall have: lead fields, and the activity that a post counts as (blank: the first)."""

    fields: Sequence[str] = ()
    activity: str = ""


def snippet(playbook: Playbook, source: Source, wanted: Wanted, address: str, now: datetime) -> str:
    """Return the HTML; raises ``LeadRelayError`` for a source whose posts no page can make."""
    if source.auth.kind not in ("none", "token") or (source.auth.kind == "token" and not source.auth.query):
        raise LeadRelayError(
            f"A page cannot post to {source.name}: its secret would be in the page. Use a source with a "
            "token in the query, which says who the site is and keeps nothing secret."
        )
    names = _names(source)
    fields = wanted.fields or [name for name in USUAL if name in names]
    if missing := [name for name in fields if name not in names]:
        raise LeadRelayError(
            f"{source.name} reads no {', '.join(missing)} from a form; it reads {', '.join(names)}."
        )
    action = f"{address}/in/{source.name}" + (f"?{source.auth.query}=THE-TOKEN" if source.auth.query else "")
    needed = {one.any_of[0] for one in source.required if len(one.any_of) == 1}
    needed |= {"email"} if any("email" in one.any_of for one in source.required) else set()
    lines = [
        f'<form method="post" action="{escape(action)}" accept-charset="utf-8">',
        *(line for name in fields for line in _input(playbook, names[name], name in needed)),
        *_activity(source, wanted.activity),
        *_consents(playbook, names, now),
        *_traps(source),
        *_widget(source.captcha),
        '  <button type="submit">Send</button>',
        "</form>",
    ]
    took = json.dumps(source.fill_time_path or "open_ms")
    script = SCRIPT.replace("NAMES", json.dumps([*VISIT])).replace("FILL_TIME", took)
    return "\n".join(lines) + "\n" + script


def _names(source: Source) -> dict[str, FieldRule]:
    """Return the lead fields that a form can send, each with the rule whose first flat name it takes."""
    found: dict[str, FieldRule] = {}
    for rule in source.fields:
        if rule.field not in found and _flat(rule.paths) and not rule.when and rule.separator is None:
            found[rule.field] = rule
    return found


def _flat(paths: Collection[str]) -> str:
    return next((path for path in paths if "." not in path and "[" not in path), "")


def _input(playbook: Playbook, rule: FieldRule, is_needed: bool) -> Iterator[str]:
    name, label = _flat(rule.paths), rule.field.replace("_", " ").capitalize()
    given = " required" if is_needed else ""
    filled = FILLED_IN_BY_BROWSERS.get(rule.field)
    given += f' autocomplete="{filled}"' if filled else ""
    options = [*rule.table.values] if rule.table else [*playbook.options.get(rule.field, ())]
    yield f"  <label>{escape(label)}"
    if options:
        yield f'    <select name="{escape(name)}"{given}>'
        yield '      <option value=""></option>'
        yield from (f"      <option>{escape(str(one))}</option>" for one in options)
        yield "    </select>"
    elif rule.field == "message":
        yield f'    <textarea name="{escape(name)}" rows="4"{given}></textarea>'
    else:
        yield f'    <input name="{escape(name)}" type="{TYPES.get(rule.field, "text")}"{given}>'
    yield "  </label>"


def _activity(source: Source, wanted: str) -> Iterator[str]:
    """Yield what tells which form it is; raises ``LeadRelayError`` for an activity that no post counts as."""
    rules: list[ActivityRule] = [one for one in source.activities if wanted in ("", one.kind)]
    if wanted and not rules:
        kinds = ", ".join(dict.fromkeys(one.kind for one in source.activities))
        raise LeadRelayError(f"No post to {source.name} counts as {wanted}; there are: {kinds or 'none'}.")
    if not rules:
        return
    for path, accepted in rules[0].when.items():
        if _flat([path]):
            yield f'  <input type="hidden" name="{escape(path)}" value="{escape(accepted[0])}">'
    if _flat([rules[0].detail_path]):
        yield f'  <input type="hidden" name="{escape(rules[0].detail_path)}" value="NAME OF THIS FORM">'


def _consents(playbook: Playbook, names: dict[str, FieldRule], now: datetime) -> Iterator[str]:
    versions = []
    for purpose in playbook.consent.purposes.values():
        rule = names.get(f"consent_{purpose.name}")
        shown = purpose.shown_at(now)
        if rule is None or shown is None:
            continue
        versions.append(shown.version)
        yield (
            f'  <label><input type="checkbox" name="{escape(_flat(rule.paths))}" value="yes"> '
            f"{escape(shown.text)}</label>"
        )
    if len(set(versions)) == 1 and CONSENT_TEXT in names:
        name = _flat(names[CONSENT_TEXT].paths)
        yield f'  <input type="hidden" name="{escape(name)}" value="{escape(versions[0])}">'


def _traps(source: Source) -> Iterator[str]:
    for name in filter(lambda name: _flat([name]), source.honeypot[:1]):
        yield '  <p style="position: absolute; left: -9999px" aria-hidden="true">'
        yield f'    <input name="{escape(name)}" tabindex="-1" autocomplete="off">'
        yield "  </p>"
    if source.fill_time_path:
        yield f'  <input type="hidden" name="{escape(source.fill_time_path)}">'


def _widget(captcha: Captcha | None) -> Iterator[str]:
    if captcha is None:
        return
    if captcha.kind not in WIDGETS:
        yield f"  <!-- {captcha.kind} has no widget: put its token into {escape(captcha.field)} first. -->"
        return
    name, script = WIDGETS[captcha.kind]
    yield f'  <div class="{name}" data-sitekey="YOUR-SITE-KEY"></div>'
    yield f'  <script src="{script}" async defer></script>'

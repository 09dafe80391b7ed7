"""What people post in the benchmarks: person 17 is the same person in every process and every run."""

from __future__ import annotations

import json

COMPANIES = 499
_COUNTRIES = ("DE", "US", "JP", "GB", "FR", "BR", "AU", "ES")
_TITLES = ("Head of Operations", "Marketing Manager", "CTO", "Analyst")
_FORMS = ("whitepaper", "webinar", "newsletter")
_SOURCES = (
    "utm_source=google&utm_medium=cpc&utm_campaign=brand-eu",
    "utm_source=linkedin&utm_medium=paid_social&utm_campaign=q4-launch",
    "utm_source=newsletter&utm_medium=email&utm_campaign=november",
)


def email(person: int) -> str:
    """Return a person's address, in the form in which it is compared."""
    return f"person{person:07d}@company{person % COMPANIES:03d}.example"


def post(person: int, visit: int = 1, form: str = "") -> dict[str, str]:
    """Return what a person posts on a visit: another form and another campaign each time, nothing else new.

    So a known person's visit changes what is leadrelay's own in the CRMs. Had it changed a field
    that the CRM's people have a say in, the record would be read first, which is one call more.
    """
    page = f"https://www.northlight.example/landing?{_SOURCES[visit % len(_SOURCES)]}"
    return {
        "form_type": form or _FORMS[(visit - 1) % len(_FORMS)],
        "first_name": f"Ada{person % 97}",
        "last_name": f"Lovelace{person % 89}",
        "email": email(person),
        "company": f"Company {person % COMPANIES}",
        "job_title": _TITLES[person % len(_TITLES)],
        "industry": "Logistics",
        "company_size": "30",
        "country": _COUNTRIES[person % len(_COUNTRIES)],
        "message": "Please send what you have on routing.",
        "page_url": page,
        "referrer": "https://www.google.com/",
    }


def body(person: int, visit: int = 1, form: str = "") -> bytes:
    """Return the post as it travels."""
    return json.dumps(post(person, visit, form)).encode()

"""Who and what is behind an e-mail address or a domain, in the shape of People Data Labs' API version 5.

Sources: People Data Labs, "Person Enrichment API" and "Company Enrichment API" (input parameters and output
response), "Errors & Status Codes", "Usage Limits", and its OpenAPI document, whose sentences the errors have.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.messaging.companies import COMPANIES, Company
from sandbox.messaging.shapes import Answer, enrichment_error, enrichment_too_fast, out_of_credits
from sandbox.reading import whole_number

if TYPE_CHECKING:
    from sandbox.messaging.service import Messaging

KEY = "sandbox-enrichment-key"
PERSON_LIKELIHOOD, COMPANY_LIKELIHOOD = 9, 8  # of 10
NAMED = re.compile(
    r"([a-zà-ÿ'-]{2,})\.([a-zà-ÿ'-]{2,}?)\d*"
)  # first.last, and a number that tells namesakes apart
TITLES: tuple[tuple[str, str, list[str]], ...] = (  # title, role, levels
    ("head of operations", "operations", ["director"]),
    ("vp sales", "sales", ["vp"]),
    ("marketing manager", "marketing", ["manager"]),
    ("chief technology officer", "engineering", ["cxo"]),
    ("it director", "engineering", ["director"]),
    ("business analyst", "finance", []),
)
EMPTY_PERSON = (  # fields of the person schema that nothing is known of: null, as documented
    "middle_initial", "middle_name", "birth_year", "birth_date", "facebook_url", "facebook_username",
    "facebook_id", "twitter_url", "twitter_username", "github_url", "github_username", "mobile_phone",
    "job_title_sub_role",
    "location_metro", "location_street_address", "location_address_line_2", "location_postal_code",
    "location_geo",
)  # fmt: skip
EMPTY_COMPANY = ("linkedin_id", "facebook_url", "twitter_url", "ticker", "summary", "headline")


def add_to(api: Blueprint, service: Messaging) -> None:
    """Add both look-ups."""

    @api.get("/v5/person/enrich")
    def person() -> Response:
        """The person with an e-mail address: known are all ``first.last`` at the companies that are known."""
        _admit(service, "person")
        email = request.args.get("email", "").strip().lower()
        least = _least()
        if not email:
            raise Answer(_invalid())
        name, _, domain = email.partition("@")
        match, company = NAMED.fullmatch(name), COMPANIES.get(domain)
        if match is None or company is None or least > PERSON_LIKELIHOOD:
            raise Answer(_unknown())
        data = person_data(email, match[1], match[2], company)
        return _found(service, "enrich", {"status": 200, "likelihood": PERSON_LIKELIHOOD, "data": data})

    @api.get("/v5/company/enrich")
    def company() -> Response:
        """The company with a website or a name."""
        _admit(service, "company")
        website, name = request.args.get("website", ""), request.args.get("name", "")
        least = _least()
        if not (website or name):
            raise Answer(_invalid())
        found = COMPANIES.get(_domain(website)) if website else _by_name(name)
        if found is None or least > COMPANY_LIKELIHOOD:
            raise Answer(_unknown())
        told = {"status": 200, **company_data(found), "likelihood": COMPANY_LIKELIHOOD}
        return _found(service, "enrich_company", told)


def person_data(email: str, first: str, last: str, company: Company) -> dict[str, Any]:
    """The profile of a person; what is not in the address is drawn from it, so it is the same in each run."""
    digest = hashlib.sha256(email.encode()).digest()
    title, role, levels = TITLES[digest[0] % len(TITLES)]
    started = 2015 + digest[1] % 10
    full_name, handle = f"{first} {last}", f"{first}-{last}-{digest[2:4].hex()}"
    place = f"{company.locality}, {company.region}, {company.country}"
    work = {
        "company": {"name": company.name, "website": company.domain, "size": company.size,
                    "industry": company.industry, "founded": company.founded, "id": _company_id(company)},
        "title": {"name": title, "role": role, "sub_role": None, "levels": levels},
        "start_date": str(started), "end_date": None, "location_names": [place], "is_primary": True,
    }  # fmt: skip
    return {
        "id": f"{digest[4:19].hex()}_0000",
        "full_name": full_name,
        "first_name": first,
        "last_initial": last[0],
        "last_name": last,
        "sex": None,
        "linkedin_url": f"linkedin.com/in/{handle}",
        "linkedin_username": handle,
        "linkedin_id": str(int.from_bytes(digest[19:22], "big")),
        "work_email": email,
        "personal_emails": [],
        "industry": company.industry,
        "job_title": title,
        "job_title_role": role,
        "job_title_levels": levels,
        "job_company_id": _company_id(company),
        "job_company_name": company.name,
        "job_company_website": company.domain,
        "job_company_size": company.size,
        "job_company_founded": company.founded,
        "job_company_industry": company.industry,
        "job_company_linkedin_url": f"linkedin.com/company/{company.slug}",
        "job_company_location_name": place,
        "job_company_location_country": company.country,
        "job_start_date": str(started),
        "location_name": place,
        "location_locality": company.locality,
        "location_region": company.region,
        "location_country": company.country,
        "location_continent": company.continent,
        "phone_numbers": [],
        "emails": [{"address": email, "type": "current_professional"}],
        "interests": [],
        "skills": [],
        "countries": [company.country],
        "experience": [work],
        "education": [],
        "profiles": [{"network": "linkedin", "username": handle, "url": f"linkedin.com/in/{handle}"}],
        **dict.fromkeys(EMPTY_PERSON),
    }


def company_data(company: Company) -> dict[str, Any]:
    """The profile of a company; unlike a person's it does not lie in ``data``."""
    return {
        "name": company.name,
        "display_name": company.name.title(),
        "size": company.size,
        "employee_count": company.employees,
        "id": _company_id(company),
        "founded": company.founded,
        "industry": company.industry,
        "location": {
            "name": f"{company.locality}, {company.region}, {company.country}",
            "locality": company.locality,
            "region": company.region,
            "metro": None,
            "country": company.country,
            "continent": company.continent,
            "street_address": None,
            "address_line_2": None,
            "postal_code": None,
            "geo": None,
        },
        "linkedin_url": f"linkedin.com/company/{company.slug}",
        "linkedin_slug": company.slug,
        "profiles": [f"linkedin.com/company/{company.slug}"],
        "website": company.domain,
        "type": "private",
        "tags": [],
        "alternative_names": [],
        "affiliated_profiles": [],
        **dict.fromkeys(EMPTY_COMPANY),
    }


def _admit(service: Messaging, endpoint: str) -> None:
    """Raise ``Answer`` for a call without the key, without credit, or too many in the minute."""
    if (request.headers.get("X-Api-Key") or request.args.get("api_key")) != KEY:
        message = "Request contained a missing or invalid key"
        raise Answer(enrichment_error(401, "authentication_error", message))
    with service.lock:
        wait_s = service.enrichments.wait_s(endpoint, service.faults.limits["enrich_per_min"], service.now())
        credit = service.faults.limits["enrich_credits"]
        spent = service.credits_spent
    if wait_s:
        raise Answer(enrichment_too_fast(wait_s))
    if credit is not None and spent >= credit:
        raise Answer(out_of_credits())


def _found(service: Messaging, kind: str, told: Mapping[str, Any]) -> Response:
    """An answer that costs a credit; one that finds nothing costs none."""
    with service.lock:
        service.credits_spent += 1
    response = answer(told)
    response.headers["X-Call-Credits-Spent"] = "1"
    response.headers["X-Call-Credits-Type"] = kind
    return response


def _least() -> int:
    """The likelihood that a match must have at least."""
    text = request.args.get("min_likelihood", "1")
    least = whole_number(text)
    if least is None:
        raise Answer(_invalid())
    return least


def _invalid() -> Response:
    message = "Request contained either missing or invalid parameters"
    return enrichment_error(400, "invalid_request_error", message)


def _unknown() -> Response:
    return enrichment_error(404, "not_found", "No records were found matching your request")


def _domain(website: str) -> str:
    bare = re.sub(r"^[a-z]+://", "", website.strip().lower())
    return bare.partition("/")[0].removeprefix("www.")


def _by_name(name: str) -> Company | None:
    wanted = name.strip().lower()
    return next((company for company in COMPANIES.values() if company.name == wanted), None)


def _company_id(company: Company) -> str:
    return hashlib.sha256(company.domain.encode()).hexdigest()[:28]

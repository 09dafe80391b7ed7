"""The obvious script: a form handler that calls both CRMs before it answers.

Written the way a competent person would in an afternoon: Flask on waitress, pooled connections, a mapping,
a score, owners in turn, look the person up by e-mail, then create or update. It stores nothing.

    python -m benchmarks.script PORT HUBSPOT_URL SALESFORCE_URL
"""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import waitress
from flask import Flask, request

HUBSPOT_TOKEN = "sandbox-token"
SALESFORCE_TOKEN = "00Dsandbox!sandbox-token"
VERSION = "v68.0"
POINTS = {"demo": 30, "pricing": 25, "contact": 25, "whitepaper": 15, "webinar": 10, "newsletter": 5}


class Script:
    """The handler with its connections and the owners it assigns in turn."""

    def __init__(self, hubspot: str, salesforce: str) -> None:
        self.hubspot, self.salesforce = hubspot, f"{salesforce}/services/data/{VERSION}"
        self._local = threading.local()
        owners = self._call("GET", f"{hubspot}/crm/v3/owners?limit=100", HUBSPOT_TOKEN)["results"]
        users = self._query("SELECT Id, Email FROM User WHERE IsActive = true")
        user_ids = {user["Email"]: user["Id"] for user in users}
        pairs = [(o["id"], user_ids[o["email"]]) for o in owners if o["email"] in user_ids]
        self._owners = itertools.cycle(pairs)

    def receive(self, form: dict[str, Any]) -> dict[str, Any]:
        """Map, score, assign, write to HubSpot, then to Salesforce."""
        utm = dict(parse_qsl(urlsplit(form.get("page_url", "")).query))
        email = form["email"].strip().lower()
        score = self._score(form)
        owner, user = next(self._owners)
        self._to_hubspot(
            email,
            {
                "email": email,
                "firstname": form.get("first_name", ""),
                "lastname": form.get("last_name", ""),
                "company": form.get("company", ""),
                "jobtitle": form.get("job_title", ""),
                "country": form.get("country", ""),
                "message": form.get("message", ""),
                "lifecyclestage": "marketingqualifiedlead" if score >= 60 else "lead",
                "leadrelay_score": str(score),
                "last_touch_source": utm.get("utm_source", ""),
                "last_touch_medium": utm.get("utm_medium", ""),
                "last_touch_campaign": utm.get("utm_campaign", ""),
            },
            owner,
        )
        self._to_salesforce(
            email,
            {
                "Email": email,
                "FirstName": form.get("first_name", ""),
                "LastName": form.get("last_name") or "[unknown]",
                "Company": form.get("company") or "[unknown]",
                "Title": form.get("job_title", ""),
                "Country": form.get("country", ""),
                "Description": form.get("message", ""),
                "LeadRelay_Score__c": score,
                "Last_Touch_Source__c": utm.get("utm_source", ""),
                "Last_Touch_Medium__c": utm.get("utm_medium", ""),
                "Last_Touch_Campaign__c": utm.get("utm_campaign", ""),
            },
            user,
        )
        return {"email": email, "score": score}

    @staticmethod
    def _score(form: dict[str, Any]) -> int:
        score = POINTS.get(form.get("form_type", ""), 0)
        title = form.get("job_title", "").lower()
        if any(word in title for word in ("head", "chief", "cto", "vp", "director")):
            score += 10
        if 50 <= int(form.get("company_size") or 0) <= 200:
            score += 20
        return score

    def _to_hubspot(self, email: str, properties: dict[str, Any], owner: str) -> None:
        contacts = f"{self.hubspot}/crm/v3/objects/contacts"
        lookup = {"idProperty": "email", "inputs": [{"id": email}], "properties": ["email"]}
        found = self._call("POST", f"{contacts}/batch/read", HUBSPOT_TOKEN, lookup)["results"]
        if found:
            self._call("PATCH", f"{contacts}/{found[0]['id']}", HUBSPOT_TOKEN, {"properties": properties})
        else:
            properties["hubspot_owner_id"] = owner
            self._call("POST", contacts, HUBSPOT_TOKEN, {"properties": properties})

    def _to_salesforce(self, email: str, fields: dict[str, Any], owner: str) -> None:
        quoted = email.replace("\\", "\\\\").replace("'", "\\'")
        found = self._query(f"SELECT Id FROM Lead WHERE Email = '{quoted}' AND IsConverted = false")
        leads = f"{self.salesforce}/sobjects/Lead"
        if found:
            self._call("PATCH", f"{leads}/{found[0]['Id']}", SALESFORCE_TOKEN, fields)
        else:
            self._call("POST", leads, SALESFORCE_TOKEN, fields | {"OwnerId": owner})

    def _query(self, soql: str) -> list[dict[str, Any]]:
        url = f"{self.salesforce}/query"
        return list(self._call("GET", url, SALESFORCE_TOKEN, params={"q": soql})["records"])

    def _call(
        self, method: str, url: str, token: str, body: Any = None, params: dict[str, str] | None = None
    ) -> dict[str, Any]:
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        headers = {"Authorization": f"Bearer {token}", "Sforce-Auto-Assign": "FALSE"}
        answer = session.request(method, url, json=body, params=params, headers=headers, timeout=30)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}


def main(port: int, hubspot: str, salesforce: str) -> None:
    """Serve until the process is told to stop."""
    app, script = Flask("script"), Script(hubspot, salesforce)

    @app.post("/in/website")
    def receive() -> tuple[dict[str, Any], int]:
        return script.receive(request.get_json()), 200

    waitress.serve(app, host="127.0.0.1", port=port, threads=16, _quiet=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])

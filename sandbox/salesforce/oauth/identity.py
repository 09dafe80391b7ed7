"""Who a token is of: the identity address and userinfo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.oauth.grants import identity_url
from sandbox.salesforce.oauth.hosts import Host

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def identity(org: Org, host: Host, user_id: str) -> dict[str, Any]:
    """``GET /id/{org}/{user}``."""
    user = org.rows("User").get(user_id)
    assert user is not None
    values, url = user.values, host.instance_url
    rest, soap = f"{url}/services/data/v{{version}}", f"{url}/services/Soap"
    return {
        "id": identity_url(host, user_id),
        "asserted_user": True,
        "user_id": user_id,
        "organization_id": ORG_ID,
        "username": values["Username"],
        "nick_name": values["Alias"],
        "display_name": values["Name"],
        "email": values["Email"],
        "email_verified": True,
        "first_name": values.get("FirstName"),
        "last_name": values["LastName"],
        "timezone": values["TimeZoneSidKey"],
        "photos": {"picture": f"{url}/profilephoto/005/F", "thumbnail": f"{url}/profilephoto/005/T"},
        "addr_street": values.get("Street"),
        "addr_city": values.get("City"),
        "addr_state": values.get("State"),
        "addr_country": values.get("Country"),
        "addr_zip": values.get("PostalCode"),
        "mobile_phone": values.get("MobilePhone"),
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": {
            "enterprise": f"{soap}/c/{{version}}/{ORG_ID[:15]}",
            "metadata": f"{soap}/m/{{version}}/{ORG_ID[:15]}",
            "partner": f"{soap}/u/{{version}}/{ORG_ID[:15]}",
            "rest": f"{rest}/",
            "sobjects": f"{rest}/sobjects/",
            "search": f"{rest}/search/",
            "query": f"{rest}/query/",
            "recent": f"{rest}/recent/",
            "tooling_rest": f"{rest}/tooling/",
            "profile": f"{url}/{user_id}",
            "custom_domain": url,
        },
        "active": bool(values.get("IsActive")),
        "user_type": "STANDARD",
        "language": values["LanguageLocaleKey"],
        "locale": values["LocaleSidKey"],
        "utcOffset": 0,
        "last_modified_date": values["SystemModstamp"],
    }


def userinfo(org: Org, host: Host, user_id: str) -> dict[str, Any]:
    """``GET /services/oauth2/userinfo``: the same in OpenID's words."""
    told = identity(org, host, user_id)
    return {
        "sub": told["id"],
        "user_id": user_id,
        "organization_id": ORG_ID,
        "preferred_username": told["username"],
        "nickname": told["nick_name"],
        "name": told["display_name"],
        "email": told["email"],
        "email_verified": True,
        "given_name": told["first_name"],
        "family_name": told["last_name"],
        "zoneinfo": told["timezone"],
        "photos": told["photos"],
        "profile": told["urls"]["profile"],
        "picture": told["photos"]["picture"],
        "address": {},
        "urls": told["urls"],
        "active": told["active"],
        "user_type": told["user_type"],
        "language": told["language"],
        "locale": told["locale"],
        "utcOffset": told["utcOffset"],
        "updated_at": told["last_modified_date"],
        "is_app_installed": True,
    }

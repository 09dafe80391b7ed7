"""What kind of personal data each lead field holds, and how much of it is shown where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.decision import Place

PLAIN, PARTLY, HIDDEN = "plain", "partly", "hidden"
LEVELS = (PLAIN, PARTLY, HIDDEN)  # the strictest last

EMAIL, PHONE, NAME, ADDRESS = "email", "phone", "name", "address"
FREE_TEXT, IP, IDENTIFIER, WEB = "free_text", "ip", "identifier", "web"
CLASSES = (EMAIL, PHONE, NAME, ADDRESS, FREE_TEXT, IP, IDENTIFIER, WEB)
NOT_PERSONAL = "none"

MESSAGES, PAGES, EXPORTS = "messages", "pages", "exports"
"""Where something is shown. Logs are none of them: nothing personal goes there, whatever is set."""

USUAL: Mapping[str, str] = {
    "email": EMAIL,
    "phone": PHONE,
    "first_name": NAME,
    "last_name": NAME,
    "city": ADDRESS,
    "postal_code": ADDRESS,
    "message": FREE_TEXT,
}
"""The classes of the built-in lead fields; those that are not here hold no personal data."""

OF_TOUCHES: Mapping[str, str] = {"click_id": IDENTIFIER, "referrer": WEB, "landing_page": WEB}
"""The classes of what a touch holds."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """How much is shown of some classes, in some regions and channels."""

    show: Mapping[str, str]  # class -> one of ``LEVELS``
    place: Place
    regions: tuple[str, ...] = ()  # empty: everywhere
    channels: tuple[str, ...] = ()  # empty: all


@dataclass(frozen=True, slots=True)
class Privacy:
    """``privacy.yaml``, compiled; without it all is shown plain."""

    rules: tuple[MaskRule, ...] = ()
    regions: Mapping[str, frozenset[str]] = field(default_factory=dict)  # name -> countries
    classes: Mapping[str, str] = field(default_factory=lambda: dict(USUAL))  # lead field -> class

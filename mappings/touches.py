"""Where a person came from: UTM parameters, click ids, referrer, landing page, and the channel they mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mappings import loader
from mappings.values.converters import Unusable, clean, text
from model.event import JsonValue

MAX_ADDRESS = 8_000  # of an endless tracking address the beginning tells enough
MAX_VALUE = 255  # Salesforce's text fields hold no more

_TABLE: dict[str, Any] = loader.read(Path(__file__).with_name("channels.yaml"), "channels.yaml").data

CLICK_IDS: Mapping[str, Mapping[str, Any]] = _TABLE["click_ids"]
_MEDIUMS = {word: channel for channel, words in _TABLE["mediums"].items() for word in words}
_EMPTY = frozenset(_TABLE["empty"])
_SITES = [(channel, site, word) for channel, sites in _TABLE["sites"].items() for site in sites
          for word in (site, *sites[site])]  # fmt: skip
_HOSTS = {word: (channel, site) for channel, site, word in _SITES if "." in word and not word.endswith(".*")}
_ANY_ENDING = {word[:-2]: (channel, site) for channel, site, word in _SITES if word.endswith(".*")}
_NAMES = {word: (channel, site) for channel, site, word in _SITES if "." not in word}
_PAID = {"organic_search": "paid_search", "organic_social": "paid_social"}
_MACRO = re.compile(r"[{\[%$]{1,2}[^{}\[\]]*[}\]%]{1,2}")  # {{campaign.name}}, {keyword}: never filled in

UTM = ("source", "medium", "campaign", "term", "content")
_UTM_NAMES = {name: (f"utm_{name}", f"utm{name.capitalize()}", f"utm-{name}") for name in UTM}
_CLICK_NAMES = {kind: (kind, f"query.{kind}") for kind in CLICK_IDS}
_LANDING = ("landing_page", "landing_page_url", "landing_url")
_PAGE = ("page_url", "pageUrl", "page_uri", "pageUri", "page_location", "page", "headers.referer")
_REFERRER = ("referrer", "page_referrer", "document_referrer", "http_referrer", "referer")

USUAL_NAMES = frozenset(
    (*_LANDING, *_PAGE, *_REFERRER, *CLICK_IDS, *(name for names in _UTM_NAMES.values() for name in names))
)
"""Names that are read of every post, whatever its source's file says."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a post offers to whoever looks for a visit's origin.

    ``names`` are the fields it has, ``query.`` and ``headers.`` ones included, so that the many
    usual names it does not have cost next to nothing. ``paths`` are the source's own names for a
    touch field, ``problem`` is told what cannot be used.
    """

    find: Callable[[str], JsonValue]
    names: Collection[str]
    paths: Mapping[str, tuple[str, ...]]
    problem: Callable[[str, str], None]

    def first(self, field: str, usual: Iterable[str] = ()) -> str:
        """Return the first value that means something, of the source's own names, then of the usual ones."""
        names = self.names
        for path in (*self.paths.get(field, ()), *[path for path in usual if path in names]):
            value = self.find(path)
            if value is None:
                continue
            try:
                told = _told(value)
            except Unusable as error:
                self.problem(f"touch.{field}", error.reason)
                continue
            if told:
                return told
        return ""


def read_touch(post: Post, constants: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a touch; ``channel`` is always among them.

    What the post says outright beats the addresses it carries, both beat the source's constants,
    and these beat what a click id or the referrer implies.
    """
    landing = post.first("landing_page", _LANDING)
    page = post.first("page", _PAGE)
    parameters = {**_parameters(page), **_parameters(landing)}
    touch: dict[str, str] = {}
    for field in UTM:
        value = (
            post.first(field, _UTM_NAMES[field])
            or parameters.get(f"utm_{field}")
            or post.first("", (f"query.utm_{field}",))
            or constants.get(field, "")
        )[:MAX_VALUE]
        if value:
            touch[field] = value.lower() if field in ("source", "medium") else value
    _add_click_id(touch, post, parameters, constants)
    landing = _without_query(landing or page) or constants.get("landing_page", "")
    referrer = _without_query(post.first("referrer", _REFERRER)) or constants.get("referrer", "")
    if landing:
        touch["landing_page"] = landing
    if referrer and not (landing and _host(referrer) == _host(landing)):  # the own site is no origin
        touch["referrer"] = referrer
    implied = _imply(touch)
    touch["channel"] = (post.first("channel") or constants.get("channel", "")).lower()[:MAX_VALUE] or implied
    return touch


def _told(value: JsonValue) -> str:
    """Return a value as clean text; empty when it means nothing."""
    told = clean(value[:MAX_ADDRESS], MAX_ADDRESS) if isinstance(value, str) else text(value)
    return "" if told.lower() in _EMPTY or _MACRO.fullmatch(told) else told


def _add_click_id(
    touch: dict[str, str], post: Post, parameters: Mapping[str, str], constants: Mapping[str, str]
) -> None:
    given = post.first("click_id")
    if given:
        touch["click_id"] = given[:MAX_VALUE]
        kind = post.first("click_id_kind") or constants.get("click_id_kind", "")
        touch["click_id_kind"] = kind[:MAX_VALUE].lower() or "other"
        return
    for kind, names in _CLICK_NAMES.items():
        value = parameters.get(kind) or post.first("click_id", names)
        if value:
            touch["click_id"], touch["click_id_kind"] = value[:MAX_VALUE], kind
            return


@lru_cache(maxsize=512)
def _parameters(address: str) -> Mapping[str, str]:
    """Return the parameters of a page's address that tell where its visitor came from."""
    _, mark, query = address.partition("?")
    if not mark:
        return {}
    try:
        pairs = parse_qsl(query.partition("#")[0], max_num_fields=100)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for key, value in pairs:
        name = key.lower()
        if name in CLICK_IDS or name.startswith("utm_"):
            try:
                told = _told(value)
            except Unusable:
                continue
            if told:
                found.setdefault(name, told)
    return found


def _without_query(address: str) -> str:
    """Return an address without its query and fragment, where personal data and tokens travel."""
    return re.split(r"[?#]", address, maxsplit=1)[0][:MAX_VALUE]


@lru_cache(maxsize=4096)
def _host(address: str) -> str:
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""
    return host.lower().removeprefix("www.").rstrip(".")


@lru_cache(maxsize=4096)
def _site(host: str) -> tuple[str, str] | None:
    """Return the channel and the name of a known site."""
    labels = host.split(".")
    for n in range(len(labels) - 1):
        known = _HOSTS.get(".".join(labels[n:]))
        if known:
            return known
    ending = next((n for n, label in enumerate(labels) if label in _ANY_ENDING), None)
    if ending is None or not 1 <= len(labels) - ending - 1 <= 2:
        return None
    return _ANY_ENDING[labels[ending]]


def _imply(touch: dict[str, str]) -> str:
    """Return the channel, and fill in source and medium where a click id or the referrer implies them."""
    click = CLICK_IDS.get(touch.get("click_id_kind", ""))
    site = _site(_host(touch["referrer"])) if "referrer" in touch else None
    if "source" not in touch and "medium" not in touch:
        implied = _implied_source(click, site, touch.get("referrer", ""))
        touch.update({name: value for name, value in implied.items() if name != "channel"})
        if implied:
            return implied["channel"]
        return "other" if "campaign" in touch or "click_id" in touch else "direct"
    return _channel(touch, click, site)


def _implied_source(
    click: Mapping[str, Any] | None, site: tuple[str, str] | None, referrer: str
) -> dict[str, str]:
    if click:
        return {name: click[name] for name in ("source", "medium", "channel")}
    if site:
        medium = {"organic_search": "organic", "organic_social": "social"}.get(site[0], site[0])
        return {"source": site[1], "medium": medium, "channel": site[0]}
    host = _host(referrer)
    return {"source": host, "medium": "referral", "channel": "referral"} if host else {}


def _channel(touch: Mapping[str, str], click: Mapping[str, Any] | None, site: tuple[str, str] | None) -> str:
    source = touch.get("source", "")
    known = _NAMES.get(source) or _site(source.removeprefix("www."))
    medium = _MEDIUMS.get(touch.get("medium", ""), "")
    if medium == "paid":
        place = known or site
        paid = _PAID.get(place[0]) if place else None
        return paid or (click["channel"] if click and click.get("paid", True) else "paid_other")
    if medium == "referral" and known:
        return known[0]
    if medium:
        return medium
    if click and click.get("paid", True):
        return str(click["channel"])
    if known:
        return known[0]
    if click:
        return str(click["channel"])
    return "other" if source else site[0] if site else "other"

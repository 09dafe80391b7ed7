"""Whether a form was sent by a person, as a captcha's provider says."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import timedelta

from mappings.playbook.spending import Spend
from model.decision import Place

CAPTCHA = "captcha:"
"""How the name begins under which a source's captcha is asked about; no provider is called so."""


@dataclass(frozen=True, slots=True)
class Captcha:
    """How the posts of one source are checked. It is asked like a provider, by its ``name``."""

    source: str
    kind: str  # "turnstile" | "hcaptcha" | "recaptcha_v2" | "recaptcha_v3"
    place: Place
    secret_env: str  # name of the environment variable
    field: str  # of the post, that holds the token; it is not kept
    if_down: str = "hold"  # or "let_in"
    least_score: float = 0.5  # recaptcha_v3
    action: str = ""  # that the token must be for; blank: any
    hostnames: tuple[str, ...] = ()  # on which it must have been made; empty: anywhere
    # As a provider has them: a token serves once, so that no answer is kept, and nothing is put off for days.
    spend: Spend = dataclasses.field(default_factory=Spend)
    cache: timedelta = timedelta(0)
    at_cap: str = "skip"
    on_failure: str = "skip"
    mark: str = ""

    @property
    def name(self) -> str:
        """The name under which it is asked and counted."""
        return f"{CAPTCHA}{self.source}"

"""Asking providers with what the environment gives: their secrets, and other addresses to ask at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from connectors import enrichment
from leadrelay.metrics import Metrics
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from model.errors import LeadRelayError
from model.times import Clock
from scheduler.asking import AskLoop
from sync.asking.desk import Desk
from sync.database import WHILE_IT_RESTARTS, Store

log = structlog.get_logger("leadrelay.asking")


def base_variable(provider: str) -> str:
    """Return the variable that names another address for a provider, such as a sandbox's."""
    return f"LEADRELAY_PROVIDER_{provider.upper()}_BASE_URL"


def secret_of(settings: Settings, name: str) -> str:
    """Return a provider's secret; raises ``LeadRelayError`` where it is not set, or cannot be read."""
    found = settings.secret(name)
    if not found:
        raise LeadRelayError(f"{name} is not set, nor {name}_FILE")
    return found


def missing(settings: Settings, playbook: Playbook) -> dict[str, list[str]]:
    """Return the variables that providers need and nobody has set."""
    found = {
        one.name: [name for name in one.secrets if not settings.secret(name)]
        for one in playbook.enrichment.providers.values()
    }
    for source in playbook.sources.values():
        if source.captcha is not None and not settings.secret(source.captcha.secret_env):
            found[source.captcha.name] = [source.captcha.secret_env]
        if source.lead_ads is not None and not settings.secret(source.lead_ads.secret_env):
            found[source.lead_ads.name] = [source.lead_ads.secret_env]
    return {name: lacking for name, lacking in found.items() if lacking}


def asker(
    settings: Settings,
    store: Store,
    clock: Clock,
    playbook: Callable[[], Playbook],
    metrics: Metrics,
    mark: str,
) -> AskLoop:
    """Return what asks the providers of the playbook, whichever those are just now."""
    desk = Desk(
        store=store,
        clock=clock,
        playbook=playbook,
        call=enrichment.ask,
        secret=lambda name: secret_of(settings, name),
        base_of=lambda provider: settings.environ.get(base_variable(provider), ""),
        space=SPACE,
        lease_term=timedelta(seconds=settings.lease_seconds),
        mark=mark,
        waits=WHILE_IT_RESTARTS,
        observe=metrics.asked,
    )
    return AskLoop(desk)


def warn(settings: Settings, playbook: Playbook) -> None:
    """Say at once which secrets of providers are not set."""
    for name, lacking in missing(settings, playbook).items():
        log.warning("provider.secret_missing", provider=name, looked_for=lacking)

"""The machine and the store: SQLite's build, room on the disk, migrations, keys, and how posts get in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from leadrelay.alerts.channels import MAIL_TO, SLACK, TEAMS, channels
from leadrelay.cli.common import is_sqlite, unusable
from leadrelay.doctor.findings import Area, Finding, named
from leadrelay.settings import LOOPBACK, SPACE, Settings, is_loopback
from mappings.playbook import Playbook
from model.errors import LeadRelayError
from sync import alerts, connections, followed, migrate, releases, shared_domains
from sync.budgets import keeper
from sync.budgets.day import Kept
from sync.checkpoints import is_safe
from sync.connections import StoredConnection
from sync.database import open_store, sqlite_module
from sync.followed import Followed
from sync.releases import Release
from sync.shared_domains import SharedDomain
from sync.vault import SealError, Vault

MIB = 1024 * 1024
LITTLE, TOO_LITTLE = 1024 * MIB, 100 * MIB


def check_sqlite(area: Area, module: str, version: str) -> Finding:
    """Say which SQLite is used and whether it has the bug of the WAL reset."""
    fact = f"SQLite {version} of {module}"
    if is_safe(tuple(int(part) for part in version.split("."))):
        return area.ok(fact)
    return area.warn(
        f"{fact}, which can corrupt a WAL file when two connections write at once",
        "leadrelay writes through one connection only, so keep other programs from writing to the file; "
        "Linux on x86-64 gets a newer SQLite by `pip install pysqlite3`.",
    )


def check_disk(area: Area, folder: Path, free: int, total: int) -> Finding:
    """Say how much room is left where the store grows."""
    fact = f"{free // MIB:,} MiB of {total // MIB:,} are free on the disk of {folder}"
    fix = "Make room; with a full disk posts are answered 503 and nothing is taken."
    if free < TOO_LITTLE:
        return area.problem(fact, fix)
    return area.warn(fact, fix) if free < LITTLE else area.ok(fact)


@dataclass(frozen=True, slots=True)
class InStore:
    """What the store keeps that other checks go by, by connection."""

    connections: Mapping[str, StoredConnection] = field(default_factory=dict)
    days: Mapping[str, Kept] = field(default_factory=dict)  # of API calls
    releases: Mapping[str, Release] = field(default_factory=dict)
    followed: Mapping[str, Followed] = field(default_factory=dict)
    shared: Sequence[SharedDomain] = ()  # domains whose people name many companies


def check_store(settings: Settings) -> tuple[list[Finding], InStore]:
    """Look at the store without changing it; return what was found and what it keeps."""
    area, url = Area("store"), make_url(settings.database_url)
    found: list[Finding] = []
    if url.get_backend_name() == "sqlite":
        module = sqlite_module()
        found.append(check_sqlite(area, module.__name__, module.sqlite_version))
        path = Path(url.database or "").absolute()
        folder = next(one for one in path.parents if one.is_dir())
        usage = shutil.disk_usage(folder)
        found.append(check_disk(area, folder, usage.free, usage.total))
        if not path.exists():
            found.append(area.warn(f"there is no store at {url.database} yet", "`leadrelay serve` makes it."))
            return found, InStore()
        if not is_sqlite(url.database):
            fact, fix = f"{url.database} is not a SQLite file", "Correct LEADRELAY_DATABASE_URL."
            return [*found, area.problem(fact, fix)], InStore()
    try:
        store = open_store(settings.database_url)
    except LeadRelayError as error:
        return [*found, area.problem(str(error), "Correct LEADRELAY_DATABASE_URL.")], InStore()
    try:
        with store.snapshot() as snapshot:
            at, head = migrate.current(snapshot), migrate.head()
            if store.dialect == "postgresql":
                version = snapshot.execute(text("SHOW server_version")).scalar_one()
                found.append(area.ok(f"PostgreSQL {version}"))
            if at != head:
                fact = f"is at revision {at or 'none'}, and this version needs {head}"
                found.append(area.warn(fact, "`leadrelay serve` brings it up to date at its start."))
                return found, InStore()
            found.append(area.ok(f"is at revision {at}, the newest"))
            found += [
                Area("alerts").warn(
                    f"stands since {one.since:%Y-%m-%d %H:%M} UTC: {one.text}", "See what it says."
                )
                for one in alerts.load(snapshot, SPACE).values()
            ]
            return found, InStore(
                connections.load(snapshot, SPACE),
                keeper.load(snapshot, SPACE),
                releases.load(snapshot, SPACE),
                followed.read(snapshot, SPACE),
                shared_domains.read(snapshot, SPACE),
            )
    except SQLAlchemyError as error:
        fix = "Look at the file or the server, and at LEADRELAY_DATABASE_URL."
        return [*found, area.problem(unusable(settings, error), fix)], InStore()
    finally:
        store.close()


def check_domains(area: Area, playbook: Playbook, shared: Sequence[SharedDomain]) -> Iterator[Finding]:
    """Yield which domains are taken for one company, and stand for many by what their people say."""
    if not playbook.joins_accounts:
        return
    listed = playbook.accounts.shared_domains
    for one in (each for each in shared if each.domain not in listed):
        yield area.warn(
            f"{one.people} people of {one.domain} name {len(one.companies)} companies, such as "
            f"{named([*one.companies], 3)}, and are taken for people of one",
            f"If it is a provider or a school, add {one.domain} to shared_domains in accounts.yaml.",
        )


def check_seals(vault: Vault, stored: Sequence[StoredConnection]) -> Iterator[Finding]:
    """Yield how the credentials in the store lie: with which key, or with one that is lost."""
    area, stored = Area("secrets"), [one for one in stored if one.has_credentials]
    if not vault.has_key:
        if stored:
            yield area.problem(
                f"no key is set, so {named([one.name for one in stored])} cannot be used",
                "Set LEADRELAY_SECRET_KEY to the key they were sealed with.",
            )
        else:
            yield area.ok("no key is set, and nothing is sealed; `leadrelay connect` will need one")
        return
    old, lost = [], []
    for one in stored:
        try:
            vault.open(one.sealed)
        except SealError:
            lost.append(one.name)
        else:
            old += [] if vault.is_newest(one.sealed) else [one.name]
    if lost:
        yield area.problem(
            f"no key opens the credentials of {named(lost)}",
            "Add the key they were sealed with to LEADRELAY_SECRET_KEY, or connect them anew.",
        )
    if old:
        yield area.warn(f"sealed with an old key: {named(old)}", "Run `leadrelay secrets rotate`.")
    if not lost and not old:
        yield area.ok(f"a key is set; {len(stored)} sealed, all with the first key")


def check_alerts(settings: Settings) -> Finding:
    """Say who is told when something goes wrong."""
    area, found = Area("alerts"), channels(settings)
    if found:
        return area.ok(f"alarms go to {named([one.name for one in found])}; try `leadrelay alert test`")
    if settings.is_sandbox:
        return area.ok("nobody is told when something goes wrong, and this is a sandbox")
    return area.warn(
        "nobody is told when something goes wrong",
        f"Set {SLACK}, {TEAMS} or {MAIL_TO}, and try `leadrelay alert test`.",
    )


def check_door(settings: Settings) -> Iterator[Finding]:
    """Yield how senders reach the daemon from outside."""
    area = Area("door")
    if settings.public_url:
        yield _public(area, settings.public_url)
    elif settings.host in LOOPBACK:
        yield area.ok(
            f"listens on {settings.host}:{settings.port}, for this machine only; senders elsewhere need "
            "a proxy with HTTPS in front, and its address in LEADRELAY_PUBLIC_URL"
        )
    else:
        yield area.warn(
            f"listens on {settings.host}:{settings.port} without TLS",
            "Put a proxy with HTTPS in front that passes on /in/ alone, and set LEADRELAY_PUBLIC_URL to its "
            "address.",
        )


def _public(area: Area, url: str) -> Finding:
    if urlsplit(url).scheme != "https" and not is_loopback(url):
        return area.problem(f"{url}: leads travel in clear", "Give the proxy a certificate and use https.")
    try:
        status = requests.get(f"{url}/healthz", timeout=5, allow_redirects=False).status_code
    except requests.RequestException as error:
        fix = "Start the daemon and the proxy; from inside some networks the public address cannot be called."
        return area.warn(f"{url} does not answer ({type(error).__name__})", fix)
    if status in (200, 403, 404):  # a proxy that passes on /in/ alone refuses this one
        return area.ok(f"{url} answers")
    return area.warn(f"{url} answers {status}", "Look at the proxy: it should pass /in/ on to the daemon.")

"""The pools of a playbook against the owners that the store last read: for `check`, without any call."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from leadrelay.cli.common import is_sqlite
from leadrelay.doctor.findings import Area, Finding
from leadrelay.doctor.people import check_people
from leadrelay.settings import SPACE, Settings
from mappings.playbook import Playbook
from sync import migrate, teammates
from sync.database import open_store


@dataclass(frozen=True, slots=True)
class Checked:
    """What the doctor would say of people, and when each CRM's owners were read."""

    findings: list[Finding]
    read_at: dict[str, datetime]


def check_stored(settings: Settings, playbook: Playbook) -> Checked | None:
    """Look at the store as it is; ``None`` where there is none, or it has read no owners yet."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        path = url.database or ""
        if not Path(path).is_file() or not is_sqlite(path):
            return None
    with contextlib.closing(open_store(settings.database_url)) as store:
        try:
            with store.snapshot() as snapshot:
                if migrate.current(snapshot) != migrate.head():
                    return None
                read_at = teammates.read_at(snapshot, SPACE)
                mates = teammates.load(snapshot, SPACE)
        except SQLAlchemyError:
            return None  # `check` is about files; `doctor` says what the store lacks
    if not read_at:
        return None
    return Checked(list(check_people(Area("people"), playbook, mates, read_at)), read_at)

"""Both sandboxes, once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agreement.running import Runs, both_crms, playbook_in


@pytest.fixture(scope="session")
def runs(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Both sandboxes, the starter playbook, and an empty store to begin each run with."""
    with both_crms() as vendors:
        playbook = playbook_in(tmp_path_factory.mktemp("playbook") / "starter")
        yield Runs(vendors, playbook, Path(migrated_file), tmp_path_factory.mktemp("runs"))

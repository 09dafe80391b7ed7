"""The vendors' clients for Node: each operation of the scripts in ``node/`` is a test.

The packages are installed beside the scripts, once for each content of package.json.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.registry import VENDORS
from sandbox.server import running
from tests.conftest import SHARED
from tests.sandbox.operations import NODE, SCRIPTS, Operation, listed

OLDEST = 18  # of Node, that both packages run on
WITHOUT_NODE = f"install Node {OLDEST} or newer with npm (Debian: apt-get install nodejs npm)"
WITHOUT_PACKAGES = "run npm install --no-package-lock in tests/sandbox/node; npm said: "
OPTIONS = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0")

pytestmark = pytest.mark.timeout(300)  # the first of them waits for the packages

OPERATIONS = [(client, one) for client in SCRIPTS for one in listed(client)]


@pytest.fixture(scope="session")
def errors_of() -> Callable[[str], dict[tuple[str, str], str | None]]:
    """The errors of a client's operations by call and result; each script runs once for all workers."""

    def told(client: str) -> dict[tuple[str, str], str | None]:
        shared = Path(os.environ[SHARED])
        with (shared / "node-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = shared / f"node-{SCRIPTS[client]}.json"
            if not kept.exists():
                kept.write_text(json.dumps(_run(SCRIPTS[client])))
            outcome = json.loads(kept.read_text())
        if isinstance(outcome, str):
            pytest.skip(outcome)
        return {(row["call"], row["result"]): row["error"] for row in outcome}

    return told


def _run(script: str) -> list[dict[str, Any]] | str:
    """What a script printed, or why it cannot run here."""
    if lacking := _lacking():
        return lacking
    vendor = "salesforce" if script == "jsforce" else script
    with running(VENDORS[vendor](Clock())) as url:
        done = subprocess.run(
            ["node", f"{script}.mjs"], cwd=NODE, env=_environment() | {"SANDBOX_URL": url},
            capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _environment() -> dict[str, str]:
    """Ours without a proxy: jsforce would ask it for what is on this machine."""
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def _lacking() -> str | None:
    """What has to be installed by hand; the packages are installed where they can be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return WITHOUT_NODE
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, timeout=20, check=True
    ).stdout
    if int(re.findall(r"\d+", version)[0]) < OLDEST:
        return WITHOUT_NODE
    wanted = (NODE / "package.json").read_text()
    stamp = NODE / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    done = subprocess.run(
        ["npm", "install", *OPTIONS], cwd=NODE, capture_output=True, text=True, timeout=200, check=False
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if not line.lower().startswith("npm warn")]
        return WITHOUT_PACKAGES + (errors[0] if errors else f"exit {done.returncode}")
    stamp.write_text(wanted)
    return None


@pytest.mark.parametrize(("client", "operation"), OPERATIONS, ids=str)
def test_the_client_gets_the_documented_result(client: str, operation: Operation, errors_of):
    error = errors_of(client)[operation.call, operation.result]
    assert error is None, error


@pytest.mark.parametrize("client", SCRIPTS)
def test_the_list_names_every_operation_of_the_script_once(client, errors_of):
    rows = listed(client)
    assert len(rows) > 50
    assert sorted(errors_of(client)) == sorted((row.call, row.result) for row in rows)

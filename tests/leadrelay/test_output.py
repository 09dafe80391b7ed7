"""What commands print is what they were told: no sign in a text stands for another."""

from __future__ import annotations

import subprocess
import sys

from leadrelay.cli.common import console, errors, table

PLACE = "crm/salesforce.yaml:100:7"  # :100: is the name of a picture


def test_a_place_on_line_100_is_printed_as_it_is(capsys):
    table("Fields", ["where"], [[PLACE]])
    console.print(PLACE)
    errors.print(PLACE)
    said = capsys.readouterr()
    assert (said.out.count(PLACE), said.err.count(PLACE)) == (2, 1)


def test_what_is_logged_on_the_way_is_not_in_what_a_command_prints():
    script = """
import structlog
from leadrelay.cli import app
app.command("told")(lambda: structlog.get_logger().warning("on.the_way") or print("{}"))
app(["told"])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (ran.stdout, "on.the_way" in ran.stderr) == ("{}\n", True)

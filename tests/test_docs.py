"""The documents say what there is: settings, handlers, commands, metrics, log events, codes, files, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from prometheus_client import CollectorRegistry

from handlers.registry import HANDLERS
from leadrelay.cli import app
from leadrelay.metrics import Metrics
from sandbox.server import OVER_TLS
from sandbox.server import PORTS as SANDBOX_PORTS
from sync import tables
from sync.replays.advice import ADVICE
from tests.sandbox import operations

HOUSE = Path(__file__).resolve().parent.parent
DOCS = HOUSE / "docs"
PAGES = [HOUSE / "README.md", HOUSE / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
ROOMS = (
    "connectors",
    "dashboard",
    "handlers",
    "leadrelay",
    "mappings",
    "model",
    "scheduler",
    "sync",
    "webhooks",
)
PRODUCT = [path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


def read(path: Path | str) -> str:
    return (HOUSE / path).read_text(encoding="utf-8")


def prose(path: Path) -> str:
    """Return a page without its code."""
    return INDENTED.sub("", FENCE.sub("", read(path)))


def anchors(path: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    names = (
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(read(path))
    )
    return set(names)


LINKS = [
    (page, link)
    for page in PAGES
    for link in LINK.findall(prose(page))
    if not link.startswith(("http://", "https://"))
]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: str(value).removeprefix(str(HOUSE)))
def test_a_link_between_pages_leads_somewhere(page, link):
    file, _, anchor = link.partition("#")
    target = (page.parent / file).resolve() if file else page
    assert target.exists(), f"{page.name} links to {link}"
    assert target.is_relative_to(HOUSE)
    if anchor:
        assert anchor in anchors(target), f"{page.name}: {target.name} has no heading #{anchor}"


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [HOUSE / "README.md", HOUSE / "CHANGELOG.md"]
    while waiting:
        page = waiting.pop()
        if page.is_dir():
            page = page / "README.md"
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in LINK.findall(prose(page))
            if "://" not in link and not link.startswith("#")
        ]
    assert set(PAGES) - reached == set()


def settings_read() -> set[str]:
    """Return the variables that the product reads, placeholders written as in the table."""
    names: set[str] = set()
    for path in PRODUCT:
        reads = r"(?:take|env\.get|environ\.get|settings\.secret|self\.secret)"
        names |= set(re.findall(reads + r'\(\s*"(LEADRELAY_\w+)"', read(path)))
        for constants in re.findall(r"^[A-Z_, ]+ = (\"LEADRELAY_\w+\".*)$", read(path), re.MULTILINE):
            names |= set(re.findall(r'"(LEADRELAY_\w+)"', constants))
    source = read("leadrelay/settings.py")
    names |= {f"LEADRELAY_<CONNECTION>{part}" for part in re.findall(r'\{prefix\}(_[A-Z_]+)"', source)}
    source = read("leadrelay/channels.py")
    names |= {
        f"LEADRELAY_<CHANNEL>{part}" for part in re.findall(r'\{prefix\}(_(?!.*_FILE)[A-Z_]+)"', source)
    }
    return names | {f"LEADRELAY_SANDBOX_{name.upper()}_PORT" for name in SANDBOX_PORTS}


def tls_settings() -> set[str]:
    """Return the names that the sandbox reads for TLS."""
    named = {f"LEADRELAY_SANDBOX_TLS_{name}" for name in ("FOLDER", "HOSTS")}
    return named | {f"LEADRELAY_SANDBOX_{name.upper()}_TLS_PORT" for name in OVER_TLS}


def test_the_readme_lists_every_setting_and_no_other():
    found = settings_read() | tls_settings()
    assert len(found) > 12, "the search for settings finds too few"
    rows = [line for line in read("README.md").splitlines() if line.startswith("| `LEADRELAY_")]
    listed = {name for row in rows for name in re.findall(r"`(LEADRELAY_[\w<>]+)`", row.split("|")[1])}
    assert found - listed == set(), "not in the README's table"
    assert listed - found == set(), "in the README's table, but nothing reads it"


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_handler_has_its_part_of_the_page(name):
    text = read("docs/handlers.md")
    assert f"\n## {name}\n" in text
    assert re.search(rf"^\| `{name}` \|", text, re.MULTILINE)


def commands() -> list[str]:
    """Return every command with the words before it."""
    group = typer.main.get_command(app)
    found = []
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", {})
        found += [f"{name} {word}" for word in inner] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_a_command_is_in_the_table_of_commands(command):
    assert re.search(rf"^\| `leadrelay {command}\b.*?` \|", read("docs/operations.md"), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_no_command_that_is_not_there(page):
    known = {command.split()[0] for command in commands()}
    for word in re.findall(r"(?:`|^ {4}(?:\.venv/bin/)?)leadrelay ([a-z][\w-]*)", read(page), re.MULTILINE):
        assert word in known, f"{page.name}: leadrelay {word}"


def test_the_readmes_commands_are_targets_of_make():
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {
        word for page in PAGES for word in re.findall(r"(?:`|^ {4})make ([a-z]+)", read(page), re.MULTILINE)
    }
    assert {"run", "test"} <= named
    assert named - targets == set()


def test_every_metric_is_explained():
    metrics = Metrics()
    registry: CollectorRegistry = metrics.registry
    names = {
        family.name + ("_total" if family.type == "counter" else "") for family in registry.collect()
    }  # fmt: skip
    names |= set(re.findall(r'GaugeMetricFamily\(\s*"(\w+)"', read("leadrelay/metrics.py")))
    assert len(names) >= 6
    listed = set(re.findall(r"^\| `(leadrelay_\w+)` \|", read("docs/operations.md"), re.MULTILINE))
    assert listed == names


def test_every_log_event_is_explained():
    calls = r'log\.(?:debug|info|warning|error|exception|critical)\(\s*"([a-z_.]+)"'
    pattern = re.compile(calls + r'|"event": "([a-z_.]+)", "level"')
    said = {"".join(names) for path in PRODUCT for names in pattern.findall(read(path))}
    rows = [
        line for line in read("docs/operations.md").splitlines() if re.match(r"\| `[a-z_]+\.[a-z_]+`", line)
    ]
    listed = {name for row in rows for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", row.split("|")[1])}
    assert said - listed == set(), "not in the table of docs/operations.md"
    assert listed - said == set(), "in the table, but nothing logs it"


def test_every_cause_that_is_known_stands_in_the_docs_with_the_same_advice():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", read("docs/dead-letters.md"), re.MULTILINE))
    assert rows == {code: text.replace("{field}", "the field") for code, text in ADVICE.items()}


def test_every_refusal_of_a_post_is_explained():
    pattern = re.compile(r'Refused\(\s*(\d{3}),\s*"([a-z_]+)"')
    files = ("answers", "challenges", "envelope", "forms", "signatures")
    said = {pair for name in files for pair in pattern.findall(read(f"webhooks/{name}.py"))}
    said |= set(re.findall(r'^    (\d{3}): \("([a-z_]+)"', read("webhooks/answers.py"), re.MULTILINE))
    assert len(said) > 15
    listed = set()
    for row in read("docs/sources.md").splitlines():
        if match := re.match(r"\| ([\d, ]+) \| ([^|]+) \|", row):
            codes = re.findall(r"`([a-z_]+)`", match[2])
            listed |= {(status, code) for status in match[1].split(", ") for code in codes}
    assert {code for _, code in said} == {code for _, code in listed}
    assert said - listed == set()


def test_every_table_has_its_writers_named():
    text = read("docs/architecture.md").split("## Who writes which column")[1]
    for name in tables.metadata.tables:
        assert f"`{name}`" in text, name


FILES_NAMED = re.compile(r"`((?:%s|tests|sandbox)/[\w/.]*\w)(?::| |`)" % "|".join(ROOMS))  # noqa: UP031


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_is_there(page):
    for name in FILES_NAMED.findall(prose(page)):
        if not re.search(r"/x\b", name):  # that one is to be written
            assert (HOUSE / name).exists(), f"{page.name}: {name}"


def test_the_functions_that_the_way_names_are_there():
    text = read("docs/architecture.md").split("## The outbox is a level")[0]
    named = re.findall(r"`([a-z_/]+\.py):\s+([A-Za-z_.]+)`", text)
    assert len(named) > 10
    for file, function in named:
        *_, last = function.split(".")
        assert re.search(rf"(def|class) {last}\b", read(file)), f"{file}: {function}"


def test_the_operations_of_the_vendors_clients_are_listed_as_they_are_tested():
    told = operations.page()
    assert read("docs/sandbox-clients.md") == told, "write it anew: python -m tests.sandbox.operations"
    for client in (*operations.PYTHON, *operations.SCRIPTS):
        rows = [(row.call, row.result) for row in operations.listed(client)]
        assert len(rows) > 50
        assert len(rows) == len(set(rows)), f"{client}: one operation twice"


def test_the_glossary_is_in_order():
    words = re.findall(r"^\| ([a-z][^|]*?) \|", read("docs/glossary.md"), re.MULTILINE | re.IGNORECASE)[1:]
    assert len(words) > 50
    assert words == sorted(words, key=str.casefold)


def test_every_decision_is_one_page_with_its_four_parts():
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = read(page)
        assert len(text.splitlines()) <= 60
        for part in ("Context", "Options", "Decision", "Consequence"):
            assert f"\n**{part}.** " in text, f"{page.name} has no {part}"

"""What is shipped: the wheel's files, the pinned set, the image and the one-container set-up."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement

import webhooks.server
from leadrelay import cli, roles, settings

HOUSE = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))
TOOLS = PROJECT["tool"]
ROOMS = [pattern.rstrip("*") for pattern in TOOLS["setuptools"]["packages"]["find"]["include"]]


def read(name: str) -> str:
    return (HOUSE / name).read_text(encoding="utf-8")


def stages() -> list[list[tuple[str, str]]]:
    """Return the Dockerfile's stages, each a list of instruction and argument."""
    text = re.sub(r"^\s*#.*\n", "", read("Dockerfile"), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(str.strip, text.splitlines()):
        word, argument = line.split(maxsplit=1)
        if word == "FROM":
            found.append([])
        found[-1].append((word, argument.strip()))
    return found


BUILD, FINAL = stages()


def arguments(word: str, stage: list[tuple[str, str]] = FINAL) -> list[str]:
    return [argument for name, argument in stage if name == word]


def environment() -> dict[str, str]:
    pairs = (pair for argument in arguments("ENV") for pair in shlex.split(argument))
    return dict(pair.split("=", 1) for pair in pairs)


def test_every_data_file_of_the_rooms_is_in_the_wheel():
    globs = TOOLS["setuptools"]["package-data"]
    for room in ROOMS:
        shipped = {path for glob in globs.get(room, ()) for path in (HOUSE / room).glob(glob)}
        for path in (HOUSE / room).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert path in shipped, (
                    f"{path.relative_to(HOUSE)}: no package-data pattern of {room} names it"
                )


def test_the_licence_is_the_whole_apache_2():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    text = read("LICENSE")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def pins() -> dict[str, str]:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line) for line in lines), "name==version only"
    found = dict(line.split("==") for line in lines)
    assert list(found) == sorted(found)
    return found


def test_the_node_packages_of_the_tests_are_pinned_and_no_lock_file_names_a_registry():
    folder = HOUSE / "tests" / "sandbox" / "node"
    pinned = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert pinned.keys() == {"@hubspot/api-client", "jsforce"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pinned.values()), pinned
    assert not (folder / "package-lock.json").exists()


@pytest.mark.parametrize(
    "wanted",
    [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["dev"],
        *PROJECT["project"]["optional-dependencies"]["scaled"],
    ],
)
def test_each_dependency_is_pinned_to_a_version_it_allows(wanted):
    requirement = Requirement(wanted)
    pinned = pins()[requirement.name.lower().replace("_", "-")]
    assert requirement.specifier.contains(pinned)


def test_the_changelog_has_a_place_for_what_comes_and_names_the_released_version():
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [PROJECT["project"]["version"]])


def test_the_python_versions_agree():
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"OLDEST := {oldest}\n" in read("Makefile")
    assert TOOLS["mypy"]["python_version"] == oldest
    assert TOOLS["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    images = {
        re.match(r"python:(\d+\.\d+)-slim", argument)
        for stage in (BUILD, FINAL)
        for argument in arguments("FROM", stage)
    }
    [version] = {match and match.group(1) for match in images}
    assert tuple(map(int, version.split("."))) >= tuple(map(int, oldest.split(".")))


def test_the_image_gets_the_venv_and_no_build_tools():
    [copied] = arguments("COPY")
    assert copied == "--from=build /opt/leadrelay /opt/leadrelay"
    ran = " ".join(arguments("RUN"))
    assert not re.search(r"\b(pip|uv|apt-get|gcc|curl)\b", ran)
    assert environment()["PATH"].startswith("/opt/leadrelay/bin:")


def test_the_image_runs_as_an_ordinary_user_by_number():
    [user] = arguments("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    words = [name for name, _ in FINAL]
    assert words.index("USER") > words.index("RUN")
    assert f"install -d -o {user.split(':')[0]} -g {user.split(':')[1]} /data" in arguments("RUN")


def test_the_image_writes_to_its_one_volume_only():
    [volume] = arguments("VOLUME")
    assert json.loads(volume) == ["/data"]
    found = environment()
    assert found["PYTHONDONTWRITEBYTECODE"] == "1"
    assert found["LEADRELAY_DATABASE_URL"].startswith("sqlite:////data/")


def test_the_image_starts_the_daemon_and_stops_it_kindly():
    assert json.loads(arguments("ENTRYPOINT")[0]) == ["leadrelay"]
    assert json.loads(arguments("CMD")[0]) == ["serve"]
    assert arguments("STOPSIGNAL") == ["SIGTERM"]
    assert environment()["LEADRELAY_HOST"] == "0.0.0.0"
    assert arguments("EXPOSE") == [environment()["LEADRELAY_PORT"]]


def test_the_image_says_how_it_is():
    [check] = arguments("HEALTHCHECK")
    command = json.loads(check[check.index("[") :])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "/healthz" in command[2]


def test_the_build_sees_everything_that_the_wheel_is_made_of_and_nothing_else():
    lines = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert kept == {*ROOMS, "pyproject.toml", "constraints.txt", "README.md", "LICENSE"}


def test_the_one_container_set_up_keeps_to_what_the_image_promises():
    [service] = yaml.safe_load(read("compose.yaml"))["services"].values()
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert "data:/data" in service["volumes"]
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["healthcheck"]["test"][:3] == ["CMD", "python", "-c"]
    compile(service["healthcheck"]["test"][3], "healthcheck", "exec")
    assert int(service["stop_grace_period"].removesuffix("s")) > webhooks.server.PATIENCE_SECONDS
    assert f"{environment()['LEADRELAY_PLAYBOOK']}:ro" in " ".join(service["volumes"])


SCALED = yaml.safe_load(read("compose.scaled.yaml"))["services"]
OURS = {name: one for name, one in SCALED.items() if one.get("image") == "leadrelay:local"}


def test_the_scaled_out_set_up_runs_each_role_by_a_command_that_there_is():
    commands = {command.name for command in cli.app.registered_commands}
    said = {name: one["command"] for name, one in OURS.items()}
    assert all(len(command) == 1 and command[0] in commands for command in said.values())
    named = {role.name: role for role in vars(roles).values() if isinstance(role, roles.Role)}
    done = [work for [command] in said.values() for work in named[command].works]
    assert sorted(done) == sorted(roles.Work), "each part of the work by one role"
    scheduler = next(one for one in OURS.values() if one["command"] == ["scheduler"])
    assert scheduler["deploy"]["replicas"] == 1


def test_the_scaled_out_set_up_is_one_that_the_settings_take():
    for name, service in OURS.items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        assert "./playbook:/data/playbook:ro" in service["volumes"]
        given = {
            key: re.sub(r"\$\{(\w+):\?[^}]+\}", r"\1", value) for key, value in service["environment"].items()
        }
        found = settings.load({**environment(), **given})
        assert found.is_scaled_out
        assert found.database_url.startswith("postgresql+psycopg://")
        assert {urlsplit(found.database_url).hostname, urlsplit(found.broker_url).hostname} <= {*SCALED}
        assert {*service["depends_on"]} == {"postgres", "rabbitmq"}
    assert [name for name, one in SCALED.items() if "ports" in one] == ["proxy"]
    assert "max_connections" in " ".join(SCALED["postgres"]["command"])


def test_the_scaled_out_proxy_writes_no_address_into_a_log():
    told = yaml.safe_load(read("compose.scaled.yaml"))["configs"]["proxy"]["content"]
    assert re.findall(r"^\s*(access_log|error_log) ([^;]+);", told, re.MULTILINE) == [
        ("access_log", "off"),
        ("error_log", "/dev/stderr crit"),
    ]


@pytest.mark.parametrize("target", ["run", "test", "check", "format", "bench", "soak", "help", "clean"])
def test_make_help_lists_every_target(target):
    assert re.search(rf"^{target}:.*## \S", read("Makefile"), re.MULTILINE)


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "compose.yaml",
        "compose.scaled.yaml",
        "constraints.txt",
        "Makefile",
        ".ci/run",
        "pyproject.toml",
    ],
)
def test_no_file_names_where_packages_come_from(name):
    assert not re.search(r"--(extra-)?index-url|find-links|://[\w.]*(pypi|registry|mirror)", read(name))

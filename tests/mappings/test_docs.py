"""The playbook's page names everything that can be written, and its example is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from mappings.compile import SINGLE_FILES
from mappings.conditions import GROUPS, WORDS
from mappings.schema import KINDS, Strict, settings_of
from mappings.touches import CLICK_IDS
from mappings.values.converters import CONVERTERS
from model.lead import LEAD_FIELDS, TOUCH_FIELDS

PAGE = (Path(__file__).parents[2] / "docs" / "playbook.md").read_text(encoding="utf-8")


def settings(model: type[Strict]) -> Iterator[tuple[str, FieldInfo]]:
    for name, setting, inner in settings_of(model):
        yield name, setting
        if inner is not None:
            yield from settings(inner)


EVERY = [(kind, name, setting) for kind, model in KINDS.items() for name, setting in settings(model)]


@pytest.mark.parametrize("name", sorted({name for _, name, _ in EVERY}))
def test_every_setting_is_on_the_page(name):
    assert f"`{name}`" in PAGE or f"`{name}:" in PAGE or f"`{name}." in PAGE or f"      {name}:" in PAGE


@pytest.mark.parametrize("name", [*WORDS, *GROUPS, *CONVERTERS, *CLICK_IDS, *LEAD_FIELDS, *TOUCH_FIELDS])
def test_every_operator_converter_click_id_and_field_is_on_the_page(name):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("name", SINGLE_FILES)
def test_every_file_is_on_the_page(name):
    assert f"{name}.yaml" in PAGE


def test_every_setting_is_described_for_editors():
    assert [f"{kind}: {name}" for kind, name, setting in EVERY if not setting.description] == []

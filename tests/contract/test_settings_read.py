"""Every key of the settings is read by a part of the program, and stands in the documentation: a key that does nothing is a lie."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from slskdn_tui.config.settings import Settings
from slskdn_tui.config.templates import FIELDS

PACKAGE = Path(__file__).resolve().parents[2] / "slskdn_tui"
DOCS = PACKAGE.parent / "docs"
SECTIONS = {name: field.annotation for name, field in Settings.model_fields.items()}
KEYS = [(section, key) for section, model in SECTIONS.items() for key in model.model_fields]  # type: ignore[union-attr]


def parts() -> Iterator[tuple[set[str], set[str]]]:
    """(sections this file handles, attributes it reads) of each file outside `config/`. A file handles a section when it takes the
    section's class, or reaches for it by its name, or asks by protocol for some of its keys; templates are read by their key's text."""
    classes = {model.__name__: section for section, model in SECTIONS.items()}  # type: ignore[union-attr]
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "config") or path.is_relative_to(PACKAGE / "lab"):
            continue
        handled, read = set(), set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                read.add(node.attr)
                handled |= {node.attr} & set(SECTIONS)
            elif isinstance(node, ast.Name):
                handled |= {node.id} & set(SECTIONS)
            elif isinstance(node, ast.ImportFrom) and node.module == "slskdn_tui.config.settings":
                handled |= {classes[alias.name] for alias in node.names if alias.name in classes}
            elif isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases):
                asked = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                handled |= {section for section, model in SECTIONS.items() if asked and asked <= set(model.model_fields)}  # type: ignore[union-attr]
            elif isinstance(node, ast.Constant) and node.value in FIELDS:
                handled.add("downloads")
                read.add(str(node.value))
        yield handled, read


@pytest.fixture(scope="module")
def read() -> set[tuple[str, str]]:
    return {(section, key) for handled, names in parts() for section, key in KEYS if section in handled and key in names}


@pytest.mark.parametrize(("section", "key"), KEYS)
def test_a_key_is_read_outside_the_settings(section: str, key: str, read: set[tuple[str, str]]) -> None:
    assert (section, key) in read, f"{section}.{key} is documented, and nothing looks at it"


def test_a_key_nobody_reads_is_noticed(read: set[tuple[str, str]]) -> None:
    assert ("downloads", "no_such_key") not in read and len(read) == len(KEYS)


def test_every_key_stands_in_the_page_of_the_settings() -> None:
    page = (DOCS / "config.md").read_text("utf-8")
    assert [f"{section}.{key}" for section, key in KEYS if f"`{section}.{key}`" not in page and f"`{key}`" not in page] == []

"""Settings in words: what a key means, what it takes, and the nearest key to a mistyped one. Core.

Errors, the generated file and docs/config.md all speak through this module.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from slskdn_tui.config.settings import Secret, Settings


@dataclass(frozen=True, slots=True)
class KeyWords:
    """One key: dotted `path`, `comment`, what is `allowed` in words, its default."""

    section: str
    key: str
    comment: str
    allowed: str
    default: Any


def _bounds(field: FieldInfo) -> tuple[str, str, bool]:
    low, high, above = "", "", False
    for item in field.metadata:
        if isinstance(item, annotated_types.Ge):
            low = f"{item.ge:g}" if isinstance(item.ge, float) else str(item.ge)
        elif isinstance(item, annotated_types.Gt):
            low, above = f"{item.gt:g}" if isinstance(item.gt, float) else str(item.gt), True
        elif isinstance(item, annotated_types.Le):
            high = f"{item.le:g}" if isinstance(item.le, float) else str(item.le)
    return low, high, above


def allowed(field: FieldInfo) -> str:
    """What a key takes, e.g. `a whole number, 1 to 65535`."""
    kind = field.annotation
    if typing.get_origin(kind) is Literal:
        return " | ".join(str(choice) for choice in typing.get_args(kind))
    low, high, above = _bounds(field)
    reach = f", {low} to {high}" if low and high and not above else f", above {low}" if above else f", {low} or more" if low else ""
    if above and high:
        reach = f", above {low}, at most {high}"
    if kind is bool:
        return "true | false"
    if kind is int:
        return f"a whole number{reach}"
    if kind is float:
        return f"a number{reach}"
    if kind is str or kind is Secret:
        return "text"
    if typing.get_origin(kind) is list:
        return "a list of texts, e.g. [a, b]"
    return "a mapping of texts, e.g. {a: b}"


def section_model(name: str) -> type[BaseModel] | None:
    """The model of a section, None when there is no such section."""
    field = Settings.model_fields.get(name)
    return field.annotation if field is not None and isinstance(field.annotation, type) else None


def field_of(section: str, key: str) -> FieldInfo | None:
    """The field behind `section.key`, None when there is none."""
    model = section_model(section)
    return model.model_fields.get(key) if model is not None else None


def keys(section: str) -> Iterator[KeyWords]:
    """All keys of a section, in the order of the file."""
    model = section_model(section)
    if model is None:
        return
    for key, field in model.model_fields.items():
        yield KeyWords(section, key, field.description or "", allowed(field), field.get_default())


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or ''."""
    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.6)), "")


def unknown_section(name: str) -> str:
    """The hint for a section that does not exist."""
    known = list(Settings.model_fields)
    guess = nearest(name, known)
    return (f"Did you mean `{guess}`? " if guess else "") + f"Sections: {', '.join(known)}."


def unknown_key(section: str, name: str) -> str:
    """The hint for a key that does not exist."""
    model = section_model(section)
    known = list(model.model_fields) if model is not None else []
    guess = nearest(name, known)
    if not guess:
        elsewhere = [other for other in Settings.model_fields if name in (section_model(other) or BaseModel).model_fields]
        guess = f"{elsewhere[0]}: {name}" if elsewhere else ""
    return (f"Did you mean `{guess}`? " if guess else "") + f"Keys of {section}: {', '.join(known)}."

"""What is wrong with a manifest, in words for whoever edited it. Core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

JOB_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
DIGEST = r"^[0-9a-f]{64}$"
_ID_WORDS = "should be 8-4-4-4-12 digits of 0-9 and a-f, as `uuidgen` prints"
_PATTERNS = {JOB_ID: _ID_WORDS, f"{JOB_ID}|^$": _ID_WORDS, DIGEST: "should be 64 digits of 0-9 and a-f"}


def key_of(where: Sequence[int | str]) -> str:
    """`tracks 3: title` for the third of a list, counted as a person does."""
    words = ""
    for part in where:
        words += f" {part + 1}:" if isinstance(part, int) else f"{'.' if words and words[-1] != ':' else ' ' if words else ''}{part}"
    return words.removesuffix(":") or "the file"


def words_of(kind: type[BaseModel], fault: Mapping[str, Any]) -> str:
    """One of pydantic's errors of a `kind`: what is wrong, and what is allowed."""
    where, said = fault["loc"], str(fault["msg"])
    match fault["type"]:
        case "extra_forbidden":
            names = list(_model_at(kind, where[:-1]).model_fields)
            near = get_close_matches(str(where[-1]), names, 1)
            return f"no such key; did you mean `{near[0]}`?" if near else f"no such key; there are {', '.join(names)}"
        case "missing":
            return "it is missing"
        case "string_pattern_mismatch":
            return _PATTERNS.get(fault["ctx"]["pattern"], said)
        case "model_type" | "model_attributes_type":
            return f"keys are expected here: {', '.join(_model_at(kind, where).model_fields)}"
    return said.removeprefix("Value error, ").replace("Input should be", "should be", 1)


def _model_at(kind: type[BaseModel], where: Sequence[int | str]) -> type[BaseModel]:
    """The model whose keys stand there."""
    for part in where:
        if isinstance(part, str):
            annotation = kind.model_fields[part].annotation
            kind = next(each for each in (annotation, *get_args(annotation)) if isinstance(each, type) and issubclass(each, BaseModel))
    return kind

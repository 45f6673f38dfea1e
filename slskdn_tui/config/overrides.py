"""`SLSKDN_SECTION__KEY` environment variables, laid over the file's data. Core.

A text key takes the variable as it stands; other keys read it as a YAML value; a list also takes `a,b`.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

from slskdn_tui.config import describe, safe_yaml
from slskdn_tui.config.settings import Secret, Settings
from slskdn_tui.model.errors import UserError

PREFIX = "SLSKDN_"


def variable(section: str, key: str) -> str:
    """The name of the variable that overrides `section.key`."""
    return f"{PREFIX}{section}__{key}".upper()


def overrides(environ: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    """Values by (section, key). Variables without `__` are not ours to judge. Raises UserError `config` for an unknown section or key."""
    found: dict[tuple[str, str], Any] = {}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        section, _, key = name[len(PREFIX) :].lower().partition("__")
        if section not in Settings.model_fields:
            raise UserError("config", f"environment variable {name}: no section `{section}`", describe.unknown_section(section))
        field = describe.field_of(section, key)
        if field is None:
            raise UserError("config", f"environment variable {name}: no key `{key}` in `{section}`", describe.unknown_key(section, key))
        found[section, key] = _value(field.annotation, environ[name], name)
    return found


def _value(kind: Any, text: str, name: str) -> Any:
    if kind is str or kind is Secret or typing.get_origin(kind) is typing.Literal:
        return text
    if typing.get_origin(kind) is list and not text.lstrip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    return safe_yaml.load(text, f"environment variable {name}").data

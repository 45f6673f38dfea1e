"""Shell: the configuration file and the environment become `Settings`, or an error that names file, line, key and what is allowed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from slskdn_tui.config import describe, files, rules, safe_yaml
from slskdn_tui.config.overrides import overrides, variable
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.safe_yaml import Loaded
from slskdn_tui.config.settings import Secret, Settings
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
_EMPTY = Loaded({}, lambda path: 1)
_MOST = 50  # errors kept, to be printed one after the other
_SHOWN = 5  # errors named at once; the rest is counted


def load_settings(paths: Paths, environ: Mapping[str, str]) -> Settings:
    """The settings of a profile: the file (a missing one is all defaults), then `SLSKDN_SECTION__KEY`.

    A file that holds a secret is set to 0600, with a warning. Raises UserError `config` or `disk`.
    """
    return load_file(paths.config_file, environ, required=False)


def load_file(path: Path, environ: Mapping[str, str], *, required: bool = True) -> Settings:
    """As `load_settings`, of any file; a missing one is UserError `not_found` when `required`."""
    try:
        loaded = safe_yaml.load(files.read_text(path), str(path))
    except UserError as error:
        if error.code != "not_found" or required:
            raise
        loaded = _EMPTY
    settings = parse(loaded, str(path), environ)
    if _holds_secret(loaded.data) and files.tighten(path):
        log.warning("%s holds a secret and others could read it: its mode is now 0600", path)
    return settings


def parse(loaded: Loaded, name: str, environ: Mapping[str, str]) -> Settings:
    """Settings of a loaded document called `name` in errors. Raises UserError `config`. Pure."""
    data = loaded.data if loaded.data is not None else {}
    if not isinstance(data, dict):
        raise UserError(
            "config", f"{name}, line 1: sections are expected, e.g. `soulseek:`", f"Sections: {', '.join(Settings.model_fields)}."
        )
    merged: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for section, keys in data.items():
        line = loaded.line_of((section,))
        if section not in Settings.model_fields:
            faults.append((f"{name}, line {line}: no section `{section[:80]}`", describe.unknown_section(section)))
        elif keys is not None and not isinstance(keys, dict):
            faults.append((f"{name}, line {line}: `{section}` wants keys below it", describe.unknown_key(section, "")))
        else:
            merged[section] = dict(keys or {})
    given = overrides(environ)
    for (section, key), value in given.items():
        merged.setdefault(section, {})[key] = value

    def where(section: str, key: str) -> str:
        if (section, key) in given:
            return f"environment variable {variable(section, key)}"
        return f"{name}, line {loaded.line_of((section, key))}: {section}.{key}"

    settings = Settings()
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        faults += [_fault(dict(item), where) for item in error.errors(include_url=False, include_context=False)]
    else:
        faults += [(f"{where(fault.section, fault.key)}: {fault.what}", f"Allowed: {fault.allowed}.") for fault in rules.check(settings)]
    if faults:
        raise _error(faults)
    return settings


class ConfigError(UserError):
    """`faults` are (message, hint) of all that is wrong, in the order of the file; as a plain UserError it is the first, naming the others."""

    def __init__(self, message: str, hint: str, faults: list[tuple[str, str]]) -> None:
        super().__init__("config", message, hint)
        self.faults = [(SafeText(what), SafeText(mend)) for what, mend in faults[:_MOST]]


def warnings(path: Path, environ: Mapping[str, str]) -> list[str]:
    """What a good file has that will hardly be meant: keys of the keymap that another command has. Raises as `load_file`."""
    settings = load_file(path, environ)
    line_of = safe_yaml.load(files.read_text(path), str(path)).line_of
    return [
        str(SafeText(f"{path}, line {line_of(('ui', 'keymap', name))}: ui.keymap: {words}"))
        for name, words in rules.keymap_clashes(settings.ui.keymap)
    ]


def _place(fault: tuple[str, str]) -> int:
    line = re.search(r", line (\d+): ", fault[0])
    return int(line[1]) if line else 0


def _error(faults: list[tuple[str, str]]) -> UserError:
    """One error of many: the first in full, the others' places after it."""
    faults.sort(key=_place)
    message, hint = faults[0]
    others = [what for what, _ in faults[1:_SHOWN]]
    if others:
        more = len(faults) - 1 - len(others)
        hint += " Also wrong: " + "; ".join(others) + (f"; and {more} more" if more else "") + "."
    return ConfigError(message, hint, faults)


def _fault(error: dict[str, Any], where: Any) -> tuple[str, str]:
    """Message and hint of one pydantic error. Never shows what was given for a secret."""
    section, key = str(error["loc"][0]), str(error["loc"][1]) if len(error["loc"]) > 1 else ""
    place = where(section, key)
    if error["type"] == "extra_forbidden":
        return f"{place.removesuffix(f': {section}.{key}')}: no key `{key[:80]}` in `{section}`", describe.unknown_key(section, key)
    field = describe.field_of(section, key)
    allowed = describe.allowed(field) if field is not None else ""
    given = error.get("input")
    secret = field is not None and field.annotation is Secret
    shown = (
        "the value"
        if secret or isinstance(given, dict | list)
        else f"`{'' if given is None else str(given).lower() if isinstance(given, bool) else given}`"
    )
    if given is None:
        what, extra = "it has no value", ' Write "" for empty text.' if allowed == "text" else ""
    else:
        what = f"{shown} is not allowed"
        extra = " Put it in quotes." if "string" in error["type"] and not isinstance(given, dict | list) else ""
        if allowed.startswith(("a whole", "a number", "true")) and isinstance(given, str):
            extra = " Write it without quotes." if safe_yaml.scalar(given) != given else ""
    return f"{place}: {what}", f"Allowed: {allowed}.{extra}"


def _holds_secret(data: Any) -> bool:
    """Does the file (not the environment) give a value to any secret key?"""
    if not isinstance(data, dict):
        return False
    for section, keys in data.items():
        model = describe.section_model(section)
        if model is None or not isinstance(keys, dict):
            continue
        if any(model.model_fields[key].annotation is Secret and value for key, value in keys.items() if key in model.model_fields):
            return True
    return False

"""The commented configuration file, every default written out. Core."""

from __future__ import annotations

import textwrap
from typing import Any

from slskdn_tui.config import describe, safe_yaml
from slskdn_tui.config.settings import Secret, Settings

HEADER = """\
# slskdn-tui's configuration. Every key stands here with its meaning; a key you delete falls back to its default.
# Check it with `slskdn config check`. An environment variable overrides a key: SLSKDN_SOULSEEK__LISTEN_PORT=2235.
"""
_WIDTH = 110


def default_file(settings: Settings | None = None, *, reveal: bool = True) -> str:
    """The whole file with the values of `settings` (the defaults when left out); `load` gives the same settings back.

    With `reveal` false, secrets are written as stars: for showing, not for loading.
    """
    settings = settings if settings is not None else Settings()
    lines = [HEADER]
    for section in Settings.model_fields:
        model = describe.section_model(section)
        words = (model.__doc__ or "").strip() if model is not None else ""
        lines.append("\n".join(_comment(words, "")) + ("\n" if words else "") + f"{section}:")
        values = getattr(settings, section)
        for key in describe.keys(section):
            note = (
                key.comment
                if key.allowed in ("text", "true | false") or key.allowed.startswith("a list")
                else f"{key.comment} ({key.allowed})"
            )
            lines += _comment(note, "  ")
            lines += textwrap.indent(_entry(key.key, getattr(values, key.key), reveal), "  ").rstrip("\n").split("\n")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _comment(words: str, indent: str) -> list[str]:
    return (
        textwrap.wrap(words, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ", break_on_hyphens=False)
        if words
        else []
    )


def _entry(key: str, value: Any, reveal: bool) -> str:
    if isinstance(value, Secret):
        value = value.reveal() if reveal else str(value)
    return safe_yaml.dump({key: value})

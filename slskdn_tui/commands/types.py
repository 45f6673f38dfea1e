"""The shape of a command's description. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArgType = Literal["str", "int", "float", "bool", "path", "job", "track", "choice"]
Where = Literal["engine", "cli", "ui"]


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument. Positional when `flag` is false; `many` takes the rest. `hidden_key` args are filled in by the screen (the row under the cursor)."""

    name: str
    type: ArgType
    help: str
    flag: bool = False
    required: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()
    default: str | int | float | bool | None = None
    shown: str = ""
    """How its value is written in usage lines, when its type does not say it well."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key on a screen (`all` for everywhere). `footer` keys are shown at the bottom, at most eight a screen."""

    screen: str
    key: str
    footer: bool = False


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One thing a user can do.

    `name` is dotted and stable (keymaps and the control socket use it); `verb` the CLI words, empty when there is no CLI form;
    `where` says who carries it out: the engine through `submit`, or only a face. `danger` is the question asked first, with what is lost.
    """

    name: str
    summary: str
    category: str
    where: Where
    verb: tuple[str, ...] = ()
    args: tuple[Arg, ...] = ()
    keys: tuple[Key, ...] = ()
    danger: str = ""
    help: str = ""
    palette: bool = True
    label: str = ""
    """Short word for the footer; the last part of the name when empty."""


_SHOWN = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "question_mark": "?",
    "asterisk": "*",
    "colon": ":",
    "slash": "/",
    "minus": "-",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "semicolon": ";",
    "comma": ",",
    "full_stop": ".",
}


def key_label(key: str) -> str:
    """How a key is written for people: `[` for `left_square_bracket`, `esc` for `escape`."""
    return _SHOWN.get(key, key)

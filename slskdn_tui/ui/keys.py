"""Keys: which command a key means on a screen, after the user's own keymap. Core; everything comes from `commands.SPECS`."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from slskdn_tui.commands import SPECS, CommandSpec, by_name
from slskdn_tui.commands.types import Key, key_label

_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_ORDER = {"screens": 1, "app": 2, "list": 3, "view": 4}
"""In help a screen's keys for lists, which many know, come after those that are found nowhere else."""
_FIRST = (
    "list.down",
    "list.up",
    "list.open",
    "list.close",
    "list.pane",
    "screen.",
    "app.help",
    "app.back",
    "app.quit",
    "app.",
    "list.",
    "view.",
)
"""What help says first of the keys that work everywhere, by the beginning of a command's name: how to get about, and out."""
RESERVED = frozenset({"ctrl+b", "ctrl+a", "ctrl+s", "ctrl+q", "ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "f10", "f11"})
"""Keys terminals and multiplexers take for themselves."""


def key_name(text: str) -> str:
    """A key as a user writes it (`X`, `[`, `ctrl+x`) by the name the terminal layer uses."""
    text = text.strip()
    if len(text) == 1 and not text.isalnum():
        name = unicodedata.name(text, "").lower().replace("-", "_").replace(" ", "_")
        return _RENAMED.get(name, name) or text
    return text


class KeyTable:
    """The keys in force. `problems` names what is wrong with the user's keymap, one line each."""

    def __init__(self, keymap: Mapping[str, str] | None = None) -> None:
        self.problems: list[str] = []
        self._keys: dict[str, tuple[Key, ...]] = {spec.name: spec.keys for spec in SPECS}
        chosen: set[str] = set()
        for name, text in (keymap or {}).items():
            if by_name(name) is None:
                self.problems.append(f"keymap: there is no command {name!r}")
                continue
            screens = dict.fromkeys(key.screen for key in self._keys[name]) or {"all": None}
            keys = [key_name(part) for part in text.split(" ") if part]
            self.problems += [f"keymap: {key} is taken by terminals, {name} may not get it" for key in keys if key in RESERVED]
            footer = any(key.footer for key in self._keys[name])
            self._keys[name] = tuple(Key(screen, key, footer) for screen in screens for key in keys)
            chosen.add(name)
        self._tables: dict[str, dict[str, CommandSpec]] = {}
        for screen in sorted({key.screen for keys in self._keys.values() for key in keys}):
            self._tables[screen] = self._table(screen, chosen)

    def _table(self, screen: str, chosen: set[str]) -> dict[str, CommandSpec]:
        """Keys of one screen: those of all screens first, then its own, then what the user chose."""
        table: dict[str, CommandSpec] = {}
        owner: dict[str, tuple[int, str]] = {}
        for spec in SPECS:
            for key in self._keys[spec.name]:
                if key.screen not in ("all", screen):
                    continue
                rank = (spec.name in chosen) * 2 + (key.screen == screen)
                had = owner.get(key.key)
                if had is not None and had[1] != spec.name and (had[0] == rank or max(had[0], rank) >= 2):
                    winner = spec.name if rank > had[0] else had[1]
                    line = f"keymap: {key_label(key.key)} is both {had[1]} and {spec.name}; {winner} has it"
                    if line not in self.problems:
                        self.problems.append(line)
                if had is None or rank > had[0]:
                    owner[key.key] = (rank, spec.name)
                    table[key.key] = spec
        return table

    def command(self, screen: str, key: str) -> CommandSpec | None:
        """What the key means there."""
        return self._tables.get(screen, self._tables["all"]).get(key)

    def keys_of(self, spec: CommandSpec, screen: str) -> list[str]:
        """The keys that reach a command on a screen, as labels."""
        table = self._tables.get(screen, self._tables["all"])
        return list(dict.fromkeys(key_label(key.key) for key in self._keys[spec.name] if table.get(key.key) is spec))

    def footer(self, screen: str) -> list[tuple[str, str]]:
        """(key, word) for the last row: the screen's own keys, then those of all screens."""
        own: list[tuple[str, str]] = []
        everywhere: list[tuple[str, str]] = []
        for spec in SPECS:
            for key in self._keys[spec.name]:
                if key.footer and key.screen in ("all", screen) and self.command(screen, key.key) is spec:
                    word = spec.label or spec.name.rsplit(".", 1)[-1]
                    (everywhere if key.screen == "all" else own).append((key_label(key.key), word))
                    break
        return own + everywhere

    def help(self, screen: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Groups of (keys, what they do) for the help overlay: this screen's own commands, then everywhere's."""
        own: list[CommandSpec] = []
        everywhere: list[CommandSpec] = []
        for spec in SPECS:
            if self.keys_of(spec, screen):
                (own if any(key.screen == screen for key in self._keys[spec.name]) else everywhere).append(spec)
        own.sort(key=lambda spec: _ORDER.get(spec.category, 0))
        everywhere.sort(key=lambda spec: next((at for at, start in enumerate(_FIRST) if spec.name.startswith(start)), len(_FIRST)))

        def lines(specs: list[CommandSpec]) -> list[tuple[str, str]]:
            return [(" ".join(self.keys_of(spec, screen)[:2]), spec.summary + (" (asks)" if spec.danger else "")) for spec in specs]

        return [("THIS SCREEN", lines(own)), ("EVERYWHERE", lines(everywhere))]

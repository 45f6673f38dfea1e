"""Themes in Textual: a theme file becomes a Textual theme for dialogs and a `Palette` of Rich styles for what we draw ourselves. Shell over files.

With NO_COLOR, or `--ascii` terminals of sixteen colours, the app asks for a theme that can hold there (`mono`, `ansi`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.color import Color
from rich.style import Style
from textual.theme import BUILTIN_THEMES, Theme

from slskdn_tui.config.themes import StyleWords, ThemeFile, list_themes, parse_style

_EXTRA = {
    "header": "colors.dim",
    "tab": "colors.title",
}


def rich_color(name: str | None) -> Color | None:
    """A theme's colour in Rich; None when not said."""
    return None if name is None else Color.parse(name)


def _rich(words: StyleWords, base: Style) -> Style:
    attributes = dict.fromkeys(words.attributes, True)
    return base + Style(color=rich_color(words.color), bgcolor=rich_color(words.background), **attributes)  # type: ignore[arg-type]


class Palette:
    """Rich styles by dotted name. Unknown names are plain text: a presenter never fails for a colour."""

    def __init__(self, theme: ThemeFile) -> None:
        self.theme = theme
        styles = theme.styles()
        ground = Style(color=rich_color(parse_style(theme.colors.foreground).color), bgcolor=rich_color(theme.colors.background))
        cursor_words = parse_style(theme.colors.cursor)
        cursor = _rich(cursor_words, ground)
        self._plain: dict[str, Style] = {"": ground}
        self._cursor: dict[str, Style] = {"": cursor}
        for name, text in styles.items():
            words = parse_style(text)
            style = _rich(words, ground)
            self._plain[name] = style
            keeps_own = name != "colors.dim" and "reverse" not in cursor_words.attributes
            self._cursor[name] = (
                cursor + Style(color=style.color, bold=style.bold or cursor.bold, underline=style.underline) if keeps_own else cursor
            )
        for name, of in _EXTRA.items():
            self._plain[name], self._cursor[name] = self._plain[of], self._cursor[of]
        self._plain["tab"] = self._plain["colors.title"] + Style(reverse=theme.ansi or None, underline=not theme.ansi or None)

    def get(self, name: str, cursor: bool = False) -> Style:
        """The style of that name, on the cursor's ground when `cursor`."""
        table = self._cursor if cursor else self._plain
        return table.get(name) or table[""]


def textual_theme(theme: ThemeFile, name: str) -> Theme:
    """For dialogs, inputs and toasts."""

    def color(text: str) -> str:
        word = parse_style(text).color or "default"
        return word if word.startswith("#") else f"ansi_{word}"

    colors = theme.colors
    return Theme(
        name=name,
        primary=color(colors.primary),
        secondary=color(colors.accent),
        warning=color(colors.warning),
        error=color(colors.error),
        success=color(colors.success),
        accent=color(colors.accent),
        foreground=color(colors.foreground),
        background=color(colors.background),
        surface=color(colors.surface),
        panel=color(colors.panel),
        boost=color(colors.panel),
        dark=theme.dark,
        ansi=theme.ansi,
        variables={
            **(BUILTIN_THEMES["ansi-dark"].variables if theme.ansi else {}),  # Textual's own rules refer to some of these
            "border": color(colors.dim),
            "input-cursor-background": color(colors.foreground),
            "input-cursor-foreground": color(colors.background) if not theme.ansi else "ansi_black",
            "input-selection-background": color(colors.panel) if not theme.ansi else "ansi_bright_black",
            **theme.ui,
        },
    )


def load_themes(dirs: Sequence[Path]) -> tuple[Mapping[str, ThemeFile], list[str]]:
    """All good themes by name, and a line for each bad file (for one toast)."""
    good: dict[str, ThemeFile] = {}
    bad: list[str] = []
    for info in list_themes(dirs):
        if info.theme is not None:
            good[info.name] = info.theme
        else:
            bad.append(f"{info.name}.toml: {info.problems[0]}")
    return good, bad

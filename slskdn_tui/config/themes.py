"""Themes: TOML files with named styles, found in bundled and user folders, checked before they are used. Shell over the file system; the checks are pure.

Knows nothing of Textual, so `slskdn themes list|check` starts without it. A style is written as words: attributes (`bold dim italic
underline reverse`), a colour, and optionally `on` and a second colour. A colour is `#rrggbb`, or in themes with `ansi = true` one of the
terminal's own sixteen by name, or `default`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from slskdn_tui.config.paths import APP, Paths
from slskdn_tui.model.text import SafeText

MAX_BYTES = 64 * 1024
MIN_CONTRAST = 4.5
ATTRIBUTES = frozenset({"bold", "dim", "italic", "underline", "reverse"})
_HUES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
ANSI_NAMES = frozenset({"default", *_HUES, *(f"bright_{hue}" for hue in _HUES)})
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_VARIABLE = re.compile(r"[a-z][a-z0-9-]{0,60}")
_UI_VALUE = re.compile(r"#[0-9a-fA-F]{6}|ansi_[a-z_]{3,20}")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class StyleWords:
    """A parsed style: colours as written (`#rrggbb` or an ANSI name, None when not said) and the attributes."""

    color: str | None
    background: str | None
    attributes: frozenset[str]


def parse_style(text: str) -> StyleWords:
    """Read a style. Raises ValueError saying which word is wrong."""
    color: str | None = None
    background: str | None = None
    attributes: set[str] = set()
    after_on = False
    for word in text.split():
        if word in ATTRIBUTES:
            attributes.add(word)
        elif word == "on" and not after_on:
            after_on = True
        elif _HEX.fullmatch(word) or word in ANSI_NAMES:
            if after_on and background is None:
                background = word.lower()
            elif not after_on and color is None:
                color = word.lower()
            else:
                raise ValueError(f"one colour too many: {word!r}")
        else:
            raise ValueError(f"{word!r} is neither #rrggbb, an ANSI colour name nor one of {', '.join(sorted(ATTRIBUTES))}")
    if after_on and background is None:
        raise ValueError("'on' wants a colour after it")
    return StyleWords(color, background, frozenset(attributes))


def _luminance(color: str) -> float:
    def linear(part: int) -> float:
        value = part / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(color[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two `#rrggbb` colours, 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="after")
    def _styles_parse(self) -> _Table:
        for name, value in self:
            try:
                parse_style(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return self


class Colors(_Table):
    """Ground colours. `background`, `surface` and `panel` are single colours; `cursor` is a whole style."""

    background: str
    surface: str
    panel: str
    foreground: str
    dim: str
    primary: str
    accent: str
    success: str
    warning: str
    error: str
    cursor: str
    title: str = "bold"


class States(_Table):
    """How a state is written; colour is never the only carrier, the word stands there too."""

    active: str
    rescue: str
    stalled: str
    queued: str
    done: str
    failed: str
    paused: str


class Sources(_Table):
    """Planes, in lists and in the chunk map."""

    slsk: str
    mesh: str
    missing: str


class Quality(_Table):
    """Verdicts."""

    good: str
    warn: str
    bad: str


class ThemeFile(BaseModel):
    """One theme, as its TOML file says it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str
    author: str = ""
    dark: bool = True
    ansi: bool = False
    colors: Colors
    states: States
    sources: Sources
    quality: Quality
    ui: dict[str, str] = Field(default={}, max_length=200)

    @model_validator(mode="after")
    def _sound(self) -> ThemeFile:
        if not _NAME.fullmatch(self.name):
            raise ValueError("name: small letters, digits and hyphens, at most 40")
        for where, text in self.styles().items():
            words = parse_style(text)
            for color in (words.color, words.background):
                if color and color.startswith("#") == self.ansi:
                    raise ValueError(
                        f"{where}: {color!r}; {'ANSI names only, as ansi = true' if self.ansi else '#rrggbb only, as ansi is not true'}"
                    )
        for name, value in self.ui.items():
            if not _VARIABLE.fullmatch(name) or not _UI_VALUE.fullmatch(value):
                raise ValueError(f"ui.{name}: a Textual variable set to #rrggbb or ansi_NAME")
        for ground in ("background", "surface", "panel"):
            words = parse_style(getattr(self.colors, ground))
            if words.color is None or words.background or words.attributes:
                raise ValueError(f"colors.{ground}: exactly one colour")
        if problems := self.low_contrast():
            raise ValueError("; ".join(problems))
        return self

    def styles(self) -> dict[str, str]:
        """Every style by its dotted name (`states.rescue`)."""
        return {f"{table}.{name}": value for table in ("colors", "states", "sources", "quality") for name, value in getattr(self, table)}

    def low_contrast(self) -> list[str]:
        """Texts that cannot be told from what they stand on: less than 4.5:1. ANSI themes use the terminal's colours and have none."""
        if self.ansi:
            return []
        cursor = parse_style(self.colors.cursor)
        grounds = {name: getattr(self.colors, name) for name in ("background", "surface", "panel")}
        out = []
        for where, text in self.styles().items():
            words = parse_style(text)
            if where.removeprefix("colors.") in grounds or words.color is None:
                continue
            behind = {"its own ground": words.background} if words.background else dict(grounds)
            if not words.background and cursor.background and where != "colors.dim":  # dim text turns plain under the cursor
                behind["the cursor"] = cursor.background
            for name, color in behind.items():
                if (ratio := contrast(words.color, color)) < MIN_CONTRAST:
                    out.append(f"{where}: contrast {ratio:.1f} on {name}, {MIN_CONTRAST} is the least")
        return out


def bundled_dir() -> Path:
    """Where the shipped themes are: inside the wheel, or the checkout's `themes/`."""
    inside = Path(str(files("slskdn_tui"))) / "themes"
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "themes"


def read_theme(path: Path) -> tuple[ThemeFile | None, list[str]]:
    """The theme, or what is wrong with its file in words (one line each, no foreign control characters)."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            return None, [f"larger than {MAX_BYTES // 1024} KiB"]
        return ThemeFile.model_validate(tomllib.loads(raw.decode("utf-8"))), []
    except OSError as error:
        return None, [f"cannot be read: {error.strerror or error}"]
    except UnicodeDecodeError:
        return None, ["is not UTF-8"]
    except tomllib.TOMLDecodeError as error:
        return None, [str(SafeText(f"is not TOML: {error}"))]
    except RecursionError:
        return None, ["is nested too deep"]
    except ValidationError as error:
        return None, [
            str(SafeText(f"{'.'.join(str(part) for part in item['loc'])}: {item['msg'].removeprefix('Value error, ')}".removeprefix(": ")))
            for item in error.errors()
        ]


def check_theme(path: Path) -> list[str]:
    """What is wrong with a theme's file; empty when it is good."""
    return read_theme(path)[1]


@dataclass(frozen=True, slots=True)
class ThemeInfo:
    """A theme found in a folder. `name` is the file's stem, which is what `ui.theme` takes; `theme` is None when `problems` says why."""

    name: str
    path: Path
    bundled: bool
    theme: ThemeFile | None
    problems: tuple[str, ...] = ()


def list_themes(dirs: Sequence[Path] = ()) -> list[ThemeInfo]:
    """Bundled themes, then those of `dirs`; a good file of the same name in a later folder takes the place of an earlier one."""
    found: dict[str, ThemeInfo] = {}
    bad: list[ThemeInfo] = []
    for folder in (bundled_dir(), *dirs):
        try:
            paths = sorted(path for path in folder.iterdir() if path.suffix == ".toml")[:500]
        except OSError:
            continue
        for path in paths:
            theme, problems = read_theme(path)
            info = ThemeInfo(str(SafeText(path.stem, 40)), path, folder == bundled_dir(), theme, tuple(problems))
            if theme is None:
                bad.append(info)
            else:
                found[info.name] = info
    return sorted(found.values(), key=lambda info: (not info.bundled, info.name)) + bad


def theme_folders(paths: Paths, environ: Mapping[str, str]) -> list[Path]:
    """Where users' themes live, later ones taking the place of earlier ones: the system's data folders, then the profile's own."""
    shared = environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")
    return [*(Path(item) / APP / "themes" for item in reversed(shared) if item), paths.config / "themes"]

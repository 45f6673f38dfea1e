"""Themes: every bundled one is sound, a bad file is named and harmless; the output filter is the last guard."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from slskdn_tui.config.settings import Ui
from slskdn_tui.config.themes import bundled_dir, check_theme, contrast, list_themes, read_theme
from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.app import SlskdnApp
from slskdn_tui.ui.filter import OutputFilter, clean
from slskdn_tui.ui.theming import Palette, load_themes
from tests.fakes.engine import FakeEngine, hostile_names

BUNDLED = ("ansi", "colour-blind", "day", "high-contrast", "mono", "night")


def test_the_bundled_themes_are_all_there_and_sound() -> None:
    found = {info.name: info for info in list_themes()}
    assert tuple(sorted(found)) == BUNDLED
    assert all(info.bundled and not info.problems for info in found.values())
    assert all(info.theme is not None and info.theme.name == name for name, info in found.items())


@pytest.mark.parametrize("name", ["night", "day", "high-contrast", "colour-blind"])
def test_text_can_be_read_on_every_ground(name: str) -> None:
    theme = read_theme(bundled_dir() / f"{name}.toml")[0]
    assert theme is not None and theme.low_contrast() == []
    assert contrast(theme.colors.foreground, theme.colors.background) >= (7 if name == "high-contrast" else 4.5)


def changed(old: str, new: str, tmp_path: Path) -> list[str]:
    text = (bundled_dir() / "night.toml").read_text().replace(old, new)
    (tmp_path / "mine.toml").write_text(text)
    return check_theme(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('foreground = "#d5dbe6"', 'foreground = "#20242c"', "contrast"),
        ('foreground = "#d5dbe6"', 'foreground = "red"', "#rrggbb only"),
        ('foreground = "#d5dbe6"', 'foreground = "#d5dbe"', "neither"),
        ('foreground = "#d5dbe6"', "foreground = 3", "string"),
        ("[states]", '[states]\nsleepy = "#ffffff"', "sleepy"),
        ('active = "#86dc98"\n', "", "active"),
        ('name = "night"', 'name = "../x"', "small letters"),
        ('bad = "#ff9696"', 'bad = "#ff9696"\n[ui]\nborder = "red; } Screen { display: none"', "ui.border"),
        ("[colors]", "[colors", "TOML"),
    ],
)
def test_a_wrong_theme_names_what_is_wrong(old: str, new: str, said: str, tmp_path: Path) -> None:
    problems = changed(old, new, tmp_path)
    assert problems and any(said in problem for problem in problems), problems
    assert all(SafeText(problem) == problem for problem in problems)


def test_a_user_theme_takes_the_place_of_a_bundled_one_and_a_bad_one_does_not(tmp_path: Path) -> None:
    text = (bundled_dir() / "night.toml").read_text()
    (tmp_path / "night.toml").write_text(text.replace('author = "slskdn-tui"', 'author = "me"'))
    (tmp_path / "day.toml").write_text("not toml")
    (tmp_path / "large.toml").write_text("#" * 100_000)
    good, bad = load_themes([tmp_path, tmp_path / "missing"])
    assert good["night"].author == "me" and good["day"].author == "slskdn-tui"
    assert len(bad) == 2 and any("large.toml: larger" in line for line in bad)


def test_checking_themes_needs_no_textual() -> None:
    code = "import sys; from slskdn_tui.config import themes; themes.list_themes(); sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", BUNDLED)
def test_the_cursor_is_told_apart_in_every_theme(name: str) -> None:
    theme = read_theme(bundled_dir() / f"{name}.toml")[0]
    assert theme is not None
    palette = Palette(theme)
    for style in ("", "states.rescue", "colors.dim", "sources.mesh"):
        plain, cursor = palette.get(style), palette.get(style, cursor=True)
        assert cursor.reverse or cursor.bgcolor != plain.bgcolor


def test_mono_uses_no_colour_at_all() -> None:
    theme = read_theme(bundled_dir() / "mono.toml")[0]
    assert theme is not None
    for name in theme.styles():
        style = Palette(theme).get(name)
        assert (style.color is None or style.color.is_default) and (style.bgcolor is None or style.bgcolor.is_default)


def test_the_guard_is_in_place_on_the_app_and_runs_last() -> None:
    app = SlskdnApp(FakeEngine(), settings=Ui())
    assert isinstance(app._filters[-1], OutputFilter)  # Textual's private list: this is the pin
    assert isinstance(app.get_line_filters()[-1], OutputFilter)


def test_the_guard_takes_the_sting_out_of_any_segment_and_keeps_its_width_and_the_rest() -> None:
    guard = OutputFilter()
    for name in hostile_names(200):
        (out,) = guard.apply([Segment(name, Style(bold=True))], Color(0, 0, 0))
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or 0xD800 <= ord(char) < 0xE000 for char in out.text)
        assert cell_len(out.text) == sum(cell_len(char) for char in name)
        assert ".flac" in out.text and out.style == Style(bold=True)


def test_ascii_mode_leaves_only_ascii_of_the_same_width() -> None:
    for text in ("Björk – Vespertine", "漢字", "┌─┐│▌▾", "ß…é", "🎵"):
        out = clean(text, True)
        assert out.isascii() and cell_len(out) == cell_len(text)
    assert clean("Björk – Vespertine", True) == "Bjork - Vespertine"


def test_no_screen_uses_a_widget_that_would_read_foreign_text_as_markup() -> None:
    """Everything foreign is drawn as segments of our own; these widgets parse markup in plain strings."""
    root = Path(__file__).resolve().parents[2] / "slskdn_tui" / "ui"
    bad = {"Static", "Label", "DataTable", "RichLog", "Markdown", "Tree", "OptionList", "ListView", "Log"}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual.widgets"):
                assert not {alias.name for alias in node.names} & bad, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify":
                markup = next((word.value for word in node.keywords if word.arg == "markup"), None)
                assert isinstance(markup, ast.Constant) and markup.value is False, path


def test_files_stay_readable() -> None:
    root = Path(__file__).resolve().parents[2] / "slskdn_tui" / "ui"
    sizes = {path.name: len(path.read_text("utf-8").splitlines()) for path in root.rglob("*.py")}
    assert max(sizes.values()) <= 500 and sizes["app.py"] <= 300

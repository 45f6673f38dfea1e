"""The last guard before the terminal: no control, bidi or zero-width character leaves in a line, whatever widget drew it. Core.

`SafeText` cleans at the door; this holds when something was missed. Textual keeps its filters in `App._filters` (private; a test pins it).
In ASCII mode the guard also turns what is left of non-ASCII text into ASCII of the same width.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_BAD = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200c\u200e-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_ASCII = str.maketrans(
    {
        "─": "-", "│": "|", "┌": "+", "┐": "+", "└": "`", "┘": "+", "├": "|", "┤": "|", "▌": ">", "▾": "v", "▸": ">", "█": "#", "▓": "=",
        "▒": "=", "░": ".", "…": "~", "–": "-", "—": "-", "↓": "v", "↑": "^", "●": "*", "○": "-", "‘": "'", "’": "'", "“": '"', "”": '"',
        "×": "x", "·": ".", "•": "*", "\u00a0": " ", "ß": "s", "ø": "o", "Ø": "O", "æ": "a", "Æ": "A", "đ": "d", "ł": "l", "Ł": "L",
    }
)  # fmt: skip


@lru_cache(4096)
def clean(text: str, ascii_only: bool = False) -> str:
    """Text of the same width in cells without anything that could act on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    out = _BAD.sub(_stand_in, text)
    return _to_ascii(out) if ascii_only and not out.isascii() else out


def _stand_in(match: re.Match[str]) -> str:
    """A character of the width Rich counted for the bad one, so that columns stay."""
    return "?" * cell_len(match.group())


@lru_cache(4096)
def _letter(char: str) -> str:
    if char.isascii():
        return char
    width = cell_len(char)
    if width == 0:
        return ""
    plain = unicodedata.normalize("NFKD", char)[0]
    return plain if plain.isascii() and plain.isprintable() and width == 1 else "?" * width


def _to_ascii(text: str) -> str:
    return "".join(_letter(char) for char in text.translate(_ASCII))


class OutputFilter(LineFilter):
    """Cleans every segment that is drawn."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__()
        self.ascii_only = ascii_only

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        ascii_only = self.ascii_only
        return [
            segment
            if segment.text.isascii() and segment.text.isprintable()
            else Segment(clean(segment.text, ascii_only), segment.style, None)
            for segment in segments
        ]

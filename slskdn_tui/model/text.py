"""SafeText: the only kind of foreign text a screen, a log or a terminal may see. Core.

Anything from outside (file names, tags, chat, MusicBrainz text, peers' messages) may carry escape
sequences that write the clipboard or clear the screen; see the threat table in docs/architecture.md.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import core_schema

LIMIT = 512
LONGEST = 4096
"""What a text may have that was cleaned elsewhere and comes over the seam: a private message, a path."""
_KEEP_MARKS = 3
_ZWJ = "\u200d"
_BIDI_AND_HIDDEN = frozenset(
    [
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        0x061C,
        0xFEFF,
        0x00AD,
        0x180E,
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    ]
)


def _picture(char: str) -> str:
    """A visible stand-in for a control character (U+2400 block), space for tab and line ends."""
    code = ord(char)
    if char in "\t\n\r\v\f\u2028\u2029\x85":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\ufffd"


def _clean(raw: str, limit: int) -> str:
    out: list[str] = []
    marks = 0
    text = raw[: limit * 4]
    for index, char in enumerate(text):
        code = ord(char)
        if code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029):
            out.append(_picture(char))
            marks = 0
            continue
        if 0xD800 <= code < 0xE000:
            out.append("\ufffd")
            continue
        if char == _ZWJ and 0 < index < len(text) - 1 and ord(text[index - 1]) > 0x2190 and ord(text[index + 1]) > 0x2190:
            out.append(char)  # joins two emoji
            continue
        if code in _BIDI_AND_HIDDEN:
            continue
        if code > 0x2FF and unicodedata.combining(char):
            marks += 1
            if marks > _KEEP_MARKS:
                continue
        else:
            marks = 0
        out.append(char)
    cleaned = "".join(out)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


class SafeText(str):
    """A `str` without control, bidi, zero-width or surrogate characters, at most `LIMIT` long. Cleaning twice changes nothing."""

    __slots__ = ()

    def __new__(cls, raw: object = "", limit: int = LIMIT) -> SafeText:
        if isinstance(raw, cls) and len(raw) <= limit:
            return raw
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes | bytearray) else str(raw)
        if text.isascii() and text.isprintable() and len(text) <= limit:
            return super().__new__(cls, text)
        return super().__new__(cls, _clean(text, limit))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        from pydantic_core import core_schema  # here: what has no models need not load it

        return core_schema.no_info_after_validator_function(lambda text: cls(text, LONGEST), core_schema.str_schema())


def counted(count: int, word: str) -> str:
    """`1 track`, `2 tracks`."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def lasting(seconds: float) -> str:
    """`40 s`, `12 min`, `4 h`, `3 h 20 min`, `4 days`: a time as a person would say it, as exact as an estimate can be."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{round(hours / 24)} days"
    return f"{hours} h {rest} min" if rest else f"{hours} h"

"""Numbers in words: sizes, speeds, times, shares, bars, the chunk map. Core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo

from slskdn_tui.ui.present.base import Glyphs, Line, Span

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_CHUNK_STYLE = {
    "o": "sources.slsk",
    "m": "sources.mesh",
    ".": "sources.missing",
    ">": "colors.accent",
    "x": "quality.bad",
    "#": "states.active",
}


def size(count: float) -> str:
    """Bytes in at most seven characters: `999 B`, `4.2 MB`, `231 MB`. 1 KB is 1,000 B."""
    value = max(0.0, float(count))
    for unit in _UNITS:
        if value < 999.5 or unit == _UNITS[-1]:
            break
        value /= 1000
    if unit == "B":
        return f"{value:.0f} B"
    return f"{value:.1f} {unit}" if value < 99.95 and unit not in ("KB",) else f"{value:.0f} {unit}"


def speed(rate: float, dash: str = "–") -> str:
    """Bytes a second, a dash for standing still."""
    return f"{size(rate)}/s" if rate >= 1 else dash


def percent(share: float) -> str:
    """A share 0-1 as a percentage that says 100 only when it is whole, and 0 only when nothing is there."""
    if share >= 1:
        return "100%"
    if share <= 0:
        return "0%"
    return f"{min(99, max(1, int(share * 100 + 1e-9)))}%"


def plural(count: int, one: str, many: str = "") -> str:
    """`1 file`, `12,345 files`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float | None, dash: str = "–") -> str:
    """`0:12`, `4:30`, `1:04:30`, `2d 3h`; a dash for unknown."""
    if seconds is None or seconds < 0:
        return dash
    whole = int(seconds + 0.5)
    if whole >= 86400:
        return f"{whole // 86400}d {whole % 86400 // 3600}h"
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def clock(iso: str, zone: tzinfo | None = None) -> str:
    """HH:MM:SS of an ISO time, in `zone` (None: the terminal's own); the text as it is when it is no time."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso[:8]
    return (moment.astimezone(zone) if moment.tzinfo else moment).strftime("%H:%M:%S")


def day(iso: str, zone: tzinfo | None = None) -> str:
    """YYYY-MM-DD HH:MM of an ISO time, empty for none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso[:16]
    return (moment.astimezone(zone) if moment.tzinfo else moment).strftime("%Y-%m-%d %H:%M")


def milliseconds(value: float | None, dash: str = "–") -> str:
    """A round trip: `41 ms`, `1.2 s`."""
    if value is None:
        return dash
    return f"{value:.0f} ms" if value < 999.5 else f"{value / 1000:.1f} s"


def ratio(value: float | None) -> str:
    """Uploaded to downloaded, `3.6:1`."""
    return "–" if value is None else f"{value:.1f}:1"


def bar(share: float, width: int, glyphs: Glyphs, style: str = "states.active") -> tuple[Span, Span]:
    """A bar of `width` cells."""
    whole = min(width, max(0, int(share * width + 1e-9)))
    full, empty = glyphs.bar
    return (full * whole, style), (empty * (width - whole), "sources.missing")


def measure(share: float, width: int, glyphs: Glyphs) -> str:
    """A bar without a ground: `share` of `width` cells, to the eighth of a cell where there are characters for it; something never looks like nothing."""
    if share <= 0 or width <= 0:
        return ""
    eighths = max(1, round(min(1.0, share) * width * 8))
    whole, rest = divmod(eighths, 8)
    full = glyphs.bar[0]
    if not glyphs.eighths:
        return full * max(1, round(eighths / 8))
    return full * whole + (glyphs.eighths[rest - 1] if rest else "")


def heights(values: Sequence[float], top: float, glyphs: Glyphs) -> str:
    """One character a value, as high as its share of `top`."""
    steps = glyphs.spark or ".:-=+*#"
    return "".join(steps[0 if top <= 0 else min(len(steps) - 1, round(value / top * (len(steps) - 1)))] for value in values)


def spark(values: Sequence[float], width: int, glyphs: Glyphs) -> str:
    """The last `width` values as one row of blocks, scaled to their highest; empty in ASCII."""
    if not glyphs.spark or not values or max(values) <= 0:
        return ""
    shown = list(values)[-width:]
    top = max(shown) or 1.0
    steps = len(glyphs.spark) - 1
    return "".join(glyphs.spark[min(steps, round(value / top * steps))] for value in shown)


def squeeze(cells: str, width: int) -> str:
    """A map of any length in `width` cells: a failure or a request in flight is never lost in a cell, else the most frequent one stands for it."""
    if not cells or width <= 0:
        return ""
    if len(cells) <= width:
        return "".join(cells[index * len(cells) // width] for index in range(width))
    out = []
    for index in range(width):
        part = cells[index * len(cells) // width : (index + 1) * len(cells) // width]
        counts = Counter(part)
        out.append("x" if "x" in counts else ">" if ">" in counts else counts.most_common(1)[0][0])
    return "".join(out)


def chunk_line(cells: str, width: int, glyphs: Glyphs) -> Line:
    """A chunk map as spans, equal neighbours joined. Unknown characters count as missing."""
    out: list[tuple[str, str]] = []
    for char in squeeze(cells, width):
        char = char if char in glyphs.chunk else "."
        glyph, style = glyphs.chunk[char], _CHUNK_STYLE[char]
        if out and out[-1][1] == style:
            out[-1] = (out[-1][0] + glyph, style)
        else:
            out.append((glyph, style))
    return tuple(out)


_STATES = {
    "active": "states.active",
    "searching": "states.active",
    "verify": "states.active",
    "rescue": "states.rescue",
    "stalled": "states.stalled",
    "no src": "states.stalled",
    "queued": "states.queued",
    "connect": "states.queued",
    "pending": "states.queued",
    "starting": "states.queued",
    "done": "states.done",
    "here": "states.done",
    "waiting": "states.queued",
    "completed": "states.done",
    "failed": "states.failed",
    "banned": "states.failed",
    "cancelled": "states.paused",
    "paused": "states.paused",
}


def state_style(state: str) -> str:
    """The style of a state's word; `stalled 2m` counts as stalled."""
    word = state.casefold()
    return _STATES.get(word) or _STATES.get(word.split(" ")[0], "")


LEVELS = {"info": "", "warning": "colors.warning", "error": "colors.error"}
PLANES = {"slsk": "sources.slsk", "mesh": "sources.mesh"}

"""Figures in words for plain text: sizes, speeds, times, shares. Core."""

from __future__ import annotations


def size(count: float) -> str:
    """Bytes with decimal prefixes: `271.3 MB`."""
    value = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def speed(per_s: float | None) -> str:
    """Bytes a second; `-` when unknown or nothing moves."""
    return f"{size(per_s)}/s" if per_s else "-"


def trace_speed(per_s: float | None) -> str:
    """The trace's own style, as the roadmap draws it: `450 KB/s`, `1.2 MB/s`."""
    if not per_s:
        return "-"
    return f"{per_s / 1000:.0f} KB/s" if per_s < 999_500 else f"{per_s / 1_000_000:.1f} MB/s"


def percent(share: float) -> str:
    """0-1 as a whole percent; never 100 % before all is there."""
    whole = round(share * 100)
    return f"{99 if whole >= 100 and share < 1 else whole}%"


def clock(seconds: float | None) -> str:
    """`0:12`, `1:02:03`; `-` when unknown."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def length(ms: int | None) -> str:
    """A track's length."""
    return clock(ms / 1000) if ms is not None else "-"


def stamp(seconds: float, *, tenths: bool = False) -> str:
    """Time since a job's start as in the roadmap's timeline: `00:12`, `1:00:12`, with `tenths` `00:12.3`."""
    seconds = max(0.0, seconds)
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    more = f".{min(9, int(seconds % 1 * 10 + 1e-6))}" if tenths else ""
    return (f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}") + more


def moment(iso: str) -> str:
    """An ISO UTC time without its fraction and its T, for lists."""
    return iso[:19].replace("T", " ")


def plural(count: int, word: str) -> str:
    """`1 error`, `2 errors`, `2 retries`."""
    if count == 1:
        return f"1 {word}"
    return f"{count} {word[:-1]}ies" if word.endswith("y") else f"{count} {word}s"

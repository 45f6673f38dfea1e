"""Half-open byte spans [start, stop): what is left of a request after parts were sent or cancelled. Core."""

from __future__ import annotations

Span = tuple[int, int]


def subtract(spans: list[Span], start: int, stop: int) -> list[Span]:
    """`spans` without [start, stop); an empty range changes nothing."""
    if stop <= start:
        return spans
    left: list[Span] = []
    for first, last in spans:
        if stop <= first or last <= start:
            left.append((first, last))
            continue
        if first < start:
            left.append((first, start))
        if stop < last:
            left.append((stop, last))
    return left


def total(spans: list[Span]) -> int:
    """Bytes in all spans."""
    return sum(last - first for first, last in spans)

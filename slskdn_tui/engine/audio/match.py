"""Are two Chromaprints one recording? Core, without numpy: the engine's process uses it.

An item is 32 bits every 0.1238 s. Two fingerprints are laid on each other at the offsets where most items share their top 14 bits, and
the share of differing bits there (BER) decides: the same recording in other codecs stays below 0.04, other recordings above 0.35, and
one tune played by other instruments at 0.26 to 0.35.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ITEM_S = 0.1238
SAME_BER = 0.15
LEAST_ITEMS = 60
LEAST_KINDS = 12
"""Silence and a held tone are one item over and over: they agree with any other silence, which tells nothing."""
MOST_ITEMS = 32_768
_OFFSETS = 12
_COMMON = 64


@dataclass(frozen=True, slots=True)
class Match:
    """The best position: item `offset + i` of the first lies on item i of the second; `ber` 0-1 over `overlap` items.

    `same` when it is one recording: BER of at most 0.15 over at least 60 items that are not all alike.
    """

    offset: int
    ber: float
    overlap: int
    same: bool

    @property
    def seconds(self) -> float:
        """How much later the sound comes in the first."""
        return self.offset * ITEM_S


def items(text: str) -> tuple[int, ...]:
    """Chromaprint's compressed text as 32-bit items. ValueError when it is none, or longer than an hour."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not a fingerprint: no base64") from error
    count = int.from_bytes(data[1:4], "big")
    if len(data) < 4 or count > MOST_ITEMS:
        raise ValueError("not a fingerprint: cut short, or too long")
    gaps: list[int] = []
    zeros = 0
    for gap in _fields(data[4:], 3):
        if zeros == count:
            break
        gaps.append(gap)
        zeros += not gap
    if zeros < count:
        raise ValueError("not a fingerprint: items are missing")
    wide = iter(_fields(data[4 + (3 * len(gaps) + 7) // 8 :], 5))
    out: list[int] = []
    item, place = 0, 0
    for gap in gaps:
        if gap == 0:  # the end of an item, which is told as the difference to the one before
            out.append(item ^ (out[-1] if out else 0))
            item, place = 0, 0
            continue
        more = next(wide, None) if gap == 7 else 0
        place += gap + (more or 0)
        if more is None or place > 32:
            raise ValueError("not a fingerprint: bits are missing or beyond the 32nd")
        item |= 1 << (place - 1)
    return tuple(out)


def _fields(data: bytes, width: int) -> list[int]:
    """Bit fields of `width` from the lowest bit of each byte on; what is left over at the end is dropped."""
    out: list[int] = []
    mask = (1 << width) - 1
    for at in range(0, len(data), width):  # so many bytes hold eight fields
        part = data[at : at + width]
        whole = int.from_bytes(part, "little")
        out += [whole >> shift & mask for shift in range(0, len(part) * 8 - width + 1, width)]
    return out


def match(first: Sequence[int], second: Sequence[int]) -> Match | None:
    """The position with the fewest differing bits; None when they share none of at least 60 items."""
    ours, theirs = _bytes(first), _bytes(second)
    best: Match | None = None
    for offset in _offsets(first, second):
        start, end = max(0, offset), min(len(first), offset + len(second))
        overlap = end - start
        if overlap < LEAST_ITEMS:
            continue
        a, b = ours[4 * start : 4 * end], theirs[4 * (start - offset) : 4 * (end - offset)]
        ber = (int.from_bytes(a, "little") ^ int.from_bytes(b, "little")).bit_count() / (32 * overlap)
        if best is None or (ber, -overlap) < (best.ber, -best.overlap):
            kinds = min(len(set(first[start:end])), len(set(second[start - offset : end - offset])))
            best = Match(offset, ber, overlap, ber <= SAME_BER and kinds >= LEAST_KINDS)
    return best


def _bytes(line: Sequence[int]) -> bytes:
    return b"".join(item.to_bytes(4, "little") for item in line)


def _offsets(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """0, and the offsets at which most items begin with the same 14 bits; items that are everywhere do not vote."""
    places: dict[int, list[int]] = {}
    for at, item in enumerate(second):
        places.setdefault(item >> 18, []).append(at)
    votes: Counter[int] = Counter()
    for at, item in enumerate(first):
        there = places.get(item >> 18, ())
        if len(there) <= _COMMON:
            votes.update(at - other for other in there)
    return [0, *(offset for offset, _ in votes.most_common(_OFFSETS) if offset)]

"""Chromaprint texts made of nothing: a tune of random items, its slightly different copies, and the compressed form. Core."""

from __future__ import annotations

import base64
import random
from collections.abc import Sequence


def tune(seed: int, count: int = 200) -> list[int]:
    """Items that change slowly, as real ones do: each differs from the last in some bits."""
    chance = random.Random(seed)
    item, out = chance.getrandbits(32), []
    for _ in range(count):
        item ^= chance.getrandbits(32) & chance.getrandbits(32)
        out.append(item)
    return out


def other_codec(line: Sequence[int], seed: int = 9, share: float = 0.02) -> list[int]:
    """The same recording in another codec: so many bits differ."""
    chance = random.Random(seed)
    return [item ^ sum(1 << bit for bit in range(32) if chance.random() < share) for item in line]


def text(line: Sequence[int]) -> str:
    """The compressed form: differences to the item before as gaps between set bits, 3 bits each, those from 7 on with 5 more apart."""
    small: list[int] = []
    wide: list[int] = []
    before = 0
    for item in line:
        place = 0
        for bit in range(1, 33):
            if (item ^ before) >> (bit - 1) & 1:
                gap, place = bit - place, bit
                small.append(min(gap, 7))
                if gap >= 7:
                    wide.append(gap - 7)
        small.append(0)
        before = item
    data = bytes([1]) + len(line).to_bytes(3, "big") + _packed(small, 3) + _packed(wide, 5)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _packed(values: Sequence[int], width: int) -> bytes:
    number = 0
    for place, value in enumerate(values):
        number |= value << (place * width)
    return number.to_bytes((len(values) * width + 7) // 8, "little")

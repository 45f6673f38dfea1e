"""Which bytes a player needs, and how soon: three windows over a file. Core.

High is what a reader waits for, the two ends that players probe, and the next 30 s; mid the next 3 minutes; the rest of the file is low and has no window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slskdn_tui.model.codec import codec_of, is_lossless
from slskdn_tui.model.ports import HIGH, MID, Window
from slskdn_tui.model.variant import LEAF

HEAD = 128 * 1024
TAIL = 64 * 1024
MID_MS = 180_000
_INDEX_LAST = frozenset({"Vorbis", "Opus", "AAC"})
"""Formats whose end a player reads before the first sound."""
_GUESS_LOSSLESS, _GUESS_LOSSY = 120.0, 40.0
"""Bytes a millisecond where nobody said how long a file plays: rather too many than too few."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file of `size` bytes that plays `length_ms` (0: not known), taken to be spread evenly over its bytes."""

    size: int
    length_ms: int
    codec: str = ""

    @classmethod
    def of(cls, size: int, length_ms: int | None, name: str) -> Media:
        return cls(size, length_ms or 0, codec_of(name))

    @property
    def bytes_ms(self) -> float:
        if self.length_ms > 0 and self.size > 0:
            return self.size / self.length_ms
        return _GUESS_LOSSLESS if is_lossless(self.codec) else _GUESS_LOSSY

    def byte(self, ms: float) -> int:
        """The byte that is played at `ms`."""
        return max(0, min(self.size, int(ms * self.bytes_ms)))

    def ms(self, count: float) -> float:
        """How long so many bytes play."""
        return count / self.bytes_ms


def wanted(media: Media, at: int | None, waiting: Iterable[int], *, raised: bool, lead_ms: int) -> tuple[Window, ...]:
    """Windows in the order in which they are to be served. `at`: the byte at the play head, None while nothing plays; `waiting`: where readers
    stand still. While `raised`, peers send what is next before what other listeners of theirs want."""
    windows = [Window(byte - byte % LEAF, min(media.size, byte + LEAF), HIGH + raised) for byte in waiting]
    head, tail = Window(0, min(HEAD, media.size), HIGH), Window(max(0, media.size - TAIL), media.size, HIGH)
    if media.codec in _INDEX_LAST:
        windows += [Window(0, min(LEAF, media.size), HIGH), tail]
    windows.append(head)
    mid: list[Window] = []
    if at is not None:
        soon = min(media.size, at + int(lead_ms * media.bytes_ms))
        windows.append(Window(at, soon, HIGH + raised, media.bytes_ms * 1000))
        mid = [Window(soon, min(media.size, at + int(MID_MS * media.bytes_ms)), MID)]
    return tuple(window for window in (*windows, tail, *mid) if window.start < window.stop)

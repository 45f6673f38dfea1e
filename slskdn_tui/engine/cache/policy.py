"""What the warm cache takes, and what it lets go: popularity, room, age. Core; times are Unix seconds, sizes bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

DAY_S = 86_400.0
GB = 1_000_000_000
FRESH_S = 3600.0
"""What was added or asked for within this time makes no room for others: two that take turns would be fetched for ever."""
BYTES_MS = 140
"""Bytes a millisecond of music may take (FLAC, 1,120 kbit/s): what room is made for before a file's size is known."""
UNKNOWN_BYTES = 50_000_000

Order = Literal["popularity", "lru"]


@dataclass(frozen=True, slots=True)
class Rules:
    """`most` bytes in all; `threshold` peers a recording needs; `keep_days` for what is less popular than that and not asked for."""

    most: int
    threshold: int
    order: Order = "popularity"
    keep_days: float = 90.0


@dataclass(frozen=True, slots=True)
class Held:
    """A recording in the cache. `peers` want or have it now; `used_at` is when it was last sent, or came; `serving` while somebody reads it."""

    recording: str
    size: int
    used_at: float
    peers: int = 0
    pinned: bool = False
    serving: bool = False

    @property
    def fixed(self) -> bool:
        return self.pinned or self.serving


@dataclass(frozen=True, slots=True)
class Asked:
    """A recording not held: how many peers want or have it. A pinned one is wanted whatever they say."""

    recording: str
    peers: int
    pinned: bool = False


def expected_bytes(length_ms: int | None) -> int:
    """The room a recording of this length may need."""
    return length_ms * BYTES_MS if length_ms else UNKNOWN_BYTES


def outdated(held: Iterable[Held], rules: Rules, now: float) -> list[str]:
    """What was not asked for within `keep_days` and is not popular any more."""
    return [one.recording for one in held if not one.fixed and one.peers < rules.threshold and now - one.used_at > rules.keep_days * DAY_S]


def leaving(held: Iterable[Held], rules: Rules) -> list[Held]:
    """What may go at all, in the order in which it goes."""
    free = [one for one in held if not one.fixed]
    if rules.order == "lru":
        return sorted(free, key=lambda one: (one.used_at, one.peers, one.recording))
    return sorted(free, key=lambda one: (one.peers, one.used_at, one.recording))


def surplus(held: Sequence[Held], rules: Rules) -> list[str]:
    """What goes so that no more than `most` bytes are held: as little as the order allows. Pins and what is being read stay, even above it."""
    over = sum(one.size for one in held) - rules.most
    gone: list[str] = []
    for one in leaving(held, rules):
        if over <= 0:
            break
        gone.append(one.recording)
        over -= one.size
    return gone


def room_for(asked: Asked, size: int, held: Sequence[Held], rules: Rules, now: float) -> list[str] | None:
    """What goes so that `size` bytes of `asked` fit; None when they cannot.

    For a recording nothing goes that was fresh within the hour, nor, by popularity, what as many peers want; a pin takes the place of anything that is
    neither pinned nor being read.
    """
    need = sum(one.size for one in held) + size - rules.most
    gone: list[str] = []
    for one in leaving(held, rules):
        if need <= 0:
            break
        if not asked.pinned and (now - one.used_at < FRESH_S or (rules.order == "popularity" and one.peers >= asked.peers)):
            continue
        gone.append(one.recording)
        need -= one.size
    return gone if need <= 0 else None


def worth_fetching(wanted: Iterable[Asked], have: Collection[str], resting: Collection[str], rules: Rules) -> list[Asked]:
    """What to fetch, pins first, then what most want: popular enough, not here, and not given up a while ago."""
    fits = [
        one for one in wanted if (one.pinned or one.peers >= rules.threshold) and one.recording not in have and one.recording not in resting
    ]
    return sorted(fits, key=lambda one: (not one.pinned, -one.peers, one.recording))

"""Plays on a virtual clock: the swarm's simulation with a player at its end, its windows given to the scheduler as `TrackSwarm` gives them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from slskdn_tui.engine.playback.buffer import Buffer, Phase
from slskdn_tui.engine.playback.windows import Media, wanted
from slskdn_tui.engine.swarm.plan.scheduler import Scheduler
from tests.unit.swarm.sim import START, TICK, Sim, SimPeer

BITRATE = 100_000
"""Bytes of music a second: FLAC."""


class Play(Sim):
    """Plays `seconds` of music from its start; at `seek` = (when, to), both in seconds, the listener moves the play head."""

    def __init__(
        self, seconds: float, peers: Iterable[SimPeer], seed: int, *, windows: bool = True, seek: tuple[float, float] | None = None
    ):
        super().__init__(int(seconds * BITRATE), peers, seed)
        self.media = Media(self.pieces.size, int(seconds * 1000), "FLAC")
        self.buffer = Buffer()
        self.position = 0.0
        self.started: float | None = None
        self.resumed: float | None = None
        self.sought: float | None = None
        self.lowest = 1e9
        self._windows, self._seek = windows, seek
        assert isinstance(self.scheduler, Scheduler)
        self.scheduler.windows = wanted(self.media, 0, [0], raised=True, lead_ms=30_000) if windows else ()

    def _tick(self) -> None:
        media, buffer = self.media, self.buffer
        if buffer.phase is Phase.PLAYING:
            self.position = min(media.length_ms, self.position + TICK * 1000)
        if self._seek is not None and self.now - START >= self._seek[0]:
            self.position, self.sought, self._seek = self._seek[1] * 1000, self.now, None
            buffer.seek()
        at = media.byte(self.position)
        stop = self.pieces.ready(at)
        buffer.step(self.now, int(self.position), int(media.ms(stop - at)), media.ms(self.pieces.done), stop >= media.size)
        if buffer.phase is Phase.PLAYING:
            self.started = self.started or self.now - START
            self.resumed = self.resumed or (self.now - self.sought if self.sought else None)
            self.lowest = min(self.lowest, buffer.ahead_ms)
        scheduler = self.scheduler
        assert isinstance(scheduler, Scheduler)
        if self._windows:
            waiting = [stop] if buffer.ahead_ms <= 0 and stop < media.size else []
            scheduler.windows = wanted(media, at, waiting, raised=buffer.raised, lead_ms=buffer.rules.lead_ms)
        super()._tick()


def play(seed: int, seconds: float = 60.0, times: float = 1.3, *, jitter: float = 0.0, dies: bool = False) -> Play:
    """Three to five peers who together bring `times` the bitrate on average; each but the first is silent for 4 s once, after the first 15.

    `jitter`: a leaf takes up to so many times longer; the rates are raised by its mean. `dies`: one more peer, who brings half to twice as much as an
    average one, goes at any time of the play: every other seed his connection breaks, else he only falls silent, for ever.
    """
    rng = random.Random(seed)
    count = rng.randint(3, 5)
    shares = [rng.uniform(0.5, 2.0) for _ in range(count)]
    peers = []
    for index, share in enumerate(shares):
        rate = share / sum(shares) * times * BITRATE
        changes: list[tuple[float, float]] = []
        if index:
            out = START + rng.uniform(15, seconds / times - 6)
            rate *= 1 + 4 / (seconds / times - 4)  # what the silence costs is made good
            changes = [(out, 0.0), (out + 4, rate)]
        whole = 1 + jitter / 2
        changes = [(when, new * whole) for when, new in changes]
        peers.append(SimPeer(f"p{index}", rate * whole, rng.uniform(0.01, 0.2), changes, jitter=jitter, sorts=True))
    if dies:
        rate, when = rng.uniform(0.5, 2.0) / count * times * BITRATE, START + rng.uniform(1.0, seconds / times)
        gone: list[tuple[float, float]] = [] if seed % 2 else [(when, 0.0)]
        peers.append(SimPeer("dies", rate, rng.uniform(0.01, 0.2), gone, jitter=jitter, sorts=True, leave=when if seed % 2 else math.inf))
    return Play(seconds, peers, seed)

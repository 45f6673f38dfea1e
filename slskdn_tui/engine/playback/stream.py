"""One thing that is played: its source, its readers, its buffer, and the windows its swarm is told. Shell over the cores; no socket, no task."""

from __future__ import annotations

from dataclasses import dataclass, field

from slskdn_tui.engine.playback.buffer import Buffer, Phase, Rules
from slskdn_tui.engine.playback.player import Player
from slskdn_tui.engine.playback.source import Source
from slskdn_tui.engine.playback.tally import Tally
from slskdn_tui.engine.playback.windows import Media, wanted
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.ports import Window


@dataclass(slots=True, eq=False)
class Reader:
    """One connection of a player: the next byte it is given, and since when that one is missing."""

    at: int
    waits: bool = False


@dataclass(eq=False)
class Stream:
    """`token` is the secret in its URL, `subject` is JOB/TRACK or an absolute path, `label` what it is called on screens; `player` is one that tells its play head, while it runs.

    Where none does, the play head is taken to move with the clock since the first byte went out, and never past what was given.
    """

    token: str
    subject: str
    label: str
    source: Source
    clock: Clock
    length_ms: int
    rules: Rules
    player: Player | None = None
    ending: str | None = None
    readers: set[Reader] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    buffer: Buffer = field(init=False)
    used_at: float = field(init=False)
    _began: tuple[float, int] | None = None
    _media: Media | None = None

    def __post_init__(self) -> None:
        self.buffer = Buffer(self.rules)
        self.used_at = self.clock.now()

    @property
    def media(self) -> Media:
        if self._media is None or self._media.size != self.source.size:
            self._media = Media.of(self.source.size, self.length_ms, self.source.name)
        return self._media

    def told_length(self, ms: int) -> None:
        """The player knows how long the file plays; it is believed where nobody else said so."""
        if ms and not self.length_ms:
            self.length_ms, self._media = ms, None

    @property
    def playing(self) -> bool:
        """Somebody listens, or has the connection of a player open."""
        return self.player is not None or bool(self.readers)

    def windows(self) -> tuple[Window, ...]:
        """PriorityWindow: what the swarm is asked for now."""
        media = self.media
        at = media.byte(self.buffer.position_ms) if self.playing else None
        waiting = sorted({reader.at for reader in self.readers if reader.waits})
        return wanted(media, at, waiting, raised=self.playing and self.buffer.raised, lead_ms=self.rules.lead_ms)

    def open(self, at: int) -> Reader:
        """A player reads from byte `at` on. From the head, or from near the end (its index), it only probes; else it has sought there."""
        reader, media = Reader(at), self.media
        self.readers.add(reader)
        began = self._began
        if began is None or (at > 0 and at + media.bytes_ms * 1000 < media.size and abs(media.ms(at) - self._clocked(began)) > 1000):
            if began is not None and self.player is None:
                self.buffer.seek()
            self._began = (self.clock.now(), int(media.ms(at)))
        self.step()
        return reader

    def close(self, reader: Reader) -> None:
        self.readers.discard(reader)
        self.used_at = self.clock.now()

    def step(self) -> Phase:
        """Look at the play head and at what is there; ten times a second, and whenever something changed."""
        media, source = self.media, self.source
        at_ms = self.position_ms
        at = media.byte(at_ms)
        stop = source.ready(at)
        whole = bool(source.size) and stop >= source.size
        if self.playing:
            self.used_at = self.clock.now()
        return self.buffer.step(self.clock.now(), at_ms, int(media.ms(stop - at)), media.ms(source.arrived), whole, source.asked)

    @property
    def position_ms(self) -> int:
        if self.player is not None:
            return self.player.position_ms or 0
        return 0 if self._began is None else self._clocked(self._began)

    def _clocked(self, began: tuple[float, int]) -> int:
        given = max((self.media.ms(reader.at) for reader in self.readers), default=0.0)
        since, start_ms = began
        return max(0, int(min(start_ms + (self.clock.now() - since) * 1000, max(given, start_ms))))

"""What of a stream is counted for `slskdn stats`: that its sound began while the file still arrived, and each stall. Core."""

from __future__ import annotations

from typing import Literal

from slskdn_tui.engine.playback.buffer import Buffer, Phase

Heard = Literal["stream", "stream_stalled", "stall"]


class Tally:
    """One stream's. A file that is there cannot stall: counted, it would only flatter."""

    def __init__(self) -> None:
        self._arriving: bool | None = None
        self._stalls = 0

    def news(self, buffer: Buffer) -> list[Heard]:
        """What is to be counted since the last time; asked after each look at the buffer."""
        if self._arriving is None:
            if buffer.phase is Phase.STARTING:
                return []
            self._arriving = not buffer.whole
            return ["stream", *self._stalled(buffer)] if self._arriving else []
        return self._stalled(buffer) if self._arriving else []

    def _stalled(self, buffer: Buffer) -> list[Heard]:
        new, first = buffer.stalls - self._stalls, not self._stalls
        self._stalls = buffer.stalls
        return [*(["stream_stalled"] if new and first else []), *["stall"] * new]  # type: ignore[list-item]

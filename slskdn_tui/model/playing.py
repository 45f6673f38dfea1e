"""What is played, as faces see it. Core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from slskdn_tui.model.text import SafeText


@dataclass(frozen=True, slots=True)
class PlaybackView:
    """The play bar. `state`: stopped, starting, playing, paused (by the user), buffering, or unheard: no player here can play it, for `reason`, and its
    URL waits to be opened elsewhere. Times in ms, `length_ms` 0 when not known.

    `buffer_ms` is what is ahead of the play head, `buffer_needed_ms` what is missing of the lead; `rate` is in bytes/s, `times` how often the bitrate
    that is; `stalls` counts how often sound had to stop. `url` holds a secret.
    """

    version: int
    state: str = "stopped"
    title: SafeText = SafeText("")  # noqa: RUF009  immutable
    job_id: str = ""
    track: int = 0
    playback_position_ms: int = 0
    length_ms: int = 0
    buffer_ms: int = 0
    buffer_needed_ms: int = 0
    whole: bool = False
    """The end of the file is among what is ahead."""
    rate: float = 0.0
    times: float = 0.0
    sources: SafeText = SafeText("")  # noqa: RUF009
    stalls: int = 0
    player: SafeText = SafeText("")  # noqa: RUF009
    url: str = ""
    reason: SafeText = SafeText("")  # noqa: RUF009
    kind: Literal["playback"] = "playback"

    @property
    def health(self) -> str:
        """The buffer in a word."""
        return "whole" if self.whole else "healthy" if self.buffer_ms >= 10_000 else "low" if self.buffer_ms >= 5_000 else "empty"

    @property
    def line(self) -> SafeText:
        """The play bar in a line: `Streaming: Blue in Green 1:23/5:37; buffer 28 s (healthy); anna + 2 mesh peers; 850 kB/s (3x)`; "" while nothing plays."""
        if self.state == "stopped":
            return SafeText("")
        if self.state == "unheard":
            return SafeText(f"{self.reason}; Y says how to hear it elsewhere: {self.title}")
        at = clock(self.playback_position_ms) + (f"/{clock(self.length_ms)}" if self.length_ms else "")
        state = "" if self.state == "playing" else f" {self.state}"
        parts = [f"Streaming: {self.title} {at}{state}", f"buffer {self.buffer_ms // 1000} s ({self.health})"]
        if not self.whole:
            parts += [str(self.sources), f"{self.rate / 1000:.0f} kB/s ({self.times:.1f}x)"]
        return SafeText("; ".join(parts))


def clock(ms: int) -> str:
    """`1:23`."""
    return f"{ms // 60_000}:{ms // 1000 % 60:02}"


def tunnel(url: str) -> str:
    """The command that, given on another machine, makes `url` of this one's loopback open there: `ssh -L 8765:127.0.0.1:8765 HOST`."""
    where = url.split("/")[2]
    host, _, port = where.rpartition(":")
    bound = "" if host in ("127.0.0.1", "[::1]") else f"{host}:"
    return f"ssh -L {bound}{port}:{where} HOST"

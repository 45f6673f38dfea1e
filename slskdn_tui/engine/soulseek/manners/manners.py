"""Core: how patient this program is with other users: the waits of downloads and uploads."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.engine.soulseek.manners.holdoff import BACKOFF_S


@dataclass(frozen=True, slots=True)
class Manners:
    """Waits in seconds. `moment`: how long a connection must stay open after a queue message for it to count as sent; `place_first`,
    `place_every`: asking for places in a user's queue; `hold`: how long an offer is kept unanswered until one of our places is free (others
    wait 15 s or longer for the answer); `close`: how long a downloader may take to close after the last byte."""

    moment: float = 0.2
    place_first: float = 2.0
    place_every: float = 120.0
    place_timeout: float = 15.0
    connect: float = 90.0
    hold: float = 10.0
    close: float = 30.0
    backoff: tuple[float, ...] = BACKOFF_S

"""Commands that play. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JOB, JSON
from slskdn_tui.commands.types import Arg, CommandSpec

PLAYING: tuple[CommandSpec, ...] = (
    CommandSpec(
        "playback.stream",
        "Print the URL of a track, for a player, while it still arrives",
        "playing",
        "engine",
        ("stream",),
        (JOB, Arg("track", "track", "track position, counted over all discs", required=True), JSON),
        help="The URL works on the machine the engine runs on. From another one: `ssh -L 8765:127.0.0.1:8765 HOST`, then open it there. It holds a "
        "secret, and is void an hour after it was last read.",
        palette=False,
    ),
)

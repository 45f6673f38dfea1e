"""Commands that play. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JOB, JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

_WHAT = (
    Arg("subject", "str", "job id, with a track; or a file", required=True),
    Arg("track", "track", "track position, counted over all discs"),
    JSON,
)

PLAYING: tuple[CommandSpec, ...] = (
    CommandSpec(
        "playback.play",
        "Play a job's track, or a file by its absolute path",
        "playing",
        "engine",
        args=_WHAT,
        palette=False,
    ),
    CommandSpec(
        "play",
        "Play a job's track while it still arrives, or a file",
        "playing",
        "cli",
        ("play",),
        _WHAT,
        help="Plays with `playback.player` (mpv) on the machine the engine runs on. Where that is not installed, finds no sound device or fails at once, the URL is "
        "printed, to open with any player, and on standard error why, and the ssh line that leads to it from another machine.",
        palette=False,
    ),
    CommandSpec("playback.show", "Show what plays: buffer, sources, speed", "playing", "cli", ("player", "show"), (JSON,), palette=False),
    CommandSpec(
        "playback.pause",
        "Pause what plays, or go on",
        "playing",
        "engine",
        ("player", "pause"),
        (JSON,),
        (Key("all", "K"),),
        label="pause playback",
    ),
    CommandSpec(
        "playback.here",
        "Play this track while it still arrives, or this file",
        "playing",
        "ui",
        keys=tuple(Key(screen, "P") for screen in ("swarms", "jobs", "library")),
        label="play",
    ),
    CommandSpec("playback.back", "Ten seconds back in what plays", "playing", "ui", keys=(Key("all", "less_than_sign"),)),
    CommandSpec("playback.forward", "Ten seconds forward in what plays", "playing", "ui", keys=(Key("all", "greater_than_sign"),)),
    CommandSpec(
        "playback.seek",
        "Move the play head",
        "playing",
        "engine",
        ("player", "seek"),
        (Arg("to", "str", "M:SS or seconds from the start; +10 or -10 from here", required=True), JSON),
        palette=False,
    ),
    CommandSpec(
        "playback.stop", "Stop what plays", "playing", "engine", ("player", "stop"), (JSON,), (Key("all", "X"),), label="stop playback"
    ),
    CommandSpec(
        "playback.copy", "Show and copy the URL of what plays, or of this track", "playing", "ui", keys=(Key("all", "Y"),), label="copy URL"
    ),
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

"""Shell: `play JOB TRACK|FILE` and `player show`."""

from __future__ import annotations

import os

from slskdn_tui.cli import acting
from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.playing import PlaybackView, clock, tunnel
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, EngineProtocol, Result


def play(context: Context) -> int:
    """A file is named from where the user stands, not from where the engine does."""
    subject, track = context.args["subject"], context.args.get("track")
    args = {"subject": os.path.abspath(os.path.expanduser(subject))} if track is None else {"subject": subject, "track": track}

    async def work(engine: EngineProtocol) -> Result:
        return await engine.submit(Command("playback.play", args))

    return acting.report(context.with_engine("live", work), as_json=context.json)


def show(context: Context) -> int:
    return context.show(context.view("live", ViewKey("playback"), PlaybackView), playback_lines)


def playback_lines(view: PlaybackView, look: Look) -> list[str]:
    """`slskdn player show`."""
    if view.state == "stopped":
        return ["Nothing plays."]
    if view.state == "unheard":
        words = f"{view.title} is not heard here: {view.reason}."
        return [words, "Open this URL with any player:", view.url, "From another machine, first run there:", tunnel(view.url)]
    tree, last = ("|-", "`-") if look.ascii else ("├─", "└─")
    of = f" of {clock(view.length_ms)}" if view.length_ms else ""
    speed = f"{view.rate / 1000:.0f} kB/s ({view.times:.1f}x the bitrate)" if not view.whole else "all of it is there"
    return [
        f"Streaming: {view.title}, {clock(view.playback_position_ms)}{of}, {view.state}",
        f"{tree} Buffer: {view.buffer_ms // 1000} s ({view.health}), {view.buffer_needed_ms // 1000} s wanted",
        f"{tree} Sources: {view.sources}",
        f"{tree} Speed: {speed}",
        f"{last} Player: {view.player}; stopped {view.stalls} times for want of bytes",
    ]

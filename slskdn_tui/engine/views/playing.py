"""What plays, as a view. Core over live state."""

from __future__ import annotations

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.views import ViewKey


async def playback_view(engine: Parts, key: ViewKey) -> PlaybackView:
    """What the player on this machine plays, else what another player reads, else what nobody could play here."""
    playback = engine.playback
    stream = playback.now or next((one for one in playback.streams.values() if one.readers), None)
    unheard, why = playback.unheard or (None, "")
    if stream is None:
        stream = unheard
    else:
        unheard = None
    if stream is None:
        return PlaybackView(0)
    buffer, media = stream.buffer, stream.media
    job_id, _, track = stream.subject.partition("/") if not stream.subject.startswith("/") else ("", "", "")
    times = 0.0 if buffer.whole else round(buffer.rate, 1)
    return PlaybackView(
        0,
        "unheard" if unheard is not None else "paused" if playback.paused and stream is playback.now else str(buffer.phase),
        SafeText(stream.label),
        job_id,
        int(track) if track else 0,
        buffer.position_ms,
        stream.length_ms,
        buffer.ahead_ms,
        buffer.needed_ms,
        buffer.whole,
        times * media.bytes_ms * 1000,
        times,
        SafeText(_sources(engine, stream, job_id, track)),
        buffer.stalls,
        SafeText(playback.player.name if playback.player is not None and stream is playback.now else "another player"),
        playback.url(stream),
        SafeText(why if unheard is not None else ""),
    )


def _sources(engine: Parts, stream: Stream, job_id: str, track: str) -> str:
    """`anna + 2 mesh peers`, or that the file is there."""
    live = engine.runner.find(job_id).track(int(track)) if job_id else None
    status = live.swarm.status() if live is not None and live.swarm is not None else None
    if status is None:
        return "the finished file" if stream.buffer.whole else "nobody yet"
    at_work = [source for source in status.sources if source.rate > 0]
    names = [source.source.removeprefix("slsk:") for source in at_work if source.plane == "slsk"]
    mesh = sum(source.plane == "mesh" for source in at_work)
    return " + ".join([*names, *([counted(mesh, "mesh peer")] if mesh else [])]) or "nobody sends now"

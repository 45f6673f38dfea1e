"""What commands that play do."""

from __future__ import annotations

import re

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.playing import tunnel
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Result

_TIME = re.compile(r"([+-]?)(?:(\d{1,4}):)?(\d{1,5})")


async def track_stream(engine: Parts, reference: str, position: int) -> Stream:
    """The stream of a job's track. UserError when there is none, or no byte of it will come."""
    job = engine.runner.find(reference)
    live = job.track(position)
    if live is None:
        raise UserError("not_found", f"job {job.job_id[:8]} has no track {position}", f"it has tracks 1 to {len(job.tracks)}")
    if live.state is not TrackState.DONE and job.record.state in (JobState.CANCELLED, JobState.FAILED):
        raise UserError("refused", f"job {job.job_id[:8]} is {job.record.state}: track {position} does not arrive", "run it again first")
    return await engine.playback.track(job, live)


async def stream(engine: Parts, args: Args) -> Result:
    found = await track_stream(engine, args["job"], args["track"])
    url = engine.playback.url(found)
    return Result("ok", SafeText(url), _hint(url), {"url": url, "title": found.label, "port": engine.playback.port, "ssh": tunnel(url)})


def _hint(url: str) -> SafeText:
    return SafeText(f"From another machine, first run there: {tunnel(url)}")


async def play(engine: Parts, args: Args) -> Result:
    subject, position, playback = args["subject"], args["track"], engine.playback
    if position is None and not subject.startswith("/"):
        raise UserError("usage", f"{subject!r} is no absolute path", "give a track position too, or a file")
    found = await track_stream(engine, subject, position) if position is not None else await playback.file(subject)
    url = playback.url(found)
    await playback.play(found)
    if why := await playback.why_unheard(found):
        data = {"text": url, "url": url, "player": "", "title": found.label, "ssh": tunnel(url), "reason": why}
        return Result("ok", SafeText(f"{why}: open this URL with any player."), _hint(url), data)
    return done(f"playing {found.label}", url=url, player=engine.settings.playback.player)


async def pause(engine: Parts, args: Args) -> Result:
    stream, _ = engine.playback.playing()
    engine.playback.paused = not engine.playback.paused
    return done(f"{'paused' if engine.playback.paused else 'goes on'}: {stream.label}", paused=engine.playback.paused)


async def seek(engine: Parts, args: Args) -> Result:
    stream, _ = engine.playback.playing()
    found = _TIME.fullmatch(args["to"])
    if found is None:
        raise UserError("usage", f"{args['to']!r} is no time", "M:SS or seconds; +10 or -10 from here")
    sign, minutes, seconds = found.groups()
    ms = (int(minutes or 0) * 60 + int(seconds)) * 1000
    at = engine.playback.seek(stream.position_ms + (ms if sign == "+" else -ms) if sign else ms)
    return done(f"{stream.label}: at {at // 60_000}:{at // 1000 % 60:02}", playback_position_ms=at)


async def stop(engine: Parts, args: Args) -> Result:
    stream = engine.playback.now or (engine.playback.unheard or (None,))[0]
    await engine.playback.end()
    return done(f"stopped: {stream.label}" if stream is not None else "nothing plays")


PLAYING: dict[str, Handler] = {
    "playback.play": play,
    "playback.pause": pause,
    "playback.seek": seek,
    "playback.stop": stop,
    "playback.stream": stream,
}

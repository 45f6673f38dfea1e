"""What commands that play do."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.seam import Result


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
    return done(engine.playback.url(found), url=engine.playback.url(found), title=found.label, port=engine.playback.port)


PLAYING: dict[str, Handler] = {
    "playback.stream": stream,
}

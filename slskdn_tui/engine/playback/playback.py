"""What is played on this node: streams by their secrets, the server they are read from, and the look at their buffers. Shell."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import Executor

from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.playback.buffer import Rules
from slskdn_tui.engine.playback.server import StreamServer
from slskdn_tui.engine.playback.source import FileSource, Source, TrackSource
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

MOST_STREAMS = 64
STEP_S = 0.1
UNUSED_S = 3600.0
"""A URL that nobody has read from for so long is void."""


class Playback:
    """Nothing listens and nothing runs before something is played."""

    def __init__(self, settings: PlaybackSettings, clock: Clock, supervisor: Supervisor, disk: Executor) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self.streams: dict[str, Stream] = {}
        self._by_subject: dict[str, Stream] = {}
        self._server = StreamServer(self.streams.get, clock, supervisor, disk)
        self._starting = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        await self._server.stop()
        for stream in list(self.streams.values()):
            self.close(stream)

    async def track(self, job: LiveJob, live: LiveTrack) -> Stream:
        """The stream of a job's track; the same as before while it is open."""
        subject = f"{job.job_id}/{live.track.position}"
        if (known := self._known(subject)) is None:
            source = TrackSource(live)
            known = self._new(subject, source, str(live.track.title), live.track.length_ms)
            source.windows = known
        await self._listen()
        return known

    async def file(self, path: str) -> Stream:
        """The stream of a file that is there. UserError when it is none."""
        known = self._known(path)
        if known is None:
            source = FileSource(path)
            known = self._new(path, source, str(SafeText(source.name)), None)
        await self._listen()
        return known

    def _known(self, subject: str) -> Stream | None:
        stream = self._by_subject.get(subject)
        if stream is not None and stream.source.gone:
            self.close(stream)
            return None
        return stream

    def _new(self, subject: str, source: Source, label: str, length_ms: int | None) -> Stream:
        if len(self.streams) >= MOST_STREAMS:
            source.close()
            raise UserError("refused", f"{MOST_STREAMS} streams are open", "they are closed an hour after they were last read from")
        rules = Rules(lead_ms=int(self._settings.lead_s * 1000))
        stream = Stream(secrets.token_urlsafe(16), label, source, self._clock, length_ms or 0, rules)
        self.streams[stream.token] = self._by_subject[subject] = stream
        return stream

    async def _listen(self) -> None:
        async with self._starting:
            if not self._server.port:
                host, _, port = self._settings.listen.rpartition(":")
                await self._server.start(host.strip("[]"), int(port))
        if self._watch is None or self._watch.done():
            self._watch = self._supervisor.spawn("playback", self._look())

    def url(self, stream: Stream) -> str:
        """Where a player on this machine opens it; the ending tells players what it is."""
        name = stream.source.name
        ending = name[name.rfind(".") :].lower() if "." in name else ""
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        return f"http://{host}:{self._server.port}/stream/{stream.token}/track{ending if ending[1:].isalnum() else ''}"

    @property
    def port(self) -> int:
        return self._server.port

    async def _look(self) -> None:
        while self.streams:
            for stream in list(self.streams.values()):
                stream.step()
                if self._clock.now() - stream.used_at > UNUSED_S:
                    self.close(stream)
            await self._clock.sleep(STEP_S)

    def close(self, stream: Stream) -> None:
        """Its URL is void, and its swarm goes its usual way."""
        self.streams.pop(stream.token, None)
        self._by_subject = {subject: other for subject, other in self._by_subject.items() if other is not stream}
        stream.source.close()

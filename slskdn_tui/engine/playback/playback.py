"""What is played on this node: streams by their secrets, the server they are read from, and the look at their buffers. Shell."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.playback.buffer import Phase, Rules
from slskdn_tui.engine.playback.player import Player, command_of
from slskdn_tui.engine.playback.server import StreamServer
from slskdn_tui.engine.playback.source import FileSource, Source, TrackSource
from slskdn_tui.engine.playback.stream import Stream
from slskdn_tui.engine.playback.tally import Heard
from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.runtime.events import EventBus, Level
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

MOST_STREAMS = 64
STEP_S = 0.1
WAITING_STEP_S = 0.02
"""While a player waits for bytes: each look is a part of the time to the first sound."""
SETTLE_S = 3.0
"""mpv says within so many seconds whether there is a sound device (0.3 s where nothing else runs);"""
OTHER_SETTLE_S = 0.5
"""another player says nothing: one that cannot play at all has ended by then."""
UNUSED_S = 3600.0
"""A URL that nobody has read from for so long is void."""


class Playback:
    """Nothing listens and nothing runs before something is played. `heard` counts what became of streams."""

    def __init__(
        self,
        settings: PlaybackSettings,
        clock: Clock,
        supervisor: Supervisor,
        disk: Executor,
        bus: EventBus,
        heard: Callable[[Heard], Awaitable[None]] | None = None,
    ) -> None:
        self._bus = bus
        self._heard = heard
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self.streams: dict[str, Stream] = {}
        self._by_subject: dict[str, Stream] = {}
        self._server = StreamServer(self.streams.get, clock, supervisor, disk)
        self._starting = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self.now: Stream | None = None
        self.unheard: tuple[Stream, str] | None = None
        """What was to be played and cannot be heard here, and why, in words; its URL stays."""
        self.player: Player | None = None
        self.paused = False
        self._task: asyncio.Task[None] | None = None

    async def stop(self) -> None:
        await self.end()
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
        stream = Stream(secrets.token_urlsafe(16), subject, label, source, self._clock, length_ms or 0, rules)
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
        """Where a player on this machine opens it: always the same. The ending, where one is known at first, tells players what it is."""
        if stream.ending is None:
            ending = os.path.splitext(stream.source.name)[1].lower()
            stream.ending = ending if ending[1:].isalnum() else ""
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        return f"http://{host}:{self._server.port}/stream/{stream.token}/track{stream.ending}"

    @property
    def port(self) -> int:
        return self._server.port

    async def _look(self) -> None:
        while self.streams:
            for stream in list(self.streams.values()):
                stream.step()
                for each in stream.tally.news(stream.buffer):
                    if self._heard is not None:
                        await self._heard(each)
                if stream is self.now and self.player is not None:
                    stream.told_length(self.player.length_ms)
                    self._go(stream, self.player)
                    self.player.pause(self.paused or self.player.goal_ms is not None or stream.buffer.phase is not Phase.PLAYING)
                if self._clock.now() - stream.used_at > UNUSED_S:
                    self.close(stream)
            waits = self.player is not None and self.now is not None and self.now.buffer.phase is not Phase.PLAYING
            await self._clock.sleep(WAITING_STEP_S if waits else STEP_S)

    # the player on this machine

    async def play(self, stream: Stream) -> None:
        """Play `stream` from its start, in place of what plays. Where nobody can, it is `unheard`."""
        await self.end()
        if not (command := command_of(self._settings.player)):
            self.unheard = stream, f"{self._settings.player} is not installed on this machine"
            return
        stream.buffer.seek()
        player = Player(command, self.url(stream), self._clock, stream.buffer.seek)
        self.now, self.player, self.paused = stream, player, False
        stream.player = player if player.driven else None
        self._task = self._supervisor.spawn("player", self._run(stream, player))

    async def why_unheard(self, stream: Stream) -> str:
        """Why `stream`, which was just to be played, is not heard on this machine; "" when the player has a sound device, or does not say."""
        player, task = self.player, self._task
        if player is not None and task is not None and self.now is stream:
            await until(player.settled, self._clock, SETTLE_S if player.driven else OTHER_SETTLE_S)
            if player.ended:
                await asyncio.wait((task,))
        return self.unheard[1] if self.unheard is not None and self.unheard[0] is stream else ""

    async def _run(self, stream: Stream, player: Player) -> None:
        try:
            await player.run()
            why = player.ended
        except OSError as error:
            why = f"{player.name} cannot be started: {error.strerror}"
        finally:
            stream.player = None
            stream.buffer.seek()
            if self.player is player:
                self.now = self.player = None
        if why:
            self.unheard = stream, why
            self._told("playback.failed", f"{why}; {stream.label} plays elsewhere: Y, or `slskdn player show`, says how", level="warning")
        else:
            self._told("playback.ended", f"{stream.label}: played", level="info")

    def _told(self, name: str, words: str, level: Level) -> None:
        self._bus.publish(name, "playback", words, level=level)

    def playing(self) -> tuple[Stream, Player]:
        """What plays. UserError when nothing does, or the player takes no orders."""
        if self.now is None or self.player is None:
            raise UserError("refused", "nothing plays", "P on a track, or `slskdn play JOB TRACK`")
        if not self.player.driven:
            raise UserError("refused", f"{self.player.name} takes no orders", "use its own window, or set playback.player to mpv")
        return self.now, self.player

    def seek(self, ms: int) -> int:
        """Move the play head; where it is then, in ms."""
        stream, player = self.playing()
        at = max(0, min(ms, stream.length_ms - 1000 if stream.length_ms else ms))
        player.pause(True)
        player.seek_when_read(at)
        self._go(stream, player)
        if player.goal_ms is not None:
            stream.source.call_help()
        stream.buffer.seek()
        return at

    def _go(self, stream: Stream, player: Player) -> None:
        """A seek that waits: until the player has read that far, or somebody sends from anywhere."""
        goal = player.goal_ms
        if goal is not None and (stream.source.jumps or player.may_go(goal)):
            player.seek(goal)

    async def end(self) -> None:
        """Stop what plays. Of what is unheard the URL stays, and no word."""
        self.unheard = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def close(self, stream: Stream) -> None:
        """Its URL is void, and its swarm goes its usual way."""
        self.streams.pop(stream.token, None)
        if self.unheard is not None and self.unheard[0] is stream:
            self.unheard = None
        self._by_subject = {subject: other for subject, other in self._by_subject.items() if other is not stream}
        stream.source.close()

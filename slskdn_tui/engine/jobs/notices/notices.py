"""Notices of albums: once an album and state, never once a file. Shell over the job's record; `facts` is Core.

What is to be told is written into the record together with the state it tells of, and struck out when the command and the webhook have had their
tries: a crash between the two tells it again at the next start (at least once; the webhook's `id` is the same then). Running a job again makes its
states new. Nothing here holds up a job.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.jobs.notices.notify import NotTold, post, run_command
from slskdn_tui.engine.jobs.wanted.for_cache import for_cache
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.jobs import TrackState

AT_ONCE = 2
RETRY_S = (2.0, 10.0)
_PENDING, _TOLD = "notices_pending", "notices_told"


def facts(record: JobRecord, state: str) -> Mapping[str, str]:
    """What a notice says, as texts by name; the album's folder is where its tracks lie together."""
    required = {track.position for track in record.release.tracks if not track.optional}
    done = [entry for entry in record.tracks if entry.state is TrackState.DONE]
    parents = [os.path.dirname(entry.placed) for entry in done if entry.placed and entry.position in required]
    return {
        "event": f"job.{state}",
        "state": state,
        "job_id": record.job_id,
        "type": record.type,
        "artist": str(record.release.artist),
        "album": str(record.release.title),
        "release_mbid": record.release.mbid,
        "folder": os.path.commonpath(parents) if parents else record.folder,
        "destination": record.details.get("destination", ""),
        "tracks_done": str(sum(entry.position in required for entry in done)),
        "tracks_total": str(len(required)),
        "error": record.error,
    }


def _words(record: JobRecord, key: str) -> list[str]:
    return record.details.get(key, "").split()


class Notices:
    """`mark` before a record with a new state is stored, `send` after it; `send` again at start for what was not told."""

    def __init__(self, settings: Settings, clock: Clock, supervisor: Supervisor, bus: EventBus) -> None:
        self._settings = settings.notices
        self._policy = AddressPolicy(settings.network.permit)
        self._clock = clock
        self._supervisor = supervisor
        self._bus = bus
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[tuple[str, str]] = set()

    def mark(self, record: JobRecord) -> None:
        """Note in the record that its state is to be told, if it is one of those and was not told yet."""
        state = str(record.state)
        wanted = (self._settings.command or self._settings.webhook) and state in self._settings.states
        if wanted and not for_cache(record) and state not in (*_words(record, _PENDING), *_words(record, _TOLD)):
            record.details[_PENDING] = " ".join((*_words(record, _PENDING), state))

    def send(self, record: JobRecord, save: Callable[[], Awaitable[None]]) -> None:
        """Tell what is noted, in the background; `save` stores the record afterwards."""
        for state in _words(record, _PENDING):
            key = (record.job_id, state)
            if key not in self._under_way:
                self._under_way.add(key)
                self._supervisor.spawn(f"notice {record.job_id[:8]}", self._tell(record, state, facts(record, state), save))

    @staticmethod
    def again(record: JobRecord) -> None:
        """The job is run again: its states are new ones."""
        record.details.pop(_TOLD, None)

    async def _tell(self, record: JobRecord, state: str, what: Mapping[str, str], save: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._turn:
                if self._settings.command:
                    await self._command(record.job_id, what)
                if self._settings.webhook:
                    await self._webhook(record.job_id, what)
            left = [each for each in _words(record, _PENDING) if each != state]
            record.details[_PENDING] = " ".join(left)
            record.details[_TOLD] = " ".join((*_words(record, _TOLD), state))
            await save()
        finally:
            self._under_way.discard((record.job_id, state))

    async def _command(self, job_id: str, what: Mapping[str, str]) -> None:
        try:
            said = await run_command(self._settings.command, what, what["folder"], self._settings.timeout_s)
        except NotTold as error:
            self._bus.publish("notice.failed", "notice", str(error), level="warning", job_id=job_id)
        else:
            self._bus.publish(
                "notice.command", "notice", f"notices.command was run for {what['album']} ({what['state']}){said}", job_id=job_id
            )

    async def _webhook(self, job_id: str, what: Mapping[str, str]) -> None:
        body = {
            **what,
            "id": f"{job_id}:{what['state']}",
            "tracks_done": int(what["tracks_done"]),
            "tracks_total": int(what["tracks_total"]),
        }
        for wait in (*RETRY_S, None):
            try:
                said = await post(self._settings.webhook, body, self._policy, self._settings.timeout_s)
            except NotTold as error:
                more = wait is not None and error.again
                words = f"{error}; next try in {wait:g} s" if more else str(error)
                self._bus.publish("notice.failed", "notice", words, level="warning", job_id=job_id)
                if not more or wait is None:
                    return
                await self._clock.sleep(wait)
            else:
                self._bus.publish(
                    "notice.webhook", "notice", f"the webhook was told of {what['album']} ({what['state']}): {said}", job_id=job_id
                )
                return

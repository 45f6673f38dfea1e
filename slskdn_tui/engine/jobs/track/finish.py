"""The end of a track: the file read back and checked, then placed, or put into quarantine with its reason. Shell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.placing.exchange import exchange_of
from slskdn_tui.engine.jobs.placing.place import Placed, find_placed, place
from slskdn_tui.engine.jobs.placing.placement import clean_extension, relative_path, safe_name
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.swarm.disk.part_file import DiskTrouble
from slskdn_tui.engine.swarm.disk.sidecar import remove_sidecar
from slskdn_tui.engine.swarm.disk.verify import Checked, verify_file
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.text import SafeText


class Finish:
    """Checks and places one track's finished part. `save` stores the job's record."""

    def __init__(self, services: Services, job: LiveJob, live: LiveTrack, tell: Teller, save: Callable[[], Awaitable[None]]) -> None:
        self._save = save
        self._services = services
        self._job = job
        self._live = live
        self._tell = tell

    async def finish(self, part: Path, key: str) -> str:
        """Empty when the track is placed; otherwise why its file went to quarantine."""
        loop = asyncio.get_running_loop()
        record = self._live.record
        stored = await self._services.store.parts.load(key)
        checked = await loop.run_in_executor(self._services.disk, verify_file, part, stored)
        bad = "" if checked.ok else checked.words
        self._verified(checked, checked.ok, f"{checked.words}; blake3 {checked.blake3}")
        if not bad and codec_of(record.path) and not self._live.track.optional:
            audio = await self._services.check_audio(part)
            bad = "" if audio.ok else audio.words
            self._verified(checked, audio.ok, audio.words)
        exchange = exchange_of(self._services, self._job.record, self._live.track.position)
        if not bad and exchange is not None and await loop.run_in_executor(self._services.disk, exchange.same, checked.blake3):
            bad = "it is the very file that is to be replaced"
        if bad:
            await self._quarantine(part, key, bad)
            return bad
        record.blake3 = checked.blake3
        await self._save()  # a crash after the file is moved finds it by this digest
        folder, relative = self._destination()
        if why := await loop.run_in_executor(self._services.disk, self._services.folders.gone, folder):
            raise DiskTrouble(why)
        placed = await loop.run_in_executor(self._services.disk, self._place, part, folder, relative, checked.blake3)
        record.placed, record.blake3, record.reason = str(placed.path), checked.blake3, placed.note
        record.size = (await loop.run_in_executor(self._services.disk, placed.path.stat)).st_size
        await self._forget(part, key)
        said = "whole and placed" if self._job.record.type == JobType.FILES else "verified and placed"
        words = f"{self._live.track.title}: {said}" + (f" ({placed.note})" if placed.note else "")
        self._tell.log("track.done", "verify", words, blake3=checked.blake3, size=record.size)
        self._tell.trace("place", result="ok", words=placed.note or "placed")
        if self._live.track.recording_mbid:
            release = self._job.record.release.mbid if self._job.record.type == JobType.RELEASE else ""  # one track lacks no other
            await self._services.finished(placed.path, self._live.track.recording_mbid, release)
        if exchange is not None:
            await self._services.library_changed(str(placed.path), exchange.fix.replaces or str(placed.path))
        return ""

    def _verified(self, file: Checked, ok: bool, words: str) -> None:
        """The trace keeps each verdict over the whole file, with the variant that was read."""
        self._tell.trace("verify", result="ok" if ok else "corruption", words=words, variant_id=file.variant_id, chunk_length=file.size)

    def _place(self, part: Path, folder: Path, relative: str, digest: str) -> Placed:
        if (exchange := exchange_of(self._services, self._job.record, self._live.track.position)) is not None:
            return exchange.place(part, folder, relative, digest)
        return place(part, folder, relative, self._services.settings.downloads.collision, digest)

    def _destination(self) -> tuple[Path, str]:
        record = self._job.record
        extension = clean_extension(self._live.record.path)
        return Path(record.folder), relative_path(record, self._services.settings.downloads, self._live.track.position, extension)

    async def take_up(self, part: Path, key: str) -> bool:
        """True when this track's file was placed before a crash that kept it from being recorded; then it is recorded now."""
        record = self._live.record
        if not record.blake3 or record.placed or part.exists():
            return False
        loop = asyncio.get_running_loop()
        folder, relative = self._destination()
        path = await loop.run_in_executor(self._services.disk, find_placed, folder, relative, record.size, record.blake3)
        if path is None:
            return False
        record.placed = str(path)
        await self._forget(part, key)
        self._tell.log("track.done", "verify", f"{self._live.track.title}: placed before the last stop", size=record.size)
        return True

    async def _forget(self, part: Path, key: str) -> None:
        """The part's record and sidecar go; the file went before."""
        await self._services.store.parts.drop(key)
        await asyncio.get_running_loop().run_in_executor(self._services.disk, remove_sidecar, part)

    async def _quarantine(self, part: Path, key: str, reason: str) -> None:
        record = self._live.record
        folder = self._services.paths.quarantine / self._job.job_id
        target = (
            folder
            / f"{self._live.track.position:03} {safe_name(record.username)} {safe_name(str(SafeText(record.path)).replace(chr(92), '/').split('/')[-1])}"
        )
        await asyncio.get_running_loop().run_in_executor(self._services.disk, _set_aside, part, target, reason)
        await self._forget(part, key)
        self._tell.log(
            "track.quarantined",
            "verify",
            f"{self._live.track.title} from {record.username}: {reason}; set aside in {folder}, trying elsewhere",
            level="error",
        )
        self._tell.trace("quarantine", source=f"slsk:{record.username}", result="corruption", words=reason)


def _set_aside(part: Path, target: Path, reason: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part.replace(target)
    target.with_name(target.name + ".why.txt").write_text(reason + "\n", encoding="utf-8")

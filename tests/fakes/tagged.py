"""A library in library.db, a MusicBrainz and an AcoustID beside it, and the identification between them: all real but the world they know. Shell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import AcoustID, MusicBrainz, Secret
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.identify.acoustid import AcoustIdClient
from slskdn_tui.engine.music.identify.identifier import Identifier
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.store import Store
from slskdn_tui.lab.acoustid import KEY
from slskdn_tui.lab.data import ReleaseFact
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.library import FileTags, LibraryFile, Stage
from slskdn_tui.model.text import SafeText


class PatientClock(SystemClock):
    """Sleeping costs no time; `wall` moves by what was slept and by `later`."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class Library:
    stub: MusicBrainzStub
    store: Store
    music: MusicBrainzClient
    acoustid: AcoustIdClient
    identifier: Identifier
    restarted: Callable[[], Identifier]
    """another one, as after a restart: it knows what library.db does"""
    told: list[str] = field(default_factory=list)

    async def add(self, files: Iterable[tuple[LibraryFile, str]]) -> None:
        """Files as the scanner leaves them: headers and tags, then measured where there is a fingerprint."""
        rows = list(files)
        await self.store.files.put_scanned(file for file, _ in rows)
        for file, fingerprint in rows:
            if fingerprint:
                facts = AudioFacts(file.facts.codec, duration_ms=file.facts.duration_ms, fingerprint=fingerprint, fingerprint_duration=120)
                await self.store.files.put_facts(file.path, file.stamp, facts, Stage.MEASURED, 2.0)

    @property
    def asked(self) -> list[str]:
        """Paths of all requests: MusicBrainz' and AcoustID's."""
        return [seen.path for seen in self.stub.seen]

    async def recordings(self) -> dict[str, str]:
        """Path to the recording each file was found to be."""
        page, _ = await self.store.files.page(limit=100_000)
        return {file.path: file.recording for file in page}


def play(
    tmp_path: Path,
    story: Callable[[Library], Awaitable[None]],
    releases: Sequence[ReleaseFact] | None = None,
    *,
    key: str = "",
    timeout_s: float = 60.0,
    limit_s: float = 240,
) -> None:
    async def run() -> None:
        clock = PatientClock()
        stub = MusicBrainzStub(releases)
        await stub.start()
        store = await Store.open(Paths.of(tmp_path), clock)
        music = MusicBrainzClient(MusicBrainz(url=stub.url, rate_s=1.0), clock=clock, cache=store.mb_cache, timeout_s=timeout_s)
        acoustid = AcoustIdClient(AcoustID(url=stub.url, key=Secret(key)), clock=clock, cache=store.sounds, timeout_s=timeout_s)
        told: list[str] = []

        def tell(event: str, words: str) -> None:
            if event != "done":
                told.append(words)

        with ThreadPoolExecutor(1) as executor:

            def made() -> Identifier:
                return Identifier(store, music, acoustid, clock=clock, executor=executor, tell=tell)

            try:
                async with asyncio.timeout(limit_s):
                    await story(Library(stub, store, music, acoustid, made(), made, told))
            finally:
                music.close()
                acoustid.close()
                await stub.close()
                await store.close()

    asyncio.run(run())


def lab_key() -> str:
    return KEY


def local(path: str, length_ms: int | None, tags: FileTags | None = None, codec: str = "FLAC", mtime: int = 1) -> LibraryFile:
    """A file the scanner has read headers and tags of."""
    return LibraryFile(path, mtime, 30_000_000, 7, Stage.TAGS, tags or FileTags(), AudioFacts(codec, duration_ms=length_ms), scanned_at=1.0)


def tags_of(release: ReleaseFact, disc: int, place: int, *, ids: bool, names: bool = True) -> FileTags:
    """What a tagger writes for a track of a release."""
    medium = release.media[disc - 1]
    track = medium.tracks[place - 1]
    words = {
        "title": SafeText(track.title),
        "artist": SafeText("".join(credit.name + credit.join for credit in release.track_artist(track))),
        "album": SafeText(release.title),
        "album_artist": SafeText(release.artist_name),
        "track": track.position,
        "disc": disc if len(release.media) > 1 else None,
    }
    found = {"recording": track.recording, "release": release.mbid} if ids else {}
    return FileTags(**(words if names else {}), **found)  # type: ignore[arg-type]


def album_files(release: ReleaseFact, folder: str, *, ids: bool = False, names: bool = True, off_ms: int = 700) -> list[LibraryFile]:
    """Every track as a file, `01 Title.flac`, in disc folders where there are several."""
    out = []
    for disc, medium in enumerate(release.media, start=1):
        where = f"{folder}/CD{disc}" if len(release.media) > 1 else folder
        for place, track in enumerate(medium.tracks, start=1):
            if track.pregap or track.video or track.data or medium.format == "DVD":
                continue
            title = track.title.replace("/", "_")
            name = f"{track.position:02} {title}.flac" if names else f"track{track.position:02}.flac"
            tags = tags_of(release, disc, place, ids=ids, names=names) if ids or names else FileTags()
            out.append(local(f"{where}/{name}", (track.length or 200_000) + off_ms, tags))
    return out

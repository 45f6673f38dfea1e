"""The identification pass: which recording each file of the library is, by tags, then sound, then name. Shell over MusicBrainz, AcoustID and library.db.

An album whose tags name its release costs one request; one that is known already costs none. What was found is written down album by album, so a pass
that ends early has lost nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial

from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.identify import weigh
from slskdn_tui.engine.music.identify.acoustid import AcoustIdClient
from slskdn_tui.engine.music.identify.answers import Heard, Print
from slskdn_tui.engine.music.identify.local import LocalAlbum, album_of, albums
from slskdn_tui.engine.runtime.clock import Clock, when_woken
from slskdn_tui.engine.runtime.said import Said
from slskdn_tui.engine.store.library.matches import StoredMatch
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.library import Identity, LibraryFile, Stage
from slskdn_tui.model.matches import AlbumMatch, MatchClass, class_words
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText, counted

log = logging.getLogger(__name__)

AT_ONCE = 40
"""Albums whose sounds are asked for together, so that AcoustID's batches are full."""
AGAIN_S = 30 * 86_400.0
"""What was not found is looked for again after so long."""
RETRY_S = 900.0
ALL_AGAIN_S = 86_400.0
_VERSION = "1"


@dataclass(slots=True)
class Progress:
    """How a pass stands. `albums` of `total` are done; `kinds` counts those that were looked at by class; `files` were written down."""

    running: bool = False
    albums: int = 0
    total: int = 0
    files: int = 0
    learned: int = 0
    """Releases of what jobs got whose tracklists were written down: the doctor needs them to miss a track."""
    kinds: dict[MatchClass, int] = field(default_factory=dict)
    stopped: str = ""

    @property
    def words(self) -> str:
        """`3 albums looked at: 2 identified, 1 not identified`."""
        return f"{counted(sum(self.kinds.values()), 'album')} looked at: {class_words(self.kinds)}"


@dataclass(slots=True)
class _Asked:
    """An album under work: what was laid so far, and what its sounds say."""

    album: LocalAlbum
    looked_at: str
    heard: dict[str, Heard] = field(default_factory=dict)
    laid: list[weigh.Laid] = field(default_factory=list)

    @property
    def best(self) -> AlbumMatch | None:
        return weigh.decide(self.laid)

    @property
    def open(self) -> bool:
        best = self.best
        return best is None or best.kind != "exact"


class Identifier:
    """One pass at a time over all folders the scanner knows. `tell` gets an event's name and its words: `stopped`, `deaf`, `done`, `learned`.

    Why MusicBrainz or AcoustID cannot be asked is told once, until they can be, or there is another reason."""

    def __init__(
        self,
        store: Store,
        music: MusicBrainzClient,
        acoustid: AcoustIdClient,
        *,
        clock: Clock,
        executor: Executor,
        tell: Callable[[str, str], None] = lambda event, words: None,
    ) -> None:
        self._store = store
        self._music = music
        self._acoustid = acoustid
        self._clock = clock
        self._executor = executor
        self._tell = tell
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._deaf = False
        self._said_stopped, self._said_deaf = Said(), Said()
        self._seen: dict[str, object] = {}
        self._all_at = clock.now()
        self.progress = Progress()

    def wake(self) -> None:
        """There is something new to look at: `keep` makes a pass, and another one when it is at one already."""
        self._woken.set()

    async def keep(self) -> None:
        """For ever: a pass whenever woken, and again a while after one that had to stop, unless woken before."""

        async def once() -> bool:
            return not (await self.run()).stopped

        await when_woken(self._woken, self._clock, RETRY_S, once)

    async def confirm(self, folder: str, release: str) -> list[AlbumMatch]:
        """The user says which release lies in a folder: every file that has a place on it is written down. UserError when none has."""
        async with self._turn:
            parts = (await self._groups()).get(album_of(folder), [])
            found = await self._albums(parts, also_got=True)
            if not found:
                raise UserError("not_found", f"no files are known in {folder}", "scan the library first (`slskdn library scan`)")
            asked = await self._music.release(release)
            now, stored = self._clock.wall().timestamp(), []
            for album, prints in found:
                laid = weigh.lay_album(album, asked, {})
                if not laid.match.files:
                    hint = "its titles and lengths are others; another release may be meant"
                    raise UserError("refused", f"no file in {folder} fits {laid.match.title}", hint)
                files = tuple(replace(file, sure=True) for file in laid.match.files)
                match = replace(laid.match, kind="exact", files=files, words=SafeText("as you said"))
                stored.append(StoredMatch(album.key, match, _digest(album, prints), now))
                await self._store.files.identify(weigh.identities(album, match, {}))
            await self._store.releases.put(asked)
            await self._store.matches.put(album_of(folder), stored)
            return [each.match for each in stored]

    async def run(self) -> Progress:
        """One pass. It ends early, and says why, when MusicBrainz cannot be asked."""
        async with self._turn:
            self.progress = progress = Progress(running=True)
            self._deaf = not self._acoustid.enabled
            try:
                groups = await self._groups()
                states = await self._changed(groups)
                progress.total, progress.albums = len(groups), len(groups) - len(states)
                folders = sorted(states)
                for start in range(0, len(folders), AT_ONCE):
                    part = folders[start : start + AT_ONCE]
                    await self._some({folder: groups[folder] for folder in part})
                    progress.albums += len(part)
                    self._seen |= {folder: states[folder] for folder in part}
            except UserError as error:
                progress.stopped = str(error.message)
            finally:
                progress.running = False
            if self._said_stopped.is_news(progress.stopped):
                self._tell("stopped", f"identification stops: {progress.stopped}")
            if progress.kinds:
                self._tell("done", progress.words)
            if progress.learned:
                self._tell("learned", f"tracklists kept of {counted(progress.learned, 'downloaded album')}")
            return progress

    async def _changed(self, groups: Mapping[str, Sequence[str]]) -> dict[str, object]:
        """The albums whose files have changed since this process looked at them, with their state. Once a day all are looked at."""
        if self._clock.now() - self._all_at > ALL_AGAIN_S:
            self._seen, self._all_at = {}, self._clock.now()
        states = await self._store.files.folder_states()
        now = {folder: (self._deaf, *(states.get(part) for part in parts)) for folder, parts in groups.items()}
        self._seen = {folder: state for folder, state in self._seen.items() if folder in now}
        return {folder: state for folder, state in now.items() if self._seen.get(folder) != state}

    async def _groups(self) -> dict[str, list[str]]:
        """Album folder to the folders that make it up; what was known of folders that are gone is forgotten."""
        groups: dict[str, list[str]] = {}
        after = ""
        while page := await self._store.files.folders(after):
            after = page[-1]
            for folder in page:
                groups.setdefault(album_of(folder), []).append(folder)
        known = await self._store.matches.known_folders()
        await self._store.matches.forget(folder for folder in known if folder not in groups)
        return groups

    async def _some(self, groups: Mapping[str, Sequence[str]]) -> None:
        work: dict[str, list[_Asked]] = {}
        kept: dict[str, list[StoredMatch]] = {}
        for folder, parts in groups.items():
            before = {stored.key: stored for stored in await self._store.matches.of_folder(folder)}
            for album, prints in await self._albums(parts):
                looked_at = _digest(album, 0 if self._deaf else prints)
                old = before.get(album.key)
                if old is not None and self._settled(old, looked_at):
                    kept.setdefault(folder, []).append(old)
                    continue
                work.setdefault(folder, []).append(_Asked(album, looked_at))
        todo = [asked for group in work.values() for asked in group]
        for asked in todo:
            await self._by_tags(asked)
        await self._listen([asked for asked in todo if asked.open])
        for folder, group in work.items():
            for asked in group:
                if asked.open:
                    await self._by_sound(asked)
                if asked.open:
                    await self._by_name(asked)
            await self._write(folder, group, kept.get(folder, []))

    async def _learn(self, files: Sequence[LibraryFile]) -> None:
        """The releases of what jobs got, where the library does not have them yet: mostly from the cache of the job's own question."""
        for mbid in sorted({file.release for file in files if file.identified == "download" and file.release}):
            if await self._store.releases.get(mbid) is None:
                try:
                    await self._store.releases.put(await self._music.release(mbid))
                except UserError as error:
                    _pass_by(error)
                    continue
                self.progress.learned += 1

    async def _albums(self, parts: Sequence[str], *, also_got: bool = False) -> list[tuple[LocalAlbum, int]]:
        """The albums in these folders, and of how many of their files the sound is known. What jobs got is known, and left out unless `also_got`."""
        files = [
            file for part in parts for file in await self._store.files.of_folder(part) if file.stage >= Stage.TAGS and file.facts.codec
        ]
        await self._learn(files)
        if not files or (all(file.identified == "download" for file in files) and not also_got):
            return []
        prints = await self._store.files.fingerprints(file.path for file in files)
        return [(album, sum(file.path in prints for file in album.files)) for album in albums(album_of(parts[0]), files)]

    def _settled(self, old: StoredMatch, looked_at: str) -> bool:
        """Nothing has changed since that could tell more, and it is not time to ask again."""
        files, _, _ = looked_at.partition(":")
        if old.match.kind == "exact":
            return old.looked_at.partition(":")[0] == files
        return old.looked_at == looked_at and self._clock.wall().timestamp() - old.at < AGAIN_S

    # The three ways -----------------------------------------------------------------------------------------------

    async def _by_tags(self, asked: _Asked) -> None:
        if asked.album.release:
            await self._look(asked, [asked.album.release], 1)

    async def _listen(self, todo: Sequence[_Asked]) -> None:
        """What AcoustID says of the files of these albums, whole batches at a time."""
        if self._deaf or not todo:
            return
        texts = await self._store.files.fingerprints(file.path for asked in todo for file in asked.album.files)
        prints = {
            file.path: Print(texts[file.path][0], max(1, round((file.facts.duration_ms or 0) / 1000)))
            for asked in todo
            for file in asked.album.files
            if file.path in texts
        }
        try:
            answers = await self._acoustid.lookup(list(prints.values()))
        except UserError as error:
            # Tags and names can still be looked up.
            self._deaf = True
            if self._said_deaf.is_news(str(error.message)):
                self._tell("deaf", f"sounds are not looked up: {error.message}")
            return
        if prints:
            self._said_deaf.is_news("")
        found = dict(zip(prints, answers, strict=True))
        for asked in todo:
            asked.heard = {file.path: found[file.path] for file in asked.album.files if file.path in found}

    async def _by_sound(self, asked: _Asked) -> None:
        releases = weigh.by_sound(asked.album, asked.heard)
        if not releases:
            return
        tagged = [each.release for each in asked.laid]
        asked.laid.clear()  # what tags said is weighed again, now with the sounds
        await self._look(asked, tagged, len(tagged))
        release = await self._look(asked, releases, 1) or next(iter(tagged), None)
        if release is not None and asked.open and release.group_mbid:
            try:
                hits = await self._music.release_group(release.group_mbid)
            except UserError as error:
                _pass_by(error)
                return
            await self._look(asked, weigh.by_group(asked.album, hits, releases), weigh.MOST_LOOKUPS)

    async def _by_name(self, asked: _Asked) -> None:
        if not (words := weigh.query(asked.album)):
            return
        try:
            hits = await self._music.search(words)
        except UserError as error:
            _pass_by(error)
            return
        await self._look(asked, weigh.by_name(asked.album, hits), weigh.MOST_LOOKUPS)

    async def _look(self, asked: _Asked, releases: Sequence[str | Release], most: int) -> Release | None:
        """Lay the album on up to `most` releases that were not looked at yet; the last one, or None when none could be had."""
        last = None
        seen = {each.release.mbid for each in asked.laid}
        for one in releases:
            mbid = one if isinstance(one, str) else one.mbid
            if mbid in seen:
                continue
            if most <= 0:
                break
            most -= 1
            seen.add(mbid)
            try:
                last = await self._music.release(mbid)
            except UserError as error:
                _pass_by(error)
                continue
            work = partial(weigh.lay_album, asked.album, last, asked.heard)
            asked.laid.append(await asyncio.get_running_loop().run_in_executor(self._executor, work))
        return last

    async def _write(self, folder: str, group: Sequence[_Asked], kept: Sequence[StoredMatch]) -> None:
        now = self._clock.wall().timestamp()
        stored, found = list(kept), list[Identity]()
        for asked in group:
            best = asked.best or AlbumMatch(folder, "none")
            self.progress.kinds[best.kind] = self.progress.kinds.get(best.kind, 0) + 1
            release = next((each.release for each in asked.laid if each.release.mbid == best.release), None)
            if release is not None:
                await self._store.releases.put(release)
            found += weigh.identities(asked.album, best, asked.heard)
            stored.append(StoredMatch(asked.album.key, best, asked.looked_at, now))
        await self._store.files.identify(found)
        self.progress.files += len(found)
        await self._store.matches.put(folder, stored)


def _pass_by(error: UserError) -> None:
    """An id nobody knows is an answer; anything else ends the pass."""
    if error.code not in ("not_found", "usage"):
        raise error


def _digest(album: LocalAlbum, sounds: int) -> str:
    """What an album's identity rests on: its files, their tags and lengths; behind a colon, how many of their sounds can be asked for."""
    state = hashlib.blake2b(_VERSION.encode(), digest_size=12)
    for file in album.files:
        state.update(repr((file.path, file.stamp, file.tags, file.facts.duration_ms)).encode("utf-8", "surrogatepass"))
    return f"{state.hexdigest()}:{sounds}"

"""Numbers at Discogs for the library's releases that MusicBrainz links to none: one release after the other, each asked once. Shell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from slskdn_tui.engine.music.client import DAY, MusicBrainzClient
from slskdn_tui.engine.music.discogs import match
from slskdn_tui.engine.music.discogs.client import DiscogsClient
from slskdn_tui.engine.music.discogs.match import Found
from slskdn_tui.engine.runtime.clock import Clock, when_woken
from slskdn_tui.engine.runtime.said import Said
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import counted

KEEP_FOUND, KEEP_NOTHING = 365 * DAY, 30 * DAY
RETRY_S = 900.0


class DiscogsKeeper:
    """One pass at a time over the releases files were found to be of. `tell` gets an event's name and its words: `stopped`, `discogs`.

    Why a pass stops is told once, until one comes to its end or another reason stops it."""

    def __init__(
        self,
        store: Store,
        music: MusicBrainzClient,
        discogs: DiscogsClient,
        *,
        clock: Clock,
        tell: Callable[[str, str], None] = lambda event, words: None,
    ) -> None:
        self._store = store
        self._music = music
        self._discogs = discogs
        self._clock = clock
        self._tell = tell
        self._woken = asyncio.Event()
        self._stopped = Said()

    def wake(self) -> None:
        """Files were identified."""
        self._woken.set()

    async def keep(self) -> None:
        """For ever: a pass whenever woken, and again a while after one that had to stop, unless woken before."""
        await when_woken(self._woken, self._clock, RETRY_S, self.run)

    async def run(self) -> bool:
        """Whether it came to its end. Without a token or the library there is nothing to do."""
        if not self._discogs.enabled:
            return True
        asked = found = 0
        after, whole, stopped = "", True, ""
        try:
            while page := await self._store.discogs.open(self._discogs.url, after):
                for mbid, kept, age in page:
                    after = mbid
                    if kept is None or age >= (KEEP_FOUND if kept else KEEP_NOTHING):
                        release = await self._music.kept_release(mbid) or await self._store.releases.get(mbid)
                        if release is None:
                            continue
                        answer = Found(release.discogs, "by MusicBrainz") if release.discogs else await look_up(self._discogs, release)
                        asked, found = asked + 1, found + bool(answer.number)
                        await self._store.discogs.put(self._discogs.url, mbid, answer.number, answer.words)
                        kept = answer.number
                    if kept:
                        await self._store.discogs.write(mbid, kept)
        except UserError as error:
            stopped = f"the look-up at Discogs stops: {error.message}"
            whole = error.code == "config"  # a wrong token does not mend itself
        if self._stopped.is_news(stopped):
            self._tell("stopped", stopped)
        if asked:
            self._tell("discogs", f"{counted(asked, 'release')} looked up at Discogs: {found} found")
        return whole


async def look_up(discogs: DiscogsClient, release: Release) -> Found:
    """Its number at Discogs: one request by barcode; else one by name and one a candidate for its track count. UserError as the client."""
    if match.digits(release.barcode):
        by_code = match.by_barcode(release, *await discogs.search(barcode=release.barcode))
        if by_code is not None:
            return by_code
    fields = match.fields(release)
    if not fields:
        return Found("", "too little is known of it")
    hits, total = await discogs.search(**fields)
    likely = match.by_name(release, hits)
    if total > len(hits) or len(likely) > match.MOST_LOOKUPS:
        return Found("", f"{max(total, len(likely))} releases answer to its name")
    fitting = [hit for hit in likely if len(release.tracks) in await discogs.track_counts(hit.number)]
    if len(fitting) == 1:
        return Found(fitting[0].number, "by its artist, title, year and tracks")
    return Found("", f"{len(fitting)} releases fit" if fitting else "nothing fits")

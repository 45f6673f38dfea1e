"""The MusicBrainz client: cached, rate-limited, with errors a person can act on. Shell over `web.py`; shapes are `parse.py`'s.

One request at a time, at least `musicbrainz.rate_s` apart, `Retry-After` honoured for everybody, one retry. Only a confirmed 404 is remembered
as "unknown"; an outage never is.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http.client import HTTPException
from typing import Any, Literal, TypeVar
from urllib.error import HTTPError, URLError

import musicbrainzngs
from pydantic import TypeAdapter, ValidationError

from slskdn_tui import __version__
from slskdn_tui.config.settings import MusicBrainz
from slskdn_tui.engine.music import parse, web
from slskdn_tui.engine.music.cache import MbCache
from slskdn_tui.engine.music.editions import best_editions_first, why_first
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import is_mbid
from slskdn_tui.model.music import Release, ReleaseHit
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)
T = TypeVar("T")

DAY = 86_400.0
KEEP_RELEASE = 30 * DAY
KEEP_LIST = 7 * DAY
KEEP_SEARCH = DAY
KEEP_MISSING = DAY
LONGEST_WAIT = 60.0
"""A longer Retry-After is told to the user instead of waited for."""
PAGE = 100
MOST_PAGES = 5
SEARCH_HITS = 25
_VERSION = "v2"
_MISSING = '{"missing":true}'
_RELEASE: TypeAdapter[Release] = TypeAdapter(Release)
_HITS: TypeAdapter[tuple[ReleaseHit, ...]] = TypeAdapter(tuple[ReleaseHit, ...])
_RELEASE_INCLUDES = ["artist-credits", "recordings", "labels", "release-groups", "media", "url-rels"]
_LIST_INCLUDES = ["artist-credits", "labels", "media"]
_LUCENE = re.compile(r'([+\-&|!(){}\[\]^"~*?:\\/])')


def escape_lucene(text: str) -> str:
    """Free text as a Lucene query without operators: special characters escaped, AND/OR/NOT disarmed by lower case."""
    return _LUCENE.sub(r"\\\1", " ".join(text.split()).lower())


class MusicBrainzClient:
    """Asks one MusicBrainz service. Every method raises `UserError` (`network`, `not_found`, `usage`) and nothing else.

    `owned` tells how many files are here of each of these releases, for `musicbrainz.canonical: owned-first`.
    """

    def __init__(
        self,
        settings: MusicBrainz,
        *,
        clock: Clock,
        cache: MbCache,
        timeout_s: float = 15.0,
        version: str = __version__,
        owned: Callable[[Sequence[str]], Awaitable[Mapping[str, int]]] | None = None,
    ) -> None:
        self._order = settings.canonical
        self._owned = owned
        self._url = settings.url.rstrip("/")
        self._rate_s = settings.rate_s
        if not self._url.startswith(("http://", "https://")):
            raise UserError(
                "config",
                f"musicbrainz.url is {settings.url!r}, not a web address",
                "write https://musicbrainz.org, or your mirror's address",
            )
        self._agent = ("slskdn-tui", version, settings.contact or None)
        self._clock = clock
        self._cache = cache
        self._timeout_s = timeout_s
        self._thread = web.OneThread("musicbrainz")
        self._turn = asyncio.Lock()
        self._not_before = clock.now()

    async def release(self, mbid: str) -> Release:
        """One edition with its tracklist. `Release.mbid` is the id it has now, which differs from `mbid` when it was merged."""
        key = self._key("release", self._checked(mbid))
        cached = await self._load(key, _RELEASE, KEEP_RELEASE, f"release {mbid}")
        if cached is not None:
            return cached
        found = await self._ask(
            f"release {mbid}", key, parse.release, musicbrainzngs.get_release_by_id, mbid, includes=list(_RELEASE_INCLUDES)
        )
        if not found.tracks:
            raise UserError("not_found", f"MusicBrainz lists no tracks for release {mbid}", "choose another edition of this album")
        text = _RELEASE.dump_json(found).decode()
        for name in {key, self._key("release", found.mbid)}:
            await self._cache.put(name, text)
        return found

    async def kept_release(self, mbid: str) -> Release | None:
        """What was answered of a release and is kept, whatever its age; None without asking when nothing is."""
        row = await self._cache.get(self._key("release", mbid))
        if row is None or row[0] == _MISSING:
            return None
        try:
            return _RELEASE.validate_json(row[0])
        except ValidationError:
            return None

    async def recording_releases(self, mbid: str) -> tuple[ReleaseHit, ...]:
        """The releases a recording is on, best edition first."""
        return await self._editions("recording", mbid)

    async def release_group(self, mbid: str) -> tuple[ReleaseHit, ...]:
        """The editions of a release group, best first (`editions.py` says what best is)."""
        return await self._editions("release_group", mbid)

    async def why_first(self, hit: ReleaseHit, hits: Sequence[ReleaseHit]) -> SafeText:
        """Why this one of the editions leads the list, in a line."""
        return why_first(hit, hits, self._order, await self._owned_of(hits))

    async def _owned_of(self, hits: Sequence[ReleaseHit]) -> Mapping[str, int]:
        if self._owned is None or self._order != "owned-first":
            return {}
        return await self._owned([hit.mbid for hit in hits])

    async def search(self, text: str) -> tuple[ReleaseHit, ...]:
        """Releases for `artist - album` or free words, best match first, at most 25."""
        words = " ".join(text.split())
        if not words:
            raise UserError("usage", "nothing to search for", "give an artist and an album, or paste a MusicBrainz URL")
        key = self._key("search", words.casefold()[:300])
        cached = await self._load(key, _HITS, KEEP_SEARCH, f"search {words!r}")
        if cached is not None:
            return cached
        artist, dash, album = words.partition(" - ")
        if dash and artist.strip() and album.strip():
            fields: dict[str, Any] = {"artist": artist.strip()[:200], "release": album.strip()[:200]}
        else:
            fields = {"query": escape_lucene(words[:300])}
        found = await self._ask(f"search {words!r}", "", parse.hits, musicbrainzngs.search_releases, limit=SEARCH_HITS, **fields)
        found = tuple(sorted(found, key=lambda hit: -hit.score))
        await self._cache.put(key, _HITS.dump_json(found).decode())
        return found

    @property
    def order(self) -> Literal["ours", "metabrainz", "owned-first"]:
        """`musicbrainz.canonical`."""
        return self._order

    async def cached(
        self, kind: str, name: str, what: str, keep_s: float, kept: TypeAdapter[T], read: Callable[[Any], T], function: Callable[..., Any],
        *args: Any, **kwargs: Any,
    ) -> T:  # fmt: skip
        """The answer to one question of a room of its own, kept as `kept` under (`kind`, `name`) for `keep_s`; `what` it is called in errors."""
        key = self._key(kind, name)
        found = await self._load(key, kept, keep_s, what)
        if found is None:
            found = await self._ask(what, key, read, function, *args, **kwargs)
            await self._cache.put(key, kept.dump_json(found).decode())
        return found

    def close(self) -> None:
        """Let the thread end; a request under way is abandoned."""
        self._thread.close()

    async def _editions(self, link: str, mbid: str) -> tuple[ReleaseHit, ...]:
        what = f"{link.replace('_', ' ')} {mbid}"
        key = self._key(link, self._checked(mbid))
        cached = await self._load(key, _HITS, KEEP_LIST, what)
        if cached is not None:
            return best_editions_first(cached, self._order, await self._owned_of(cached))
        found: list[ReleaseHit] = []
        for _ in range(MOST_PAGES):
            total, page = await self._ask(
                what,
                key,
                lambda answer: (answer.get("release-count"), parse.hits(answer)),
                musicbrainzngs.browse_releases,
                includes=list(_LIST_INCLUDES),
                limit=PAGE,
                offset=len(found),
                **{link: mbid},
            )
            found += page
            if not page or not isinstance(total, int) or len(found) >= total:
                break
        await self._cache.put(key, _HITS.dump_json(tuple(found)).decode())
        return best_editions_first(found, self._order, await self._owned_of(found))

    def _key(self, kind: str, name: str) -> str:
        # The service is part of the key: the demo's stub and a mirror must not answer for each other.
        return f"{_VERSION}:{self._url}:{kind}:{name}"

    @staticmethod
    def _checked(mbid: str) -> str:
        if not is_mbid(mbid):
            raise UserError(
                "usage", f"{mbid!r} is no MusicBrainz id", "an MBID is 8-4-4-4-12 hex digits; paste the URL from musicbrainz.org instead"
            )
        return mbid

    async def _load(self, key: str, shape: TypeAdapter[T], keep_s: float, what: str) -> T | None:
        row = await self._cache.get(key)
        if row is None:
            return None
        text, age = row
        if text == _MISSING:
            if age < KEEP_MISSING:
                raise self._unknown(what)
            return None
        if age >= keep_s:
            return None
        try:
            return shape.validate_json(text)
        except ValidationError:
            log.warning("cached answer for %s does not parse; asking again", what)
            return None

    def _unknown(self, what: str) -> UserError:
        return UserError("not_found", f"MusicBrainz knows no {what}", "check the id, or search by `artist - album`")

    async def _ask(self, what: str, key: str, shape: Callable[[Any], T], function: Callable[..., Any], *args: Any, **kwargs: Any) -> T:
        """One request with at most one retry. A confirmed 404 is remembered under `key` when there is one."""
        for attempt in (1, 2):
            try:
                async with self._turn:
                    await self._wait_turn()
                    answer = await self._thread.run(lambda: web.call(self._url, self._agent, self._timeout_s, function, *args, **kwargs))
                return shape(answer)
            except musicbrainzngs.WebServiceError as error:
                cause = error.cause
                if isinstance(cause, HTTPError) and cause.code == 404:
                    if key:
                        await self._cache.put(key, _MISSING)
                    raise self._unknown(what) from None
                again = self._may_retry(cause)
                if attempt == 2 or not again:
                    raise self._failure(what, cause) from None
                log.info("musicbrainz: %s: %s; trying once more", what, cause)
            except (web.Malformed, ValueError, KeyError, TypeError, AttributeError) as error:
                # What musicbrainzngs' parser or ours makes of a body that is not what it should be.
                raise self._malformed(str(error)) from None
        raise AssertionError("unreachable")

    async def _wait_turn(self) -> None:
        wait = self._not_before - self._clock.now()
        if wait > LONGEST_WAIT:
            raise UserError(
                "network",
                f"MusicBrainz asked for {wait:.0f} s of silence",
                "wait, or set musicbrainz.url to a mirror; the job goes on by itself",
            )
        if wait > 0:
            await self._clock.sleep(wait)
        self._not_before = self._clock.now() + self._rate_s

    def _may_retry(self, cause: BaseException | None) -> bool:
        """True when another attempt makes sense; moves the next turn as the server or the fault asks."""
        if isinstance(cause, HTTPError):
            if cause.code not in (429, 500, 502, 503, 504):
                return False
            self._not_before = max(self._not_before, self._clock.now() + self._retry_after(cause))
            return True
        if isinstance(cause, URLError) and not isinstance(cause.reason, TimeoutError):
            return False  # refused, unknown host, bad certificate: a second attempt would end the same way
        if cause is None or isinstance(cause, OSError | HTTPException):
            self._not_before = max(self._not_before, self._clock.now() + max(1.0, self._rate_s))
            return True
        return False

    @staticmethod
    def _retry_after(error: HTTPError) -> float:
        asked = web.retry_after(error.headers)
        return 2.0 if asked is None else asked

    def _malformed(self, detail: str) -> UserError:
        return UserError(
            "network",
            f"{self._url} sent an answer that is not MusicBrainz's: {detail}",
            "check musicbrainz.url; a proxy or a login page of the network may stand in between",
        )

    def _failure(self, what: str, cause: BaseException | None) -> UserError:
        hint = "check the connection and musicbrainz.url; nothing is lost, try again later"
        if isinstance(cause, HTTPError):
            if cause.code in (429, 503):
                return UserError(
                    "network", f"MusicBrainz is too busy for {what} (HTTP {cause.code})", "wait a minute, or raise musicbrainz.rate_s"
                )
            if cause.code in (401, 403):
                return UserError(
                    "network",
                    f"MusicBrainz refuses this program (HTTP {cause.code})",
                    "set musicbrainz.contact to your mail address, or use a mirror",
                )
            return UserError("network", f"MusicBrainz could not answer for {what} (HTTP {cause.code})", hint)
        if isinstance(cause, URLError):
            return UserError("network", f"cannot reach MusicBrainz at {self._url}: {cause.reason}", hint)
        if isinstance(cause, TimeoutError):
            return UserError("network", f"MusicBrainz at {self._url} did not answer in time: {cause}", hint)
        if cause is None or isinstance(cause, OSError | HTTPException):
            return UserError("network", f"the connection to MusicBrainz at {self._url} broke: {cause or 'reset'}", hint)
        return self._malformed(str(cause))

"""The AcoustID client: fingerprints become recordings, in batches, kept. Shell over `web.py`; shapes are `answers.py`'s.

It only looks up and never submits. Nothing is asked while `acoustid.key` is empty. At most 20 fingerprints a request, one such request a second;
when the server is too busy, or takes offence at a batch, the next ones are half as large.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPException
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from pydantic import TypeAdapter, ValidationError

from slskdn_tui import __version__
from slskdn_tui.config.settings import AcoustID
from slskdn_tui.engine.music import web
from slskdn_tui.engine.music.identify.answers import REJECTED, AcoustIdError, Heard, Print, answers
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.errors import UserError

log = logging.getLogger(__name__)

BATCH = 20
"""The server takes no more fingerprints a request."""
BATCH_GAP_S, SINGLE_GAP_S = 1.0, 0.34
LONGEST_WAIT = 60.0
ATTEMPTS = 6
"""Of one batch, halved each time the server is too busy."""
GROW_AFTER = 20
DAY = 86_400.0
KEEP_FOUND, KEEP_NOTHING = 30 * DAY, 7 * DAY
META = "recordings releaseids sources"
_NO_FINGERPRINT = (2, 3)
_BAD_KEY = 4
_BUSY = 14
_VERSION = "v1"
_HEARD: TypeAdapter[Heard] = TypeAdapter(Heard)


class PrintCache(Protocol):
    """Answers by key. Values are JSON text; keys carry their own version, so an old shape is never read."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, tuple[str, float]]:
        """Key to (JSON, age in seconds of wall time), for those that are there."""
        ...

    async def put(self, rows: Sequence[tuple[str, str]]) -> None: ...


class AcoustIdClient:
    """Asks one AcoustID service. `lookup` raises `UserError` (`network`, `config`) and nothing else."""

    def __init__(self, settings: AcoustID, *, clock: Clock, cache: PrintCache, timeout_s: float = 15.0, version: str = __version__) -> None:
        self._url = settings.url.rstrip("/")
        if urlsplit(self._url).scheme != "https" and not (self._url.startswith("http://") and web.is_loopback(self._url)):
            raise UserError(
                "config",
                f"acoustid.url is {settings.url!r}, not an https address",
                "write https://api.acoustid.org; your key is sent there",
            )
        self._key = settings.key.reveal()
        self._version = version
        self._clock = clock
        self._cache = cache
        self._timeout_s = timeout_s
        self._thread = web.OneThread("acoustid")
        self._turn = asyncio.Lock()
        self._not_before = clock.now()
        self._size = BATCH
        self._went_well = 0

    @property
    def enabled(self) -> bool:
        """Whether the user has set a key."""
        return bool(self._key)

    async def lookup(self, prints: Sequence[Print]) -> tuple[Heard, ...]:
        """What is known of each, in order. Answers that are kept cost no request; those that came before a failure are kept."""
        if not self.enabled:
            raise UserError("config", "no AcoustID key is set", "get one at https://acoustid.org/new-application and set acoustid.key")
        keys = {each: self._name(each) for each in prints}
        found = await self._kept(keys)
        waiting = [each for each in keys if each not in found]
        while waiting:
            asked = waiting[: self._size]
            heard = await self._ask(asked)
            found |= heard
            await self._cache.put([(keys[each], _HEARD.dump_json(what).decode()) for each, what in heard.items()])
            waiting = [each for each in waiting if each not in found]
        return tuple(found[each] for each in prints)

    def close(self) -> None:
        """Let the thread end; a request under way is abandoned."""
        self._thread.close()

    def _name(self, each: Print) -> str:
        sound = hashlib.blake2b(f"{each.seconds}:{each.fingerprint}".encode(), digest_size=20).hexdigest()
        # The service is part of the key: the demo's stub must not answer for the world's.
        return f"{_VERSION}:{self._url}:{sound}"

    async def _kept(self, keys: Mapping[Print, str]) -> dict[Print, Heard]:
        rows = await self._cache.get(list(keys.values()))
        found = {}
        for each, key in keys.items():
            if key not in rows:
                continue
            text, age = rows[key]
            try:
                heard = _HEARD.validate_json(text)
            except ValidationError:
                log.warning("a kept AcoustID answer does not parse; asking again")
                continue
            if age < (KEEP_FOUND if heard.recordings or heard.rejected else KEEP_NOTHING):
                found[each] = heard
        return found

    async def _ask(self, prints: Sequence[Print]) -> dict[Print, Heard]:
        """The answers for some of them: at least one, as a batch that the server is too busy for is cut in half."""
        for attempt in range(1, ATTEMPTS + 1):
            batch = prints[: self._size]
            try:
                return await self._request(batch)
            except AcoustIdError as error:
                if error.code == _BAD_KEY:
                    raise UserError("config", "AcoustID does not know this key", "check acoustid.key") from None
                if attempt == ATTEMPTS:
                    raise UserError("network", f"AcoustID refuses to answer: {error}", "try again later; nothing is lost") from None
                self._shrink(2.0**attempt)
            except (OSError, HTTPException, web.Malformed, ValueError) as error:
                if attempt >= 2:  # once more, and not oftener: the other side is gone
                    raise UserError(
                        "network",
                        f"cannot ask AcoustID at {self._url}: {error or 'the connection broke'}",
                        "try again later; nothing is lost",
                    ) from None
                self._shrink(2.0)
        raise AssertionError("unreachable")

    async def _request(self, batch: Sequence[Print]) -> dict[Print, Heard]:
        """One request, and where the server says that none of them is a fingerprint, one more."""
        try:
            return await self._one_request(batch)
        except AcoustIdError as error:
            if error.code not in _NO_FINGERPRINT:
                raise
            return await self._alone(batch)

    async def _one_request(self, batch: Sequence[Print]) -> dict[Print, Heard]:
        fields = [("client", self._key), ("clientversion", self._version), ("format", "json"), ("meta", META), ("batch", "1")]
        for index, each in enumerate(batch):
            fields += [(f"duration.{index}", str(each.seconds)), (f"fingerprint.{index}", each.fingerprint)]
        body = gzip.compress(urlencode(fields).encode("ascii", "replace"), 6, mtime=0)
        headers = {
            "User-Agent": f"slskdn-tui/{self._version}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Encoding": "gzip",
            "Accept": "application/json",
        }
        async with self._turn:
            await self._wait_turn(BATCH_GAP_S if len(batch) > 1 else SINGLE_GAP_S)
            answer = await self._thread.run(lambda: web.post(f"{self._url}/v2/lookup", body, headers, self._timeout_s))
        if answer.retry_after is not None and answer.status in (429, 503):
            self._not_before = max(self._not_before, self._clock.now() + answer.retry_after)
        if answer.status in (429, 502, 503, 504):
            raise AcoustIdError(_BUSY, f"it is too busy (HTTP {answer.status})")
        found = answers(answer.body)
        self._well()
        got = {each: found[index] for index, each in enumerate(batch) if index in found}
        return got or await self._alone(batch)

    async def _alone(self, batch: Sequence[Print]) -> dict[Print, Heard]:
        """For a batch of which none was a fingerprint, or so the server says: the first by itself, to be sure."""
        if len(batch) == 1:
            return {batch[0]: REJECTED}
        try:
            return await self._one_request(batch[:1])
        except AcoustIdError as error:
            if error.code in _NO_FINGERPRINT:
                return {batch[0]: REJECTED}
            raise

    def _shrink(self, wait_s: float) -> None:
        self._size, self._went_well = max(1, self._size // 2), 0
        self._not_before = max(self._not_before, self._clock.now() + wait_s)

    def _well(self) -> None:
        self._went_well += 1
        if self._went_well >= GROW_AFTER:
            self._size, self._went_well = min(BATCH, self._size * 2), 0

    async def _wait_turn(self, gap_s: float) -> None:
        wait = self._not_before - self._clock.now()
        if wait > LONGEST_WAIT:
            raise UserError("network", f"AcoustID asked for {wait:.0f} s of silence", "wait; what is known already is kept")
        if wait > 0:
            await self._clock.sleep(wait)
        self._not_before = self._clock.now() + gap_s


class MemoryPrintCache:
    """Holds answers until the process ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, tuple[str, float]] = {}

    async def get(self, keys: Sequence[str]) -> Mapping[str, tuple[str, float]]:
        return {key: (self._rows[key][0], self._clock.now() - self._rows[key][1]) for key in keys if key in self._rows}

    async def put(self, rows: Iterable[tuple[str, str]]) -> None:
        for key, text in rows:
            self._rows[key] = (text, self._clock.now())

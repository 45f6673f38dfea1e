"""The Discogs client: python3-discogs-client over our own bounded requests, within the rate Discogs grants. Shell over one HTTP request at a time.

The library is optional; without it, or without a token, `enabled` is false and nothing is asked. What it lacks and gets here: a cap on the body, a
deadline for the whole answer, the token in a header (it puts it into the address, from where it would get into logs), one place that waits.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit

from slskdn_tui import __version__
from slskdn_tui.config.secrets import resolve_token
from slskdn_tui.config.settings import Discogs
from slskdn_tui.engine.music import web
from slskdn_tui.engine.music.discogs.match import PAGE, Hit, hits, track_counts
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.model.errors import UserError

log = logging.getLogger(__name__)
T = TypeVar("T")

GAP_S, WINDOW_S = 1.0, 60.0
"""60 requests a minute with a token, unless the answers' headers say otherwise."""
LONGEST_WAIT = 60.0
ATTEMPTS = 3


def installed() -> bool:
    """Whether the optional library is there."""
    return importlib.util.find_spec("discogs_client") is not None


class _Bounded:
    """Stands in for the library's fetcher."""

    def __init__(self, token: str, timeout_s: float) -> None:
        self._token = token
        self._timeout_s = timeout_s
        self.answer: web.Answer | None = None

    def fetch(
        self, client: Any, method: str, url: str, data: Any = None, headers: Mapping[str, str] | None = None, json: bool = True
    ) -> Any:
        asked = {**(headers or {}), "Accept-Encoding": "identity", "Authorization": f"Discogs token={self._token}"}
        self.answer = web.get(url, asked, self._timeout_s)
        return self.answer.body, self.answer.status


class DiscogsClient:
    """Asks one Discogs. Every method raises `UserError` (`network`, `config`) and nothing else."""

    def __init__(self, settings: Discogs, *, clock: Clock, timeout_s: float = 15.0, version: str = __version__) -> None:
        self.url = settings.url.rstrip("/")
        if urlsplit(self.url).scheme != "https" and not (self.url.startswith("http://") and web.is_loopback(self.url)):
            raise UserError(
                "config",
                f"discogs.url is {settings.url!r}, not an https address",
                "write https://api.discogs.com; your token is sent there",
            )
        self._settings = settings
        self._token = ""
        self._agent = f"slskdn-tui/{version}"
        self._clock = clock
        self._timeout_s = timeout_s
        self._thread = web.OneThread("discogs")
        self._turn = asyncio.Lock()
        self._not_before = clock.now()
        self._gap_s = GAP_S

    @property
    def enabled(self) -> bool:
        """Whether there is a token, or a command for it, and the library."""
        return bool(self._settings.token or self._settings.token_cmd) and installed()

    async def search(self, **fields: str) -> tuple[tuple[Hit, ...], int]:
        """Releases that answer to these search fields, at most 100, and how many there are in all."""

        def work(client: Any) -> tuple[tuple[Hit, ...], int]:
            found = client.search(type="release", **fields)
            found.per_page = PAGE
            total = found.count  # the first page comes with it
            rows = hits([row for item in found.page(1)[:PAGE] if isinstance(row := item.data, dict)])
            return rows, total if isinstance(total, int) and total >= 0 else len(rows)

        return await self._ask(work) or ((), 0)

    async def track_counts(self, number: str) -> frozenset[int]:
        """How many tracks that release has, by each way to count them; empty when it is gone."""

        def work(client: Any) -> frozenset[int]:
            release = client.release(int(number))
            release.refresh()
            return track_counts(release.data)

        return await self._ask(work) or frozenset()

    def close(self) -> None:
        """Let the thread end; a request under way is abandoned."""
        self._thread.close()

    async def _ask(self, work: Callable[[Any], T]) -> T | None:
        """One request, again when Discogs is too busy or the connection broke; None for a confirmed 404."""
        failure = ""
        for attempt in range(1, ATTEMPTS + 1):
            async with self._turn:
                await self._wait_turn()
                status, result, failure = await self._thread.run(lambda: self._blocking(work))
            if result is not None or status == 404:
                return result  # type: ignore[no-any-return]
            if status in (401, 403):
                raise UserError("config", "Discogs does not take this token", "check discogs.token, or what discogs.token_cmd prints")
            if status == 200 or (300 <= status < 500 and status != 429):
                raise UserError(
                    "network", f"{self.url} sent an answer that is not Discogs': {failure}", "check discogs.url; nothing is lost"
                )
            self._not_before = max(self._not_before, self._clock.now() + (WINDOW_S if status == 429 else 2.0**attempt))
        raise UserError("network", f"cannot ask Discogs at {self.url}: {failure}", "it is tried again later; nothing is lost")

    def _blocking(self, work: Callable[[Any], T]) -> tuple[int, T | None, str]:
        """(status, what came, what was wrong with it); status 0 when nothing came. Runs in the thread, the token's command too."""
        import discogs_client
        from discogs_client.exceptions import DiscogsAPIError, HTTPError

        self._token = self._token or resolve_token(self._settings)
        if not self._token.isascii() or not self._token.isalnum():
            raise UserError(
                "config", "what is set as Discogs token is none", "letters and digits, from https://www.discogs.com/settings/developers"
            )
        client = discogs_client.Client(self._agent)
        client._base_url = self.url
        client._fetcher = fetcher = _Bounded(self._token, self._timeout_s)
        try:
            return 200, work(client), ""
        except HTTPError as error:
            return int(error.status_code), None, f"HTTP {error.status_code}"
        except (OSError, HTTPException) as error:
            return 0, None, str(getattr(error, "reason", "") or error or "the connection broke")
        except (DiscogsAPIError, web.Malformed, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            status = fetcher.answer.status if fetcher.answer is not None else 200
            # What the library says of a body has the whole of it in its words.
            return status, None, str(error) if isinstance(error, web.Malformed) else f"{type(error).__name__}"
        finally:
            self._heed(fetcher.answer)

    def _heed(self, answer: web.Answer | None) -> None:
        """How many requests Discogs grants in 60 s, how many are left of them, and when to come again."""
        if answer is None:
            return
        limit, left = (_number(answer.headers.get(name)) for name in ("x-discogs-ratelimit", "x-discogs-ratelimit-remaining"))
        self._gap_s = WINDOW_S / limit if limit else GAP_S
        wait = self._gap_s
        if left == 0:
            wait = WINDOW_S
        if answer.status in (429, 503) and answer.retry_after is not None:
            wait = max(wait, answer.retry_after)
        self._not_before = max(self._not_before, self._clock.now() + wait)

    async def _wait_turn(self) -> None:
        wait = self._not_before - self._clock.now()
        if wait > LONGEST_WAIT:
            raise UserError("network", f"Discogs asked for {wait:.0f} s of silence", "it is asked again later; what is known is kept")
        if wait > 0:
            await self._clock.sleep(wait)
        self._not_before = self._clock.now() + self._gap_s


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) <= 4 else None

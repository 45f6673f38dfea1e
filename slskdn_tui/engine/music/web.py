"""Web requests made safe: a daemon thread of their own, time-outs, no hidden retries, bounded bodies; musicbrainzngs among them. Shell over one HTTP request at a time.

What musicbrainzngs 0.7.1 lacks and gets here: a time-out (its openers have none), one attempt a call (its eight hold a global lock for 56 s),
a cap on the body. Its own rate limiter is switched off: it is wrong for every rate but one a second.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import ipaddress
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import musicbrainzngs
from musicbrainzngs import compat, musicbrainz

MOST_BYTES = 8 * 1024 * 1024
_settings = threading.local()
_globals = threading.Lock()  # musicbrainzngs keeps host and user agent in module globals: one call at a time in a process


class Malformed(Exception):
    """The answer is larger than any real one, or carries an entity declaration."""


class _Response:
    """An HTTP response that is read within a deadline and a cap."""

    def __init__(self, response: Any, deadline: float) -> None:
        self._response = response
        self._deadline = deadline

    def read(self) -> bytes:
        parts: list[bytes] = []
        total = 0
        while part := self._response.read1(65536):
            total += len(part)
            if total > MOST_BYTES:
                raise Malformed(f"the answer is larger than {MOST_BYTES} bytes")
            if time.monotonic() > self._deadline:
                raise TimeoutError("the answer did not end in time")
            parts.append(part)
        body = b"".join(parts)
        expected = self._response.length  # what http.client still waits for; None when the server did not say
        if expected:
            raise TimeoutError("the answer ended early")
        if b"<!ENTITY" in body:
            raise Malformed("the answer declares entities")
        return body


class _Opener:
    """Stands in for urllib's opener; musicbrainzngs builds one a request."""

    def __init__(self, *handlers: Any) -> None:
        self._opener = urllib.request.build_opener(*(_settings.handlers + list(handlers)))

    def open(self, request: Any, data: bytes | None = None) -> _Response:
        deadline = time.monotonic() + 2 * _settings.timeout
        return _Response(self._opener.open(request, data, timeout=_settings.timeout), deadline)


compat.build_opener = _Opener
musicbrainz._safe_read.__defaults__ = (None, 1, 0.0)  # body, attempts, wait between them
musicbrainzngs.set_rate_limit(False)


class OneThread:
    """An executor of one daemon thread: a hung server stalls no other part and does not hold up the end of the process."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], Any]) -> Any:
        """Run `work` there and await its result. Cancelled before its turn, it is never run."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._jobs.put((future, work))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # handed to the one who awaits
                future.set_exception(error)
            else:
                future.set_result(result)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, whatever its status."""

    status: int
    body: bytes
    retry_after: float | None
    headers: Mapping[str, str]
    """names in lower case"""


def post(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """One POST, blocking; no read waits longer than `timeout` s, the whole not longer than twice that. OSError, `Malformed`, HTTPException."""
    return _once(urllib.request.Request(url, data=body, headers=dict(headers), method="POST"), timeout)


def get(url: str, headers: Mapping[str, str], timeout: float) -> Answer:
    """One GET, as `post`."""
    return _once(urllib.request.Request(url, headers=dict(headers), method="GET"), timeout)


def _once(request: urllib.request.Request, timeout: float) -> Answer:
    handlers: list[Any] = [_NoRedirect()]
    if is_loopback(request.full_url):
        handlers.append(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 2 * timeout
    try:
        response = urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        told = {name.lower(): str(value) for name, value in response.headers.items()}
        return Answer(response.status, _Response(response, deadline).read(), retry_after(response.headers), told)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would be sent again as a GET without its body, and a key or token to somebody else: it is an error here."""

    def redirect_request(self, *args: Any) -> None:
        return None


def retry_after(headers: Any) -> float | None:
    """The seconds of a Retry-After header; None where there is none, or a date."""
    text = (headers.get("Retry-After") or "") if headers is not None else ""
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None


def call(url: str, agent: tuple[str, str, str | None], timeout: float, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """One musicbrainzngs call against the service at `url` (scheme://host[:port]), blocking; no read waits longer than `timeout` s."""
    parts = urlsplit(url)
    with _globals:
        _settings.timeout = timeout
        # A proxy from the environment must not be asked for this very machine.
        _settings.handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
        musicbrainzngs.set_hostname(parts.netloc + parts.path.rstrip("/"), use_https=parts.scheme == "https")
        musicbrainzngs.set_useragent(*agent)
        return function(*args, **kwargs)

"""What a player asks over HTTP, and what it is told: one GET or HEAD of a range. Core over bytes (RFC 9110, 9112).

No page of another origin can read what is served: names of this machine alone pass as Host (a name that is made to point here is refused), the
path holds a secret, and no header lets another origin in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

MOST_HEAD = 8192
"""Bytes of a request."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_RANGE = re.compile(r"\s*(\d{0,19})\s*-\s*(\d{0,19})\s*")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
WORDS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Refused(Exception):
    """The request ends with this `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(WORDS[status])
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` by their names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


def parse(head: bytes) -> Request:
    """A request up to its empty line. Refused 400 when it is none, 405 when it wants more than to read."""
    try:
        first, *lines = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, path, version = first.split(" ")
    except ValueError:
        raise Refused(400) from None
    if not version.startswith("HTTP/1.") or not path.startswith("/"):
        raise Refused(400)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or (name.lower() == "host" and "host" in headers):
            raise Refused(400)
        headers.setdefault(name.lower(), value.strip())
    if method not in ("GET", "HEAD"):
        raise Refused(405)
    return Request(method, path, headers)


def local(host: str, listens: str) -> bool:
    """Whether a Host header names this machine's loopback, or the address listened on; any port, since `ssh -L` may map it to another."""
    name, _, port = host.rpartition(":")
    if not port.isdigit() or (name.startswith("[") and not name.endswith("]")):
        name = host
    return name.lower() in _LOOPBACK or name == listens


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header lines, and the bytes [start, stop) that follow."""

    status: int
    head: bytes
    start: int = 0
    stop: int = 0


def answer(request: Request, size: int, etag: str, mime: str) -> Answer:
    """What a known resource of `size` bytes answers: the first range asked for, or all of it."""
    start, stop, status = 0, size, 200
    wanted = request.headers.get("range", "")
    if wanted.lower().startswith("bytes=") and request.headers.get("if-range", etag) == etag:
        found = _RANGE.fullmatch(wanted[6:].split(",")[0])
        first, last = (found.group(1), found.group(2)) if found else ("", "")
        if first or last:
            status = 206
            start = int(first) if first else max(0, size - int(last))
            stop = min(size, int(last) + 1) if first and last else size
            if start >= size or stop <= start:
                return failed(416, f"Content-Range: bytes */{size}")
    lines = [f"Content-Type: {mime}", f"Content-Length: {stop - start}", "Accept-Ranges: bytes", f"ETag: {etag}"]
    if status == 206:
        lines.append(f"Content-Range: bytes {start}-{stop - 1}/{size}")
    return Answer(status, _head(status, lines), start, stop if request.method == "GET" else start)


def failed(status: int, *lines: str) -> Answer:
    more = ["Allow: GET, HEAD"] if status == 405 else ["Retry-After: 5"] if status == 503 else []
    return Answer(status, _head(status, ["Content-Length: 0", *more, *lines]))


def _head(status: int, lines: list[str]) -> bytes:
    first = [f"HTTP/1.1 {status} {WORDS[status]}", f"Date: {formatdate(usegmt=True)}"]
    last = ["Cache-Control: no-store", "Cross-Origin-Resource-Policy: same-origin", "X-Content-Type-Options: nosniff", "Connection: close"]
    return "\r\n".join([*first, *lines, *last, "", ""]).encode("ascii")

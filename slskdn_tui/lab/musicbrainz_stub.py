"""A small MusicBrainz and AcoustID: an HTTP server over release facts that unmodified musicbrainzngs reads. Shell over `lab/data/ws2.py` and `lab/acoustid.py`.

It answers look-ups of releases, groups, recordings, artists and labels (with relations), browse of releases, search of releases, artists and labels, and
AcoustID's /v2/lookup, and can be told to misbehave: 503 with Retry-After, hang, reset, answers that are no XML. Every request is logged, so a test or the
demo can count them.

    python -m slskdn_tui.lab.musicbrainz_stub --listen 127.1.0.2:5000 --log FILE [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from slskdn_tui.lab.acoustid import Sounds, form, refusal
from slskdn_tui.lab.data import RelationFact, ReleaseFact, load_all, shortened, ws2
from slskdn_tui.model.ids import is_mbid

FaultKind = Literal["unavailable", "too_many", "hang", "reset", "not_xml", "truncated", "server_error"]
_REASONS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
_LONGEST_HEAD = 16 * 1024
_LONGEST_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came: `path` and `query` decoded, `status` as answered (0: none was sent)."""

    path: str
    query: Mapping[str, str]
    user_agent: str
    status: int
    peer: str


@dataclass(slots=True)
class _Fault:
    kind: FaultKind
    left: int
    retry_after: int


class MusicBrainzStub:
    """`await start()`, then `url` goes into `musicbrainz.url`. `seen` lists requests; `fail()` makes the next answers bad."""

    def __init__(
        self,
        releases: Sequence[ReleaseFact] | None = None,
        *,
        merged: Mapping[str, str] | None = None,
        relations: Sequence[RelationFact] = (),
        log: Path | None = None,
    ) -> None:
        self.world = ws2.World(load_all() if releases is None else releases, merged, relations)
        self.sounds = Sounds(self.world)
        self.seen: list[Seen] = []
        self.limit_s = 0.0
        """Least seconds between two requests from one address; 0: no limit. MusicBrainz itself has 1."""
        self._last: dict[str, float] = {}
        self._faults: list[_Fault] = []
        self._log = log
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._closing = asyncio.Event()

    def fail(self, kind: FaultKind, times: int = 1, *, retry_after: int = 1) -> None:
        """The next `times` requests get this instead of an answer."""
        self._faults.append(_Fault(kind, times, retry_after))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, host, port, limit=_LONGEST_HEAD)

    @property
    def address(self) -> tuple[str, int]:
        if self._server is None:
            raise RuntimeError("the stub is not started")
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"

    async def close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            async with asyncio.timeout(60):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                await self._answer(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            pass  # the client went away or never finished its request
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, head: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, _, rest = head[0].partition(" ")
        target = urlsplit(rest.rpartition(" ")[0])
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        path = unquote(target.path)
        peer = str(writer.get_extra_info("peername")[0])
        fault = self._fault(peer)
        sound = method == "POST" and path == "/v2/lookup"
        extra: dict[str, str] = {}
        status, body = 405, ws2.error("only GET")
        if sound:
            length = headers.get("content-length", "")
            posted = await reader.readexactly(min(int(length), _LONGEST_BODY)) if length.isdigit() else b""
            query = form(posted, headers.get("content-encoding", ""))
            status, body = self.sounds.lookup(query)
        elif method == "GET":
            status, body, extra = self._respond(path, query)
        if fault is not None:
            status, body, extra = self._misbehave(fault, status, body)
            body = refusal(fault.kind, body) if sound else body
        self._note(Seen(path, query, headers.get("user-agent", ""), status, peer))
        if fault is not None and fault.kind == "hang":
            await self._closing.wait()
            return
        if fault is not None and fault.kind == "reset":
            writer.transport.abort()
            return
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Service Unavailable')}",
            f"Content-Type: application/{'json' if sound else 'xml'}; charset=utf-8",
        ]
        lines += [f"Content-Length: {len(body)}", "Connection: close", *(f"{name}: {value}" for name, value in extra.items())]
        if fault is not None and fault.kind == "truncated":
            body = body[: len(body) // 2]
        # One write: two would meet the peer's delayed ACK.
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    def _fault(self, peer: str) -> _Fault | None:
        now, before = time.monotonic(), self._last.get(peer)
        self._last[peer] = now
        if self._faults:
            fault = self._faults[0]
            fault.left -= 1
            if fault.left <= 0:
                self._faults.pop(0)
            return fault
        if self.limit_s and before is not None and now - before < self.limit_s * 0.9:
            return _Fault("unavailable", 0, max(1, round(self.limit_s)))
        return None

    def _misbehave(self, fault: _Fault, status: int, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        if fault.kind in ("unavailable", "too_many"):
            text = ws2.error("Your requests are exceeding the allowable rate limit.")
            return 503 if fault.kind == "unavailable" else 429, text, {"Retry-After": str(fault.retry_after)}
        if fault.kind == "server_error":
            return 500, ws2.error("Internal server error"), {}
        if fault.kind == "not_xml":
            return 200, b"<html><body>Please log in to this hotel's network<br></body>", {}
        return (0 if fault.kind in ("hang", "reset") else status), body, {}

    def _respond(self, path: str, query: Mapping[str, str]) -> tuple[int, bytes, dict[str, str]]:
        parts = [part for part in path.split("/") if part]
        if parts[:2] != ["ws", "2"] or len(parts) not in (3, 4):
            return 404, ws2.error("Not Found"), {}
        entity, mbid = parts[2], parts[3] if len(parts) == 4 else ""
        inc = frozenset(query.get("inc", "").replace("+", " ").split())
        try:
            limit, offset = int(query.get("limit", "25")), int(query.get("offset", "0"))
        except ValueError:
            return 400, ws2.error("Invalid limit or offset."), {}
        if limit < 0 or offset < 0:
            return 400, ws2.error("Invalid limit or offset."), {}
        if mbid:
            if not is_mbid(mbid.lower()):
                return 400, ws2.error("Invalid mbid.", "For usage, please see: https://musicbrainz.org/development/mmd"), {}
            return self._found(ws2.lookup(self.world, entity, mbid.lower(), inc))
        if entity in self.world.names and "query" in query:
            return 200, ws2.search_names(self.world, entity, query["query"], limit=limit, offset=offset), {}
        if entity == "recording" and "query" in query:
            return 200, ws2.search_recordings(self.world, query["query"], limit=limit, offset=offset), {}
        if entity != "release":
            return 404, ws2.error("Not Found"), {}
        if "query" in query:
            return 200, ws2.search(self.world, query["query"], limit=limit, offset=offset), {}
        for link in ("release-group", "recording", "artist", "label"):
            if link in query:
                status = frozenset(filter(None, query.get("status", "").lower().split("|")))
                kinds = frozenset(filter(None, query.get("type", "").lower().split("|")))
                return self._found(
                    ws2.browse(self.world, link, query[link].lower(), inc, limit=limit, offset=offset, status=status, type_=kinds)
                )
        return 400, ws2.error("The given parameters do not match any available query type for the release resource."), {}

    @staticmethod
    def _found(body: bytes | None) -> tuple[int, bytes, dict[str, str]]:
        if body is None:
            return 404, ws2.error("Not Found", "For usage, please see: https://musicbrainz.org/development/mmd"), {}
        return 200, body, {}

    def _note(self, seen: Seen) -> None:
        self.seen.append(seen)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as file:
                row = {
                    "path": seen.path,
                    "query": dict(seen.query),
                    "user_agent": seen.user_agent,
                    "status": seen.status,
                    "peer": seen.peer,
                }
                file.write(json.dumps(row) + "\n")


async def start(host: str = "127.0.0.1", port: int = 0, releases: Sequence[ReleaseFact] | None = None) -> MusicBrainzStub:
    """A running stub; `.url`, `.seen`, `.fail()`, `await .close()`."""
    stub = MusicBrainzStub(releases)
    await stub.start(host, port)
    return stub


async def _main(host: str, port: int, log: Path | None, seconds: float | None) -> None:
    releases = load_all()
    if seconds:
        releases = tuple(shortened(release, seconds) for release in releases)
    stub = MusicBrainzStub(releases, log=log)
    await stub.start(host, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    sys.stdout.write(f"{stub.url}\n")
    sys.stdout.flush()
    await stop.wait()
    await stub.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the URL once it listens; ends on SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m slskdn_tui.lab.musicbrainz_stub", description=__doc__.split("\n")[0])
    parser.add_argument("--listen", default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append each request as a JSON line")
    parser.add_argument("--seconds", type=float, help="scale lengths so that the mean track lasts so long, as lab.album makes them")
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    asyncio.run(_main(host or "127.0.0.1", int(port), options.log, options.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A small Discogs: search and releases over HTTP on 127.0.0.1, as JSON, with its rate-limit headers. Shell."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "t0psecret"


@dataclass
class DiscogsStub:
    """`rows` are search results; a search by barcode gives those that carry it, by name those of that title and year. `answers` come before all else: (status, body, headers)."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    tracks: dict[int, Sequence[dict[str, Any]]] = field(default_factory=dict)
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], Mapping[str, str]]] = field(default_factory=list)
    """(path, query, headers) of each request"""

    def __enter__(self) -> DiscogsStub:
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                stub.seen.append((parts.path, query, dict(self.headers)))
                status, body, more = stub._answer(parts.path, query, self.headers.get("Authorization") or "")
                self.send_response(status)
                for name, value in {**stub.headers, **more, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the other side has read as much as it takes

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str, query: Mapping[str, str], authorization: str) -> tuple[int, bytes, dict[str, str]]:
        if self.answers:
            return self.answers.pop(0)
        if authorization != f"Discogs token={TOKEN}":
            return 401, b'{"message": "You must authenticate to access this resource."}', {}
        if path == "/database/search":
            rows = [row for row in self.rows if self._meant(row, query)]
            return (
                200,
                json.dumps({"pagination": {"page": 1, "pages": 1, "per_page": 100, "items": len(rows)}, "results": rows[:100]}).encode(),
                {},
            )
        number = int(path.rpartition("/")[2])
        if number not in self.tracks:
            return 404, b'{"message": "Release not found."}', {}
        return 200, json.dumps({"id": number, "tracklist": list(self.tracks[number])}).encode(), {}

    @staticmethod
    def _meant(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        if "barcode" in query:
            return any("".join(filter(str.isdigit, code)) == query["barcode"] for code in row.get("barcode", ()))
        return str(row["title"]).endswith(query.get("release_title", "")) and str(row.get("year", "")) == query.get("year", "")


def row(number: int, title: str = "Plone - For Beginner Piano", **more: Any) -> dict[str, Any]:
    """A line of a search, as Discogs sends it."""
    facts: dict[str, Any] = {
        "id": number, "type": "release", "title": title, "year": "1999", "country": "UK", "format": ["CD", "Album"], "label": ["Warp Records"],
        "barcode": [], "master_id": 1, "resource_url": f"https://api.discogs.com/releases/{number}",
    }  # fmt: skip
    return facts | more


def tracklist(count: int) -> list[dict[str, Any]]:
    """So many tracks under a heading."""
    return [{"position": "", "type_": "heading", "title": "Side"}] + [
        {"position": str(place), "type_": "track", "title": f"Song {place}", "duration": ""} for place in range(1, count + 1)
    ]

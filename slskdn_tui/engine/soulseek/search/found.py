"""Core: what peers answer becomes bounded values at this door: files with their claims, a user's reply, all replies of one search."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aioslsk.search.model import SearchResult

from slskdn_tui.model.candidates import FoundFile, SearchReply

MAX_FILES = 20_000
MAX_FILES_A_USER = 2_000
MAX_PATH = 2_000
MAX_NAME = 60
MOST_CLAIM = 2**31


def _clean(text: str) -> str:
    """Lone surrogates would break JSON and SQLite later on."""
    return text.encode("utf-8", "replace").decode("utf-8")


def found_file(username: str, data: Any) -> FoundFile | None:
    """A file of a reply as a value; None when it is out of bounds."""
    path = data.filename
    if not path or len(path) > MAX_PATH or "\0" in path or not 0 < data.filesize < 2**62:
        return None
    claims = {each.key: each.value for each in data.attributes[:16] if each.value < MOST_CLAIM}
    extension = data.extension if 0 < len(data.extension) <= 8 else path.rpartition(".")[2] if "." in path[-9:] else ""
    return FoundFile(
        username,
        _clean(path),
        data.filesize,
        _clean(extension.lower().lstrip(".")),
        seconds=claims.get(1),
        bitrate=claims.get(0),
        sample_rate=claims.get(4),
        bit_depth=claims.get(5),
    )


def search_reply(result: SearchResult) -> SearchReply | None:
    """A user's answer as a value; locked files are left out, since they cannot be had. None when nothing is left."""
    if not result.username or len(result.username) > MAX_NAME:
        return None
    found = [found_file(result.username, each) for each in result.shared_items[:MAX_FILES_A_USER]]
    files = tuple(each for each in found if each is not None)
    return SearchReply(result.username, bool(result.has_free_slots), result.avg_speed, result.queue_size, files) if files else None


class Collection:
    """Replies to one query: one a user, capped in users and files. `full` is set when the cap is reached; later answers are not read."""

    def __init__(self, users: int, hears: Callable[[SearchReply], None] = lambda reply: None) -> None:
        self._by_user: dict[str, SearchReply] = {}
        self._users = users
        self._files = 0
        self._hears = hears
        self.full = asyncio.Event()

    def add(self, result: SearchResult) -> None:
        if self.full.is_set() or result.username in self._by_user:
            return
        reply = search_reply(result)
        if reply is None:
            return
        self._by_user[reply.username] = reply
        self._files += len(reply.files)
        if len(self._by_user) >= self._users or self._files >= MAX_FILES:
            self.full.set()
        self._hears(reply)

    def replies(self) -> tuple[SearchReply, ...]:
        return tuple(self._by_user.values())

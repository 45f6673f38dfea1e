"""The search phase of a job: ask Soulseek through the gate until one user has the whole album, or the queries are spent. Shell over the plane."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass

from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.music.matching import AlbumCandidate, album_candidates
from slskdn_tui.engine.music.queries import search_queries
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release

MAX_QUERIES = 4
MAX_REPLIES = 2000


@dataclass(frozen=True, slots=True)
class Found:
    """What the search gave: candidates best first, how many users answered, and the queries that were sent."""

    candidates: tuple[AlbumCandidate, ...]
    users: int
    queries: tuple[str, ...]


async def find_album(
    services: Services, release: Release, constraints: Constraints, history: Callable[[str], float], tell: Callable[[str], None]
) -> Found:
    """Search for a release. `tell` gets a line for the trace after each query; an answer that is complete ends the asking."""
    replies: dict[str, SearchReply] = {}
    asked: list[str] = []
    candidates: tuple[AlbumCandidate, ...] = ()
    for query in search_queries(release)[:MAX_QUERIES]:
        asked.append(query)
        for reply in await services.soulseek.search(query):
            if len(replies) < MAX_REPLIES:
                replies[reply.username] = _joined(replies.get(reply.username), reply)
        work = functools.partial(album_candidates, release, tuple(replies.values()), constraints, history)
        candidates = await asyncio.get_running_loop().run_in_executor(services.disk, work)
        complete = sum(candidate.complete for candidate in candidates)
        tell(f"{query!r}: {len(replies)} users answered, {complete} of {len(candidates)} folders fit the whole release")
        if complete:
            break
    return Found(candidates, len(replies), tuple(asked))


def _joined(old: SearchReply | None, new: SearchReply) -> SearchReply:
    """Two answers of one user as one; the newer one knows the queue better."""
    if old is None:
        return new
    files = {file.path: file for file in (*old.files, *new.files)}
    return SearchReply(new.username, new.free_slot, new.speed, new.queue, tuple(files.values()))

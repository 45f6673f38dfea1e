"""The search phase of a job: ask Soulseek through the gate until one user has the whole album, or the queries are spent. Shell over the plane.

A search shows only those files of a folder whose paths hold its words, so the likeliest parts are asked what else lies in their folders.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.music.matching import AlbumCandidate, album_candidates
from slskdn_tui.engine.music.queries import search_queries
from slskdn_tui.engine.music.ranking import Opinion
from slskdn_tui.engine.music.sources import Begun, Plan, plan
from slskdn_tui.engine.soulseek.search.gate import Priority
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import counted

MAX_QUERIES = 4
MAX_REPLIES = 2000
LOOKED_AT = 3
"""So many folders of different users are looked into when nobody has the whole album."""
MAX_FOLDERS = 4
LOOK_S = 8.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for. `alone`: the release stands for one recording. `begun`, `done`: files and positions that are here already. `size`: only files of so
    many bytes, 0 for any."""

    release: Release
    constraints: Constraints
    alone: bool = False
    begun: Begun = ()
    done: Collection[int] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What the search gave: the plan (whose candidates are used), how many users answered, and the queries that were sent."""

    plan: Plan
    users: int
    queries: tuple[str, ...]

    @property
    def candidates(self) -> tuple[AlbumCandidate, ...]:
        return self.plan.candidates


async def find_album(services: Services, wanted: Wanted, history: Opinion, tell: Callable[[str], None]) -> Found:
    """Search for a release. `tell` gets a line for the trace after each query; an answer that is complete ends the asking."""
    replies: dict[str, SearchReply] = {}
    asked: list[str] = []
    candidates: tuple[AlbumCandidate, ...] = ()
    for query in search_queries(wanted.release, alone=wanted.alone)[:MAX_QUERIES]:
        asked.append(query)
        for reply in await services.soulseek.search(query, priority=Priority.JOB):
            if len(replies) < MAX_REPLIES:
                replies[reply.username] = _joined(replies.get(reply.username), _of_size(reply, wanted.size))
        candidates = await _matched(services, wanted, replies, history)
        complete = sum(candidate.complete for candidate in candidates)
        tell(f"{query!r}: {counted(len(replies), 'user')} answered, {complete} of {len(candidates)} folders fit the whole release")
        if complete:
            break
    likely = _worth_a_look(candidates)
    if likely and not wanted.alone:
        contents = await asyncio.gather(*(_look_into(services, candidate) for candidate in likely))
        for candidate, files in zip(likely, contents, strict=True):
            reply = replies[candidate.username]
            replies[candidate.username] = _joined(reply, replace(reply, files=files))
        candidates = await _matched(services, wanted, replies, history)
        names = ", ".join(candidate.username for candidate in likely)
        complete = sum(candidate.complete for candidate in candidates)
        tell(f"looked into the folders of {names}: {complete} of {len(candidates)} folders fit the whole release")
    positions = [track.position for track in wanted.release.tracks]
    return Found(plan(positions, candidates, wanted.constraints, wanted.begun, wanted.done), len(replies), tuple(asked))


async def _matched(services: Services, wanted: Wanted, replies: dict[str, SearchReply], history: Opinion) -> tuple[AlbumCandidate, ...]:
    recordings = [track.recording_mbid for track in wanted.release.tracks]
    work = functools.partial(
        album_candidates,
        wanted.release,
        tuple(replies.values()),
        wanted.constraints,
        history,
        services.book.reputation,
        alone=wanted.alone,
        variants=await services.variants(recordings) if wanted.constraints.prefer_canonical_variants else (),
    )
    return await asyncio.get_running_loop().run_in_executor(services.disk, work)


def _worth_a_look(candidates: tuple[AlbumCandidate, ...]) -> list[AlbumCandidate]:
    """The best parts of different users, when nobody has the whole album."""
    if any(candidate.complete for candidate in candidates):
        return []
    by_user: dict[str, AlbumCandidate] = {}
    for candidate in candidates:
        if candidate.fit == "part":
            by_user.setdefault(candidate.username, candidate)
    return list(by_user.values())[:LOOKED_AT]


async def _look_into(services: Services, candidate: AlbumCandidate) -> tuple[FoundFile, ...]:
    """What else lies in a candidate's folders, as far as its user says so in time."""
    paths = list(dict.fromkeys([*(file.folder for _, file in candidate.files), candidate.folder]))[:MAX_FOLDERS]
    files: list[FoundFile] = []
    try:
        async with asyncio.timeout(LOOK_S):
            for path in paths:
                try:
                    files += await services.soulseek.people.folder(candidate.username, path)
                except UserError:
                    continue  # it is gone, or not shared any more
    except TimeoutError:
        pass
    return tuple(files)


def _of_size(reply: SearchReply, size: int) -> SearchReply:
    return replace(reply, files=tuple(file for file in reply.files if file.size == size)) if size else reply


def _joined(old: SearchReply | None, new: SearchReply) -> SearchReply:
    """Two answers of one user as one; the newer one knows the queue better, the search knows the files better than a folder's listing."""
    if old is None:
        return new
    files = {file.path: file for file in (*new.files, *old.files)}
    return SearchReply(new.username, new.free_slot, new.speed, new.queue, tuple(files.values()))

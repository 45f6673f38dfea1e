"""Jobs of one user's files without a release: what references name becomes a job, and where its files are looked for again. Shell over the plane.

The pseudo release has the folder as its title, the user as its artist, and a track a file, titled with its path below that folder. Each track's
record holds the very file that was asked for.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Sequence
from typing import Protocol

from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.jobs.placing.extras import parent, top_folder
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.music.matching import AlbumCandidate
from slskdn_tui.engine.soulseek.people.people import People
from slskdn_tui.engine.soulseek.search.searches import Searches
from slskdn_tui.engine.soulseek.wire.share_list import folded
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints, JobType, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText, counted

log = logging.getLogger(__name__)
MOST_FILES = 2000
MOST_FOLDERS = 5
"""So many folders are asked for again in one round."""


class FilesPlane(Protocol):
    """The Soulseek plane as far as references go."""

    @property
    def people(self) -> People: ...
    @property
    def searches(self) -> Searches: ...


async def contents(plane: FilesPlane, username: str, items: Sequence[tuple[str, bool]]) -> tuple[str, tuple[FoundFile, ...]]:
    """(the folder that holds all, the files) of one user's references: (path, raw or as shown; whether it is a folder).

    Sizes come from searches and share lists that are kept, else the user is asked. Empty files are left out: there is nothing to get.
    UserError: `network` when the user cannot be asked, `not_found` when a file or folder is not there, `refused` for too many.
    """
    known = {
        file.path: file for search in plane.searches.all() for reply in search.replies if reply.username == username for file in reply.files
    }
    found: dict[str, FoundFile] = {}
    roots = []
    for path, is_folder in items:
        if is_folder:
            files = await _below(plane, username, path, known.values())
            roots.append(files[0].path[: len(path)])
            found |= {file.path: file for file in files}
        else:
            file = known.get(path) or await _listed(plane, username, path)
            roots.append(parent(file.path))
            found[file.path] = file
    if len(found) > MOST_FILES:
        raise UserError("refused", f"that is {len(found)} files", f"a job holds {MOST_FILES} at most; get folders one by one")
    return top_folder(roots), tuple(sorted(found.values(), key=_in_order))


def _in_order(file: FoundFile) -> list[str]:
    """Numbers by their size: 10 comes after 2."""
    return [part.zfill(20) if part.isdecimal() else part.casefold() for part in re.split(r"([0-9]+)", file.path)]


async def _below(plane: FilesPlane, username: str, folder: str, known: Iterable[FoundFile]) -> list[FoundFile]:
    listed = plane.people.shares.known(username)
    there = [file for each in listed.folders if _inside(each.path, folder) for file in each.found(username)] if listed is not None else []
    seen = [file for file in known if _inside(file.folder, folder)]
    if not there:
        try:
            there = list(await plane.people.folder(username, folder))
        except UserError:
            if not seen:
                raise
    files = [file for file in (*seen, *there) if file.size > 0]
    if not files:
        raise UserError(
            "not_found",
            f"{username} shares no files in {SafeText(folder, 200)}",
            "the folder may be gone; `slskdn browse` shows what there is",
        )
    return files


def _inside(folder: str, top: str) -> bool:
    return f"{folded(folder)}\\".startswith(f"{folded(top)}\\")


async def _listed(plane: FilesPlane, username: str, path: str) -> FoundFile:
    wanted = folded(path)
    for file in await plane.people.folder(username, parent(path)):
        if folded(file.path) == wanted:
            if not file.size:
                raise UserError("refused", f"{file.label} of {username} is empty", "there is nothing to get")
            return file
    raise UserError(
        "not_found", f"{username} does not share {SafeText(path, 200)}", "it may have been moved; `slskdn browse` shows what there is"
    )


def files_record(username: str, root: str, files: Sequence[FoundFile], constraints: Constraints, destination: str) -> JobRecord:
    """A fresh job of these files; `root` is the raw folder that their tree is kept below."""
    tracks = tuple(
        Track(
            position, 1, 0, "", SafeText(re.sub(r"[\\/]+", "/", file.path[len(root) :]).strip("/")), SafeText(username),
            file.seconds * 1000 if file.seconds else None,
        )
        for position, file in enumerate(files, start=1)
    )  # fmt: skip
    title = SafeText(root[len(parent(root)) :].strip("\\/") or username)
    release = Release("", "", title, SafeText(username), "", "", "", "", SafeText(""), (), 1, tracks)
    details = {"user": username, "folder": root, **({"destination": destination} if destination else {})}
    entries = [
        TrackRecord(position, username=file.username, path=file.path, size=file.size) for position, file in enumerate(files, start=1)
    ]
    return JobRecord(str(uuid.uuid4()), JobType.FILES.value, release, constraints, tracks=entries, details=details)


async def look_again(services: Services, job: LiveJob) -> tuple[AlbumCandidate, ...]:
    """For files that nobody gave: take the sizes anew from who had them, and find others with a file of that name and size.

    Raises UserError as `Plane.search`.
    """
    lost = [live for live in job.tracks if live.record.state is TrackState.NO_SOURCE]
    if not lost:
        return job.candidates
    for username, folder in list(dict.fromkeys((live.record.username, parent(live.record.path)) for live in lost))[:MOST_FOLDERS]:
        try:
            sizes = {file.path: file.size for file in await services.soulseek.people.folder(username, folder)}
        except UserError as error:
            log.info("no news of %s: %s", SafeText(folder), error.message)
            continue
        for live in lost:
            size = sizes.get(live.record.path, 0) if live.record.username == username else 0
            if size and size != live.record.size:
                live.record.size = size
    wanted = {(_name(live.record.path), live.record.size): live.track.position for live in lost}
    folders = {parent(live.record.path) for live in lost}
    text = str(job.record.release.title) if len(lost) > 1 and len(folders) == 1 else _name(lost[0].record.path).rpartition(".")[0]
    query = " ".join("".join(char if char.isalnum() else " " for char in text).split())
    if len(query) < 3:
        return ()
    return tuple(
        _candidate(reply, wanted) for reply in await services.soulseek.search(query) if any(_key(file) in wanted for file in reply.files)
    )


def _name(path: str) -> str:
    return re.split(r"[\\/]", path)[-1].casefold()


def _key(file: FoundFile) -> tuple[str, int]:
    return _name(file.path), file.size


def _candidate(reply: SearchReply, wanted: dict[tuple[str, int], int]) -> AlbumCandidate:
    files = {wanted[_key(file)]: file for file in reply.files if _key(file) in wanted}
    first = next(iter(files.values()))
    words = SafeText(f"{counted(len(files), 'file')} of the same name and size")
    return AlbumCandidate(reply.username, first.folder, tuple(sorted(files.items())), 1.0, True, words, 0)

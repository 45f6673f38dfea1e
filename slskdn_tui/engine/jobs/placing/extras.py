"""Extras of an album: artwork, logs and the like beside its tracks become optional tracks of the job. `choose` is Core; `add_extras` asks the user.

They are fetched last, checked by size alone, and what becomes of them never decides about the album.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from slskdn_tui.engine.jobs.live import LiveJob, LiveTrack
from slskdn_tui.engine.jobs.placing.placement import clean_extension
from slskdn_tui.engine.jobs.services import Services
from slskdn_tui.engine.jobs.wanted.fixes import EXTRAS_LOOKED
from slskdn_tui.engine.store.records import TrackRecord
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

MOST = 20
MOST_BYTES = 50 << 20
ASK_S = 8.0
"""How long an album waits for the answer what else is in its folder."""
MOST_FOLDERS = 8
_FRONT = re.compile(r"(?i)\b(cover|front|folder)\b")
_Answer = tuple[FoundFile, ...] | None


def top_folder(folders: Iterable[str]) -> str:
    """The remote folder that holds all of these, itself one of them when there is only one; empty when they have nothing in common."""
    split = [re.split(r"([\\/])", folder) for folder in dict.fromkeys(folders)]
    common = split[0] if split else []
    for other in split[1:]:
        same = next((at for at, (a, b) in enumerate(zip(common, other, strict=False)) if a != b), min(len(common), len(other)))
        common = common[:same]
    if len(common) % 2 == 0:
        common = common[:-1]  # ends with a separator
    return "".join(common)


def parent(folder: str) -> str:
    cut = max(folder.rfind("\\"), folder.rfind("/"))
    return folder[:cut] if cut > 0 else ""


def choose(
    release: Release, files: Sequence[tuple[int, FoundFile]], contents: Iterable[FoundFile], endings: Iterable[str]
) -> list[tuple[Track, FoundFile]]:
    """The album's extras among what lies in its folders, disc folders and the folders right below those, at most `MOST`, covers first.

    `files` are its tracks by position. A track's disc says which disc its folder is of; what lies in no disc folder is of the album.
    """
    discs: dict[str, set[int]] = {}
    by_position = {track.position: track for track in release.tracks}
    for position, file in files:
        discs.setdefault(file.folder, set()).add(by_position[position].disc)
    several = release.disc_count > 1 and len(discs) > 1
    disc_of = {folder: next(iter(found)) if several and len(found) == 1 else 0 for folder, found in discs.items()}
    disc_of.setdefault(top_folder(disc_of), 0)
    wanted = {ending.lower() for ending in endings}
    taken = {file.path for _, file in files}
    found_files: list[tuple[int, FoundFile]] = []
    for file in contents:
        where = file.folder if file.folder in disc_of else parent(file.folder)
        fits = where and where in disc_of and 0 < file.size <= MOST_BYTES and clean_extension(file.path)[1:] in wanted
        if fits and file.path not in taken:
            taken.add(file.path)
            found_files.append((disc_of[where], file))
    found_files.sort(key=lambda pair: (not _FRONT.search(pair[1].name), pair[0], pair[1].path))
    start = max(by_position, default=0) + 1
    return [
        (Track(start + index, disc, 0, "", SafeText(file.name), release.artist, None, optional=True), file)
        for index, (disc, file) in enumerate(found_files[:MOST])
    ]


def holder(job: LiveJob) -> tuple[str, list[tuple[int, FoundFile]]]:
    """The user whom most tracks come from, or would, and those tracks' files."""
    chosen = [(entry.position, FoundFile(entry.username, entry.path, entry.size, "")) for entry in job.record.tracks if entry.username]
    if not chosen and job.candidates:
        chosen = list(job.candidates[0].files)
    most = Counter(file.username for _, file in chosen).most_common(1)
    username = most[0][0] if most else ""
    return username, [pair for pair in chosen if pair[1].username == username]


async def add_extras(services: Services, job: LiveJob) -> None:
    """Look once what else the album's user has in its folders, and make it optional tracks. Never fails; who does not answer is asked again by the next call."""
    async with job.looking:
        record, endings = job.record, services.settings.downloads.extras
        if record.type != JobType.RELEASE or not endings or record.details.get(EXTRAS_LOOKED):
            return
        username, files = holder(job)
        folders = dict.fromkeys(file.folder for _, file in files)
        folders[top_folder(folders)] = None
        answers = []
        try:
            async with asyncio.timeout(ASK_S):
                for folder in [each for each in folders if each][:MOST_FOLDERS]:
                    answers.append(await _ask(services, username, folder))
        except TimeoutError:
            pass  # what came by then is not all: some other time
        else:
            _add(job, username, files, answers, endings)


def _add(job: LiveJob, username: str, files: Sequence[tuple[int, FoundFile]], answers: Sequence[_Answer], endings: Iterable[str]) -> None:
    if all(answer is None for answer in answers):
        return
    record = job.record
    record.details[EXTRAS_LOOKED] = username
    found = choose(record.release, files, (file for answer in answers for file in answer or ()), endings)
    record.release = replace(record.release, tracks=(*record.release.tracks, *(track for track, _ in found)))
    for track, file in found:
        entry = TrackRecord(track.position, username=file.username, path=file.path, size=file.size)
        record.tracks.append(entry)
        job.tracks.append(LiveTrack(track, entry))


async def _ask(services: Services, username: str, folder: str) -> _Answer:
    """What lies in a folder; None when the user did not say."""
    try:
        return await services.soulseek.people.folder(username, folder)
    except UserError as error:
        return () if error.code == "not_found" else None  # the folder above the discs may be empty

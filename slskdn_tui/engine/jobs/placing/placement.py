"""Where a finished file goes: folder and template to a safe relative path. Core.

Names come from MusicBrainz and peers, so every part is cleaned: no separators, no control or bidi characters, no trailing dot or space,
no reserved Windows names (libraries live on shared drives), at most 200 bytes of UTF-8 before the suffix. Two files of one job never get one
path: the later one is called `name (2)`, whatever the collision policy says of files that were there before.
"""

from __future__ import annotations

import hashlib
import re
import string
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from slskdn_tui.config import templates
from slskdn_tui.config.settings import Downloads
from slskdn_tui.engine.jobs.wanted.fixes import fix_folder, fix_tracks
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import JobType
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

NAME_BYTES = 200
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?")


def safe_name(raw: str, suffix: str = "") -> str:
    """One path component that every common file system takes; never empty, `.` or `..`."""
    name = unicodedata.normalize("NFC", str(SafeText(raw)))
    name = "".join("_" if 0x2400 <= ord(char) < 0x2440 else char for char in name)
    name = _FORBIDDEN.sub("_", name).strip().rstrip(". ")
    if not name.strip("._ "):
        name = "_"
    if name.startswith("."):
        name = "_" + name[1:]
    if _RESERVED.fullmatch(name):
        name = "_" + name
    encoded = name.encode()
    if len(encoded) + len(suffix) > NAME_BYTES:
        mark = hashlib.sha256(encoded).hexdigest()[:8]
        name = encoded[: NAME_BYTES - 9 - len(suffix)].decode(errors="ignore").rstrip(". ") + "~" + mark
    return name


def check_downloads(settings: Downloads) -> None:
    """UserError `config` when a template of the downloads cannot work. `slskdn config check` says it with its line."""
    for key in templates.FIELDS:
        if fault := templates.fault(key, getattr(settings, key)):
            raise UserError("config", f"downloads.{key}: {fault}", f"use {templates.allowed(key)}")


def base_folder(settings: Downloads, name: str = "") -> Path:
    """The folder of a destination, `downloads.folder` for none. UserError `not_found` for a name that is not set."""
    if name and name not in settings.destinations:
        known = ", ".join(sorted(settings.destinations)) or "none are set"
        raise UserError("not_found", f"no destination {name!r}", f"downloads.destinations has: {known}")
    return Path(settings.destinations[name] if name else settings.folder).expanduser().absolute()


def clean_extension(name: str) -> str:
    """The ending of a file name or remote path, with its dot, in lower case; empty when there is none worth the name."""
    _, dot, ending = name[max(name.rfind("/"), name.rfind("\\")) + 1 :].rpartition(".")
    return f".{ending.lower()}" if dot and re.fullmatch(r"[A-Za-z0-9]{1,10}", ending) else ""


def relative_path(record: JobRecord, settings: Downloads, position: int, extension: str) -> str:
    """The path (with `/`) below `record.folder` of the track at `position`. `extension` is with its dot, as `clean_extension` makes it."""
    if (fix := fix_tracks(record).get(position)) is not None:
        return fix.place + extension
    using = tuple(record.details.get(key) or getattr(settings, key) for key in templates.FIELDS)
    return _stems(record.release, record.type == JobType.FILES, using)[position] + extension


def stem(settings: Downloads, release: Release, track: Track) -> str:
    """What a track of the release would be called, without folder and ending."""
    using = tuple(getattr(settings, key) for key in templates.FIELDS)
    return _stems(release, False, using)[track.position].rpartition("/")[2]


def fill_in(record: JobRecord, settings: Downloads) -> None:
    """Give a fresh record its folder, templates and tracks where it has none: settings that change later do not split its album.

    UserError for a destination that is not set.
    """
    record.folder = record.folder or fix_folder(record) or str(base_folder(settings, record.details.get("destination", "")))
    record.tracks = record.tracks or [TrackRecord(track.position) for track in record.release.tracks]
    for key in ("files_template",) if record.type == JobType.FILES else ("template", "extras_template"):
        record.details.setdefault(key, getattr(settings, key))


@lru_cache(maxsize=16)
def _stems(release: Release, files: bool, using: tuple[str, ...]) -> dict[int, str]:
    """Path without extension by position; what would be called the same is numbered in the order of the tracklist."""
    template = dict(zip(templates.FIELDS, using, strict=True))
    taken: dict[str, int] = {}
    stems = {}
    for track in release.tracks:
        key = "files_template" if files else "extras_template" if track.optional else "template"
        stem = _fill(template[key], _file_values(release, track) if files else _album_values(release, track), track)
        # Only files keep their ending whoever sends them: a track's is not known before.
        ending = clean_extension(track.title) if files or track.optional else ""
        mark = f"{stem}{ending}".casefold()
        name = stem
        while f"{name}{ending}".casefold() in taken:
            taken[mark] = taken.get(mark, 1) + 1
            name = f"{stem} ({taken[mark]})"
        taken[f"{name}{ending}".casefold()] = 1
        stems[track.position] = name
    return stems


def _album_values(release: Release, track: Track) -> Mapping[str, str]:
    year = release.date[:4]
    return {
        "artist": safe_name(release.artist),
        "album": safe_name(release.title),
        "year": f" ({year})" if year.isdigit() else "",
        "disc": f"CD {track.disc}/" if release.disc_count > 1 and track.disc else "",
        "title": safe_name(track.title, _SUFFIX),
        "name": _name(track.title),
    }


def _file_values(release: Release, track: Track) -> Mapping[str, str]:
    """Of a files job: its artist is the user, its title the folder, a track's title the path below that."""
    *folders, _ = str(track.title).split("/")
    return {
        "user": safe_name(release.artist),
        "folder": "/".join(safe_name(part) for part in (release.title, *folders) if part),
        "name": _name(track.title),
    }


_SUFFIX = ".1234567890 (1000)"  # room for the longest extension, and for telling names apart


def _name(title: str) -> str:
    """A file's own name without its ending."""
    name = title.rsplit("/", 1)[-1]
    return safe_name(name[: len(name) - len(clean_extension(name))], _SUFFIX)


def _fill(template: str, values: Mapping[str, str], track: Track) -> str:
    """The template with its fields filled, as safe components; what stands for {ext} is left out."""
    made = ""
    for literal, name, spec, _ in string.Formatter().parse(template):
        made += literal
        if name == "track":
            made += f"{track.number:{spec or ''}d}"
        elif name is not None:
            made += values.get(name, "")
    parts = [part for part in made.split("/") if part.strip()]
    return "/".join([*(safe_name(part) for part in parts[:-1]), safe_name(parts[-1] if parts else "", _SUFFIX)])


def other_name(relative: str, attempt: int) -> str:
    """The `rename` collision policy: `name (2).ext`, `name (3).ext`, ..."""
    head, dot, ext = relative.rpartition(".")
    return f"{head} ({attempt}){dot}{ext}" if dot and "/" not in ext else f"{relative} ({attempt})"

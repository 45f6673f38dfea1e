"""What commands do with the identification of the library's files."""

from __future__ import annotations

import os

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.matches import CLASS_WORDS, AlbumMatch, class_words
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result

MOST_LISTED = 500


async def identify(engine: Parts, args: Args) -> Result:
    folder, release = args["folder"], args["release"]
    if bool(folder) != bool(release):
        raise UserError(
            "usage", "a folder and --release go together", "slskdn library identify FOLDER --release MBID; without both, all is looked at"
        )
    if folder:
        return await _confirm(engine, os.path.realpath(os.path.expanduser(folder)), release)
    if not args["status"]:
        engine.identifier.wake()
    return await _status(engine, begun=not args["status"])


async def _confirm(engine: Parts, folder: str, release: str) -> Result:
    read = parse_mb_reference(release)
    if read is None or read[0] not in (None, "release"):
        raise UserError("usage", f"{release[:200]!r} is no MusicBrainz release", "paste its URL or MBID")
    matches = await engine.identifier.confirm(folder, read[1])
    engine.doctor.due()
    files = sum(len(match.files) for match in matches)
    return done(f"{counted(files, 'file')} in {SafeText(folder, 4096)} are of {matches[0].title}", release=read[1], files=files)


async def _status(engine: Parts, begun: bool) -> Result:
    counts = await engine.store.matches.counts()
    undone = await engine.store.matches.all(("other_edition", "probable", "ambiguous", "none"), MOST_LISTED)
    progress = engine.identifier.progress
    words = [f"{counted(sum(counts.values()), 'album')}: {class_words(counts)}"] if counts else []
    if begun or progress.running:
        state = f"at {progress.albums} of {progress.total}" if progress.running and progress.total else "begins"
        words.insert(0, f"identification {state}")
    elif progress.stopped:
        words.insert(0, f"identification stopped: {progress.stopped}")
    rows = [
        {
            "folder": SafeText(row.match.folder, 4096),
            "class": row.match.kind,
            "title": row.match.title,
            "release": row.match.release,
            "why": row.match.words,
        }
        for row in undone
    ]
    text = {"text": "\n".join(_line(row.match) for row in undone)} if undone and not begun else {}
    running = {"running": progress.running, "done": progress.albums, "total": progress.total, "stopped": progress.stopped}
    return done("; ".join(words) or "no album was looked at yet", albums=counts, open=rows, **running, **text)


def _line(match: AlbumMatch) -> str:
    """`/music/x: probably Artist - Album: lacks 4`."""
    about = f"{CLASS_WORDS[match.kind]} {match.title}" if match.title and match.kind == "probable" else CLASS_WORDS[match.kind]
    return f"{SafeText(match.folder, 4096)}: {about}" + (f": {match.words}" if match.words else "")


IDENTIFY: dict[str, Handler] = {"library.identify": identify}

"""Commands that put the library right, and take it back. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

_YES = Arg("yes", "bool", "do not ask", flag=True)

MENDING: tuple[CommandSpec, ...] = (
    CommandSpec(
        "library.retag",
        "Write a few tags of files anew, or take that back",
        "library",
        "engine",
        ("library", "retag"),
        (
            Arg("path", "path", "files; with none, what can be taken back is listed", many=True),
            Arg("set", "str", "FIELD=VALUE,... e.g. `title=Un Jour,tracknumber=3`", flag=True),
            Arg("apply", "bool", "write them; without it you only see what would change", flag=True),
            Arg("undo", "str", "take a retag back, by its id; `last` is the newest", flag=True),
            JSON,
        ),
        help="Fields: title, artist, album, albumartist, tracknumber, discnumber, date, musicbrainz_trackid, musicbrainz_albumid. Nothing else in the "
        "file changes, and only files in library and download folders are written.",
        palette=False,
    ),
    CommandSpec(
        "trash.list",
        "List files that were replaced and can be put back",
        "library",
        "cli",
        ("library", "trash", "list"),
        (JSON,),
        help="They lie in `.slskdn-trash` of the library folder they came from, until you empty the trash.",
        palette=False,
    ),
    CommandSpec(
        "trash.restore",
        "Put files back from the trash",
        "library",
        "engine",
        ("library", "trash", "restore"),
        (Arg("entry", "str", "id of a file in the trash, or the beginning of it", required=True, many=True), JSON),
        help="What replaced a file goes into the trash in its stead, so that this can be taken back as well.",
    ),
    CommandSpec(
        "trash.empty",
        "Delete what is in the trash for good",
        "library",
        "engine",
        ("library", "trash", "empty"),
        (
            Arg("entry", "str", "only these ids", many=True),
            Arg("older", "int", "only what has been there for so many days", flag=True),
            _YES,
            JSON,
        ),
        danger="Delete the files in the trash for good? They cannot be put back then.",
    ),
)

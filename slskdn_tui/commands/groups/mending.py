"""Commands that put the library right, and take it back. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

_YES = Arg("yes", "bool", "do not ask", flag=True)

MENDING: tuple[CommandSpec, ...] = (
    CommandSpec(
        "library.show",
        "Show how the library stands, or one file and why",
        "library",
        "cli",
        ("library", "show"),
        (
            Arg("which", "str", "a kind of issue, `unsure` (albums to confirm), `trash`, `dismissed`, or the path of a file"),
            Arg("filter", "str", "only where path or issue holds these words", flag=True),
            JSON,
        ),
        help="Counts first, then what is wrong of that kind, the worst first, and which job is at it.",
        palette=False,
    ),
    CommandSpec(
        "library.fix",
        "Fix issues: get what is bad or missing, write tags",
        "library",
        "engine",
        ("library", "fix"),
        (
            Arg("issue", "str", "key of an issue or its beginning, a kind, or a path for all issues there", required=True, many=True),
            Arg("retag", "bool", "write the tags; without it they are only shown", flag=True),
            Arg("job", "bool", "get another copy even where a retag would do", flag=True),
            Arg("codecs", "str", "codecs in order of preference; FLAC, and what the album is in, when left out", flag=True),
            JSON,
        ),
        help="A job gets exactly the tracks that are bad or missing, into the album's own folder. A file is replaced only when the new one is verified; "
        "the old one goes into the trash.",
        palette=False,
    ),
    CommandSpec(
        "library.schedule",
        "Say when the library is scanned",
        "library",
        "engine",
        ("library", "schedule"),
        (
            Arg(
                "when",
                "str",
                "e.g. `daily 04:00` or `mon,fri 22:30`; `off` for by hand; `settings` for what the configuration says",
                required=True,
            ),
            JSON,
        ),
        (),
        help="Kept until you say otherwise; it goes before `library.schedule` of the configuration.",
    ),
    CommandSpec("health.fix", "Fix", "library", "ui", (), (), (Key("library", "f", True),), palette=False, label="fix"),
    CommandSpec(
        "health.dismiss",
        "Dismiss: it is none, or show it again",
        "library",
        "ui",
        (),
        (),
        (Key("library", "d", True),),
        palette=False,
        label="dismiss",
    ),
    CommandSpec(
        "health.undo",
        "Take the last retag back, a file at a time",
        "library",
        "ui",
        (),
        (),
        (Key("library", "u"),),
        palette=False,
        label="undo",
    ),
    CommandSpec(
        "health.check", "Check the files again", "library", "ui", (), (), (Key("library", "c", True),), palette=False, label="re-check"
    ),
    CommandSpec(
        "health.scan", "Scan the folders again", "library", "ui", (), (), (Key("library", "R", True),), palette=False, label="rescan"
    ),
    CommandSpec("health.pause", "Pause the scan, or go on", "library", "ui", (), (), (Key("library", "p"),), palette=False, label="pause"),
    CommandSpec("health.schedule", "When to scan", "library", "ui", (), (), (Key("library", "w", True),), palette=False, label="schedule"),
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

"""Commands that find and take music on Soulseek: searches, filters, wishes, single files and folders, limits. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import AGAIN, CONSTRAINT_ARGS, JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

FILTER = Arg("filter", "str", "e.g. `lossless bitrate>=256 free>0 q>0.8 user:name`, or a saved filter as `@name`", flag=True)
REFS = Arg(
    "refs",
    "str",
    "MusicBrainz URL or MBID, slsk://USER/PATH as `slskdn search` prints it, or `artist - album`; `-` reads a list",
    required=True,
    many=True,
)

FINDING: tuple[CommandSpec, ...] = (
    CommandSpec(
        "search.show",
        "Search Soulseek or MusicBrainz",
        "find",
        "cli",
        ("search",),
        (
            Arg("query", "str", "what to search for", required=True, many=True),
            FILTER,
            Arg("user", "str", "ask only this user", flag=True),
            Arg("musicbrainz", "bool", "search MusicBrainz releases instead", flag=True),
            Arg("wait", "int", "how many seconds to collect answers", flag=True, default=10),
            Arg("limit", "int", "how many folders to print", flag=True, default=30),
            JSON,
        ),
        help=(
            "Every search passes one gate: 3 s apart, 30 in 220 s. The wait is shown. Under each folder stands its reference, which "
            "`slskdn get` takes; for one file give `slskdn get` the folder's reference with the file's name after its last /. "
            "Into a pipe or file each file's own reference is printed, too. Nothing found: exit code 4."
        ),
        palette=False,
    ),
    CommandSpec(
        "search.ask",
        "Search Soulseek",
        "find",
        "engine",
        (),
        (Arg("query", "str", "what to search for", required=True), Arg("user", "str", "ask only this user", flag=True)),
        palette=False,
    ),
    CommandSpec(
        "search.close", "Close a search", "find", "engine", (), (Arg("search", "str", "the search's number", required=True),), palette=False
    ),
    CommandSpec(
        "search.new",
        "New search, or a new wish",
        "find",
        "ui",
        (),
        (Arg("query", "str", "what to search for", many=True), Arg("user", "str", "ask only this user", flag=True), FILTER),
        (Key("search", "n", True),),
        label="new",
    ),
    CommandSpec(
        "search.take",
        "Get this file, or the marked ones; open a folder",
        "find",
        "ui",
        (),
        (),
        (Key("search", "enter", True), Key("browse", "enter", True)),
        palette=False,
        label="get file",
    ),
    CommandSpec(
        "search.album",
        "Get this whole folder",
        "find",
        "ui",
        (),
        (),
        (Key("search", "A", True), Key("browse", "A", True)),
        palette=False,
        label="get album",
    ),
    CommandSpec(
        "search.job",
        "Make a job of this album",
        "find",
        "ui",
        (),
        (),
        (Key("search", "m", True), Key("browse", "m", True)),
        palette=False,
        label="job",
    ),
    CommandSpec("search.wish", "Put this search on the wishlist", "find", "ui", (), (), (Key("search", "w"),), palette=False, label="wish"),
    CommandSpec("search.filters", "Choose, save or drop a filter", "find", "ui", (), (), (Key("search", "F"),), palette=False),
    CommandSpec("search.drop", "Close this search; take a wish back", "find", "ui", (), (), (Key("search", "x"),), palette=False),
    CommandSpec(
        "search.section", "Soulseek, MusicBrainz, Wishlist: the next one", "find", "ui", (), (), (Key("search", "tab"),), palette=False
    ),
    CommandSpec(
        "search.section_back",
        "Soulseek, MusicBrainz, Wishlist: the one before",
        "find",
        "ui",
        (),
        (),
        (Key("search", "shift+tab"),),
        palette=False,
    ),
    CommandSpec("search.next", "The next search", "find", "ui", (), (), (Key("search", "right_square_bracket"),), palette=False),
    CommandSpec("search.previous", "The search before", "find", "ui", (), (), (Key("search", "left_square_bracket"),), palette=False),
    CommandSpec(
        "wishlist.open",
        "Wishlist: what is wished for, and what is new",
        "find",
        "ui",
        (),
        (Arg("wish", "str", "show this wish's results"),),
    ),
    CommandSpec("filters.list", "List saved filters", "find", "cli", ("filters", "list"), (JSON,), palette=False),
    CommandSpec(
        "filters.save",
        "Save a filter under a name",
        "find",
        "engine",
        ("filters", "save"),
        (
            Arg("name", "str", "its name; use it as @name", required=True),
            Arg("filter", "str", "the filter's words", required=True, many=True),
        ),
        palette=False,
    ),
    CommandSpec(
        "filters.drop",
        "Drop a saved filter",
        "find",
        "engine",
        ("filters", "drop"),
        (Arg("name", "str", "its name", required=True),),
        palette=False,
    ),
    # Getting --------------------------------------------------------------------------------------------------------
    CommandSpec(
        "get",
        "Get albums, recordings, folders or files; wait for them with --wait",
        "find",
        "cli",
        ("get",),
        (
            REFS,
            Arg("wait", "bool", "wait until all have ended; the exit code tells how", flag=True),
            Arg("timeout", "int", "with --wait: give up waiting after so many seconds; the jobs go on", flag=True),
            *CONSTRAINT_ARGS,
            AGAIN,
            JSON,
        ),
        help=(
            "A folder's reference gets the folder; with a file's name after its last / it gets that file. "
            "What is being got already is not got twice: its job is named, and waited for."
        ),
        palette=False,
    ),
    CommandSpec(
        "get.add",
        "Get files or a folder of a Soulseek user",
        "find",
        "engine",
        (),
        (
            Arg("refs", "str", "slsk://USER/PATH; a folder ends with /", required=True, many=True),
            Arg("destination", "str", "name of a destination (downloads.destinations)", flag=True),
            AGAIN,
        ),
        palette=False,
    ),
    # Wishlist -------------------------------------------------------------------------------------------------------
    CommandSpec("wishlist.list", "List wishes, with what is new", "find", "cli", ("wishlist", "list"), (JSON,), palette=False),
    CommandSpec(
        "wishlist.show",
        "Show what was found for a wish, and mark it as seen",
        "find",
        "cli",
        ("wishlist", "show"),
        (Arg("wish", "str", "the wish's number", required=True), FILTER, JSON),
        palette=False,
    ),
    CommandSpec(
        "wishlist.add",
        "Wish for something that nobody has now",
        "find",
        "engine",
        ("wishlist", "add"),
        (
            Arg("query", "str", "search words, or a MusicBrainz release URL or MBID", required=True, many=True),
            FILTER,
            Arg("auto", "bool", "get it as soon as something fits", flag=True),
            *CONSTRAINT_ARGS,
            JSON,
        ),
        help="One wish is searched at each interval the server gives (about 12 minutes).",
        palette=False,
    ),
    CommandSpec(
        "wishlist.remove",
        "Take a wish back",
        "find",
        "engine",
        ("wishlist", "remove"),
        (Arg("wish", "str", "the wish's number", required=True),),
        palette=False,
    ),
    CommandSpec(
        "wishlist.seen",
        "Mark a wish's results as seen",
        "find",
        "engine",
        ("wishlist", "seen"),
        (Arg("wish", "str", "the wish's number; all when left out"),),
        palette=False,
    ),
    # Uploads and limits ---------------------------------------------------------------------------------------------
    CommandSpec("uploads.list", "List uploads, their places and groups", "share", "cli", ("uploads", "list"), (JSON,), palette=False),
    CommandSpec("uploads.open", "Uploads, their places and groups", "share", "ui", (), (), (Key("swarms", "U"),)),
    CommandSpec(
        "uploads.stop",
        "Stop uploads to a user",
        "share",
        "engine",
        ("uploads", "stop"),
        (Arg("user", "str", "user name", required=True), Arg("path", "str", "only this remote path")),
        (Key("uploads", "x", True),),
        label="stop",
        palette=False,
    ),
    CommandSpec(
        "shares.scan",
        "Look for changes in the shared folders now",
        "share",
        "engine",
        ("shares", "scan"),
        (),
        (Key("uploads", "R", True),),
        label="scan shares",
    ),
    CommandSpec("limits.show", "Show speed limits and their schedule", "share", "cli", ("limits", "show"), (JSON,), palette=False),
    CommandSpec(
        "limits.set",
        "Set speed limits until they are cleared",
        "share",
        "engine",
        ("limits", "set"),
        (
            Arg("down", "int", "kilobits a second of all downloads; 0 for none", flag=True),
            Arg("up", "int", "kilobits a second of all uploads; 0 for none", flag=True),
        ),
        (Key("swarms", "L"), Key("uploads", "L", True)),
        label="limits",
    ),
    CommandSpec("limits.clear", "Back to the limits of the settings and their schedule", "share", "engine", ("limits", "clear"), ()),
)

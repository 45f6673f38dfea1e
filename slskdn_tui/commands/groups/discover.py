"""Commands on discographies and on labels as the mesh has them. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import AGAIN, CONSTRAINT_ARGS, JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

_YEARS = Arg("years", "str", "of the first release: 1991, 1990-1999, 1990- or -1999", flag=True)
_PLAN = Arg("dry_run", "bool", "only say how many releases it would be, and how long their searches take", flag=True)
_SHOWN = (
    _YEARS,
    Arg("bootlegs", "bool", "bootlegs and pseudo-releases as well", flag=True),
    Arg("missing", "bool", "only what is not here as a whole", flag=True),
    Arg("section", "choice", "only this part", flag=True, choices=("core", "extended", "related", "other")),
)
_TREE_HELP = (
    "core: official albums. extended: EPs, live recordings, compilations, remixes, soundtracks. related: what somebody else is credited with first. "
    "other: singles, spoken word, demos. Of each release group one edition is chosen by `musicbrainz.canonical`; `slskdn discover edition` "
    "chooses another. MusicBrainz answers 100 releases a second; what it said is kept for a week."
)

DISCOVER: tuple[CommandSpec, ...] = (
    CommandSpec(
        "discover.artist",
        "Show an artist's discography: what is here, what is missing",
        "find",
        "cli",
        ("discover", "artist"),
        (
            Arg("name", "str", "name, MusicBrainz URL or MBID", required=True, many=True),
            Arg("label", "str", "only what came out on this label: name or MBID", flag=True),
            *_SHOWN,
            Arg(
                "get", "choice", "get core, or core and extended: a job a release that is missing", flag=True, choices=("core", "extended")
            ),
            *CONSTRAINT_ARGS,
            AGAIN,
            _PLAN,
            JSON,
        ),
        help=_TREE_HELP,
        palette=False,
    ),
    CommandSpec(
        "discover.label",
        "Show what a label put out: what is here, what is missing",
        "find",
        "cli",
        ("discover", "label"),
        (Arg("name", "str", "name, MusicBrainz URL or MBID", required=True, many=True), *_SHOWN, JSON),
        help=_TREE_HELP,
        palette=False,
    ),
    CommandSpec(
        "discover.producer",
        "Show what somebody produced for anybody: here or missing",
        "find",
        "cli",
        ("discover", "producer"),
        (Arg("artist", "str", "MusicBrainz URL or MBID, as `slskdn discover release` names it", required=True), *_SHOWN, JSON),
        help=_TREE_HELP,
        palette=False,
    ),
    CommandSpec(
        "discover.release",
        "Show a release's editions, and where it leads",
        "find",
        "cli",
        ("discover", "release"),
        (Arg("release", "str", "MusicBrainz URL or MBID", required=True), JSON),
        help="It leads to its artists, its labels, who produced it, and who is featured on a track: each with the MBID for `slskdn discover`.",
        palette=False,
    ),
    CommandSpec(
        "discover.edition",
        "Let this edition stand for its release group",
        "find",
        "engine",
        ("discover", "edition"),
        (
            Arg("release", "str", "MusicBrainz URL or MBID of the edition", required=True),
            Arg("reset", "bool", "let the rule of musicbrainz.canonical decide again", flag=True),
            JSON,
        ),
        palette=False,
    ),
    CommandSpec(
        "discover.get",
        "Get an artist's discography: a job a release",
        "find",
        "engine",
        (),
        (
            Arg("artist", "str", "MusicBrainz id, or name", required=True),
            Arg("scope", "choice", "core, or core and extended", flag=True, choices=("core", "extended"), default="core"),
            Arg("label", "str", "only what came out on this label: name or MBID", flag=True),
            _YEARS,
            Arg("bootlegs", "bool", "bootlegs and pseudo-releases as well", flag=True),
            *CONSTRAINT_ARGS,
            AGAIN,
            _PLAN,
        ),
        palette=False,
    ),
    CommandSpec(
        "labels.crate",
        "Get the releases of a label that most peers have: a job a release",
        "find",
        "engine",
        ("labels", "crate"),
        (
            Arg("label", "str", "the label's name", required=True, many=True),
            Arg("top", "choice", "how many", flag=True, choices=("10", "25", "50", "all"), default="10"),
            Arg("score", "float", "only of at least this mean quality, 0-1", flag=True),
            Arg("codec", "str", "only what is seen in this codec, e.g. FLAC", flag=True),
            _YEARS,
            *CONSTRAINT_ARGS,
            AGAIN,
            _PLAN,
            JSON,
        ),
        help="Releases that are here are left out. `slskdn jobs parents` shows how far it is; pause, resume and cancel take its id, too.",
        palette=False,
    ),
    CommandSpec(
        "parents.list",
        "Show discographies and crates that are got, or the releases of one",
        "jobs",
        "cli",
        ("jobs", "parents"),
        (Arg("parent", "str", "id of a parent job, or enough of its beginning"), JSON),
        palette=False,
    ),
    CommandSpec(
        "labels.list",
        "List labels the mesh has releases of",
        "find",
        "cli",
        ("labels", "list"),
        (
            Arg("prefix", "str", "only names that begin so, whatever the case", many=True),
            Arg("sort", "choice", "by peers, most first, or by name", flag=True, choices=("peers", "name"), default="peers"),
            Arg("limit", "int", "how many to print", flag=True, default=30),
            JSON,
        ),
        palette=False,
    ),
    CommandSpec(
        "labels.show",
        "Show a label's releases, those most peers have first",
        "find",
        "cli",
        ("labels", "show"),
        (
            Arg("label", "str", "the label's name", required=True, many=True),
            Arg("score", "float", "only of at least this mean quality, 0-1", flag=True),
            Arg("codec", "str", "only what is seen in this codec, e.g. FLAC", flag=True),
            _YEARS,
            Arg("limit", "int", "how many to print", flag=True, default=50),
            JSON,
        ),
        help="Peers are nodes that have delivered to you, one a network; what only strangers claim is counted apart.",
        palette=False,
    ),
    # On the Discover screen -----------------------------------------------------------------------------------------
    CommandSpec(
        "discover.open",
        "Show somebody's records",
        "find",
        "ui",
        (),
        (
            Arg("name", "str", "artist's name, MusicBrainz URL or MBID", many=True),
            Arg("label", "str", "only what came out on this label: name or MBID", flag=True),
            *_SHOWN,
            Arg("get", "choice", "get core, or core and extended", flag=True, choices=("core", "extended")),
        ),
        (Key("discover", "n", True),),
        label="whose",
    ),
    CommandSpec(
        "discover.open_label",
        "Show what a label put out",
        "find",
        "ui",
        (),
        (Arg("name", "str", "label's name, MusicBrainz URL or MBID", many=True), *_SHOWN),
        palette=False,
    ),
    CommandSpec(
        "discover.open_producer",
        "Show what somebody produced",
        "find",
        "ui",
        (),
        (Arg("artist", "str", "MusicBrainz URL or MBID"), *_SHOWN),
        palette=False,
    ),
    CommandSpec(
        "discover.open_release",
        "Show a release's editions, and where it leads",
        "find",
        "ui",
        (),
        (Arg("release", "str", "MusicBrainz URL or MBID"),),
        palette=False,
    ),
    CommandSpec(
        "discover.follow", "Open: an album, where it leads, a label", "find", "ui", (), (), (Key("discover", "enter"),), palette=False
    ),
    CommandSpec(
        "discover.take",
        "Get this release, or the marked ones",
        "find",
        "ui",
        (),
        (),
        (Key("discover", "A", True),),
        palette=False,
        label="get",
    ),
    CommandSpec(
        "discover.complete",
        "Get all of it, or a label's crate; asks how much",
        "find",
        "ui",
        (),
        (),
        (Key("discover", "D", True),),
        label="complete",
    ),
    CommandSpec(
        "discover.choose", "Choose another edition", "find", "ui", (), (), (Key("discover", "E", True),), palette=False, label="edition"
    ),
    CommandSpec(
        "discover.related",
        "Where this album leads: producer, label, featured artists",
        "find",
        "ui",
        (),
        (),
        tuple(Key(screen, "o") for screen in ("discover", "search", "browse", "jobs", "swarms", "library", "trace")),
        label="leads to",
    ),
    CommandSpec(
        "discover.missing",
        "Only what is missing, or all",
        "find",
        "ui",
        (),
        (),
        (Key("discover", "m", True),),
        palette=False,
        label="missing",
    ),
    CommandSpec(
        "discover.bootlegs", "Bootlegs too, or not", "find", "ui", (), (), (Key("discover", "b"),), palette=False, label="bootlegs"
    ),
    CommandSpec(
        "discover.section",
        "Discography, Labels: the other one",
        "find",
        "ui",
        (),
        (),
        (Key("discover", "tab"), Key("discover", "shift+tab")),
        palette=False,
    ),
    CommandSpec(
        "labels.open",
        "Labels, as the mesh has them",
        "find",
        "ui",
        (),
        (
            Arg("label", "str", "show this label's releases", flag=True, many=True),
            Arg("prefix", "str", "only names that begin so", many=True),
            Arg("score", "float", "only of at least this mean quality, 0-1", flag=True),
            Arg("codec", "str", "only what is seen in this codec, e.g. FLAC", flag=True),
            _YEARS,
        ),
    ),
)

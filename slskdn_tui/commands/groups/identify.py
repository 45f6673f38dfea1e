"""Commands on what the library's files were found to be. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

IDENTIFY: tuple[CommandSpec, ...] = (
    CommandSpec(
        "library.identify",
        "Find out which recordings the library's files are",
        "library",
        "engine",
        ("library", "identify"),
        (
            Arg("folder", "path", "with --release: the album's folder"),
            Arg("release", "str", "say yourself which release lies there: its MusicBrainz URL or MBID", flag=True),
            Arg("status", "bool", "only list the albums that are not identified for certain, and why", flag=True, default=False),
            JSON,
        ),
        help="By tags with MusicBrainz ids, then by sound (with acoustid.key), then by names and lengths, whole albums at a time. Only what is exact is "
        "written down; `library.identify` does it after each scan. What is known already is not asked again.",
        label="identify",
    ),
)

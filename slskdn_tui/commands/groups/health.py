"""Commands about what is wrong with the library. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

HEALTH: tuple[CommandSpec, ...] = (
    CommandSpec(
        "library.health",
        "List what is wrong with the library, the worst first",
        "library",
        "cli",
        ("library", "health"),
        (
            Arg(
                "kind",
                "str",
                "only this kind: damaged, transcode, missing_tracks, mis_tagged, wrong_duration, duplicate, non_canonical, missing_metadata; or dismissed",
            ),
            Arg("filter", "str", "only where path or issue holds these words", flag=True),
            JSON,
        ),
        help="As the last check found it: one is made after each scan, and by `library check`. Each issue says what was seen and what would mend it.",
        palette=False,
    ),
    CommandSpec(
        "library.check",
        "Check the library's files again",
        "library",
        "engine",
        ("library", "check"),
        (JSON,),
        help="Looks at the ends of files that changed and applies the rules to what the last scan knows. It decodes nothing: that is `library scan`.",
    ),
    CommandSpec(
        "library.dismiss",
        "Say that an issue is none",
        "library",
        "engine",
        ("library", "dismiss"),
        (
            Arg("issue", "str", "key of an issue or its beginning, or the path of a file for all of its issues", required=True, many=True),
            Arg("undo", "bool", "show it again", flag=True),
            JSON,
        ),
        help="It stays dismissed after scans, while what it is about stays the same: the audio, and for tags those tags.",
        palette=False,
    ),
)

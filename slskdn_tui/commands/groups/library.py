"""Commands on the library scanner. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

LIBRARY: tuple[CommandSpec, ...] = (
    CommandSpec(
        "library.scan",
        "Scan the music folders, or go on with a paused scan",
        "library",
        "engine",
        ("library", "scan"),
        (
            Arg("now", "bool", "what it does anyway: begin now", flag=True, default=False),
            Arg("pause", "bool", "stop for now; `library scan` goes on, after a restart too", flag=True, default=False),
            Arg("cancel", "bool", "end the scan; what it found stays", flag=True, default=False),
            Arg("forget", "bool", "forget the files that are gone from disk", flag=True, default=False),
            Arg("status", "bool", "only say how the scan stands", flag=True, default=False),
            JSON,
        ),
        help="Looks through `library.folders` and the download folders for what is new, changed, renamed or gone; reads headers and tags, then "
        "decodes for fingerprint and loudness, then tests for transcodes. Where more than a fifth of a folder's files are gone, nothing is "
        "forgotten until you say --forget. `library.schedule` scans by itself.",
        label="scan",
    ),
)

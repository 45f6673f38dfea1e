"""Arguments that many commands take. Core."""

from __future__ import annotations

from slskdn_tui.commands.types import Arg

JOB = Arg("job", "job", "job id, or enough of its beginning to be unique", required=True)
JSON = Arg("json", "bool", "print JSON", flag=True)
TRACK = Arg("track", "track", "track position, counted over all discs", flag=True)

AGAIN = Arg("again", "bool", "get anew what is here already", flag=True)

CONSTRAINT_ARGS = (
    Arg("codecs", "str", "codecs in order of preference, e.g. FLAC,MP3", flag=True),
    Arg("max_lossy", "int", "how many tracks of the album may be lossy", flag=True),
    Arg("canonical", "bool", "prefer canonical variants", flag=True, default=True),
    Arg("overlay", "bool", "let mesh peers deliver missing ranges", flag=True, default=True),
    Arg("overlay_kbps", "int", "cap of overlay download for this job, kilobits a second; 0 for none", flag=True),
    Arg("mix", "bool", "let an album come from several users' folders when no one has it whole", flag=True),
    Arg("destination", "str", "name of a destination (downloads.destinations)", flag=True),
)

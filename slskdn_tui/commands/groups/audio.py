"""Commands about audio files themselves. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

AUDIO: tuple[CommandSpec, ...] = (
    CommandSpec(
        "audio.inspect",
        "Decode files and say what they are",
        "look",
        "cli",
        ("audio", "inspect"),
        (Arg("file", "path", "an audio file, or a folder of them", required=True, many=True), JSON),
        help="Loudness, peaks, dynamics, spectrum, fingerprint. Needs no engine. With --json one object a line, as soon as each file is decoded. "
        "A file that is damaged or no audio is named, and the exit code is 1; 4 when one is not there.",
        palette=False,
    ),
)

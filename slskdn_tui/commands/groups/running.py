"""Commands that run, look at and set up the program. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

RUNNING: tuple[CommandSpec, ...] = (
    CommandSpec("status", "Say how things stand", "look", "cli", ("status",), (JSON,), palette=False),
    CommandSpec(
        "log",
        "Print the log",
        "look",
        "cli",
        ("log",),
        (
            Arg("follow", "bool", "go on printing", flag=True),
            Arg("part", "str", "only this part (soulseek, dht, overlay, swarm, rescue, verify, job)", flag=True),
            Arg("level", "choice", "this level and above", flag=True, choices=("info", "warning", "error")),
            Arg("lines", "int", "how many old lines", flag=True, default=50),
            JSON,
        ),
        palette=False,
    ),
    CommandSpec("serve", "Run the engine without a screen", "run", "cli", ("serve",), (), palette=False),
    CommandSpec(
        "stop",
        "Stop the engine that serves this profile",
        "run",
        "engine",
        ("stop",),
        (),
        help="Nothing is lost: jobs go on when it is started again.",
        palette=False,
    ),
    CommandSpec(
        "demo",
        "A world of its own on 127.1.x.1: one album, one stall, one liar",
        "run",
        "cli",
        ("demo",),
        (
            Arg("headless", "bool", "without a terminal; exit 0 only if all went as it must", flag=True),
            JSON,
            Arg("keep", "path", "leave the world in this folder", flag=True, shown="DIR"),
            Arg("no_overlay", "bool", "run with overlay.enabled: false (must fail)", flag=True),
            Arg("honest", "bool", "no lying peer (must fail: no ban is seen)", flag=True),
            Arg("timeout", "int", "give up after so many seconds", flag=True, default=120),
        ),
        palette=False,
    ),
    CommandSpec(
        "bench.serve",
        "Serve one file over the overlay, for measuring",
        "run",
        "cli",
        ("bench", "serve"),
        (
            Arg("listen", "str", "ADDRESS:PORT", flag=True, required=True),
            Arg("ready", "path", "touched when serving", flag=True),
            Arg("file", "path", "the file", required=True),
        ),
        palette=False,
    ),
    CommandSpec(
        "bench.fetch",
        "Fetch the variant most peers offer, for measuring",
        "run",
        "cli",
        ("bench", "fetch"),
        (
            Arg("out", "path", "file to write", flag=True, required=True),
            Arg("peers", "str", "ADDRESS:PORT, comma separated", flag=True, required=True),
            JSON,
        ),
        palette=False,
    ),
    CommandSpec(
        "init",
        "Ask the few things needed and write the configuration",
        "setup",
        "cli",
        ("init",),
        (Arg("force", "bool", "overwrite an existing file", flag=True),),
        palette=False,
    ),
    CommandSpec("config.show", "Print the configuration in force", "setup", "cli", ("config", "show"), (JSON,), palette=False),
    CommandSpec(
        "config.check",
        "Check the configuration file",
        "setup",
        "cli",
        ("config", "check"),
        (Arg("file", "path", "another file"),),
        palette=False,
    ),
    CommandSpec(
        "config.path", "Print where configuration, data and state live", "setup", "cli", ("config", "path"), (JSON,), palette=False
    ),
    CommandSpec("check", "Look at the environment and say how to mend it", "setup", "cli", ("check",), (JSON,), palette=False),
    CommandSpec("themes.list", "List themes", "setup", "cli", ("themes", "list"), (JSON,), palette=False),
    CommandSpec(
        "themes.check",
        "Check a theme file",
        "setup",
        "cli",
        ("themes", "check"),
        (Arg("file", "path", "a theme's .toml", many=True),),
        palette=False,
    ),
    CommandSpec(
        "completions",
        "Print shell completions",
        "setup",
        "cli",
        ("completions",),
        (Arg("shell", "choice", "which shell", required=True, choices=("bash", "zsh", "fish")),),
        palette=False,
    ),
)

"""The table of commands. A row here is the whole of what a command is called, takes, and is bound to. Core."""

from __future__ import annotations

from slskdn_tui.commands.types import Arg, CommandSpec, Key

JOB = Arg("job", "job", "job id, or enough of its beginning to be unique", required=True)
JSON = Arg("json", "bool", "print JSON", flag=True)
TRACK = Arg("track", "track", "track position, counted over all discs", flag=True)

CONSTRAINT_ARGS = (
    Arg("codecs", "str", "codecs in order of preference, e.g. FLAC,MP3", flag=True),
    Arg("max_lossy", "int", "how many tracks of the album may be lossy", flag=True),
    Arg("canonical", "bool", "prefer canonical variants", flag=True, default=True),
    Arg("overlay", "bool", "let mesh peers deliver missing ranges", flag=True, default=True),
    Arg("overlay_kbps", "int", "cap of overlay download for this job, kilobits a second; 0 for none", flag=True),
)

SPECS: tuple[CommandSpec, ...] = (
    # Jobs -----------------------------------------------------------------------------------------------------------
    CommandSpec(
        "jobs.create",
        "Create a job from a MusicBrainz release",
        "jobs",
        "engine",
        ("jobs", "create"),
        (Arg("reference", "str", "MusicBrainz URL or release MBID", required=True), *CONSTRAINT_ARGS, JSON),
        (Key("jobs", "n", True), Key("swarms", "n", True)),
        help="The release's tracks become one job: Soulseek finds and starts them, mesh peers finish what stalls.",
        label="new job",
    ),
    CommandSpec("jobs.list", "List jobs", "jobs", "cli", ("jobs", "list"), (JSON,), palette=False),
    CommandSpec("jobs.show", "Show a job with its tracks", "jobs", "cli", ("jobs", "show"), (JOB, JSON), palette=False),
    CommandSpec("jobs.pause", "Pause a job; everything on disk stays", "jobs", "engine", ("jobs", "pause"), (JOB,)),
    CommandSpec("jobs.resume", "Resume a paused job", "jobs", "engine", ("jobs", "resume"), (JOB,)),
    CommandSpec(
        "jobs.toggle",
        "Pause or resume",
        "jobs",
        "engine",
        (),
        (JOB,),
        (Key("swarms", "p", True), Key("jobs", "p", True)),
        label="pause",
    ),
    CommandSpec(
        "jobs.cancel",
        "Cancel a job",
        "jobs",
        "engine",
        ("jobs", "cancel"),
        (JOB, Arg("yes", "bool", "do not ask", flag=True)),
        (Key("swarms", "x", True), Key("jobs", "x", True)),
        danger="Cancel this job? Its partial files are deleted; finished tracks stay.",
    ),
    CommandSpec(
        "jobs.rerun",
        "Run an ended job again, going on from what is on disk",
        "jobs",
        "engine",
        ("jobs", "rerun"),
        (JOB,),
        (Key("jobs", "R"),),
    ),
    CommandSpec(
        "jobs.export",
        "Export a job's manifest",
        "jobs",
        "engine",
        ("jobs", "export"),
        (JOB, Arg("out", "path", "file to write; standard output when left out", flag=True)),
        (Key("jobs", "e", True),),
    ),
    CommandSpec(
        "jobs.import",
        "Import a job manifest",
        "jobs",
        "engine",
        ("jobs", "import"),
        (Arg("file", "path", "a .yaml manifest", required=True), JSON),
        (Key("jobs", "I"),),
    ),
    # Swarms ---------------------------------------------------------------------------------------------------------
    CommandSpec("swarms.list", "List what is moving", "swarms", "cli", ("swarms", "list"), (JSON,), palette=False),
    CommandSpec(
        "swarms.show", "Show one track's sources and chunk map", "swarms", "cli", ("swarms", "show"), (JOB, TRACK, JSON), palette=False
    ),
    CommandSpec("swarms.pause", "Pause a job's transfers", "swarms", "engine", ("swarms", "pause"), (JOB,), palette=False),
    CommandSpec("swarms.resume", "Resume a job's transfers", "swarms", "engine", ("swarms", "resume"), (JOB,), palette=False),
    CommandSpec(
        "swarms.cancel",
        "Cancel a job's transfers",
        "swarms",
        "engine",
        ("swarms", "cancel"),
        (JOB, Arg("yes", "bool", "do not ask", flag=True)),
        danger="Cancel this job? Its partial files are deleted; finished tracks stay.",
        palette=False,
    ),
    CommandSpec(
        "swarms.rescue",
        "Ask the mesh for a track's missing ranges now",
        "swarms",
        "engine",
        ("swarms", "rescue"),
        (JOB, TRACK),
        (Key("swarms", "r", True),),
        help="Does not wait for the stall thresholds. The guard still holds: an origin on Soulseek, or a proof.",
    ),
    CommandSpec(
        "swarms.next",
        "Leave this holder, try the next one at the same offset",
        "swarms",
        "engine",
        ("swarms", "next"),
        (JOB, TRACK),
        (Key("swarms", "N"),),
    ),
    CommandSpec(
        "swarms.up", "Move a job up the queue", "swarms", "engine", ("swarms", "up"), (JOB,), (Key("swarms", "left_square_bracket"),)
    ),
    CommandSpec(
        "swarms.down", "Move a job down the queue", "swarms", "engine", ("swarms", "down"), (JOB,), (Key("swarms", "right_square_bracket"),)
    ),
    # Trace ----------------------------------------------------------------------------------------------------------
    CommandSpec(
        "trace.open",
        "Open the trace of this job",
        "trace",
        "ui",
        (),
        (JOB,),
        (Key("swarms", "t", True), Key("jobs", "t", True)),
        label="trace",
    ),
    CommandSpec(
        "trace.show",
        "Summary of what the scheduler did",
        "trace",
        "cli",
        ("debug", "job"),
        (JOB, TRACK, Arg("json", "bool", "print every event as JSON", flag=True)),
        palette=False,
    ),
    CommandSpec(
        "trace.export",
        "Write a job's trace as JSON",
        "trace",
        "engine",
        ("debug", "export"),
        (JOB, Arg("out", "path", "file to write", flag=True)),
        (Key("trace", "e", True),),
    ),
    CommandSpec(
        "trace.next_track",
        "Next track of this job",
        "trace",
        "ui",
        (),
        (),
        (Key("trace", "right_square_bracket", True), Key("trace", "l"), Key("trace", "right")),
        palette=False,
        label="next track",
    ),
    CommandSpec(
        "trace.previous_track",
        "Previous track of this job",
        "trace",
        "ui",
        (),
        (),
        (Key("trace", "left_square_bracket"), Key("trace", "h"), Key("trace", "left")),
        palette=False,
    ),
    # Looking --------------------------------------------------------------------------------------------------------
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
    # Running --------------------------------------------------------------------------------------------------------
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
    # Setting up -----------------------------------------------------------------------------------------------------
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
    # Screens and habits (only the Textual app) ----------------------------------------------------------------------
    CommandSpec("screen.swarms", "Swarms: what is moving", "screens", "ui", (), (), (Key("all", "1"),)),
    CommandSpec("screen.jobs", "Jobs", "screens", "ui", (), (), (Key("all", "5"),)),
    CommandSpec("screen.log", "Log", "screens", "ui", (), (), (Key("all", "7"),)),
    CommandSpec("screen.previous", "Previous screen", "screens", "ui", (), (), (Key("all", "minus"),)),
    CommandSpec("list.down", "Move down", "list", "ui", (), (), (Key("all", "j"), Key("all", "down")), palette=False),
    CommandSpec("list.up", "Move up", "list", "ui", (), (), (Key("all", "k"), Key("all", "up")), palette=False),
    CommandSpec("list.page_down", "Page down", "list", "ui", (), (), (Key("all", "ctrl+d"), Key("all", "pagedown")), palette=False),
    CommandSpec("list.page_up", "Page up", "list", "ui", (), (), (Key("all", "ctrl+u"), Key("all", "pageup")), palette=False),
    CommandSpec("list.first", "First row", "list", "ui", (), (), (Key("all", "g"), Key("all", "home")), palette=False),
    CommandSpec("list.last", "Last row", "list", "ui", (), (), (Key("all", "G"), Key("all", "end")), palette=False),
    CommandSpec("list.pane", "Next pane", "list", "ui", (), (), (Key("all", "tab"),), palette=False),
    CommandSpec(
        "list.open", "Open or expand", "list", "ui", (), (), (Key("all", "enter"), Key("all", "l"), Key("all", "right")), palette=False
    ),
    CommandSpec("list.close", "Collapse", "list", "ui", (), (), (Key("all", "h"), Key("all", "left")), palette=False),
    CommandSpec("list.mark", "Mark, move down", "list", "ui", (), (), (Key("all", "space"),), palette=False),
    CommandSpec("list.mark_range", "Mark range", "list", "ui", (), (), (Key("all", "V"),), palette=False),
    CommandSpec("list.mark_all", "Mark all or none", "list", "ui", (), (), (Key("all", "asterisk"),), palette=False),
    CommandSpec("list.filter", "Filter this list", "list", "ui", (), (), (Key("all", "slash", True),)),
    CommandSpec("list.next_match", "Next match", "list", "ui", (), (), (Key("log", "n"), Key("trace", "n")), palette=False),
    CommandSpec("list.sort", "Sort by column", "list", "ui", (), (), (Key("all", "s"),)),
    CommandSpec("list.reverse", "Reverse the order", "list", "ui", (), (), (Key("all", "S"),)),
    CommandSpec("list.columns", "Choose columns", "list", "ui", (), (), (Key("all", "v"),)),
    CommandSpec("list.copy", "Copy this row (OSC 52)", "list", "ui", (), (), (Key("all", "y"),)),
    CommandSpec("view.freeze", "Freeze the view", "view", "ui", (), (), (Key("all", "Z"),)),
    CommandSpec("view.details", "Details pane", "view", "ui", (), (), (Key("swarms", "i"),)),
    CommandSpec("view.themes", "Themes", "view", "ui", (), (), (Key("all", "T"),)),
    CommandSpec("view.redraw", "Redraw", "view", "ui", (), (), (Key("all", "ctrl+l"),)),
    CommandSpec("view.follow", "Follow the newest line", "view", "ui", (), (), (Key("log", "f", True),)),
    CommandSpec("app.command", "Command line", "app", "ui", (), (), (Key("all", "colon", True),), palette=False, label="cmd"),
    CommandSpec("app.palette", "Command palette", "app", "ui", (), (), (Key("all", "ctrl+p"),), palette=False),
    CommandSpec("app.help", "Help for this screen", "app", "ui", (), (), (Key("all", "question_mark", True),)),
    CommandSpec("app.back", "Back; at the top q quits", "app", "ui", (), (), (Key("all", "q"), Key("all", "escape")), palette=False),
    CommandSpec("app.suspend", "Suspend to the shell", "app", "ui", (), (), (Key("all", "ctrl+z"),), palette=False),
    CommandSpec("app.quit", "Quit", "app", "ui", (), (), (Key("all", "ctrl+c"),)),
)


def by_name(name: str) -> CommandSpec | None:
    """The command of that dotted name."""
    return next((spec for spec in SPECS if spec.name == name), None)


def by_verb(words: tuple[str, ...]) -> CommandSpec | None:
    """The command whose CLI words are the longest prefix of `words`."""
    fits = [spec for spec in SPECS if spec.verb and words[: len(spec.verb)] == spec.verb]
    return max(fits, key=lambda spec: len(spec.verb), default=None)


def by_key(screen: str) -> dict[str, CommandSpec]:
    """Keys in force on a screen: its own ones, and those for all screens it does not redefine."""
    keys: dict[str, CommandSpec] = {}
    for wanted in ("all", screen):
        for spec in SPECS:
            for key in spec.keys:
                if key.screen == wanted:
                    keys[key.key] = spec
    return keys

"""What only the screens do: places, lists, habits. Core."""

from __future__ import annotations

from slskdn_tui.commands.types import CommandSpec, Key

SCREENS: tuple[CommandSpec, ...] = (
    CommandSpec("screen.swarms", "Swarms: what is moving", "screens", "ui", (), (), (Key("all", "1"),)),
    CommandSpec("screen.search", "Search", "screens", "ui", (), (), (Key("all", "2"),)),
    CommandSpec("screen.library", "Library: what is wrong with it", "screens", "ui", (), (), (Key("all", "3"),)),
    CommandSpec("screen.discover", "Discover: discographies and labels", "screens", "ui", (), (), (Key("all", "4"),)),
    CommandSpec("screen.jobs", "Jobs", "screens", "ui", (), (), (Key("all", "5"),)),
    CommandSpec("screen.peers", "Peers: who gives and takes", "screens", "ui", (), (), (Key("all", "6"),)),
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
    CommandSpec(
        "view.details",
        "Details pane",
        "view",
        "ui",
        (),
        (),
        tuple(Key(screen, "i") for screen in ("swarms", "peers", "library", "discover")),
    ),
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

"""Commands on what is shown: tables, their order and columns, the trace's steps, themes, freezing. Shell; `UI` is part of the face's commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slskdn_tui.model.text import SafeText
from slskdn_tui.ui.screens.details import DetailsScreen
from slskdn_tui.ui.screens.dialogs import Choice, Choose, Pick
from slskdn_tui.ui.screens.log import LogScreen
from slskdn_tui.ui.screens.trace import TraceScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]


def sort(actions: Actions, args: Args) -> None:
    table = actions.screen().table
    columns = table.model.presenter.columns
    choices = [Choice("", "as it comes"), *(Choice(column.key, column.title.lower()) for column in columns)]

    def sorted_by(key: str | None) -> None:
        if key is not None:
            table.set_sort(key, table.model.descending)

    actions.app.push_screen(Pick("Sort by", choices, start=table.model.sort), sorted_by)


def reverse(actions: Actions, args: Args) -> None:
    table = actions.screen().table
    if not table.model.sort:
        sort(actions, args)
        return
    table.set_sort(table.model.sort, not table.model.descending)


def columns(actions: Actions, args: Args) -> None:
    table = actions.screen().table
    columns = table.model.presenter.columns
    choices = [Choice(column.key, column.title.lower()) for column in columns if column.width]
    shown = frozenset(choice.key for choice in choices if choice.key not in table.hidden)

    def chosen(keys: str | None) -> None:
        on = set((keys or "").split(","))
        table.set_hidden(frozenset(choice.key for choice in choices if choice.key not in on))

    actions.app.push_screen(Choose("Columns", choices, shown), chosen)


def copy(actions: Actions, args: Args) -> None:
    text = "\n".join(str(SafeText(row)) for row in actions.screen().table.copy_text().split("\n"))
    if text:
        actions.app.copy_to_clipboard(text)
        count = text.count("\n") + 1
        actions.say(
            f"sent {count} row{'s' if count > 1 else ''} to the terminal's clipboard; tmux drops it unless set-clipboard is on",
            "colors.dim",
        )


def freeze(actions: Actions, args: Args) -> None:
    actions.app.poller.frozen = not actions.app.poller.frozen
    actions.say("frozen: Z goes on" if actions.app.poller.frozen else "", "colors.warning")
    actions.screen().status_changed()
    actions.app.poller.kick()


def themes(actions: Actions, args: Args) -> None:
    before = actions.app.theme_name
    choices = [Choice(name, name, "dark" if theme.dark else "light") for name, theme in actions.app.themes.items()]

    def picked(name: str | None) -> None:
        actions.app.use_theme(name or before)
        if name:
            actions.say(f"for good: ui.theme: {name} in the configuration file", "colors.dim")

    actions.app.push_screen(Pick("Themes", choices, start=before, seen=actions.app.use_theme), picked)


def pane(actions: Actions, args: Args) -> None:
    actions.screen().focus_next("LiveTable")


def next_match(actions: Actions, args: Args) -> None:
    query = actions.app.last_query
    if not query or not actions.screen().table.next_match(query):
        actions.say(f"no other row contains {query!r}" if query else "press / and type what to look for", "colors.dim")


def follow(actions: Actions, args: Args) -> None:
    if isinstance(screen := actions.screen(), LogScreen):
        screen.follow()


def details(actions: Actions, args: Args) -> None:
    if isinstance(screen := actions.screen(), DetailsScreen):
        screen.toggle_details()


def step(actions: Actions, by: int) -> None:
    if isinstance(screen := actions.screen(), TraceScreen):
        screen.step(by)


def whole(actions: Actions) -> None:
    if isinstance(screen := actions.screen(), TraceScreen):
        screen.toggle()


def redraw(actions: Actions, args: Args) -> None:
    actions.app.refresh(layout=True)
    actions.screen().repaint()


def _list(act: Callable[[Any], object]) -> Callable[[Actions, Args], None]:
    """A command on the table that has the focus."""

    def run(actions: Actions, args: Args) -> None:
        act(actions.screen().table)

    return run


UI: dict[str, Callable[[Actions, Args], None]] = {
    "list.down": _list(lambda table: table.move(1)),
    "list.up": _list(lambda table: table.move(-1)),
    "list.page_down": _list(lambda table: table.move(table.page)),
    "list.page_up": _list(lambda table: table.move(-table.page)),
    "list.first": _list(lambda table: table.move_to(0)),
    "list.last": _list(lambda table: table.move_to(len(table.model) - 1)),
    "list.pane": pane,
    "list.open": _list(lambda table: table.unfold()),
    "list.close": _list(lambda table: table.fold()),
    "list.mark": _list(lambda table: table.mark()),
    "list.mark_range": _list(lambda table: table.mark_range()),
    "list.mark_all": _list(lambda table: table.mark_all()),
    "list.filter": lambda actions, args: actions.screen().bar.ask("/", actions.screen().filter_words),
    "list.next_match": next_match,
    "list.sort": sort,
    "list.reverse": reverse,
    "list.columns": columns,
    "list.copy": copy,
    "view.freeze": freeze,
    "view.details": details,
    "view.themes": themes,
    "view.redraw": redraw,
    "view.follow": follow,
    "trace.whole": lambda actions, args: whole(actions),
    "trace.next_track": lambda actions, args: step(actions, 1),
    "trace.previous_track": lambda actions, args: step(actions, -1),
}

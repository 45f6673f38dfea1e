"""What keys do on Library: fix, dismiss, check, scan, schedule. Shell."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from slskdn_tui.model.library_view import DISMISSED, UNSURE, LibraryRow
from slskdn_tui.model.text import counted
from slskdn_tui.ui.screens.dialogs import Ask, Prompt
from slskdn_tui.ui.screens.library import LibraryScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]
Flow = Coroutine[Any, Any, None]


async def _fix(actions: Actions, screen: LibraryScreen) -> None:
    """Put right what is marked: a job; tags after they were shown; out of the trash."""
    names = [str(one[name]) for one in screen.subjects() for name in one]
    if not names:
        actions.say("there is nothing to fix here: R scans, c checks", "colors.dim")
        return
    if screen.part() == "trash":
        await actions.do("trash.restore", {"entry": names})
        return
    if screen.part() == UNSURE:
        await _confirm(actions, screen)
        return
    if screen.part() == DISMISSED:
        actions.say("it is dismissed: d shows it again first", "colors.dim")
        return
    result = await actions.do("library.fix", {"issue": names})
    if result is None or not (tags := result.data.get("to_write")):
        return
    changes = [
        f"{change['field']}: {' / '.join(change['old']) or 'none'} -> {' / '.join(change['new'])}"
        for one in tags
        for change in one["changes"]
    ]
    what = f"Write {counted(len(changes), 'tag')} in {counted(len(tags), 'file')}?"
    undo = screen.key_to("health.undo") or ":library retag --undo last"
    if not await actions.ask(Ask(f"{what} {undo} takes it back.", "; ".join(changes))):
        actions.say(f"left as it was; :library fix {names[0]} --job gets another copy", "colors.dim")
    elif (written := await actions.do("library.fix", {"issue": names, "retag": True})) is not None and written.data.get("retags"):
        actions.say(
            f"{written.message}; {undo} takes {'it' if len(written.data['retags']) == 1 else 'one after the other'} back", "states.done"
        )


async def _undo(actions: Actions, screen: LibraryScreen) -> None:
    await actions.do("library.retag", {"undo": "last"})


async def _confirm(actions: Actions, screen: LibraryScreen) -> None:
    """One album after the other: is it that release? Of what nothing is known, or something else is, the release is asked for."""
    for row in [row for row in screen.issues.marked if isinstance(row, LibraryRow)]:
        release: str | None = row.release
        if row.release and not await actions.ask(
            Ask(f"{row.words}. Is it that release?", f"{row.path}; musicbrainz.org/release/{row.release}")
        ):
            release = ""
        if not release:
            release = await actions.ask(
                Prompt("Which release is it?", f"The MusicBrainz URL or id of what lies in {row.path}; esc for none.", "")
            )
        if release:
            await actions.do("library.identify", {"folder": row.name, "release": release})
    screen.issues.model.marks.clear()


async def _dismiss(actions: Actions, screen: LibraryScreen) -> None:
    names = [str(one["issue"]) for one in screen.subjects() if "issue" in one]
    if not names:
        actions.say("there is nothing to dismiss here", "colors.dim")
        return
    await actions.do("library.dismiss", {"issue": names, "undo": screen.part() == DISMISSED})
    screen.issues.model.marks.clear()


async def _check(actions: Actions, screen: LibraryScreen) -> None:
    await actions.do("library.check", {})


async def _scan(actions: Actions, screen: LibraryScreen) -> None:
    await actions.do("library.scan", {})


async def _pause(actions: Actions, screen: LibraryScreen) -> None:
    await actions.do("library.scan", {} if screen.scanning in ("paused", "idle") else {"pause": True})


async def _schedule(actions: Actions, screen: LibraryScreen) -> None:
    when = await actions.ask(Prompt("When to scan", "E.g. daily 04:00, or mon,fri 22:30; off for by hand.", screen.schedule))
    if when:
        await actions.do("library.schedule", {"when": when})


def _on_library(flow: Callable[[Actions, LibraryScreen], Flow]) -> Callable[[Actions, Args], None]:
    def run(actions: Actions, args: Args) -> None:
        if isinstance(screen := actions.app.live, LibraryScreen):
            actions.start(flow(actions, screen))

    return run


UI: dict[str, Callable[[Actions, Args], None]] = {
    "health.fix": _on_library(_fix),
    "health.undo": _on_library(_undo),
    "health.dismiss": _on_library(_dismiss),
    "health.check": _on_library(_check),
    "health.scan": _on_library(_scan),
    "health.pause": _on_library(_pause),
    "health.schedule": _on_library(_schedule),
}

"""What the keys of the player do: play the row under the cursor, back and forward, copy the URL. Shell."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from slskdn_tui.commands import SPECS
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.playing import PlaybackView, tunnel
from slskdn_tui.model.views import JobView, ViewKey
from slskdn_tui.ui.poller import NEVER
from slskdn_tui.ui.screens.elsewhere import Elsewhere
from slskdn_tui.ui.screens.library import LibraryScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]
STEP_S = 10
HINTED = {"playback.pause": "pauses", "playback.back": "", "playback.forward": f"{STEP_S} s", "playback.stop": "stops"}
"""What is said of the keys once something plays."""


async def _here(actions: Actions) -> Args | None:
    """What of the row under the cursor can be played; None when that is nothing, and it is said. Of a whole job its first track."""
    screen = actions.screen()
    if isinstance(screen, LibraryScreen):
        row = screen.row
        if row is None or not row.path.startswith("/") or screen.part() == "trash":
            actions.say("put the cursor on a file first; what is in the trash must be put back", "colors.warning")
            return None
        return {"subject": str(row.path)}
    subject = next((one for one in screen.subjects() if "job" in one), None)
    if subject is None:
        actions.say("put the cursor on a track first", "colors.warning")
        return None
    track = subject.get("track") or await _first(actions, subject["job"])
    return None if not track else {"subject": subject["job"], "track": track}


async def _first(actions: Actions, job: str) -> int:
    view = await _look(actions, ViewKey("job", subject=job))
    tracks = [row.position for row in view.tracks if row.state != "failed"] if isinstance(view, JobView) else []
    if isinstance(view, JobView) and not tracks:
        actions.say("this job has no track that can be played", "colors.warning")
    return min(tracks, default=0)


async def _look(actions: Actions, key: ViewKey) -> object:
    """A snapshot; None when there is none, and it is said."""
    try:
        return await actions.app.engine.snapshot(key, NEVER)
    except UserError as error:
        actions.say(str(error.message), "colors.error")
    except (OSError, EOFError) as error:
        actions.say(f"the engine does not answer: {error}", "colors.error")
    return None


async def _play(actions: Actions) -> None:
    what = await _here(actions)
    result = await actions.do("playback.play", what) if what is not None else None
    if result is None or not result.ok:
        return
    if result.data.get("player"):
        actions.say(f"{result.message}: {_hints(actions)}", "states.done")
    elif url := str(result.data.get("url", "")):
        await actions.ask(Elsewhere(str(result.data.get("title", "")), url, tunnel(url), str(result.data.get("reason", ""))))


def _hints(actions: Actions) -> str:
    """`K pauses, < > 10 s, X stops`, by the keys in force."""
    keys, here, words = actions.app.keys, actions.screen().KEYS, ""
    for spec in SPECS:
        if spec.name in HINTED and (labels := keys.keys_of(spec, here)):
            what = HINTED[spec.name]
            words += f"{labels[0]} {what}{', ' if what else ''}"
    return words.removesuffix(", ")


async def _copy(actions: Actions) -> None:
    """The URL of what plays, or could not be played here; where nothing does, of the track under the cursor. It is shown, too: a clipboard may not be
    reached over tmux."""
    view = await _look(actions, ViewKey("playback"))
    if not isinstance(view, PlaybackView):
        return
    url, title, reason = view.url, str(view.title), str(view.reason)
    if not url:
        what = await _here(actions)
        if what is None:
            return
        if "track" not in what:
            actions.say("this file is here already; P plays it, and Y gives the URL then", "colors.dim")
            return
        result = await actions.do("playback.stream", {"job": what["subject"], "track": what["track"]})
        if result is None or not result.ok:
            return
        url, title = str(result.data.get("url", "")), str(result.data.get("title", ""))
    actions.say("")
    actions.app.copy_to_clipboard(url)
    await actions.ask(Elsewhere(title, url, tunnel(url), reason, sent=True))


async def _seek(actions: Actions, by: int) -> None:
    await actions.do("playback.seek", {"to": f"{by:+}"})


def _started(flow: Callable[[Actions], Coroutine[Any, Any, None]]) -> Callable[[Actions, Args], None]:
    return lambda actions, args: actions.start(flow(actions))


UI: dict[str, Callable[[Actions, Args], None]] = {
    "playback.here": _started(_play),
    "playback.back": _started(lambda actions: _seek(actions, -STEP_S)),
    "playback.forward": _started(lambda actions: _seek(actions, STEP_S)),
    "playback.copy": _started(_copy),
}

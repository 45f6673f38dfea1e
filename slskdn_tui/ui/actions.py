"""Actions: what each command of the registry does in this window. Shell.

Commands of the engine are filled in from the rows they are meant for, asked about when they are dangerous, and submitted; commands of the
face are the functions in `UI`. A test holds that every `where="ui"` command stands there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.screen import Screen

from slskdn_tui.commands import SPECS, CommandSpec
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command, Result
from slskdn_tui.ui import discover, finding, library, line, looks, peers, people, playing, viewing
from slskdn_tui.ui.screens.base import LiveScreen
from slskdn_tui.ui.screens.dialogs import Ask, Choice, Pick, Prompt
from slskdn_tui.ui.screens.help import Help
from slskdn_tui.ui.screens.newjob import NewJob

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp

log = logging.getLogger(__name__)
OUT_FILES = {"jobs.export": "./{job}.yaml", "trace.export": "./{job}-trace.json"}
"""Where a command writes when nothing is said."""
LOOKS = frozenset({"screen.jobs", "view.details", "trace.open"})
CANCELS = frozenset({"jobs.cancel", "swarms.cancel"})
ENDED = frozenset({"completed", "cancelled"})
MOVING = frozenset({"active", "rescue", "stalled", "queued", "connect"})
"""Words of tracks the mesh can be asked for."""
Args = dict[str, Any]


def _absolute(path: str) -> str:
    return str(Path(os.path.expanduser(path)).absolute())


class Actions:
    """Runs commands for the app it belongs to."""

    def __init__(self, app: SlskdnApp) -> None:
        self.app = app
        self.history: list[str] = []
        self._waiting = False
        self._scan_said = ""
        self._scan_apart = ""  # what of it stays said when the scan has ended
        self._scan_found = ""

    def run(self, spec: CommandSpec, args: Args | None = None) -> None:
        """Start a command with what was said of its arguments; the rest is filled in or asked for."""
        if spec.where == "ui":
            UI[spec.name](self, args or {})
        else:
            self.start(self.engine(spec, args or {}))

    def start(self, flow: Coroutine[Any, Any, None]) -> None:
        """A command that may ask something: keys wait until it has asked or is through."""
        self.app.gate.coming(1)
        self._waiting = True
        self.app.run_worker(self._through(flow), group="command", exit_on_error=False)

    async def _through(self, flow: Coroutine[Any, Any, None]) -> None:
        try:
            await flow
        finally:
            self._arrived()

    def _arrived(self) -> None:
        if self._waiting:
            self._waiting = False
            self.app.gate.coming(-1)
            self.app.release_keys()

    async def ask(self, dialog: Screen[Any]) -> Any:
        """Open a dialog and wait for its answer. What is typed from here on is for it."""
        answer = self.app.push_screen(dialog, wait_for_dismiss=True)
        self._arrived()
        return await answer

    def run_line(self, text: str) -> None:
        """A `:` line. Errors are one line."""
        if not text.strip():
            return
        try:
            parsed = line.parse(text)
        except UserError as error:
            self.say(str(error.message), "colors.error")
            return
        if parsed.spec.name == "status":
            self.start(self._read(looks.status(self.app)))
        elif parsed.spec.name in LOOKS and "job" in parsed.args:
            self.start(self._look(parsed))
        else:
            self.run(parsed.spec, parsed.args)

    async def _read(self, dialog: Screen[Any]) -> None:
        await self.ask(dialog)

    async def _look(self, parsed: line.Parsed) -> None:
        try:
            await looks.look(self.app, parsed.spec.name, parsed.args)
        except UserError as error:
            self.say(str(error.message), "colors.error")

    def say(self, text: str, style: str = "") -> None:
        if (screen := self.app.live) is not None:
            screen.say(str(SafeText(text)), style)

    # Commands of the engine ------------------------------------------------------------------------------------------

    async def engine(self, spec: CommandSpec, said: Args) -> None:
        """Fill in, ask, submit, say what became of it."""
        if self._may_not():
            return
        calls = await self._filled(spec, said)
        if calls is None:
            return
        if spec.name in CANCELS and not (calls := self._not_ended(calls)):
            return
        if spec.name == "swarms.rescue" and not await self._really_all(calls):
            return
        if spec.danger and not said.get("yes"):
            many = next((f"{name}s" for name in ("peer", "recording") if name in calls[0]), "jobs")
            about = f"{len(calls)} {many}" if len(calls) > 1 else self._about(calls[0])
            if not await self.ask(Ask(spec.danger, about)):
                self.say("left as it was", "colors.dim")
                return
        if spec.danger and any(arg.name == "yes" for arg in spec.args):
            calls = [{**call, "yes": True} for call in calls]
        self._arrived()
        for call in calls:
            await self.submit(spec, call)
        self.app.poller.kick()

    def _may_not(self) -> bool:
        """Whether this window may only look; it is said."""
        if self.app.readonly:
            self.say("read-only: nothing can be changed here", "colors.warning")
        return self.app.readonly

    def _not_ended(self, calls: list[Args]) -> list[Args]:
        """Those whose job is still to be cancelled; when none is, it is said."""
        states = [str(getattr(self._row(call), "state", "")) for call in calls]
        left = [call for call, state in zip(calls, states, strict=True) if state not in ENDED]
        if not left:
            self.say(f"{self._about(calls[0])} is {states[0]} already; there is nothing to cancel", "colors.warning")
        return left

    async def _really_all(self, calls: list[Args]) -> bool:
        """A rescue of whole albums asks first; one of a track is one key."""
        whole = [call for call in calls if "track" not in call]
        if not whole:
            return True
        jobs = {str(call["job"]) for call in whole}
        rows = self.app.live.main.model.rows if self.app.live is not None else ()
        count = sum(getattr(row, "level", 0) == 1 and row.job_id in jobs and row.state.casefold() in MOVING for row in rows)
        about = f"{len(whole)} jobs" if len(whole) > 1 else self._about(whole[0])
        many = f"all {count} moving tracks" if count > 1 else "the one moving track" if count else "every track that moves"
        if await self.ask(Ask(f"Ask the mesh for {many}?", about)):
            return True
        self.say("left as it was", "colors.dim")
        return False

    async def _filled(self, spec: CommandSpec, said: Args) -> list[Args] | None:
        """One set of arguments for each job the command is for; None when the user left a question or nothing fits."""
        if spec.name == "jobs.create" and "reference" not in said:
            wanted = await self.ask(NewJob())
            return None if wanted is None else [{**wanted, **said}]
        if spec.name == "limits.set" and not said:
            limits = await finding.ask_limits(self)
            return None if limits is None else [limits]
        takes = {
            arg.name
            for arg in spec.args
            if arg.type in ("job", "track") or (arg.name in ("user", "peer") and arg.required) or arg.name == "recording"
        }
        main = next((name for name in ("job", "user", "peer", "recording") if name in takes), "")
        calls = [dict(said)]
        if main and main not in said and not said.get("all"):
            rows = [row for row in (self.app.live.subjects() if self.app.live is not None else []) if main in row]
            if not rows and (main == "job" or spec.name == "cache.evict"):
                self.say(f"{spec.name}: put the cursor on a {main} first", "colors.warning")
                return None
            kept: list[Args] = [{name: row[name] for name in takes if name in row} for row in rows]
            calls = [{**one, **said} for index, one in enumerate(kept) if one not in kept[:index]] or calls
        for arg in spec.args:
            if not arg.required or arg.type not in ("str", "int", "float") or all(arg.name in call for call in calls):
                continue
            whom = f"To {SafeText(calls[0]['user'])}: " if "user" in calls[0] else ""
            text = await self.ask(Prompt(spec.summary, f"{whom}{arg.help}."))
            if text is None:
                return None
            try:
                value = line.convert(arg, text)
            except UserError as error:
                self.say(str(error.message), "colors.error")
                return None
            for call in calls:
                call[arg.name] = [value] if arg.many else value
        for arg in spec.args:
            if arg.type != "path":
                continue
            asked = arg.required or spec.name in OUT_FILES  # of any other, left out is an answer
            for call in calls:
                if arg.name not in call:
                    if not asked:
                        continue
                    if (path := await self._path(spec, arg.help, call)) is None:
                        return None
                    call[arg.name] = [path] if arg.many else path
                given = call[arg.name]
                call[arg.name] = [_absolute(each) for each in given] if isinstance(given, list) else _absolute(given)
        return calls

    async def _path(self, spec: CommandSpec, hint: str, call: Args) -> str | None:
        template = OUT_FILES.get(spec.name, "")
        value = template.format(job=str(call.get("job", "job"))[:8])
        if template:  # the command line's words say what becomes of it when it is left out, which cannot be done here
            hint = "The file to write; a bare name lands where slskdn was started"
        return cast("str | None", await self.ask(Prompt(spec.summary, f"{hint}.", value)))

    def _row(self, call: Args) -> Any | None:
        """The row of the call's job, when it is on the screen."""
        job = str(call.get("job", ""))
        rows = self.app.live.main.model.rows if self.app.live is not None else ()
        fits = (row for row in rows if job and getattr(row, "job_id", "").startswith(job) and hasattr(row, "title"))
        return min(fits, key=lambda row: int(getattr(row, "level", 0)), default=None)

    def _about(self, call: Args) -> str:
        if named := call.get("peer") or call.get("recording"):
            return peers.name_of(self, str(named))
        row = self._row(call)
        return str(row.title) if row is not None else str(call.get("job", ""))[:8]

    async def do(self, name: str, call: Args) -> Result | None:
        """Carry out a command whose arguments are all there, as one step of a longer talk; None in a window that may only look."""
        if self._may_not():
            return None
        result = await self._anew(name, call, await self._told(name, call))
        self.app.poller.kick()
        return result

    def quietly(self, name: str, call: Args) -> None:
        """A command that follows from looking (what is on the screen has been seen): only its failure is said."""
        if not self.app.readonly:
            self.app.run_worker(self._told(name, call, quiet=True), group="command", exit_on_error=False)

    async def submit(self, spec: CommandSpec, call: Args) -> None:
        await self._anew(spec.name, call, await self._told(spec.name, call))

    async def _anew(self, name: str, call: Args, result: Result) -> Result:
        """Of what is here already: asks whether to get it all the same, and how that went."""
        if not result.data.get("had_by"):
            return result
        if await self.ask(Ask("Get it anew all the same?", str(result.message))):
            return await self._told(name, {**call, "again": True})
        self.say("left as it was", "colors.dim")
        return result

    def scan_ended(self, found: str) -> None:
        """The library was looked through: this stands in place of the words that the scan begins, where they are still read."""
        self._scan_found = found
        if self._scan_said and self.app.live is not None and self.app.live.said == self._scan_said:
            self._scan_said = str(SafeText(f"{found}{self._scan_apart}"))
            self.say(self._scan_said, "states.done")

    async def _told(self, name: str, call: Args, quiet: bool = False) -> Result:
        self._scan_found = "" if name == "library.scan" else self._scan_found
        try:
            result = await self.app.engine.submit(Command(name, call))
        except UserError as error:
            result = Result(error.code, error.message, error.hint)
        except (OSError, EOFError) as error:
            result = Result("no_engine", SafeText(f"the engine does not answer: {error}"))
        if result.data.get("had_by"):
            pass  # a question, not an error
        elif not result.ok:
            text = f"{result.message}  {result.hint}".strip()
            self.say(text or f"{name}: {result.code}", "colors.error")
            if self.app.live is None or not self.app.live.has_room(text):
                self.app.toast(text, "error")
        elif not quiet:
            if name == "jobs.create" and (job := result.data.get("job_id")):
                self.app.places.made = str(job)
            self.say(str(result.message) or f"{name}: done", "states.done")
            if name == "library.scan":
                self._scan_said, self._scan_apart = str(SafeText(result.message)), str(result.data.get("apart", ""))
                if self._scan_found:  # it came before the answer
                    self.scan_ended(self._scan_found)
        return result

    # Commands of the face --------------------------------------------------------------------------------------------

    def screen(self) -> LiveScreen:
        """The live screen commands act on."""
        live = self.app.live
        if live is None:
            raise RuntimeError("no live screen")
        return live

    def back(self, args: Args) -> None:
        self.go_back(quits=True)

    def go_back(self, quits: bool) -> None:
        """Leave what is open, innermost first. With nothing open it quits, or (`quits` false: esc) only says how."""
        screen = self.screen()
        if screen.clear_filter() or screen.table.clear_marks() or screen.back():
            return
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        elif self.app.places.leave_visit():
            return
        elif quits:
            self.leave({})
        else:
            self.say("nothing is open here; q quits", "colors.dim")

    def leave(self, args: Args) -> None:
        self.start(self.quit())

    async def quit(self) -> None:
        """Leave; with jobs running in this window it asks, for they stop with it."""
        status = self.app.status
        running = status.jobs_running if status is not None else 0
        if running and "this window" in self.app.engine.description:
            words = f"{running} job{'s' if running > 1 else ''} running in this window will pause until slskdn is started again."
            if not await self.ask(Ask(f"{words} Quit?")):
                return
        await self.app.leave()

    def trace(self, args: Args) -> None:
        subject = {**(next(iter(self.screen().subjects()), {})), **args}
        if not subject.get("job"):
            self.say("trace: put the cursor on a job first", "colors.warning")
            return
        if subject.get("parent") == subject["job"]:
            self.say("a parent job has no trace of its own; enter shows its releases", "colors.warning")
            return
        looks.open_trace(self.app, str(subject["job"]), int(subject.get("track") or 0))

    def palette(self, args: Args) -> None:
        here = self.screen().KEYS
        specs = [spec for spec in SPECS if spec.palette and spec.where != "cli"]
        choices = [
            Choice(spec.name, spec.summary, f"{' '.join(self.app.keys.keys_of(spec, here)[:1]):<7} {spec.category}".strip())
            for spec in specs
        ]

        def picked(name: str | None) -> None:
            spec = next((spec for spec in specs if spec.name == name), None)
            if spec is not None:
                self.run(spec)

        self.app.push_screen(Pick("Commands", choices, typing=True), picked)

    def help(self, args: Args) -> None:
        screen = self.screen()
        self.app.push_screen(Help(screen.KEYS.capitalize(), self.app.keys.help(screen.KEYS), screen.ABOUT))

    def command(self, args: Args) -> None:
        jobs = self._jobs()
        self.screen().bar.ask(":", "", self.history, lambda text: line.complete(text, jobs))

    def hints(self, text: str) -> tuple[list[str], str]:
        """What may be typed next on the `:` line, and what its verb does."""
        return line.hints(text, self._jobs())

    def _jobs(self) -> list[str]:
        return sorted({str(row.job_id)[:8] for row in self.screen().main.model.rows if getattr(row, "job_id", "")})

    def suspend(self, args: Args) -> None:
        self.app.action_suspend_process()


UI: dict[str, Callable[[Actions, Args], None]] = {
    "screen.swarms": lambda actions, args: actions.app.places.show("swarms"),
    "screen.search": lambda actions, args: actions.app.places.show("search"),
    "screen.library": lambda actions, args: actions.app.places.show("library"),
    "screen.discover": lambda actions, args: actions.app.places.show("discover"),
    "screen.jobs": lambda actions, args: actions.app.places.show("jobs"),
    "screen.peers": lambda actions, args: actions.app.places.show("peers"),
    "screen.log": lambda actions, args: actions.app.places.show("log"),
    "screen.previous": lambda actions, args: actions.app.places.previous(),
    "stats.open": looks.open_stats,
    "trace.open": Actions.trace,
    "app.command": Actions.command,
    "app.palette": Actions.palette,
    "app.help": Actions.help,
    "app.back": Actions.back,
    "app.suspend": Actions.suspend,
    "app.quit": Actions.leave,
    **discover.UI,
    **finding.UI,
    **library.UI,
    **people.UI,
    **peers.UI,
    **playing.UI,
    **viewing.UI,
}

"""Shell: `get`: a list of references becomes jobs; with --wait their end becomes the exit code."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any

from slskdn_tui.cli.context import Context, complain, put, put_json, say
from slskdn_tui.cli.present.finding import choose
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.finding import REF
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.views import CandidatesView, JobView, ViewKey
from slskdn_tui.seam import Command, EngineProtocol, Result

POLL_S = 1.0
MOST_REFS = 10_000
CONSTRAINTS = ("codecs", "max_lossy", "canonical", "overlay", "overlay_kbps", "mix", "destination", "again")
ENDED = {"completed": "ok", "failed": "failed", "cancelled": "failed", "paused": "failed"}
"""A job that paused itself waits for the user, so waiting on would be for ever."""


@dataclass(slots=True)
class Wanted:
    """One reference and what became of it: `code` is a name of `EXIT`."""

    ref: str
    job_id: str = ""
    state: str = ""
    code: str = "ok"
    message: str = ""
    hint: str = ""

    @property
    def facts(self) -> dict[str, str]:
        return {"ref": self.ref, "job_id": self.job_id, "state": self.state, "code": self.code, "message": self.message, "hint": self.hint}


def references(given: list[str], lines: list[str]) -> list[str]:
    """The list as meant: `-` stands for the lines of standard input; blank lines and those that begin with `#` are left out. Core."""
    out: list[str] = []
    for ref in given:
        # a list that Windows wrote begins with a mark of its encoding
        texts = (line.lstrip("\ufeff").strip() for line in lines) if ref == "-" else (ref,)
        out += [text for text in texts if text and not (ref == "-" and text.startswith("#"))]
    return [ref for ref in dict.fromkeys(out) if ref.strip()]


def outcome(codes: list[str]) -> str:
    """One code for all: `ok`, or the first that is not. Core."""
    return next((code for code in codes if code != "ok"), "ok")


def get(context: Context) -> int:
    given = list(context.args.get("refs") or ())
    lines = sys.stdin.read(4_000_000).splitlines() if "-" in given else []
    refs = references(given, lines)
    if not refs or len(refs) > MOST_REFS:
        raise UserError(
            "usage",
            f"{len(refs)} references" if refs else "nothing to get",
            f"give up to {MOST_REFS} references: MusicBrainz URLs, slsk:// lines of `slskdn search`, or `artist - album`; `-` reads them",
        )

    async def work(engine: EngineProtocol) -> list[Wanted]:
        found = [await _begin(engine, ref, context.args) for ref in refs]
        for one in found:
            if one.code != "ok":
                complain(f"{one.ref}: {one.message}", one.hint)
            elif not context.json:
                put(one.message)
        if context.args.get("wait"):
            await _wait(engine, [one for one in found if one.job_id], context.args.get("timeout"))
        return found

    found = context.with_engine("live", work)
    if context.json:
        put_json([one.facts for one in found])
    return EXIT[outcome([one.code for one in found])][0]


async def _begin(engine: EngineProtocol, ref: str, args: dict[str, Any]) -> Wanted:
    wanted = Wanted(ref)
    try:
        result = await _submit(engine, ref, args)
    except UserError as error:
        wanted.code, wanted.message, wanted.hint = error.code, str(error.message), str(error.hint)
        return wanted
    wanted.code, wanted.message, wanted.hint = result.code, str(result.message), str(result.hint)
    wanted.job_id = str(result.data.get("job_id", ""))
    if result.code == "refused" and wanted.job_id:
        wanted.code, wanted.message, wanted.hint = "ok", f"is being got already: job {wanted.job_id[:8]}", ""
    return wanted


async def _submit(engine: EngineProtocol, ref: str, args: dict[str, Any]) -> Result:
    """The command a reference means."""
    if ref.startswith(REF):
        sent = {"refs": [ref]} | {name: args[name] for name in ("destination", "again") if args.get(name)}
        return await engine.submit(Command("get.add", sent))
    constraints = {name: args[name] for name in CONSTRAINTS if args.get(name) is not None}
    if parse_mb_reference(ref) is None:
        view = await engine.snapshot(ViewKey("candidates", ref))
        assert isinstance(view, CandidatesView)
        if view.error:
            raise UserError("not_found", view.error, "")
        ref = choose(ref, view.rows)
    return await engine.submit(Command("jobs.create", {"reference": ref, **constraints}))


async def _wait(engine: EngineProtocol, jobs: list[Wanted], timeout: int | None) -> None:
    """Until all have ended; changes are told on stderr."""
    waited = 0.0
    while any(one.state not in ENDED for one in jobs):
        for one in jobs:
            if one.state not in ENDED:
                await _look(engine, one)
        if timeout is not None and waited >= timeout:
            for one in jobs:
                if one.state not in ENDED:
                    one.code, one.message = "unfinished", f"still {one.state} after {timeout} s; the job goes on"
                    complain(f"{one.ref}: {one.message}", f"slskdn jobs show {one.job_id[:8]}")
            return
        await asyncio.sleep(POLL_S)
        waited += POLL_S


async def _look(engine: EngineProtocol, one: Wanted) -> None:
    view = await engine.snapshot(ViewKey("job", one.job_id))
    assert isinstance(view, JobView)
    if view.job.state == one.state:
        return
    one.state = view.job.state
    words = f": {view.job.error}" if view.job.error else ""
    say(f"{one.job_id[:8]} {view.job.title}: {one.state}{words}")
    if one.state in ENDED:
        one.code, one.message = ENDED[one.state], f"{one.state}{words}"

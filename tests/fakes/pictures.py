"""`python -m tests.fakes.pictures`: the docs' pictures, drawn over the fixed story. `--check` says whether the ones in docs/img are current."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from slskdn_tui.config.settings import Ui
from slskdn_tui.ui.app import SlskdnApp
from tests.fakes import citizen, mesh, records, shelf, story, warm
from tests.fakes.engine import FakeEngine

SIZES = ((80, 24), (120, 36))
SHOTS: dict[str, tuple[str, ...]] = {
    "swarms": (),
    "playing": ("j",),
    "elsewhere": ("j", "Y"),
    "search": ("2", "j", "enter", "j", "j"),
    "search-warning": ("2", "j", "j"),
    "search-waiting": ("2",),
    "search-filter": ("2", "slash", *"lossless", "space", *"free", "greater_than_sign", "0", "enter"),
    "search-filter-wrong": ("2", "slash", *"bogus", "equals_sign", "1"),
    "musicbrainz": ("2", "tab"),
    "wishlist": ("2", "tab", "tab"),
    "browse": ("2", "b", "enter", "j"),
    "user": ("2", "u"),
    "messages": ("M",),
    "conversation": ("M", "enter"),
    "uploads": ("U",),
    "library": ("3", "j"),
    "library-why": ("3", "j", "tab", "j", "enter"),
    "library-trash": ("3", "G"),
    "library-well": ("3",),
    "discover": ("4", "n", *"boards", "enter", "j"),
    "discover-album": ("4", "n", *"boards", "enter", "j", "j", "enter"),
    "discover-labels": ("4", "tab"),
    "discover-crate": ("4", "tab", "enter", "j"),
    "discover-nobody": ("4",),
    "jobs": ("5",),
    "jobs-parent": ("5", "enter", "j", "k"),
    "peers": ("6",),
    "peers-broken": ("6",),
    "peers-list": ("6", "tab", "G"),
    "peers-mesh": ("6", "tab", "tab"),
    "peers-cache": ("6", "tab", "tab", "tab", "j"),
    "peers-cache-off": ("6", "tab", "tab", "tab"),
    "log": ("7",),
    "trace": ("5", "t"),
    "command-line": ("colon", *"limits", "space", "tab"),
    "stats": ("colon", *"stats", "enter"),
    "help": ("question_mark",),
    "cancel": ("x",),
    "palette": ("ctrl+p",),
    "new-job": ("n", "l", "o", "v", "e", "l", "e", "s", "s", "enter"),
    "new-job-tracks": ("n", "l", "o", "v", "e", "l", "e", "s", "s", "enter", "enter"),
}
"""Keys that lead to each picture."""
VIEWS: dict[str, dict[str, Any]] = {
    "playing": {"status": replace(story.status(), playing=story.PLAYS.line)},
    "elsewhere": {"playback": replace(story.PLAYS, state="unheard", reason="mpv finds no sound device on this machine", url=story.URL)},
    "search-waiting": {"search": citizen.waiting()},
    "jobs-parent": {"jobs": records.jobs()},
    "uploads": {"limits": citizen.limits()},
    "library-well": {"library": shelf.idle},
    "peers-cache-off": {"cache": warm.off()},
    "peers-broken": {"contribution": mesh.leeching()},
    "messages": {"status": replace(story.status(), unread=2, wishes_new=1)},
}
"""What is not as in the story on some pictures."""
IMG = Path(__file__).resolve().parents[2] / "docs" / "img"


async def settled(pilot: Pilot[Any]) -> None:
    """Until the visible screen has its rows and nothing is being worked on but the standing tasks."""
    app: Any = pilot.app
    for _ in range(500):
        await pilot.pause()
        busy = [worker for worker in app.workers if worker.group == "candidates" and not worker.is_finished]
        if app.live is not None and app.live.main.loaded and not busy:
            break
        await asyncio.sleep(0.01)
    await app.poller.poll()
    await app.poller.poll()
    await pilot.pause()


async def arrange(pilot: Pilot[Any], keys: tuple[str, ...]) -> None:
    """Press keys, waiting for each step's rows."""
    await settled(pilot)
    for key in keys:
        await pilot.press(key)
        if len(key) > 1 or key.isdigit() or key in "tnxbuMUY":
            await settled(pilot)


def engine_of(shot: str) -> FakeEngine:
    """The story as that picture needs it."""
    engine = FakeEngine()
    engine.views |= VIEWS.get(shot, {})
    return engine


async def draw(shot: str, size: tuple[int, int]) -> str:
    app = SlskdnApp(engine_of(shot), settings=Ui(), refresh_hz=0.1)
    async with app.run_test(size=size) as pilot:
        await arrange(pilot, SHOTS[shot])
        return app.export_screenshot(title="slskdn")


def wanted() -> dict[str, tuple[str, tuple[int, int]]]:
    """File name -> what is on it."""
    return {f"{shot}-{size[0]}x{size[1]}.svg": (shot, size) for shot in SHOTS for size in SIZES}


def text_of(svg: str) -> str:
    """What can be read on a picture, for comparing ones drawn by different library versions."""
    return "\n".join(re.findall(r">([^<>]+)</text>", svg))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    os.environ.pop("NO_COLOR", None)
    os.environ |= {"TZ": "UTC", "COLORTERM": "truecolor"}
    time.tzset()
    stale = []
    IMG.mkdir(parents=True, exist_ok=True)
    for name, (shot, size) in wanted().items():
        svg = asyncio.run(draw(shot, size))
        path = IMG / name
        if not path.exists() or text_of(path.read_text("utf-8")) != text_of(svg):
            stale.append(name)
            if not check:
                path.write_text(svg, "utf-8")
    print(f"{len(stale)} of {len(wanted())} pictures {'are stale: ' + ', '.join(stale) if check else 'drawn'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

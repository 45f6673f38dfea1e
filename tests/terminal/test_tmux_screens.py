"""The screens in tmux, by keys only, at both sizes, as a user over SSH meets them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.tmux import Tmux

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]


@pytest.fixture(params=[(80, 24), (120, 36)], ids=["80x24", "120x36"])
def tmux(request: pytest.FixtureRequest) -> Iterator[Tmux]:
    width, height = request.param
    window = Tmux(width, height, f"cd {ROOT} && {sys.executable} -m tests.fakes.show --hz 4")
    yield window
    window.close()


def test_discover_by_keys(tmux: Tmux) -> None:
    tmux.until("the rescue opened", lambda text: "RESCUE" in text and "? help" in text)
    tmux.keys("4")
    tmux.until("what to press", lambda text: "Whose records?" in text)
    tmux.keys("Enter")
    tmux.until("the prompt", lambda text: "artist's name" in text)
    tmux.type("boards")
    tmux.keys("Enter")
    tmux.until("the tree", lambda text: "Core: 4, 1 here" in text and "1 of 4 core albums here" in text and "active 38%" in text)
    tmux.keys("m")
    tmux.until("what is missing", lambda text: "3 core albums missing" in text)
    tmux.keys("m", "j", "A")
    tmux.until("it is got", lambda text: "done" in text)
    tmux.keys("Enter")
    tmux.until("its editions, and where it leads", lambda text: "Editions: 3" in text and "also by this producer" in text)
    tmux.keys("q")
    tmux.until("the tree again", lambda text: "Core: 4" in text)
    tmux.keys("Tab")
    tmux.until("labels", lambda text: "Kompakt" in text)
    tmux.keys("/", "wa")
    tmux.until("those that begin so", lambda text: "Warp Singles" in text and "Kompakt" not in text)
    tmux.keys("Enter", "Enter")
    tmux.until("a label's releases", lambda text: "Aphex Twin" in text and "61+12" in text)
    tmux.keys("5")
    tmux.until("jobs", lambda text: "Loveless" in text and "LENGTH" in text)
    tmux.keys("2", "Tab")
    tmux.until("releases", lambda text: "3 releases" in text)
    tmux.keys("o")
    tmux.until("where it leads", lambda text: "same label: Warp Records" in text)
    tmux.keys("q")
    tmux.until("back on Search", lambda text: "3 releases" in text)


def test_every_screen_can_be_reached_and_left_by_keys(tmux: Tmux) -> None:
    tmux.until("the rescue opened", lambda text: "RESCUE" in text and "? help" in text)
    tmux.keys("5")
    tmux.until("the Jobs screen", lambda text: "Boards of Canada" in text and "LENGTH" in text)
    tmux.keys("t")
    tmux.until("the trace", lambda text: "received" in text and "banned" in text)
    tmux.keys("q")
    tmux.until("Jobs again", lambda text: "LENGTH" in text)
    tmux.keys("6")
    tmux.until("the report and the peers", lambda text: "Healthy contributor" in text and "b3:9f2c" in text)
    tmux.keys("o")
    tmux.until("the cache", lambda text: "[Cache]" in text and "Blue in Green" in text and "block" not in text)
    tmux.keys("j", "p")
    tmux.until("a pin", lambda text: "done" in text)
    tmux.keys("x")
    tmux.until("the question", lambda text: "Delete this from the cache?" in text)
    tmux.keys("n")
    tmux.until("nothing was deleted", lambda text: "left as it was" in text)
    tmux.keys("z")
    tmux.until("the size is asked for", lambda text: "GB of 1,000,000,000 bytes" in text)
    tmux.keys("20", "Enter")
    tmux.until("the size is set", lambda text: "done" in text)
    tmux.keys("7")
    tmux.until("the log", lambda text: "WHAT HAPPENED" in text and "is banned" in text)
    tmux.keys("2")
    tmux.until("results", lambda text: "412 files, 61 users" in text and "14 s left" in text)
    tmux.keys("/", "bogus", "Enter")
    tmux.until("what is wrong with the filter", lambda text: "is no field" in text and "mono_lith" in text)
    tmux.keys("q", "Tab")
    tmux.until("releases", lambda text: "3 releases" in text)
    tmux.keys("Tab")
    tmux.until("wishes", lambda text: "3 wishes" in text and "basic channel" in text)
    tmux.keys("Enter")
    tmux.until("a wish's results", lambda text: "Wish ▸ talk talk" in text and "dj_kode" in text)
    tmux.keys("b")
    tmux.until("a user's files", lambda text: "678 folders" in text)
    tmux.keys("u")
    tmux.until("the user", lambda text: "3 upload slots" in text)
    tmux.keys("M", "Enter")
    tmux.until("the conversation", lambda text: "Messages ▸ bluenote59" in text and "wakes it" in text)
    tmux.keys("q", "q", "1", "U")
    tmux.until("uploads", lambda text: "leechers" in text and "#3" in text)
    tmux.keys("q")
    tmux.keys("1", "?")
    tmux.until("help", lambda text: "Help: Swarms" in text)
    tmux.keys("q")
    tmux.keys("C-p")
    tmux.until("the palette", lambda text: "Commands" in text and "type to narrow" in text)
    tmux.keys("Escape")
    tmux.until("the palette gone", lambda text: "Commands" not in text)
    tmux.keys(":", "frob", "Enter")
    tmux.until("an error in one line", lambda text: "there is no command 'frob'" in text)
    tmux.keys("n")
    tmux.until("the prompt", lambda text: "New job" in text)
    tmux.keys("loveless", "Enter")
    tmux.until("releases", lambda text: "3 releases" in text)
    tmux.keys("Enter")
    tmux.until("the tracklist", lambda text: "START THE JOB" in text)
    tmux.keys("Enter")
    tmux.until("the job started", lambda text: "START THE JOB" not in text and "done" in text)
    tmux.keys("q")
    tmux.until("the question", lambda text: "Quit?" in text)
    tmux.keys("y")
    while tmux.lives and "RESCUE" in tmux.screen():
        time.sleep(0.1)

"""What scanning a library costs: the first index of headers and tags, then a rescan without a change beside `find -printf` on the same files.

    python tests/bench/scan.py [--files 100000] [--runs 3]

The files are real: small FLAC and MP3 files (seven to three) with tags of their own, ten to a folder, in a temporary folder. Wall and CPU seconds
(engine and scan process), the largest resident size of both, and the longest time the engine's loop was held meanwhile. Nothing is decoded.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import soundfile
from mutagen.flac import FLAC
from mutagen.id3 import ID3, TALB, TIT2, TPE1, TRCK, UFID

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.library.scan.scanner import Scanner
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store

MARK = "TITLE00000000"
RECORDING = "44704dda-b877-4551-a2a8-c1f764476e65"
FIND = ("find", "-type", "f", "-printf", "%T@ %s %i %p\\n")


def template(folder: Path, kind: str) -> bytes:
    """A short tagged file whose title is `MARK`, which another title of that length may take the place of."""
    path = folder / f"template.{kind}"
    sound = io.BytesIO()
    soundfile.write(sound, numpy.random.default_rng(1).uniform(-0.1, 0.1, (4410, 2)), 44_100, format=kind.upper())
    path.write_bytes(sound.getvalue())
    if kind == "flac":
        tags = FLAC(path)
        tags.update(title=MARK, artist="Some Artist", album="An Album", tracknumber="3/12", date="1999", musicbrainz_trackid=RECORDING)
        tags.save()
    else:
        frames = (UFID("http://musicbrainz.org", RECORDING.encode()), *(kind(3, [text]) for kind, text in (
            (TIT2, MARK), (TPE1, "Some Artist"), (TALB, "An Album"), (TRCK, "3/12"))))  # fmt: skip
        id3 = ID3()
        for frame in frames:
            id3.add(frame)
        id3.save(path)
    made = path.read_bytes()
    path.unlink()
    return made


def make_files(root: Path, count: int) -> None:
    files = {kind: template(root, kind) for kind in ("flac", "mp3")}
    for number in range(count):
        folder = root / f"Artist {number // 100}" / f"Album {number // 10}"
        if number % 10 == 0:
            folder.mkdir(parents=True)
        kind = "flac" if number % 10 < 7 else "mp3"
        data = files[kind].replace(MARK.encode(), f"TITLE{number:08}".encode())
        (folder / f"{number % 10:02} title{number}.{kind}").write_bytes(data)


def cpu() -> float:
    return sum(use.ru_utime + use.ru_stime for use in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


async def scanned(store: Store, scanner: Scanner, bus: EventBus, name: str) -> None:
    """`idle`: the same figures of a loop with nothing to do, for the time a rescan takes: what the machine alone does to it."""
    held, over, done = 0.0, 0, asyncio.Event()

    async def tick() -> None:
        nonlocal held, over
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late = time.perf_counter() - before - 0.001
            held, over = max(held, late), over + (late > 0.005)

    ticker = asyncio.create_task(tick())
    events = bus.subscribe()
    began, used = time.perf_counter(), cpu()
    if name == "idle":
        await asyncio.sleep(2)
    else:
        await scanner.start()
        async for event in events:
            if event.name in ("library.scanned", "part.failed"):
                break
    took = time.perf_counter() - began
    done.set()
    await ticker
    await scanner.cancel()
    files = (await store.files.counts()).files
    used = cpu() - used
    print(f"| {name} | {files} | {took:.2f} | {used:.2f} | {1000 * held:.0f} ms, {over} times over 5 ms |", flush=True)


async def cancelled(store: Store, scanner: Scanner, bus: EventBus) -> None:
    """How long a cancel takes while folders are walked, while headers of files that all changed are read, and while they are decoded."""
    for name, after in (("walking", 0.0), ("reading headers", 0.5), ("decoding", 0.5)):
        await store.library.execute("UPDATE HashDb SET mtime_ns = 0")
        events = bus.subscribe()
        await scanner.start()
        if name == "walking":
            await asyncio.sleep(0.3)  # its process is there
        elif name == "reading headers":
            while not (await store.library.fetch("SELECT 1 FROM HashDb WHERE mtime_ns > 0 LIMIT 1")):
                await asyncio.sleep(0.01)
        else:
            async for event in events:
                if event.name in ("library.scanned", "part.failed"):
                    break
        await asyncio.sleep(after)
        began = time.perf_counter()
        await scanner.cancel()
        print(f"| cancel while {name} | | {time.perf_counter() - began:.3f} | | |", flush=True)


def found(root: Path) -> None:
    began, used = time.perf_counter(), cpu()
    out = subprocess.run(FIND, cwd=root, check=True, stdout=subprocess.PIPE).stdout
    print(f"| find -printf | {len(out.splitlines())} | {time.perf_counter() - began:.2f} | {cpu() - used:.2f} | |", flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "music"
        root.mkdir()
        make_files(root, given.files)
        clock = SystemClock()
        store = await Store.open(Paths.of(Path(folder) / "profile"), clock)
        bus, supervisor = EventBus(clock), Supervisor(clock)
        scanner = Scanner(store.files, store.choices, store.library.path, lambda: [str(root)], clock, bus, supervisor, workers=1)
        await scanner.load()
        supervisor.keep("library", scanner.run)
        print(f"load {os.getloadavg()[0]:.0f}\n\n| what | files | wall s | CPU s | loop held |\n|---|---|---|---|---|")
        await scanned(store, scanner, bus, "first index")
        for _ in range(given.runs):
            found(root)
            await scanned(store, scanner, bus, "idle")
            await scanned(store, scanner, bus, "no-change rescan")
        await cancelled(store, scanner, bus)
        sizes = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        print(
            f"\nlargest resident size: this process {sizes[0]} MiB, the scan's {sizes[1]} MiB; library.db {store.library.path.stat().st_size >> 20} MiB"
        )
        await supervisor.stop()
        scanner.close()
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())

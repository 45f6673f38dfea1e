"""What a peer's questions cost at 100,000 shared files, beside stock aioslsk's own share manager in the same run.

    python tests/bench/shares.py [--files 100000] [--rounds 5]

The files are real (one byte each, in a temporary folder): both sides look at the same disk. A question's figure is the median of many calls, as the
time during which the loop is held. Browse: the time until the reply's bytes are there, and the longest time the loop was held meanwhile; stock builds
it on the loop. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from aioslsk.events import EventBus
from aioslsk.network.network import Network
from aioslsk.protocol.messages import PeerSharesReply
from aioslsk.shares.manager import SharesManager

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.soulseek.client import library_settings
from slskdn_tui.engine.soulseek.shares.index import ShareIndexer, ShareReader, open_index
from slskdn_tui.engine.soulseek.shares.shares import IndexedSharesManager

ALBUM, ARTIST = 10, 100
ATTRIBUTES = [(1, 200), (4, 44100), (5, 16)]


def make_files(root: Path, count: int) -> None:
    for number in range(count):
        folder = root / f"Artist {number // ARTIST}" / f"Album {number // ALBUM}"
        if number % ALBUM == 0:
            folder.mkdir(parents=True)
        (folder / f"{number % ALBUM:02} title{number}.flac").write_bytes(b"x")


def cost(ask: Callable[[], Any], rounds: int) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        with suppress(Exception):  # stock says "not shared" by an error
            ask()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


async def lag_during(work: Any) -> tuple[float, float]:
    """(seconds the work took, longest time the loop was held meanwhile)."""
    longest, done = 0.0, asyncio.Event()

    async def tick() -> None:
        nonlocal longest
        while not done.is_set():
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - before - 0.001)

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    await work()
    took = time.perf_counter() - began
    await asyncio.sleep(0.005)
    done.set()
    await ticker
    return took, longest


async def main(count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="slskdn-shares-") as tmp:
        root = Path(tmp) / "Music"
        make_files(root, count)
        settings = library_settings(Soulseek(username="bench", server="127.0.0.1:1"), "x")
        bus = EventBus()
        network = Network(settings, bus)

        db = open_index(Path(tmp) / "profile" / "shares.db")
        indexer = ShareIndexer(db, [str(root)])
        scans = []
        for _ in range(2):
            began = time.perf_counter()
            await asyncio.to_thread(indexer.scan)
            scans.append(time.perf_counter() - began)
        db.execute("UPDATE file SET bitrate = 200, rate = 44100, bits = 16")
        ours = IndexedSharesManager(settings, bus, network, reader=ShareReader(Path(tmp) / "profile" / "shares.db"))

        stock = SharesManager(settings, bus, network)
        directory = stock.add_shared_directory(str(root))
        began = time.perf_counter()
        await stock.scan_directory_files(directory)
        stock_scan = time.perf_counter() - began
        for item in directory.items:
            item.attributes = ATTRIBUTES

        middle = count // 2 + 3
        tail = f"Artist {middle // ARTIST}\\Album {middle // ALBUM}\\{middle % ALBUM:02} title{middle}.flac"
        mine = next(each.remote for each in ours.reader.query(f"title{middle}"))
        theirs = f"@@{directory.alias}\\{tail}"
        assert mine.endswith(tail) and stock.get_shared_item_cache(theirs)
        folder_mine, folder_theirs = (path.rpartition("\\")[0] for path in (mine, theirs))
        rows: list[tuple[str, float, float]] = [
            (name, cost(ask_ours, rounds * 20), cost(ask_stock, rounds))
            for name, ask_ours, ask_stock in (
                ("search, one word in one file", lambda: ours.query(f"title{middle}"), lambda: stock.query(f"title{middle}")),
                ("search, three words", lambda: ours.query("artist album flac"), lambda: stock.query("artist album flac")),
                ("search, a word in every file", lambda: ours.query("flac"), lambda: stock.query("flac")),
                (
                    "search, the same, a phrase excluded by the server",
                    lambda: ours.query("flac", None, ["unspoken phrase"]),
                    lambda: stock.query("flac", None, ["unspoken phrase"]),
                ),
                (
                    "search, an excluded and a wild word",
                    lambda: ours.query("flac -music *tle77"),
                    lambda: stock.query("flac -music *tle77"),
                ),
                ("search, a word in no file", lambda: ours.query("nowhere"), lambda: stock.query("nowhere")),
                ("find a file by its path", lambda: ours.get_shared_item_cache(mine), lambda: stock.get_shared_item_cache(theirs)),
                ("not shared", lambda: ours.get_shared_item_cache(mine + "x"), lambda: stock.get_shared_item_cache(theirs + "x")),
                (
                    "contents of a folder",
                    lambda: ours.create_directory_reply(folder_mine),
                    lambda: stock.create_directory_reply(folder_theirs),
                ),
            )
        ]
        made, held = await lag_during(ours.browse_reply)

        async def stock_browse() -> None:
            visible, locked = stock.create_shares_reply("somebody")
            PeerSharesReply.Request(directories=visible, locked_directories=locked).serialize()

        stock_made, stock_held = await lag_during(stock_browse)
        size = len(await ours.browse_reply())
        load = os.getloadavg()[0]
        print(
            f"{count} files, load {load:.1f}; ours first scan {scans[0]:.1f} s, unchanged {scans[1]:.2f} s; browse reply {size >> 10} KiB\n"
        )
        print("| question | ours ms | stock ms | stock/ours |\n|---|---|---|---|")
        rows += [("browse: until the reply is there", made, stock_made), ("browse: longest hold of the loop", held, stock_held)]
        rows += [("scan without tags (ours: unchanged)", scans[1], stock_scan)]
        for name, one, other in rows:
            print(f"| {name} | {one * 1000:.2f} | {other * 1000:.2f} | {other / max(one, 1e-9):.1f} |")
        ours.reader.close()
        db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    asyncio.run(main(options.files, options.rounds))

"""Reading a user's whole share list: ours in a thread, beside aioslsk's own reader on the loop, in the same run.

    python tests/bench/share_list.py [--files 100000] [--rounds 3]

The loop is asked for its turn every millisecond meanwhile; its longest wait is the figure a user would feel. Prints one JSON object: seconds to
read, the longest and the 99th percentile wait of the loop (ms), for both, and the medians' ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable

from aioslsk.protocol.messages import PeerSharesReply
from aioslsk.protocol.primitives import Attribute, DirectoryData, FileData

from slskdn_tui.engine.soulseek.wire import hardening

A_FOLDER = 12


def message(files: int) -> bytes:
    facts = [Attribute(1, 200), Attribute(4, 44100), Attribute(5, 16)]
    listed = [FileData(1, f"{number:02} - A Track With A Title.flac", 30_000_000 + number, "flac", facts) for number in range(A_FOLDER)]
    folders = [DirectoryData(f"@@abcde\\Music\\Artist {number % 1500}\\Album {number}", listed) for number in range(files // A_FOLDER)]
    return PeerSharesReply.Request(folders).serialize()


async def watched(read: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """(seconds, longest wait of the loop, 99th percentile), waits in ms."""
    waits: list[float] = []
    reading = True

    async def beat() -> None:
        while reading:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            waits.append((time.perf_counter() - before - 0.001) * 1000)

    beating = asyncio.ensure_future(beat())
    await asyncio.sleep(0.01)
    began = time.perf_counter()
    await read()
    took = time.perf_counter() - began
    reading = False
    await beating
    return took, max(waits), sorted(waits)[int(len(waits) * 0.99)]


async def run(files: int, rounds: int) -> dict[str, object]:
    data = message(files)

    async def ours() -> object:
        return await asyncio.to_thread(hardening._listing, data)

    async def theirs() -> object:
        return PeerSharesReply.Request.deserialize(0, data)

    found: dict[str, list[tuple[float, float, float]]] = {"ours": [], "aioslsk": []}
    for _ in range(rounds):
        found["aioslsk"].append(await watched(theirs))
        found["ours"].append(await watched(ours))
    medians = {name: [statistics.median(each[column] for each in rows) for column in range(3)] for name, rows in found.items()}
    report: dict[str, object] = {"files": files, "rounds": rounds}
    for name, (took, longest, p99) in medians.items():
        report[name] = {"seconds": round(took, 3), "longest_wait_ms": round(longest, 1), "p99_wait_ms": round(p99, 1)}
    report["seconds_ratio"] = round(medians["ours"][0] / medians["aioslsk"][0], 3)
    report["longest_wait_ratio"] = round(medians["ours"][1] / medians["aioslsk"][1], 4)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(json.dumps(asyncio.run(run(args.files, args.rounds)), indent=1))


if __name__ == "__main__":
    main()

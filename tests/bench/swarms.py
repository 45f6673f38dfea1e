"""Many simulated swarms: what the fast suite does with two hundred seeds, with ten thousand; and the time against first-come assignment. Shell.

    python tests/bench/swarms.py --seeds 10000 --first-come 2000 --jobs 2

The simulator is `tests/unit/swarm/sim.py`, its worlds `simworlds.py`; a seed that fails is named and replays exactly. Exit code 1 when any check fails.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "unit" / "swarm"), str(Path(__file__).resolve().parents[2])]

from first_come import FirstCome  # noqa: E402
from simworlds import Survey, survey  # noqa: E402

BLOCK = 100


def block(start: int, stop: int, plain: bool) -> Survey:
    return survey(range(start, stop), FirstCome if plain else None)


def joined(parts: list[Survey]) -> Survey:
    whole = Survey()
    for part in parts:
        whole.faults += part.faults
        whole.size += part.size
        whole.duplicates += part.duplicates
        whole.above += part.above
        whole.large += part.large
        whole.liars += part.liars
        whole.tails += part.tails
        whole.times |= part.times
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first-come", type=int, default=2000, help="of these seeds, how many are run with first-come assignment, too")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parser.parse_args()
    began = time.perf_counter()

    with ProcessPoolExecutor(given.jobs) as pool:

        def run(seeds: int, plain: bool) -> Survey:
            starts = range(0, seeds, BLOCK)
            return joined(list(pool.map(block, starts, (min(start + BLOCK, seeds) for start in starts), [plain] * len(starts))))

        ours = run(given.seeds, False)
        wall = time.perf_counter() - began
        plain = run(given.first_come, True)
    print(f"{given.seeds} swarms in {wall:.0f} s with {given.jobs} processes, load {os.getloadavg()[0]:.1f}")
    print(
        f"faults {len(ours.faults)}; peers banned {ours.liars}; {ours.size / 2**30:.0f} GiB, duplicates {ours.duplicates / ours.size:.2%}"
    )
    print(f"files of 32 MiB and more: {ours.large}, above 3 % of duplicates: {ours.above}")
    tails = sorted(ours.tails)
    print(f"seconds after the last leaf was assigned: mean {statistics.mean(tails):.2f}, 95 % below {tails[int(len(tails) * 0.95)]:.2f}")
    if plain.times:
        ratios = sorted(plain.times[seed] / ours.times[seed] for seed in plain.times)
        whole = sum(plain.times.values()) / sum(ours.times[seed] for seed in plain.times)
        quantiles = ", ".join(f"{share:.0%} {ratios[int(len(ratios) * share)]:.2f}" for share in (0.05, 0.25, 0.5, 0.75, 0.95))
        print(f"first-come over ours, {len(ratios)} swarms: in all {whole:.2f} times the seconds; by swarm {quantiles}")
        print(
            f"first-come did not end in time: {sum('not finished' in fault for fault in plain.faults)}; duplicates {plain.duplicates / plain.size:.2%}"
        )
    for fault in ours.verdict():
        print(fault)
    return 1 if ours.verdict() else 0


if __name__ == "__main__":
    raise SystemExit(main())

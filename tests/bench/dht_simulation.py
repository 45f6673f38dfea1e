"""Look-ups in a simulated network: success, time to the first value, queries a look-up, one and 29 minutes after one announce.

    python tests/bench/dht_simulation.py [--nodes 10000] [--keys 400] [--seed 5] [--minutes 29]

Virtual time: the figures do not depend on the machine's load. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "dht"))
from dht_bignet import BigNet, keys  # type: ignore[import-not-found]


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--keys", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--minutes", type=int, default=29)
    options = parser.parse_args()
    began = time.process_time()
    net = BigNet(options.seed)
    net.populate(options.nodes)
    gc.collect()
    gc.freeze()
    gc.disable()  # millions of live objects: looking for garbage among them takes longer than the network itself
    net.run(180.0)
    wanted = keys(options.seed, options.keys)
    announces = []
    for key in wanted:
        announces.append(net.announce(key))
        net.run(30.0 / len(wanted))
    net.run(30.0)
    report = {"nodes": options.nodes, "keys": options.keys, "announced_to": sum(a.stored for a in announces) / len(announces)}
    figures = net.look_up_all(wanted)
    report["at 1 min"] = asdict(figures) | {"success": figures.success}
    print(figures, file=sys.stderr)
    if options.minutes > 2:
        before, start = net.datagrams, net.now
        for left in range(options.minutes - 1, 0, -1):
            net.run(60.0 if left > 1 else 30.0)
            print(f"{left - 1} min to go, {net.events} events, {time.process_time() - began:.0f} CPU s, {memory()} MiB", file=sys.stderr)
        report["datagrams a node and minute"] = (net.datagrams - before) / options.nodes / ((net.now - start) / 60)
        figures = net.look_up_all(wanted)
        report[f"at {options.minutes} min"] = asdict(figures) | {"success": figures.success}
        print(figures, file=sys.stderr)
    report |= {
        "trace": net.trace_hash,
        "events": net.events,
        "cpu_s": round(time.process_time() - began, 1),
        "rss_mib": memory(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()

"""The overlay over shaped links: 20/10/5/1/0.2 MB/s at 10 to 200 ms, with peers that stall, lie and fade. Shell around `bench_shaped.py`.

    sudo python tests/bench/shaped.py --bench ../shared/bench --size 256 --runs 3 [--scenarios S0,S1] [--rivals lt]

`bench_shaped.py` builds namespaces and links in user space (root, iproute2, gcc, /dev/net/tun), runs `slskdn bench serve` in each and `slskdn bench fetch`
in the client's, checks the file and compares wall time with the integral of what usable links could carry. Rows go to stdout as a Markdown table.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BARS = {
    (32, "S0"): 1.5,
    (32, "S2"): 1.6,
    (256, "S0"): 1.10,
    (256, "S1"): 1.15,
    (256, "S2"): 1.10,
    (256, "S3"): 1.15,
    (256, "S4"): 1.15,
}
MOST_DUPLICATES = 0.03


def run(bench: Path, scratch: Path, tool: str, size: int, scenario: str, timeout: float) -> dict[str, Any]:
    """One run; the row that `bench_shaped.py` prints, with the machine's load beside it."""
    python = sys.executable
    command = [
        python,
        str(bench / "bench_shaped.py"),
        "--tool",
        tool,
        "--size",
        str(size),
        "--scenario",
        scenario,
        "--timeout",
        str(timeout),
    ]
    if tool == "custom":
        ours = f"{python} -m slskdn_tui.engine.bench"
        command += ["--peer-cmd", ours + " serve --listen {addr}:7000 --ready {ready} {file}"]
        command += ["--client-cmd", ours + " fetch --json --out {dst} --peers {peers}"]
    # The driver names the client's namespace itself, so one run at a time: its prefix stays as it is.
    where = {"TMPDIR": str(scratch), "SHAPE_RUN": str(scratch / "shape-sx"), "BENCH_DIR": str(scratch / "files")}
    load = os.getloadavg()[0]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **where}, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"bench_shaped.py failed ({done.returncode}); it needs root, iproute2, gcc and /dev/net/tun")
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "load": round(load, 1)}


def as_line(row: dict[str, Any]) -> str:
    client = row.get("client", {})
    size = row["size_MiB"] << 20
    duplicates = f"{100 * client['duplicate_bytes'] / size:.2f} %" if client else ""
    banned = ", ".join(name.split(":")[0] for name in client.get("banned", [])) or "-"
    bar = BARS.get((row["size_MiB"], row["scenario"]), "")
    values = [
        row["tool"].replace("custom", "slskdn"),
        f"{row['size_MiB']} MiB {row['scenario']}",
        row["ideal_s"],
        row["wall_s"],
        row["ratio"],
        bar,
        "right" if row["ok"] else "WRONG",
        duplicates,
        banned,
        row["load"],
    ]
    return "| " + " | ".join(str(value) for value in values) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=Path(os.environ.get("SLSKDN_BENCH", ROOT.parent / "shared" / "bench")))
    parser.add_argument("--size", type=int, action="append", help="MiB; may be given more than once")
    parser.add_argument("--scenarios", default="S0,S1,S2,S3,S4")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--rivals", default="", help="lt, aria2, aria2meta: run beside it, in turn")
    parser.add_argument("--timeout", type=float, default=100)
    parser.add_argument("--strict", action="store_true", help="fail when a bar is missed")
    given = parser.parse_args()
    if os.geteuid() != 0:
        sys.stderr.write("SKIPPED: shaped links need root (network namespaces, TUN)\n")
        return 0
    good = True
    compileall.compile_dir(ROOT / "slskdn_tui", quiet=1)  # as an installed program is, even where Python is told to write no bytecode
    print(
        "| tool | case | ideal s | wall s | ratio | bar | file | duplicates | banned | load |\n|---|---|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix=f"slskdn-shaped-{os.getpid()}-", dir=base) as scratch:
        for size in given.size or [256]:
            for scenario in given.scenarios.split(","):
                for _ in range(given.runs):
                    for tool in ["custom", *filter(None, given.rivals.split(","))]:
                        row = run(given.bench, Path(scratch), tool, size, scenario, given.timeout)
                        print(as_line(row), flush=True)
                        if tool == "custom":
                            duplicates = row.get("client", {}).get("duplicate_bytes", 0) / (size << 20)
                            missed = row["ratio"] > BARS.get((size, scenario), 9e9) or duplicates > MOST_DUPLICATES
                            good = good and row["ok"] and not (given.strict and missed)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""Unshaped loopback: `slskdn bench` against libtorrent on one file, in one run. Shell; needs libtorrent (`pip install libtorrent`).

    python tests/bench/loopback.py --size 1024 --sources 4 --runs 3

One source a process on 127.0.8.N; files in /dev/shm, so no disk is in the figures. MB/s is size over the client's own time: ours from the first
dial to the renamed file, read back and checked (the interpreter's own start is outside, as it is for libtorrent); libtorrent's from `connect_peer` to finished.
`transfer_MBps` is ours without the reading back, which libtorrent does not do: until every byte is verified and committed.
CPU s/GB is user and system time of both ends: sources during the transfer, and all of the client process. RSS is the client's peak.
A hypervisor may take unused memory back, and its first use then costs more than the transfer: before each race as much as the result needs is used once.
Who runs first changes from run to run. With both tools a last line sums up: medians, and what ours is of libtorrent's.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

PYTHON = sys.executable
ME = Path(__file__).resolve()
BENCH = [PYTHON, "-m", "slskdn_tui.engine.bench"]
_TICKS = os.sysconf("SC_CLK_TCK")
_ZEROS = bytes(1 << 20)


def cpu_of(pid: int) -> float:
    """User and system seconds of a running process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def wait_for(paths: list[Path]) -> None:
    end = time.monotonic() + 120
    while not all(path.exists() for path in paths):
        if time.monotonic() > end:
            raise SystemExit("a source did not become ready")
        time.sleep(0.02)


def used_once(folder: Path, size: int) -> None:
    """Have the machine own `size` bytes of memory that are free again."""
    file = folder / "used-once"
    with file.open("wb") as open_file:
        for _ in range(size >> 20):
            open_file.write(_ZEROS)
    file.unlink()


def race(name: str, sources: list[list[str]], ready: list[Path], client: list[str], size: int, good: Path, out: Path) -> dict[str, Any]:
    """Start the sources, run the client, compare the file; one row."""
    processes = [subprocess.Popen(command, cwd=ME.parents[2], stdout=subprocess.DEVNULL) for command in sources]
    try:
        wait_for(ready)
        used_once(out.parent if out.parent.is_dir() else out.parent.parent, size)
        before = sum(cpu_of(process.pid) for process in processes)
        started = time.perf_counter()
        running = subprocess.Popen(client, cwd=ME.parents[2], stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        printed = running.stdout.read()
        _, status, spent = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        serving = sum(cpu_of(process.pid) for process in processes) - before
        fetching = spent.ru_utime + spent.ru_stime
        lines = printed.strip().splitlines()
        told = json.loads(lines[-1]) if lines else {}
        same = subprocess.run(["cmp", "-s", good, out], check=False).returncode == 0
        seconds = told.get("seconds", wall)
        transfer = told.get("transfer_seconds", seconds)
        return {
            "tool": name,
            "ok": same,
            "seconds": round(seconds, 3),
            "MBps": round(size / seconds / 1e6, 1),
            "transfer_MBps": round(size / transfer / 1e6, 1),
            "cpu_s_per_GB": round((serving + fetching) / size * 1e9, 2),
            "client_cpu_s_per_GB": round(fetching / size * 1e9, 2),
            "client_rss_MB": round(spent.ru_maxrss / 1024),
        }
    finally:
        for process in processes:
            process.kill()
            process.wait()


def ours(folder: Path, good: Path, count: int) -> dict[str, Any]:
    ready = [folder / f"ready{n}" for n in range(count)]
    serve = [[*BENCH, "serve", "--listen", f"127.0.8.{n + 1}:7000", "--ready", str(ready[n]), str(good)] for n in range(count)]
    out = folder / "ours.bin"
    peers = ",".join(f"127.0.8.{n + 1}:7000" for n in range(count))
    return race("slskdn", serve, ready, [*BENCH, "fetch", "--json", "--out", str(out), "--peers", peers], good.stat().st_size, good, out)


def libtorrent_row(folder: Path, good: Path, count: int) -> dict[str, Any]:
    torrent = folder / "file.torrent"
    subprocess.run([PYTHON, "-W", "ignore", str(ME), "lt-make", str(good), str(torrent)], check=True)
    ready = [folder / f"lt-ready{n}" for n in range(count)]
    seed = [[PYTHON, str(ME), "lt-seed", str(torrent), str(good.parent), f"127.0.8.{n + 1}:7001", str(ready[n])] for n in range(count)]
    out = folder / "lt"
    out.mkdir()
    peers = ",".join(f"127.0.8.{n + 1}:7001" for n in range(count))
    client = [PYTHON, str(ME), "lt-get", str(torrent), str(out), peers]
    return race("libtorrent", seed, ready, client, good.stat().st_size, good, out / good.name)


# What the libtorrent processes do. Its defaults, but for discovery and uTP, which have no place on loopback.


def _session(listen: str) -> Any:
    import libtorrent as lt

    quiet = dict.fromkeys(("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp", "enable_incoming_utp", "enable_outgoing_utp"), False)
    return lt.session({"listen_interfaces": listen, "allow_multiple_connections_per_ip": True, "alert_mask": 0, **quiet})


def _added(session: Any, torrent: str, folder: str, seed: bool) -> Any:
    import libtorrent as lt

    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent)
    parameters.save_path = folder
    parameters.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    if seed:
        parameters.flags |= lt.torrent_flags.seed_mode
    return session.add_torrent(parameters)


def lt_make(file: str, torrent: str) -> None:
    import libtorrent as lt

    files = lt.file_storage()
    lt.add_files(files, file)
    made = lt.create_torrent(files, 0, lt.create_torrent.v1_only)
    lt.set_piece_hashes(made, str(Path(file).parent))
    Path(torrent).write_bytes(lt.bencode(made.generate()))


def lt_seed(torrent: str, folder: str, listen: str, ready: str) -> None:
    session = _session(listen)
    handle = _added(session, torrent, folder, seed=True)
    while not handle.status().is_seeding:
        time.sleep(0.02)
    Path(ready).touch()
    while True:
        time.sleep(3600)


def lt_get(torrent: str, folder: str, peers: str) -> None:
    import libtorrent as lt

    session = _session("127.0.8.250:7002")
    handle = _added(session, torrent, folder, seed=False)
    while "checking" in str(handle.status().state):
        time.sleep(0.01)
    started = time.perf_counter()
    for peer in peers.split(","):
        host, _, port = peer.rpartition(":")
        handle.connect_peer((host, int(port)))
    while not (handle.status().is_finished or time.perf_counter() - started > 300):
        time.sleep(0.01)
    seconds = time.perf_counter() - started
    session.apply_settings({"alert_mask": lt.alert.category_t.storage_notification})
    handle.flush_cache()  # outside of its time, so that the file can be compared
    while not any(isinstance(alert, lt.cache_flushed_alert) for alert in session.pop_alerts()):
        session.wait_for_alert(1000)
    sys.stdout.write(json.dumps({"seconds": seconds}) + "\n")
    sys.stdout.flush()
    os._exit(0)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of each tool, and ours as a share of libtorrent's: MB/s (more is better), CPU of both ends (less is)."""

    def middle(tool: str, key: str) -> float:
        return float(median(row[key] for row in rows if row["tool"] == tool))

    out: dict[str, Any] = {}
    for key in ("MBps", "transfer_MBps", "cpu_s_per_GB", "client_cpu_s_per_GB", "client_rss_MB"):
        mine, theirs = middle("slskdn", key), middle("libtorrent", key)
        out[key] = {"slskdn": mine, "libtorrent": theirs, "ratio": round(mine / theirs, 2)}
    return out


def main() -> int:
    parts = {"lt-make": lt_make, "lt-seed": lt_seed, "lt-get": lt_get}
    if len(sys.argv) > 1 and sys.argv[1] in parts:
        parts[sys.argv[1]](*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--sources", type=int, default=4)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--tool", choices=["both", "slskdn", "libtorrent"], default="both")
    given = parser.parse_args()
    compileall.compile_dir(
        ME.parents[2] / "slskdn_tui", quiet=1
    )  # as an installed program is, even where Python is told to write no bytecode
    base = Path(tempfile.mkdtemp(prefix=f"slskdn-loopback-{os.getpid()}-", dir="/dev/shm"))
    good = base / "good" / "file.bin"
    good.parent.mkdir()
    with good.open("wb") as file:
        for _ in range(given.size):
            file.write(os.urandom(1 << 20))
    used_once(base, 3 * good.stat().st_size)  # so that the first race is not the one that pays for it
    ok = True
    rows: list[dict[str, Any]] = []
    try:
        for run in range(given.runs):
            for name, tool in (("slskdn", ours), ("libtorrent", libtorrent_row))[:: -1 if run % 2 else 1]:
                if given.tool in ("both", name):
                    folder = base / f"{name}{run}"
                    folder.mkdir()
                    row = tool(folder, good, given.sources)
                    ok = ok and row["ok"]
                    rows.append(row)
                    print(
                        json.dumps({"size_MiB": given.size, "sources": given.sources, "load": round(os.getloadavg()[0], 1), **row}),
                        flush=True,
                    )
                    shutil.rmtree(folder)
    finally:
        shutil.rmtree(base)
    if given.tool == "both":
        print(json.dumps({"size_MiB": given.size, "sources": given.sources, "runs": given.runs, **summary(rows)}), flush=True)
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())

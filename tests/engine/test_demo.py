"""`slskdn demo` as a user runs it: what its users and nodes counted, who was caught, what it leaves, whom it talked to."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.model.ids import short_node_id

pytestmark = pytest.mark.slow
LOOPBACK = ip_network("127.0.0.0/8")
THRESHOLDS = {"queued_s": 20.0, "slow_bytes_s": 10240.0, "slow_s": 20.0, "no_bytes_s": 3.0, "origin_share": 0.1}


@dataclass
class Run:
    """One run: exit code, the JSON object, all that it started, and every address its processes had a socket at or to."""

    code: int
    report: dict[str, Any]
    talk: str
    pids: set[int] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


def descendants(root: int) -> set[int]:
    """Process ids below `root`, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


def sockets(pids: set[int]) -> set[str]:
    """Local and remote addresses of the TCP and UDP sockets of these processes (0.0.0.0 as the remote of a listener is left out)."""
    inodes = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    target = os.readlink(link)
                    if target.startswith("socket:["):
                        inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "udp", "tcp6", "udp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                columns = line.split()
                if columns[9] in inodes:
                    local, remote = (_address(column) for column in columns[1:3])
                    found |= {local} | ({remote} if not columns[2].endswith(":0000") else set())
    return found


def _address(column: str) -> str:
    raw = bytes.fromhex(column.partition(":")[0])
    return str(ip_address(b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))))


def demo(tmp: Path, *options: str) -> Run:
    """Run it, looking at its sockets all the while."""
    command = [sys.executable, "-m", "slskdn_tui", "demo", "--headless", "--json", "--keep", str(tmp / "world"), *options]
    pids, addresses = set(), set()
    with (tmp / "out").open("wb") as out, (tmp / "err").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
        try:
            while process.poll() is None:
                alive = descendants(process.pid)
                pids |= alive
                addresses |= sockets(alive | {process.pid})
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
    return Run(process.returncode, json.loads((tmp / "out").read_text()), (tmp / "err").read_text(), pids, addresses)


def stats(tmp: Path, name: str) -> dict[str, Any]:
    return json.loads((tmp / "world" / "stats" / f"{name}.json").read_text())


def alive(pids: set[int]) -> set[int]:
    """Those that still run (a number may belong to another process by now, so its command is looked at)."""
    left = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if b"slskdn_tui" in Path(f"/proc/{pid}/cmdline").read_bytes():
                left.add(pid)
    return left


def test_the_demo_rescues_the_stalled_track_catches_the_liar_and_every_file_is_identical(tmp_path: Path) -> None:
    run = demo(tmp_path)
    report = run.report
    assert run.code == 0 and report["ok"], run.talk
    steps = (
        "building a world",
        "album of ten tracks",
        "Soulseek server",
        "mono_lith",
        "four mesh nodes",
        "node retagged has",
        "that downloads",
    )
    said = [run.talk.find(step) for step in steps]
    assert -1 not in said and said == sorted(said), "who waits for the world is told what is being built"
    assert report["wrong_bytes"] == 0 and report["identical"] == report["tracks"] == 10 and report["seconds"] > 0
    assert report["liar"] == "liar" and report["missing_events"] == []
    assert any("no byte for" in reason and "more than 3 s" in reason for reason in report["rescue"]["reasons"])
    assert report["rescue"]["thresholds"] == THRESHOLDS and "shortened" in run.talk

    album = sum(path.stat().st_size for path in (tmp_path / "world" / "album").rglob("*.flac"))
    users = {name: stats(tmp_path, name) for name in ("mono_lith", "dj_kode", "bluenote59")}
    sent = sum(user["total"] for user in users.values())
    uploads = report["counters"]["mesh"]
    assert 0 < report["bytes_from_other_tags"] <= uploads["retagged"], "the copy with other tags gives its audio"
    assert users["dj_kode"]["total"] == 0
    assert sum(users["mono_lith"]["stalled"].values()) == 1
    gave = {name: user["total"] for name, user in users.items()}
    gave |= {short_node_id(node_id): uploads[name] for name, node_id in report["counters"]["node_ids"].items()}
    for peer, count in report["bytes_by_peer"].items():
        assert 0 <= count <= gave[peer], f"{peer} has the credit for bytes it never sent"
    planes = report["bytes_by_plane"]
    assert min(planes["slsk"], planes["mesh"]) > 0 and planes["slsk"] + planes["mesh"] == album, "each byte came from somebody, once"
    assert sent + sum(uploads.values()) >= album

    look = f"slskdn --profile {tmp_path / 'world' / 'downloader'} jobs list"
    assert f"the world is left in {tmp_path / 'world'}; `{look}`" in run.talk
    command = [sys.executable, "-m", "slskdn_tui", *look.split()[1:], "--json"]
    (job,) = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert job["job_id"] == report["job_id"] and job["state"] == "completed"
    assert not alive(run.pids), "what it started has ended"
    assert len(run.pids) >= 9
    assert run.addresses and all(ip_address(each) in LOOPBACK for each in run.addresses), run.addresses


def test_without_the_overlay_the_demo_fails_and_names_what_is_missing(tmp_path: Path) -> None:
    run = demo(tmp_path, "--no-overlay", "--timeout", "60")
    assert run.code != 0 and not run.report["ok"] and run.report["job_id"], run.talk
    assert {"rescue", "ban"} <= set(run.report["missing_events"])
    assert "missing events" in run.talk and run.report["wrong_bytes"] == 0
    assert not alive(run.pids)


def test_with_an_honest_liar_the_demo_fails_and_names_the_ban(tmp_path: Path) -> None:
    run = demo(tmp_path, "--honest")
    assert run.code != 0 and run.report["missing_events"] == ["ban"], run.talk
    assert run.report["wrong_bytes"] == 0 and run.report["identical"] == 10
    assert not alive(run.pids)


def test_a_demo_that_is_killed_leaves_neither_files_nor_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "slskdn_tui", "demo", "--headless"]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as in a script's background
    )
    try:
        assert process.stderr is not None and any("an album of ten tracks" in line for line in process.stderr)
        assert list(tmp_path.glob("slskdn-demo-*"))
        pids = descendants(process.pid)
        process.terminate()
        process.stderr.read()
        assert process.wait() == 130 and not list(tmp_path.iterdir()) and not alive(pids)
    finally:
        process.kill()
        process.wait()

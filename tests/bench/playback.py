"""Time to first sound of a real mpv (`--ao=null`) on a track that begins to arrive as it is asked for. Shell; needs mpv and ffmpeg.

    python -m tests.bench.playback --rate 150000 --runs 3
    python -m tests.bench.playback --plays 20 --times 1.3

Peers in memory send a real file at a bounded rate into a real swarm; the player reads it from the real server on the loopback. The time is from `play`,
before mpv is started, to the first look (every 30 ms) at which its play head has moved. Targets at 150 kB/s: FLAC and MP3 1.0 s, Ogg and Opus 1.5 s, M4A with
its index at the end 4 s. `--plays`: so many plays of 30 s of FLAC at so many times its bitrate, and how often sound stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from slskdn_tui.config.settings import Playback as PlaybackSettings
from slskdn_tui.engine.playback.playback import Playback
from slskdn_tui.engine.playback.windows import Media
from slskdn_tui.engine.runtime.events import EventBus
from tests.engine.playback.listening import HOST, Rig, till
from tests.engine.swarm.world import FakeOrigin, FakePeer

FORMATS = {
    "flac": (["-c:a", "flac"], 1.0),
    "mp3": (["-c:a", "libmp3lame", "-b:a", "320k"], 1.0),
    "ogg": (["-c:a", "libvorbis", "-q:a", "8"], 1.5),
    "opus": (["-c:a", "libopus", "-b:a", "192k"], 1.5),
    "m4a": (["-c:a", "aac", "-b:a", "256k"], 4.0),
}
MUSIC = "sine=220:sample_rate=44100[a];anoisesrc=color=pink:sample_rate=44100:amplitude=0.01:seed=1[b];[a][b]amix=inputs=2"


def made(folder: Path, ending: str, seconds: int) -> bytes:
    path = folder / f"a{seconds}.{ending}"
    if not path.exists():
        words = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", MUSIC, "-t", str(seconds), *FORMATS[ending][0], str(path)]
        subprocess.run(words, check=True)
    return path.read_bytes()


async def play(folder: Path, data: bytes, ending: str, seconds: int, rates: list[float], whole: bool) -> tuple[float, int, float]:
    """(seconds to first sound, how often it stopped, seconds it took longer than the music); `whole`: listen to all of it."""
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        rig = Rig(Path(inner), len(data))
        rig.live.record.path = f"@@x\\a.{ending}"
        object.__setattr__(rig.live.track, "length_ms", seconds * 1000)
        settings = PlaybackSettings(listen=f"{HOST}:0", player="mpv --ao=null --no-config")
        bus = EventBus(rig.swarms.clock)
        rig.playback = Playback(settings, rig.swarms.clock, rig.swarms.supervisor, rig.disk, bus)
        async with rig:
            rig.swarm.use_origin(FakeOrigin("anna", data, queued=True))
            run = asyncio.ensure_future(rig.swarm.run())
            stream = await rig.stream()
            began = time.monotonic()
            await rig.playback.play(stream)
            for at, rate in enumerate(rates):
                peer = FakePeer(f"{at:x}a", data, rate=rate, rtt=0.02)
                await rig.swarm.add_peer(peer, peer.variant)
            player = rig.playback.player
            assert player is not None
            await till(lambda: player.heard or rig.playback.now is None)
            sound = time.monotonic() - began
            if whole:
                await till(lambda: rig.playback.now is None)
            over = time.monotonic() - began - sound - seconds if whole else 0.0
            await rig.playback.end()
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
            return sound, stream.buffer.stalls, over


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=150_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--plays", type=int, default=0)
    parser.add_argument("--times", type=float, default=1.3)
    args = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.plays:
            seconds, stops = 30, 0
            sounds, overs = [], []
            data = made(folder, "flac", seconds)
            rate = Media.of(len(data), seconds * 1000, "a.flac").bytes_ms * 1000 * args.times
            for _ in range(args.plays):
                sound, stalls, over = asyncio.run(play(folder, data, "flac", seconds, [rate / 2] * 2, whole=True))
                sounds.append(sound)
                overs.append(over)
                stops += bool(stalls)
            print(
                f"{args.plays} plays at {args.times}x, {rate / 1000:.0f} kB/s: {stops} stopped; first sound {median(sounds):.2f} s, at most {max(sounds):.2f} s; "
                f"it took at most {max(overs):.2f} s longer than the music"
            )
            return
        for ending, (_, target) in FORMATS.items():
            data = made(folder, ending, args.seconds)
            sounds = [asyncio.run(play(folder, data, ending, args.seconds, [args.rate], whole=False))[0] for _ in range(args.runs)]
            each = " ".join(f"{sound:.2f}" for sound in sounds)
            bitrate = len(data) * 8 / args.seconds / 1000
            print(f"{ending:<5} {bitrate:5.0f} kbit/s  first sound {median(sounds):.2f} s ({each})  target {target:.1f} s")


if __name__ == "__main__":
    main()

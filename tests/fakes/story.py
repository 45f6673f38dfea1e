"""Fixed snapshots for tests and the docs' pictures: one evening with a rescue, a liar and a queue. Core."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.model.jobs import Constraints, constraint_lines
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.stats import StatsView, share
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import (
    CandidateRow,
    CandidatesView,
    JobRow,
    JobsView,
    JobTrackRow,
    JobView,
    LogRow,
    LogView,
    PartStatus,
    PeerRow,
    StatusView,
    SwarmRow,
    SwarmsView,
    TraceLane,
    TraceRow,
    TraceSource,
    TraceTrack,
    TraceView,
    TrackView,
    UploadRow,
)

T = SafeText
LOVELESS, GEOGADDI, BCD, UNTRUE = "0f4de638a1", "7b21c0ffee", "31337aa0bb", "c4fe0d15ea"
MBID = "9ba6f1e1-3a2e-4f6d-9f6b-2f7b7d1c0a11"
ALBUM = "My Bloody Valentine – Loveless"
TITLES = (
    "Only Shallow",
    "Loomer",
    "Touched",
    "To Here Knows When",
    "When You Sleep",
    "I Only Said",
    "Come in Alone",
    "Sometimes",
    "Blown a Wish",
    "What You Want",
    "Soon",
)
LENGTHS = (258, 158, 57, 332, 252, 334, 239, 319, 217, 333, 418)


def at(clock: str) -> str:
    return f"2026-11-22T{clock}+00:00"


def status() -> StatusView:
    return StatusView(
        version=1,
        account=T("alice"),
        soulseek="online",
        mesh_peers=14,
        dht_nodes=212,
        down=4.2e6,
        up=1.1e6,
        ratio=3.6,
        disk_used=0.81,
        jobs_running=3,
        jobs_total=12,
        uploads=3,
        engine=T("in this window"),
        parts=(PartStatus("soulseek", "ok", T("online as alice")), PartStatus("dht", "ok", T("212 nodes"))),
    )


def stats() -> StatsView:
    """Of a node some months old, without a cache."""
    return StatsView(
        1, 31, share(41, 47), 9, share(2, 3), share(61, 74), 6, 2, share(4, 212), share(310, 329), share(78, 80), 7, share(12, 96), 3,
        share(40, 96), share(118, 120), 3, soulseek_bytes_saved=share(71_200_000_000, 182_600_000_000),
    )  # fmt: skip


def _track(number: int, state: str, done: float, speed: float, eta: float | None, source: str = "dj_kode", **more: object) -> SwarmRow:
    return SwarmRow(
        f"{LOVELESS}/{number}",
        1,
        1,
        T(f"{number:02} {TITLES[number - 1]}"),
        T(source),
        state,
        done,
        0.0,
        speed,
        eta,
        job_id=LOVELESS,
        track=number,
        **more,
    )


def _source(key: str, title: str, state: str, share: float, speed: float, note: str, plane: str, source: str = "") -> SwarmRow:
    return SwarmRow(
        f"{LOVELESS}/5/{key}", 1, 2, T(title), T(source), state, 0.0, share, speed, None, T(note), job_id=LOVELESS, track=5, plane=plane
    )


def swarms() -> SwarmsView:
    rows = (
        SwarmRow(LOVELESS, 1, 0, T(ALBUM), T("3 sources"), "active", 0.62, 0, 3.1e6, 64, job_id=LOVELESS, children=11),
        _track(1, "done", 1.0, 0, None),
        _track(2, "active", 0.71, 640e3, 21),
        _track(3, "done", 1.0, 0, None),
        _track(4, "verify", 1.0, 0, None),
        _track(5, "RESCUE", 0.58, 1.4e6, 12, children=3, reason=T("no bytes from dj_kode for 120 s; 2 mesh peers fill the missing ranges")),
        _source("dj_kode", "dj_kode", "stalled", 0.12, 2e3, "queue 4", "slsk"),
        _source("b3:9f2c", "b3:9f2c", "active", 0.31, 980e3, "0 errors", "mesh", "rtt 41 ms"),
        _source("b3:77aa", "b3:77aa", "active", 0.15, 410e3, "2 retries", "mesh", "rtt 180 ms"),
        _track(6, "queued", 0, 0, None, note=T("#4")),
        *(_track(number, "pending", 0, 0, None, "") for number in range(7, 12)),
        SwarmRow(
            GEOGADDI, 1, 0, T("Boards of Canada – Geogaddi"), T("mono_lith"), "queued", 0, 0, 0, None, T("#17"), job_id=GEOGADDI, children=1
        ),
        SwarmRow(f"{GEOGADDI}/1", 1, 1, T("01 Ready Lets Go"), T("mono_lith"), "queued", 0, 0, 0, None, T("#17"), job_id=GEOGADDI, track=1),
        SwarmRow(BCD, 1, 0, T("Basic Channel – BCD"), T(""), "no src", 0, 0, 0, None, job_id=BCD, children=0),
        SwarmRow(UNTRUE, 1, 0, T("Burial – Untrue"), T("2 sources"), "active", 0.12, 0, 1.1e6, 270, job_id=UNTRUE, children=2),
        SwarmRow(f"{UNTRUE}/1", 1, 1, T("01 Untitled"), T("bluenote59"), "done", 1, 0, 0, None, job_id=UNTRUE, track=1),
        SwarmRow(f"{UNTRUE}/2", 1, 1, T("02 Archangel"), T("bluenote59"), "active", 0.4, 0, 1.1e6, 31, job_id=UNTRUE, track=2),
    )
    return SwarmsView(
        version=1,
        rows=rows,
        uploads=(
            UploadRow("u1", 1, T("Selected Ambient Works/03 Pulsewidth.flac"), T("bluenote59"), "slsk", "active", 0.44, 700e3),
            UploadRow("u2", 1, T("Loveless/02 Loomer.flac"), T("b3:77aa"), "mesh", "active", 0.91, 420e3),
        ),
        events=tuple(log().rows[-6:]),
        total=len(rows),
        uploads_queued=9,
    )


def log() -> LogView:
    lines = (
        ("21:01:58", "job", "info", "Loveless: job started, 11 tracks"),
        ("21:02:01", "soulseek", "info", "search reply from dj_kode (11 files)"),
        ("21:02:40", "swarm", "info", "When You Sleep: started from dj_kode, 450 KB/s"),
        ("21:04:12", "rescue", "warning", "When You Sleep: no bytes for 120 s, 2 mesh peers added"),
        ("21:04:13", "verify", "info", "Only Shallow ok, FLAC MD5 matches"),
        ("21:04:20", "overlay", "warning", "b3:77aa timeout on leaves 20-23, given to b3:9f2c"),
        ("21:04:26", "overlay", "error", "b3:d0d0 sent wrong bytes for leaf 44 and is banned"),
        ("21:04:31", "soulseek", "info", "search reply from mono_lith (5 files)"),
    )
    rows = tuple(LogRow(f"l{index}", 1, at(time), part, level, T(text), LOVELESS) for index, (time, part, level, text) in enumerate(lines))
    return LogView(version=1, rows=rows, total=len(rows))


CELLS = "ooooooo" + "mmmmmmmmmmmmmmm" + ">>" + "mmx" + "m" * 9 + "." * 26


def track(subject: str) -> TrackView:
    job, _, number = subject.partition("/")
    if job != LOVELESS or number != "5":
        index = int(number) - 1 if job == LOVELESS else 0
        return TrackView(
            1,
            job,
            int(number),
            T(TITLES[index]),
            T(ALBUM),
            state="active",
            size=21_400_000,
            done=9_000_000,
            by_slsk=9_000_000,
            cells="o" * 26 + "." * 36,
        )
    return TrackView(
        version=1,
        job_id=LOVELESS,
        track=5,
        title=T("05 When You Sleep"),
        album=T(f"{ALBUM} (1991)"),
        recording="d6b2bdf5-2c4f-4d8c-8d36-1b1ab7a2f4aa",
        state="RESCUE",
        size=26_800_000,
        done=15_544_000,
        by_slsk=3_216_000,
        by_mesh=12_328_000,
        codec=T("FLAC 16/44.1"),
        length_ms=252_000,
        rescue=T("RESCUE since 21:04:12: no bytes from dj_kode for 120 s; the origin is kept at low priority"),
        cells=CELLS,
        peers=(
            PeerRow("a", 1, T("b3:9f2c"), "mesh", "active", 0.9, 0.041, 980e3, 0.0, 0.0, 0.99, 8_300_000),
            PeerRow("b", 1, T("b3:77aa"), "mesh", "active", 2.6, 0.18, 410e3, 0.04, 0.1, 0.91, 4_028_000),
            PeerRow("c", 1, T("dj_kode"), "slsk", "stalled", 51.0, None, 2e3, 0.0, 0.0, 0.74, 3_216_000),
        ),
        history=(
            LogRow("h1", 1, at("21:02:01"), "swarm", "info", T("queued at dj_kode, place 4")),
            LogRow("h2", 1, at("21:02:40"), "swarm", "info", T("started, 450 KB/s")),
            LogRow("h3", 1, at("21:04:12"), "rescue", "warning", T("rescue: no bytes for 120 s")),
        ),
    )


def jobs() -> JobsView:
    def row(key: str, artist: str, title: str, state: str, done: int, total: int, share: float, speed: float, error: str = "") -> JobRow:
        return JobRow(key, 1, key, "mb_release", T(title), T(artist), state, done, total, share, speed, at("21:01:58"), "", T(error))

    rows = (
        row(LOVELESS, "My Bloody Valentine", "Loveless", "active", 2, 11, 0.62, 3.1e6),
        row(GEOGADDI, "Boards of Canada", "Geogaddi", "searching", 0, 23, 0, 0),
        row(BCD, "Basic Channel", "BCD", "failed", 0, 9, 0, 0, "nobody on Soulseek shares this release; R tries again"),
        row(UNTRUE, "Burial", "Untrue", "active", 1, 13, 0.12, 1.1e6),
        row("aa00bb11cc", "Aphex Twin", "Drukqs", "completed", 30, 30, 1, 0),
        row("dd22ee33ff", "Autechre", "Amber", "paused", 4, 11, 0.4, 0),
    )
    return JobsView(version=1, rows=rows, total=len(rows))


def tracklist(states: bool = True) -> tuple[JobTrackRow, ...]:
    moving = {row.track: row for row in swarms().rows if row.level == 1 and row.job_id == LOVELESS}
    return tuple(
        JobTrackRow(
            f"{LOVELESS}/{number}",
            1,
            number,
            1,
            number,
            T(title),
            seconds * 1000,
            moving[number].state if states else "pending",
            moving[number].done if states else 0,
            T(f"/music/My Bloody Valentine/Loveless/{number:02} {title}.flac" if states and moving[number].state == "done" else ""),
        )
        for number, (title, seconds) in enumerate(zip(TITLES, LENGTHS, strict=True), 1)
    )


def job(subject: str) -> JobView | None:
    row = next((row for row in jobs().rows if subject and row.job_id.startswith(subject)), None)
    if row is None:
        return None
    return JobView(
        1,
        row,
        MBID,
        constraint_lines(Constraints(preferred_codecs=("FLAC", "MP3"), max_lossy_tracks_per_album=2)),
        tracklist() if row.job_id == LOVELESS else (),
    )


def trace(subject: str) -> TraceView:
    leaf = 65536

    def source(
        name: str, plane: str, share: float, ranges: str, speed: float, rtt: float | None, errors: int, retries: int, note: str = ""
    ) -> TraceSource:
        return TraceSource(name, T(name), plane, share, int(share * 26_800_000), ranges, speed, rtt, errors, retries, T(note))

    when = TraceTrack(
        5,
        T(TITLES[4]),
        "RESCUE",
        97 * leaf,
        (
            source("dj_kode", "slsk", 0.12, "0-11", 450e3, None, 0, 0, "stalled"),
            source("b3:9f2c", "mesh", 0.31, "12-30, 32-35", 1.1e6, 44, 0, 0),
            source("b3:77aa", "mesh", 0.15, "31, 36-43", 410e3, 180, 0, 2),
            source("b3:d0d0", "mesh", 0.0, "", 900e3, 61, 1, 0, "banned: wrong bytes"),
        ),
        (
            TraceLane(T("dj_kode"), "#" * 12 + "." * 85),
            TraceLane(T("b3:9f2c"), "." * 12 + "#" * 19 + "." + "####" + "." * 61),
            TraceLane(T("b3:77aa"), "." * 31 + "#" + "...." + "########x##" + "." * 50),
            TraceLane(T("b3:d0d0"), "." * 44 + "x" + "." * 52),
        ),
    )
    only = TraceTrack(
        1,
        T(TITLES[0]),
        "done",
        90 * leaf,
        (source("dj_kode", "slsk", 1.0, "0-89", 800e3, None, 0, 0),),
        (TraceLane(T("dj_kode"), "#" * 90),),
    )
    lines = (
        (0, "", "discover", 0, 0, "ok", None, None, "3 sources", 0, ()),
        (2, "dj_kode", "chunk", 0, 12, "ok", 120, 450e3, "", 5, ()),
        (12, "dj_kode", "stall", 12, 1, "no bytes", None, 2e3, "no bytes for 120 s (limit 120 s)", 5, ()),
        (12, "scheduler", "rescue", 12, 85, "started", None, None, "no byte for 120 s; 2 mesh peers have the recording", 5, ()),
        (13, "b3:9f2c", "assign", 12, 8, "", 45, 1.2e6, "", 5, (0.83, 0.99, "normal", 0.0)),
        (13, "b3:9f2c", "chunk", 12, 8, "ok", 45, 1.2e6, "", 5, ()),
        (14, "b3:77aa", "assign", 20, 4, "", 180, 410e3, "", 5, (2.6, 0.91, "normal", 0.4)),
        (
            15,
            "b3:77aa",
            "take_back",
            20,
            4,
            "",
            200,
            180e3,
            "silent for 1.2 s (more than 1.0 s): its chunks were taken back",
            5,
            (5.9, 0.91, "normal", 1.5),
        ),
        (16, "b3:d0d0", "chunk", 44, 1, "corruption", 61, 9e5, "leaf 44 does not match its digest", 5, ()),
        (16, "b3:d0d0", "ban", 44, 1, "", None, None, "banned: sent a wrong leaf", 5, ()),
        (17, "b3:9f2c", "chunk", 20, 4, "ok", 44, 1.1e6, "", 5, ()),
        (23, "b3:9f2c", "assign", 96, 1, "", 44, 1.1e6, "", 5, (0.91, 0.99, "race", 0.1)),
        (24, "verify", "verify", 0, 97, "ok", None, None, "BLAKE3 and FLAC MD5", 1, ()),
    )
    rows = tuple(
        TraceRow(
            f"t{index}", 1, float(when_), "", T(who), event, offset * leaf, length * leaf, result, rtt, rate, T(words), number,
            *(inputs or (None, None, "", None)),
        )
        for index, (when_, who, event, offset, length, result, rtt, rate, words, number, inputs) in enumerate(lines)
    )  # fmt: skip
    return TraceView(1, subject, T("Loveless"), (only, when), rows, len(rows))


def candidates(subject: str) -> CandidatesView:
    def row(mbid: str, date: str, country: str, form: str) -> CandidateRow:
        return CandidateRow(mbid, 1, mbid, T("Loveless"), T("My Bloody Valentine"), date, country, form, 11, "Official")

    rows = (
        row(MBID, "1991-11-04", "GB", "CD"),
        row("1be1c2a0-0000-4000-8000-000000000002", "1991-11-05", "US", "CD"),
        row("1be1c2a0-0000-4000-8000-000000000003", "2012-05-07", "GB", "2xCD"),
    )
    if "nothing" in subject:
        return CandidatesView(1)
    if "offline" in subject:
        return CandidatesView(1, error=T("MusicBrainz cannot be reached; try again in a minute"))
    chosen = [one for one in rows if one.mbid in subject]
    return CandidatesView(1, tuple(chosen), tracklist(False)) if chosen else CandidatesView(1, rows)


def moved(view: SwarmsView, tick: int) -> SwarmsView:
    """The same view some ticks later: three rows have moved on."""
    step = {LOVELESS: 3.1e6, f"{LOVELESS}/2": 640e3, f"{LOVELESS}/5": 1.4e6}
    rows = tuple(
        replace(
            row,
            version=row.version + tick,
            done=min(0.99, row.done + tick * 0.01),
            speed=step[row.key] + tick * 13e3,
            eta=max(1.0, (row.eta or 0) - tick),
        )
        if row.key in step
        else row
        for row in view.rows
    )
    return replace(view, version=view.version + tick, rows=rows)


URL = "http://127.0.0.1:8765/stream/9dXv0y3mJrZkq2bq1w4Txw/track.flac"
PLAYS = PlaybackView(
    1, "playing", SafeText("Blue in Green"), "3f9a1c5e", 5, 83_000, 337_000, 28_000, 2_000, False, 850_000.0, 3.0, SafeText("anna + 2 mesh peers")
)  # fmt: skip

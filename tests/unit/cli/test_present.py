"""Views as plain text: aligned, cut to the terminal, the trace as the roadmap draws it."""

import pytest

from slskdn_tui.cli.present import render, trace, units
from slskdn_tui.cli.present.cells import Column, cut, pad, table, width
from slskdn_tui.cli.present.render import Look
from slskdn_tui.model.text import SafeText as T
from slskdn_tui.model.views import (
    JobRow,
    JobsView,
    JobTrackRow,
    JobView,
    LogRow,
    PartStatus,
    PeerRow,
    StatusView,
    SwarmRow,
    SwarmsView,
    TraceRow,
    TraceSource,
    TraceTrack,
    TraceView,
    TrackView,
    UploadRow,
)

JOB = "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f"


def test_width_counts_cells_and_not_characters() -> None:
    assert width("abc") == 3 and width("日本") == 4 and width("e\u0301") == 1
    assert cut("日本語", 5) == "日本…" and cut("日本語", 4) == "日…" and cut("abc", 3) == "abc"
    assert pad("日", 4) == "日  " and pad("1", 3, "right") == "  1"


def test_columns_stay_aligned_with_wide_names_and_give_way_to_the_terminal() -> None:
    rows = [("1", "日本語のとても長い題名です", "x"), ("22", "short", "y")]
    lines = table((Column("N", "right"), Column("TITLE", flex=True), Column("S")), rows, 24)
    assert [width(line) for line in lines] == [24, 24, 24]
    assert table((Column("N"), Column("TITLE", flex=True), Column("S")), rows)[1].endswith("です  x")


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (4_200_000, "4.2 MB"), (999_960_000, "1.0 GB"), (5e15, "5000.0 TB")]
)
def test_sizes(count: float, text: str) -> None:
    assert units.size(count) == text


def test_an_unknown_time_is_a_dash_and_all_but_done_is_never_100_percent() -> None:
    assert units.clock(None) == "-" and units.clock(12) == "0:12" and units.clock(3723) == "1:02:03"
    assert units.percent(0.9999) == "99%" and units.percent(1) == "100%"
    assert units.plural(1, "retry") == "1 retry" and units.plural(2, "retry") == "2 retries"


def test_status_says_the_parts_in_words() -> None:
    view = StatusView(
        1, account=T("alice"), soulseek="online", mesh_peers=1, down=4.2e6, parts=(PartStatus("dht", "waiting", T("no bootstrap node")),)
    )
    text = "\n".join(render.status(view, Look()))
    assert "online as alice" in text and "1 peer\n" in text and "4.2 MB/s" in text and "no bootstrap node" in text


def job_row(**other: object) -> JobRow:
    values = {"key": JOB, "version": 1, "job_id": JOB, "type": "mb_release", "title": T("Loveless"), "artist": T("My Bloody Valentine")}
    values |= {"state": "running", "tracks_done": 3, "tracks_total": 11, "done": 0.31, "speed": 1e6, "created_at": "2025-12-09T15:30:00Z"}
    return JobRow(**(values | other))


def test_jobs_are_listed_with_the_reason_of_a_failure_below() -> None:
    lines = render.jobs(JobsView(1, (job_row(), job_row(state="failed", error=T("no source has track 7")))), Look())
    assert lines[1].split()[:6] == ["0f4de638", "running", "31%", "3/11", "1.0", "MB/s"]
    assert lines[3].strip() == "no source has track 7"
    assert "jobs create" in render.jobs(JobsView(1), Look())[0]


def test_a_job_shows_its_tracks() -> None:
    track = JobTrackRow("a", 1, 1, 1, 1, T("Only Shallow"), 257000, "done", 1.0, T("/m/01.flac"))
    lines = render.job(JobView(1, job_row(), "c0d0", (("codecs", "FLAC"),), (track,), T("/m")), Look())
    assert any(line.split() == ["1", "Only", "Shallow", "4:17", "done", "100%", "/m/01.flac"] for line in lines)
    assert any("codecs FLAC" in line for line in lines)


def swarm_rows() -> tuple[SwarmRow, ...]:
    return (
        SwarmRow("a", 1, 0, T("Loveless"), state="active", done=0.5, speed=3e6, eta=12, job_id=JOB),
        SwarmRow("b", 1, 1, T("05 When You Sleep"), state="RESCUE", done=0.58, reason=T("no bytes 120 s")),
        SwarmRow("c", 1, 2, T(""), source=T("user123"), state="stalled", share=0.6, plane="slsk"),
        SwarmRow("d", 1, 2, T(""), source=T("b3:9f2c"), state="active", share=0.4, plane="mesh"),
        SwarmRow("e", 1, 1, T("06 I Only Said"), state="queued"),
    )


def test_swarms_are_drawn_as_a_tree_also_in_ascii() -> None:
    view = SwarmsView(1, swarm_rows(), (UploadRow("u", 1, T("x.flac"), T("bob"), "slsk", "active", 0.1, 5e4),), uploads_queued=2)
    lines = render.swarms(view, Look())
    assert (
        "├─ 05 When You Sleep" in lines[2]
        and "│  ├─ user123" in lines[3]
        and "│  └─ b3:9f2c" in lines[4]
        and "└─ 06 I Only Said" in lines[5]
    )
    assert "no bytes 120 s" in lines[2] and lines[-1] == "2 more queued"
    plain = "\n".join(render.swarms(view, Look(ascii=True)))
    assert plain.isascii() and "|  `- b3:9f2c" in plain


@pytest.mark.parametrize("cells", [60, 80, 120])
def test_lists_fit_the_terminal(cells: int) -> None:
    wide = SwarmRow("z", 1, 1, T("日本語" * 40), state="active", reason=T("x" * 300))
    look = Look(cells)
    for lines in (
        render.swarms(SwarmsView(1, (*swarm_rows(), wide)), look),
        render.jobs(JobsView(1, (job_row(title=T("t" * 300), error=T("e" * 300)),)), look),
    ):
        assert max(width(line) for line in lines) <= cells
    log = LogRow("l", 1, "2025-12-09T15:30:00.123Z", "rescue", "warning", T("w" * 300))
    assert width(render.log_line(log, look)) == cells


def test_a_track_shows_its_chunk_map_and_the_schedulers_numbers() -> None:
    peer = PeerRow("p", 1, T("b3:9f2c"), "mesh", "active", 1.234, 0.045, 1.2e6, 0.0, 0.5, 0.97, 3_000_000)
    lines = render.track(
        TrackView(
            1,
            JOB,
            5,
            T("When You Sleep"),
            T("Loveless"),
            size=100,
            done=58,
            cells="oommm>.x",
            peers=(peer,),
            canonical=T("canonical 0.94, 80 peers agree"),
        ),
        Look(80),
    )
    text = "\n".join(lines)
    assert any(line.split() == ["Mesh", "says", "canonical", "0.94,", "80", "peers", "agree"] for line in lines)
    assert (
        "  oommm>.x" in lines and "1.23" in text and "45 ms" in text and "50%" in text and "0.97" in text and "58%, 58 B of 100 B" in text
    )


def trace_view() -> TraceView:
    sources = (
        TraceSource("1", T("user123"), "slsk", 0.6, 60, "0-23, 40-59", 450_000, 120.0, 0, 0),
        TraceSource("2", T("ghi-jkl-mno"), "mesh", 0.1, 10, "60-69", 180_000, None, 1, 2, T("rescue mode")),
    )

    def row(at: float, event: str, result: str, words: str = "") -> TraceRow:
        return TraceRow(str(at), 1, at, "", T("user123"), event, 0, 0, result, None, None, T(words), 7)

    rows = (
        row(0, "start", "ok", "Started, 3 sources discovered"),
        row(3, "chunk", "ok"),
        row(12, "rescue", "", "Soulseek peer stalled, rescue mode triggered"),
        row(18, "chunk", "timeout"),
        row(4000, "done", "ok", "Complete"),
    )
    return TraceView(1, JOB, T("Loveless"), (TraceTrack(7, T("All Blues"), "done", 100, sources, ()),), rows, 5)


def test_the_trace_is_the_roadmaps_drawing() -> None:
    assert trace.summary(trace_view(), Look()) == [
        "Job: Loveless - Track 7 (All Blues), done",
        "",
        "Sources:",
        '├─ Soulseek peer "user123": 60% (chunks 0-23, 40-59)',
        "│  └─ Avg speed: 450 KB/s, RTT: 120ms, 0 errors",
        '└─ Overlay peer "ghi-jkl-mno": 10% (chunks 60-69, rescue mode)',
        "   └─ Avg speed: 180 KB/s, RTT: -, 1 error, 2 retries",
        "",
        "Timeline:",
        "00:00 - Started, 3 sources discovered",
        "00:12 - Soulseek peer stalled, rescue mode triggered",
        "00:18 - chunk user123 timeout",
        "1:06:40 - Complete",
    ]
    assert "\n".join(trace.summary(trace_view(), Look(ascii=True))).isascii()


def test_an_empty_trace_says_so() -> None:
    assert trace.summary(TraceView(1, JOB, T("x")), Look())[-1] == "nothing has happened yet"

"""When sound starts and stops, which bytes come first, and what a player is told over HTTP."""

from __future__ import annotations

import pytest

from slskdn_tui.cli.present.render import Look
from slskdn_tui.cli.verbs.playing import playback_lines
from slskdn_tui.config.rules import loopback_port
from slskdn_tui.engine.playback import http
from slskdn_tui.engine.playback.buffer import Buffer, Phase
from slskdn_tui.engine.playback.tally import Tally
from slskdn_tui.engine.playback.windows import HEAD, MID_MS, TAIL, Media, wanted
from slskdn_tui.engine.swarm.piecemap import MESH, PieceMap
from slskdn_tui.model.part import Layout
from slskdn_tui.model.playing import PlaybackView
from slskdn_tui.model.ports import HIGH, MID
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF

FLAC = Media(30_000_000, 300_000, "FLAC")


def run(
    buffer: Buffer, seconds: float, rate: float, now: float = 0.0, arrived: float = 0.0, position: float = 0.0
) -> tuple[float, float, float]:
    """So many seconds of a steady arrival, `rate` times the bitrate, looked at ten times a second: (now, arrived, position)."""
    for _ in range(round(seconds * 10)):
        now, arrived = now + 0.1, arrived + rate * 100
        position += 100 if buffer.phase is Phase.PLAYING else 0
        buffer.step(now, int(position), max(0, int(arrived - position)), arrived, whole=False)
    return now, arrived, position


def test_sound_starts_at_once_where_bytes_arrive_faster_than_they_are_played() -> None:
    quick, slow = Buffer(), Buffer()
    run(quick, 0.6, 1.5)
    run(slow, 4.0, 1.2)
    assert quick.phase is Phase.PLAYING
    assert slow.phase is Phase.STARTING
    run(slow, 0.5, 1.2, 4.0, 4800)
    assert slow.phase is Phase.PLAYING, "5 s are there"


def test_what_arrives_in_lumps_does_not_start_at_once() -> None:
    buffer = Buffer()
    for now, there in ((0.0, 0), (1.0, 0), (2.0, 2700), (2.5, 2700), (3.0, 2700)):
        buffer.step(now, 0, there, there, whole=False)
    assert buffer.rate < 1.3 or buffer.phase is Phase.STARTING
    buffer.step(4.0, 0, 5400, 5400, whole=False)
    assert buffer.phase is Phase.PLAYING


def test_below_five_seconds_it_pauses_only_after_ten_were_played_and_only_where_bytes_come_too_slowly() -> None:
    buffer = Buffer()
    now, arrived, position = run(buffer, 5.0, 1.0)
    assert buffer.phase is Phase.PLAYING
    now, arrived, position = run(buffer, 9.0, 0.8, now, arrived, position)
    assert buffer.ahead_ms < 5000 and buffer.phase is Phase.PLAYING and buffer.raised, "not ten seconds yet"
    now, arrived, position = run(buffer, 1.5, 0.8, now, arrived, position)
    assert buffer.phase is Phase.BUFFERING and buffer.stalls == 1
    now, arrived, position = run(buffer, 8.0, 0.8, now, arrived, position)
    assert buffer.phase is Phase.BUFFERING, "not ten seconds ahead yet"
    run(buffer, 2.0, 0.8, now, arrived, position)
    assert buffer.phase is Phase.PLAYING

    small = Buffer()
    run(small, 12.0, 1.35)
    assert small.ahead_ms < 5000 and small.position_ms > 10_000
    assert small.phase is Phase.PLAYING and not small.stalls, "a lead that grows is no reason to pause"

    slow = Buffer()
    at = run(slow, 5.0, 1.0)
    at = run(slow, 12.0, 0.95, *at)
    assert slow.ahead_ms < 5000 and slow.phase is Phase.PLAYING, "what would last another 30 s is no reason either"
    run(slow, 70.0, 0.95, *at)
    assert slow.stalls == 1, "but what would not is"


def test_the_end_of_a_file_is_played_out_without_a_pause() -> None:
    buffer = Buffer()
    buffer.step(0.0, 0, 3000, 3000, whole=True)
    assert buffer.phase is Phase.PLAYING
    buffer.step(0.1, 2990, 10, 3000, whole=True)
    assert buffer.phase is Phase.PLAYING and buffer.needed_ms == 0 and not buffer.raised


def test_an_empty_buffer_stops_the_sound_and_a_seek_is_no_stall() -> None:
    buffer = Buffer()
    now, arrived, _ = run(buffer, 6.0, 1.0)
    buffer.step(now + 0.1, int(arrived), 0, arrived, whole=False)
    assert buffer.phase is Phase.BUFFERING and buffer.stalls == 1
    buffer.seek()
    buffer.step(now + 0.2, 200_000, 0, arrived, whole=False)
    assert buffer.phase is Phase.STARTING and buffer.stalls == 1 and buffer.needed_ms == 30_000


def test_three_windows_in_the_order_a_player_needs_them() -> None:
    at = 1_000_000
    windows = wanted(FLAC, at, [70_000], raised=False, lead_ms=30_000)
    assert [(one.start, one.stop, one.priority) for one in windows] == [
        (LEAF, 70_000 + LEAF, HIGH),  # where a reader stands still
        (0, HEAD, HIGH),
        (at, at + 3_000_000, HIGH),
        (30_000_000 - TAIL, 30_000_000, HIGH),
        (at + 3_000_000, at + MID_MS * 100, MID),
    ]
    assert windows[2].pace == 100_000
    assert max(one.priority for one in wanted(FLAC, at, [], raised=True, lead_ms=30_000)) == HIGH + 1
    assert [one.start for one in wanted(FLAC, None, [], raised=False, lead_ms=30_000)] == [0, 30_000_000 - TAIL], (
        "nothing plays: the ends alone"
    )


def test_where_a_format_keeps_its_index_at_the_end_that_comes_before_the_music() -> None:
    starts = [one.start for one in wanted(Media.of(5_000_000, 250_000, "a.m4a"), 0, [], raised=False, lead_ms=30_000)]
    assert starts.index(5_000_000 - TAIL) == 1


def test_a_file_of_unknown_length_is_taken_to_play_fast_enough() -> None:
    assert Media.of(20_000_000, None, "x.flac").bytes_ms == 120.0
    assert Media.of(20_000_000, None, "x.mp3").ms(40_000) == 1000.0


def test_what_is_ready_ends_at_the_first_byte_that_is_not_there() -> None:
    pieces = PieceMap(10 * LEAF)
    pieces.extend(0, 100, "slsk:a")
    assert (pieces.ready(0), pieces.ready(50), pieces.ready(500)) == (100, 100, 500)
    pieces.forget_verified(Layout(10 * LEAF, 1000, 8 * LEAF))  # an audio region with a head and a tail around it
    assert pieces.ready(0) == 100
    pieces.extend(100, 1000, "slsk:a")
    for leaf in (0, 1, 3, 4, 5, 6, 7):
        pieces.deliver(leaf, MESH)
    assert pieces.ready(0) == 1000 + 2 * LEAF
    assert pieces.ready(1000 + 2 * LEAF) == 1000 + 2 * LEAF
    assert pieces.ready(1000 + 3 * LEAF) == 1000 + 8 * LEAF, "the tail has not come"
    pieces.deliver(2, MESH)
    pieces.extend(1000 + 8 * LEAF, 10 * LEAF, "slsk:a")
    assert pieces.ready(0) == 10 * LEAF


# HTTP


def ask(*lines: str, method: str = "GET") -> http.Request:
    return http.parse("\r\n".join([f"{method} /stream/x/track.flac HTTP/1.1", "Host: 127.0.0.1:8765", *lines, "", ""]).encode())


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [
        ("bytes=0-", 206, (0, 1000)),
        ("bytes=10-19", 206, (10, 20)),
        ("bytes=990-2000", 206, (990, 1000)),
        ("bytes=-100", 206, (900, 1000)),
        ("bytes=-5000", 206, (0, 1000)),
        ("bytes=10-19, 30-39", 206, (10, 20)),
        ("bytes=1000-", 416, (0, 0)),
        ("bytes=20-10", 416, (0, 0)),
        ("bytes=-0", 416, (0, 0)),
        ("bytes=-", 200, (0, 1000)),
        ("bytes=a-b", 200, (0, 1000)),
        ("items=0-5", 200, (0, 1000)),
        ("bytes=99999999999999999999999-", 200, (0, 1000)),
    ],
)
def test_ranges(asked: str, status: int, span: tuple[int, int]) -> None:
    given = http.answer(ask(f"Range: {asked}"), 1000, '"e"', "audio/flac")
    assert (given.status, (given.start, given.stop)) == (status, span)
    head = given.head.decode()
    if status == 206:
        assert f"Content-Range: bytes {span[0]}-{span[1] - 1}/1000\r\n" in head and f"Content-Length: {span[1] - span[0]}\r\n" in head
    if status == 416:
        assert "Content-Range: bytes */1000\r\n" in head


def test_a_range_of_another_version_of_the_file_gets_all_of_it() -> None:
    assert http.answer(ask("Range: bytes=5-", 'If-Range: "old"'), 1000, '"e"', "audio/flac").status == 200
    assert http.answer(ask("Range: bytes=5-", 'If-Range: "e"'), 1000, '"e"', "audio/flac").status == 206


def test_head_tells_the_size_and_gives_no_byte() -> None:
    given = http.answer(ask(method="HEAD"), 1000, '"e"', "audio/flac")
    assert b"Content-Length: 1000\r\n" in given.head and given.start == given.stop


def test_no_answer_lets_another_origin_in() -> None:
    for given in (http.answer(ask("Origin: http://evil.example"), 1000, '"e"', "audio/flac"), http.failed(404)):
        assert b"access-control" not in given.head.lower() and b"Cross-Origin-Resource-Policy: same-origin" in given.head


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"POST /stream/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"OPTIONS /stream/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET http://x/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
    ],
)
def test_requests_that_are_refused(raw: bytes, status: int) -> None:
    with pytest.raises(http.Refused) as refused:
        http.parse(raw)
    assert refused.value.status == status


def test_only_names_of_this_machine_pass_as_host() -> None:
    good = ("127.0.0.1", "127.0.0.1:8765", "localhost:9000", "LOCALHOST", "[::1]:80", "127.1.5.1:80")
    assert all(http.local(host, "127.1.5.1") for host in good)
    bad = (
        "",
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "10.0.0.1",
        "127.0.0.1:80:80",
        "[::1",
        "[::1]x:80",
    )
    assert not any(http.local(host, "127.1.5.1") for host in bad)


def test_only_loopback_can_be_listened_on() -> None:
    assert loopback_port("127.0.0.1:8765") and loopback_port("[::1]:8765")
    assert not any(loopback_port(text) for text in ("0.0.0.0:8765", "192.168.1.5:80", "localhost:80", "127.0.0.1", "x"))


def test_the_play_bar_in_lines() -> None:
    view = PlaybackView(
        1, "playing", SafeText("Blue in Green"), "j", 5, 83_000, 337_000, 28_000, 2_000, False, 850_000.0, 3.0, SafeText("anna + 2 mesh peers"), 0, SafeText("mpv")
    )  # fmt: skip
    assert playback_lines(view, Look()) == [
        "Streaming: Blue in Green, 1:23 of 5:37, playing",
        "├─ Buffer: 28 s (healthy), 2 s wanted",
        "├─ Sources: anna + 2 mesh peers",
        "├─ Speed: 850 kB/s (3.0x the bitrate)",
        "└─ Player: mpv; stopped 0 times for want of bytes",
    ]
    assert playback_lines(PlaybackView(0), Look(ascii=True)) == ["Nothing plays."]


def test_a_stream_is_counted_once_with_each_stall_and_one_whose_file_is_there_not_at_all() -> None:
    buffer, tally = Buffer(), Tally()
    assert tally.news(buffer) == [], "no sound yet"
    now, arrived, position = run(buffer, 5.0, 1.0)
    assert tally.news(buffer) == ["stream"] and tally.news(buffer) == []
    now, arrived, position = run(buffer, 20.0, 0.5, now, arrived, position)
    assert buffer.stalls == 1 and tally.news(buffer) == ["stream_stalled", "stall"]
    now, arrived, position = run(buffer, 15.0, 1.0, now, arrived, position)
    run(buffer, 25.0, 0.5, now, arrived, position)
    assert buffer.stalls == 2 and tally.news(buffer) == ["stall"] and tally.news(buffer) == []
    there, unplayed = Buffer(), Tally()
    there.step(0.0, 0, 300_000, 300_000, whole=True)
    assert there.phase is Phase.PLAYING and unplayed.news(there) == []

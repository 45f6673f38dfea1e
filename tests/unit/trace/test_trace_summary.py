"""What a user reads of a job afterwards: who brought which part, and why the scheduler did what it did."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.cli.present.render import Look
from slskdn_tui.cli.present.trace import summary
from slskdn_tui.engine.store.records import TraceEvent
from slskdn_tui.engine.swarm.events import Inputs
from slskdn_tui.engine.trace.coverage import TrackTally, runs, show_ranges
from slskdn_tui.engine.trace.credit import Credit
from slskdn_tui.engine.trace.summary import TrackFacts, by_plane, summarise
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.trace_json import trace_document
from slskdn_tui.model.variant import LEAF

JOB = "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f"
SLSK = "slsk:user123"
NODE = "ab" * 32
LIAR = "cd" * 32
FACTS = [TrackFacts(7, SafeText("All Blues"), "done", 70 * LEAF)]


def event(at, kind, peer="", *, first=None, last=None, **more):
    """At second `at`, about leaves `first` to `last` (inclusive)."""
    where = {} if first is None else {"chunk_offset": first * LEAF, "chunk_length": (last - first + 1) * LEAF}
    plane = "" if not peer else "slsk" if peer.startswith("slsk:") else "mesh"
    return TraceEvent(JOB, 1000.0 + at, kind, more.pop("track_id", 7), peer, plane, **where, **more)


def number(events):
    return [replace(each, seq=place) for place, each in enumerate(events, 1)]


STORY = number(
    [
        event(0, "job", track_id=0, result="active", words="Started, 3 sources discovered"),
        event(1, "chunk", SLSK, first=0, last=23, result="ok", rtt_ms=120.0, throughput_bps=450_000.0),
        event(12, "stall", SLSK, words="Soulseek peer stalled, rescue mode triggered"),
        event(12, "rescue", result="started", words="no byte for 2 s"),
        event(13, "peer_added", NODE, words="added"),
        event(14, "assign", NODE, first=24, last=39),
        event(15, "chunk", NODE, first=24, last=39, result="ok", rtt_ms=45.0, throughput_bps=1_200_000.0),
        event(16, "chunk", SLSK, first=40, last=59, result="ok", rtt_ms=120.0, throughput_bps=450_000.0),
        event(18, "peer_added", LIAR, words="Overlay peer added, chunks 60-69 reassigned"),
        event(19, "chunk", LIAR, first=60, last=60, result="timeout"),
        event(20, "take_back", LIAR, first=60, last=60),
        event(21, "chunk", LIAR, first=60, last=69, result="ok", rtt_ms=200.0, throughput_bps=180_000.0),
        event(24, "complete", words="Complete"),
    ]
)


def test_the_summary_is_the_roadmaps_drawing():
    view = summarise(JOB, "Loveless", FACTS, STORY)
    lines = summary(view, Look())
    start = lines.index("Sources:")
    assert lines[start : start + 7] == [
        "Sources:",
        '├─ Soulseek peer "user123": 63% (chunks 0-23, 40-59)',
        "│  └─ Avg speed: 450 KB/s, RTT: 120ms, 0 errors",
        '├─ Overlay peer "b3:vov2": 23% (chunks 24-39, rescue mode)',
        "│  └─ Avg speed: 1.2 MB/s, RTT: 45ms, 0 errors",
        '└─ Overlay peer "b3:zxg4": 14% (chunks 60-69, rescue mode)',
        "   └─ Avg speed: 180 KB/s, RTT: 200ms, 0 errors, 2 retries",
    ]
    timeline = lines[lines.index("Timeline:", start) :]
    assert "00:12.0 - Soulseek peer stalled, rescue mode triggered" in timeline  # two lines share this second
    assert "00:18 - Overlay peer added, chunks 60-69 reassigned (b3:zxg4)" in timeline
    assert timeline[-1] == "00:24 - Complete"


def test_a_leaf_fetched_again_counts_for_who_brought_it_right():
    story = number(
        [
            event(0, "chunk", SLSK, first=0, last=9, result="ok"),
            event(1, "verify", SLSK, first=3, last=3, result="corruption", words="the digest differs"),
            event(2, "chunk", NODE, first=3, last=3, result="ok"),
        ]
    )
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 10 * LEAF)], story).tracks
    by_name = {source.plane: source for source in track.sources}
    assert (by_name["slsk"].ranges, by_name["slsk"].bytes, by_name["slsk"].errors) == ("0-2, 4-9", 9 * LEAF, 1)
    assert (by_name["mesh"].ranges, by_name["mesh"].share) == ("3", 0.1)


def test_a_banned_peer_is_named_with_its_reason_and_brought_nothing():
    story = number(
        [
            event(0, "assign", LIAR, first=0, last=3),
            event(1, "chunk", LIAR, first=0, last=0, result="corruption"),
            event(1, "ban", LIAR, words="wrong bytes in leaf 0"),
        ]
    )
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 4 * LEAF)], story).tracks
    (liar,) = track.sources
    assert (liar.bytes, liar.errors, liar.note) == (0, 1, "banned: wrong bytes in leaf 0")
    assert track.lanes[0].cells == "x..."
    shown = "\n".join(summary(summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 4 * LEAF)], story), Look()))
    assert "banned: wrong bytes in chunk 0" in shown and "leaf" not in shown


def test_lanes_show_received_missing_and_in_flight():
    story = number([event(0, "assign", NODE, first=0, last=3), event(1, "chunk", NODE, first=0, last=1, result="ok")])
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 6 * LEAF)], story).tracks
    assert track.lanes[0].cells == "##>>.."


def test_a_streams_late_report_takes_nothing_from_those_who_were_first():
    story = number(
        [
            event(0, "chunk", SLSK, first=1, last=1, result="corruption"),
            event(1, "chunk", NODE, first=1, last=2, result="ok"),
            replace(event(2, "chunk", SLSK, first=0, last=3, result="ok"), chunk_length=3 * LEAF + 5),
            event(3, "chunk", LIAR, first=3, last=3, result="ok"),
        ]
    )
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 4 * LEAF)], story).tracks
    assert [source.ranges for source in track.sources] == ["0", "1-2", "3"]


def test_a_peer_that_was_busy_and_then_delivered_gets_its_leaf():
    story = number([event(0, "chunk", NODE, first=0, last=0, result="error"), event(1, "chunk", NODE, first=0, last=0, result="ok")])
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", LEAF)], story).tracks
    assert (track.sources[0].share, track.sources[0].errors) == (1.0, 1)


def test_a_refused_peer_is_named_with_its_reason():
    story = number([event(0, "rescue"), event(0, "peer_refused", NODE, words="other variant")])
    (track,) = summarise(JOB, "x", FACTS, story).tracks
    assert track.sources[0].note == "refused: other variant"


def test_a_holder_whose_overlap_differs_is_charged_and_keeps_what_it_brought_before():
    story = number([event(0, "chunk", SLSK, first=0, last=1, result="ok"), event(1, "overlap", SLSK, first=0, last=0, result="error")])
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 2 * LEAF)], story).tracks
    assert (track.sources[0].errors, track.sources[0].ranges) == (1, "0-1")


def test_what_was_given_to_another_peer_is_no_longer_in_flight():
    story = number([event(0, "assign", NODE, first=0, last=3), event(1, "rebalance", NODE, first=2, last=3)])
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("t"), "", 4 * LEAF)], story).tracks
    assert track.lanes[0].cells == ">>.." and track.sources[0].retries == 0


def test_one_track_its_window_and_its_filter():
    story = number([*STORY, event(30, "chunk", NODE, first=0, last=0, result="ok", track_id=8)])
    whole = summarise(JOB, "x", FACTS, story)
    assert [track.track for track in whole.tracks] == [7, 8] and whole.total == len(story)
    seventh = summarise(JOB, "x", FACTS, story, track=7)
    assert [track.track for track in seventh.tracks] == [7] and {row.track for row in seventh.rows} == {0, 7}
    assert [row.event for row in summarise(JOB, "x", FACTS, story, contains="RESCUE").rows] == ["stall", "rescue"]
    page = summarise(JOB, "x", FACTS, story, start=3, count=2)
    assert [row.key for row in page.rows] == ["4", "5"] and page.total == len(story)
    assert page.rows[0].at == 12.0 and page.rows[0].time == "1970-01-01T00:16:52.000Z"


def test_a_job_without_events_is_an_empty_trace():
    view = summarise(JOB, "x", FACTS, [])
    assert (view.rows, view.version, view.tracks[0].sources) == ((), 0, ())


def test_hostile_words_reach_no_screen():
    view = summarise(JOB, "x\x1b[2J", FACTS, number([event(0, "origin", "slsk:e\x1b]52;c;x\x07vil", words="a\rb")]))
    shown = f"{view.title}{view.rows[0].source}{view.rows[0].words}{view.tracks[0].sources[0].name}"
    assert "\x1b" not in shown and "\r" not in shown and "\x07" not in shown


def exported(events):
    return trace_document(summarise(JOB, "x", FACTS, events))


def test_exported_entries_carry_the_roadmaps_fields():
    document = exported(STORY)
    assert (document["job_id"], document["schema"]) == (JOB, "slskdn-trace/1")
    assert document["events"][1] == {
        "time": "1970-01-01T00:16:41.000Z",
        "at": 1.0,
        "kind": "chunk",
        "track_id": 7,
        "peer_id": SLSK,
        "source": "slsk",
        "chunk_offset": 0,
        "chunk_length": 24 * LEAF,
        "result": "ok",
        "rtt_ms": 120.0,
        "throughput_bps": 450_000.0,
        "seq": 2,
    }


def test_chunks_given_to_another_peer_are_one_line_that_names_both():
    story = number(
        [
            *(
                each
                for leaf in range(4)
                for each in (event(3.1, "rebalance", NODE, first=leaf, last=leaf), event(3.2, "assign", LIAR, first=leaf, last=leaf))
            ),
            event(9, "rebalance", LIAR, first=8, last=9),
        ]
    )
    lines = summary(summarise(JOB, "x", FACTS, story), Look())
    assert lines[-2:] == ["00:00 - 1 chunk moved from b3:vov2 to b3:zxg4 ×4", "00:05 - 2 chunks moved from b3:zxg4 to whoever is faster"]


def test_lines_of_one_second_tell_tenths_and_no_reason_stays_empty():
    story = number(
        [
            event(0, "job", words="Started"),
            event(19.3, "origin", SLSK, result="ended", words="complete: "),
            event(19.7, "ban", LIAR, words="wrong bytes in leaf 40, none of 2 leaves match"),
        ]
    )
    lines = summary(summarise(JOB, "x", FACTS, story), Look())
    assert lines[-3:] == [
        "00:00 - Started",
        "00:19.3 - the Soulseek stream is complete",
        "00:19.7 - wrong bytes in chunk 40, none of 2 chunks match (b3:zxg4)",
    ]


def test_a_track_says_how_much_each_plane_brought():
    (track,) = summarise(JOB, "x", FACTS, STORY).tracks
    assert by_plane(track) == (44 * LEAF, 26 * LEAF)


@given(st.sets(st.integers(0, 300)))
def test_runs_are_the_numbers_again(leaves):
    assert [leaf for first, last in runs(sorted(leaves)) for leaf in range(first, last + 1)] == sorted(leaves)


def test_many_ranges_are_cut_short():
    assert show_ranges(range(0, 60, 2)).endswith("22 and 18 more")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["chunk", "origin", "assign", "take_back", "ban", "verify"]),
            st.sampled_from([SLSK, NODE, LIAR]),
            st.integers(0, 20),
            st.integers(0, 5),
            st.sampled_from(["ok", "timeout", "error", "corruption", ""]),
        ),
        max_size=40,
    )
)
def test_shares_never_exceed_the_file_whatever_happened(raw):
    tally = TrackTally()
    for place, (kind, peer, first, more, result) in enumerate(raw):
        tally.add(event(place, kind, peer, first=first, last=first + more, result=result))
    size = max(tally.reach, 1)
    owned = tally.owned(size)
    assert sum(total for _, total in owned.values()) <= size
    assert all(owned[name][1] <= source.received for name, source in tally.sources.items() if name in owned)


def test_a_swarm_that_leaves_an_audio_region_for_the_whole_file_credits_nobody_with_bytes_he_did_not_send():
    region, other = LEAF // 3, "c" * 64
    story = [
        event(0, "chunk", NODE, result="ok", first=0, last=1),
        event(1, "chunk", other, result="ok", first=2, last=3),
    ]
    moved = [replace(each, chunk_offset=each.chunk_offset + region) for each in story]
    again = [event(2, "chunk", LIAR, result="ok", first=0, last=0), event(3, "chunk", LIAR, result="ok", first=4, last=4)]
    size = 5 * LEAF
    (track,) = summarise(JOB, "x", [TrackFacts(7, SafeText("a"), size=size)], number([*moved, *again])).tracks
    assert [source.bytes for source in track.sources] == [LEAF + region, 2 * LEAF - region, 2 * LEAF]
    assert sum(source.bytes for source in track.sources) == size


class CreditByHand(Credit):
    """The same, a byte a place."""

    def __init__(self):
        self.names = [""] * 40

    def _change(self, start, stop, to):
        self.names[start:stop] = [to(name) for name in self.names[start:stop]]

    def whole(self, start, stop):
        return all(self.names[start:stop])


@given(
    st.lists(
        st.tuples(st.sampled_from(["fill", "give", "take"]), st.integers(0, 39), st.integers(0, 39), st.sampled_from("abc")), max_size=30
    )
)
def test_credit_by_runs_is_credit_by_bytes(raw):
    quick, plain = Credit(), CreditByHand()
    for name, start, stop, who in raw:
        getattr(quick, name)(start, stop, who)
        getattr(plain, name)(start, stop, who)
        assert start >= stop or quick.whole(start, stop) == plain.whole(start, stop)
    names = [""] * 40
    for start, stop, name in quick.runs():
        assert name and (start == 0 or names[start - 1] != name)
        names[start:stop] = [name] * (stop - start)
    assert names == plain.names


def test_a_decision_is_exported_with_its_inputs_a_column_each():
    inputs = Inputs(cost=0.25, rate=4e6, rtt_s=0.05, reputation=0.8, chunk_class="urgent", queue_s=1.5)
    story = number(
        [
            event(1, "assign", NODE, first=2, last=3, rtt_ms=50.0, throughput_bps=4e6, data=inputs.data()),
            event(2, "chunk", NODE, first=2, last=3, result="ok", rtt_ms=70.0, throughput_bps=3e6),
        ]
    )
    (decision, _) = exported(story)["events"]
    assert decision == {
        "time": "1970-01-01T00:16:41.000Z",
        "at": 0.0,
        "kind": "assign",
        "track_id": 7,
        "peer_id": NODE,
        "source": "mesh",
        "chunk_offset": 2 * LEAF,
        "chunk_length": 2 * LEAF,
        "rtt_ms": 50.0,
        "throughput_bps": 4e6,
        "cost": 0.25,
        "reputation": 0.8,
        "chunk_class": "urgent",
        "queue_s": 1.5,
        "seq": 1,
    }
    view = summarise(JOB, "x", FACTS, story)
    row = view.rows[0]
    assert (row.cost, row.reputation, row.chunk_class, row.queue_s, row.rtt_ms) == (0.25, 0.8, "urgent", 1.5, 50.0)
    assert (view.rows[1].cost, view.rows[1].chunk_class) == (None, "")
    assert view.tracks[0].sources[0].rtt_ms == 70.0, "an estimate is no measurement"


def test_leaves_that_begin_behind_the_tags_are_counted_to_the_byte():
    start, size = 90_000, 90_000 + 5 * LEAF + 700

    def at(leaf):
        return {"chunk_offset": start + leaf * LEAF, "chunk_length": min(LEAF, size - start - leaf * LEAF)}

    def told(when, kind, peer, **more):
        return replace(event(when, kind, peer), **more)

    events = number(
        [
            told(1, "chunk", SLSK, result="ok", chunk_offset=0, chunk_length=start + LEAF + 50),
            *(told(2, "assign", node, **at(leaf)) for node, leaf in ((NODE, 5), (NODE, 3), (NODE, 1), (LIAR, 4), (LIAR, 2))),
            told(3, "rebalance", LIAR, **at(4)),
            told(3, "assign", NODE, **at(4)),
            *(told(4, "chunk", node, result="ok", **at(leaf)) for node, leaf in ((NODE, 5), (LIAR, 2), (NODE, 3), (NODE, 1), (NODE, 4))),
        ]
    )
    view = summarise(JOB, "x", [TrackFacts(7, SafeText("x"), "done", size)], events)
    (track,) = view.tracks
    assert {source.name: source.bytes for source in track.sources} == {
        track.sources[0].name: start + LEAF,
        track.sources[1].name: 3 * LEAF + 700,
        track.sources[2].name: LEAF,
    }
    assert sum(source.bytes for source in track.sources) == size and all(len(lane.cells) == 8 for lane in track.lanes)
    assert next(row.words for row in view.rows if row.event == "rebalance").startswith("1 chunk moved")

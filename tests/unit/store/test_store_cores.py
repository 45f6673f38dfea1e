"""What the store does without a database: migration scripts, odd text, progress from a stored record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.store.migrate import load_migrations, statements
from slskdn_tui.engine.store.records import keep_text, plain_text, read_text
from slskdn_tui.engine.stored_views import by_track, filter_log, log_rows, progress
from slskdn_tui.model.part import Extent, PartRecord
from slskdn_tui.model.variant import LEAF, Variant


@pytest.mark.parametrize("database", ["state", "library"])
def test_the_shipped_migrations_are_numbered_from_one_and_can_be_split(database):
    steps = load_migrations(database)
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        found = list(statements(step.sql))
        assert found and all(statement.endswith(";") for statement in found)


def test_a_script_is_split_at_statements_and_not_at_semicolons():
    script = "-- a; b\nCREATE TABLE t (a TEXT DEFAULT ';');\nCREATE TRIGGER x AFTER INSERT ON t BEGIN\n  DELETE FROM t;\nEND;\n-- end\n"
    assert len(list(statements(script))) == 2
    with pytest.raises(ValueError, match="semicolon"):
        list(statements("CREATE TABLE t (a)"))


@given(st.text(st.characters(codec=None)))
def test_any_name_comes_back_as_it_was(name):
    assert read_text(keep_text(name)) == name


@given(st.text(st.characters(codec=None)))
def test_words_can_always_be_stored(words):
    plain_text(words).encode("utf-8")


def part(leaves, *, prefix=0, bits=b"", extents=(), size=None):
    variant = Variant("v", "file", size or leaves * LEAF, "r") if bits else None
    return PartRecord("job/3/1", "/x", size or leaves * LEAF, prefix, tuple(extents), variant, b"", bits)


def test_without_digests_progress_is_what_the_origin_sent():
    made = progress(part(4, prefix=LEAF + 10, extents=[Extent(0, LEAF + 10, "slsk:a")]), False)
    assert (made.done, made.by_slsk, made.by_mesh, made.codes) == (LEAF + 10, LEAF + 10, 0, b"oo..")


def test_with_digests_only_verified_leaves_count_and_each_for_its_plane():
    record = part(4, prefix=2 * LEAF, bits=bytes([0b1101]), extents=[Extent(0, 2 * LEAF, "slsk:a")], size=3 * LEAF + 5)
    made = progress(record, True)
    assert made.codes == b"o.mm" and made.by_slsk == LEAF and made.by_mesh == LEAF + 5


def test_progress_is_found_by_job_and_track_and_odd_keys_are_left_out():
    full = PartRecord("job/3/131072", "/x", 2 * LEAF, LEAF)
    empty = PartRecord("job/3/65536", "/x", LEAF)
    found = by_track([(full, False), (empty, False), (PartRecord("bench", "/x", 1), False)])
    assert list(found) == [("job", 3)] and found["job", 3].share == 0.5


def test_the_log_file_becomes_rows_and_tracebacks_stay_out():
    lines = [
        "2026-11-23T10:00:00 INFO    slskdn_tui.engine.swarm.track a leaf came",
        "    Traceback (most recent call last):",
        "2026-11-23T10:00:01 WARNING aioslsk.network lost\x1b[2J",
        "half a line",
    ]
    rows = log_rows(lines, 0)
    assert [(row.part, row.level) for row in rows] == [("swarm", "info"), ("network", "warning")]
    assert "\x1b" not in rows[1].text
    assert [row.part for row in filter_log(rows, "level:warning")] == ["network"]
    assert [row.part for row in filter_log(rows, "part:swarm LEAF")] == ["swarm"]
    assert filter_log(rows, "part:swarm nothing") == []

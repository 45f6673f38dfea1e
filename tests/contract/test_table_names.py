"""The tables and columns that the roadmap names are there under those names, and the page that maps them tells of no other."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PART = {  # where the roadmap puts what
    "HashDb": (
        "mb_recording_id discogs_release_id codec_profile quality_score transcode_suspect verdict codec bitrate dynamic_range loudness_lufs"
        " loudness_range true_peak has_clipping encoder_signature"
    ),
    "HashDbFingerprints": "audio_fingerprint",
    "FingerprintObservations": "mb_recording_id codec_profile quality_score transcode_suspect dynamic_range encoder_signature",
    "LabelPopularity": "label_name mb_release_id peer_count avg_quality_score",
    "MbidPopularity": "mbid peer_count",
    "Peers": "successful_chunks failed_chunks timeouts corrupt_chunks local_reputation",
    "JobTraces": "time peer_id track_id variant_id chunk_offset chunk_length source result rtt_ms throughput_bps",
    "TrackInRelease": "mb_release_id track_no mb_recording_id duration_ms",
    "Release": "mb_release_id mb_release_group_id label date country",
    "Recording": "mb_recording_id",
}


@pytest.fixture(scope="module")
def tables() -> dict[str, set[str]]:
    """Column names by table, of both databases as their migrations leave them."""
    found: dict[str, set[str]] = {}
    for part in ("state", "library"):
        with sqlite3.connect(":memory:") as database:
            for path in sorted((ROOT / "slskdn_tui/engine/store/migrations" / part).glob("*.sql")):
                database.executescript(path.read_text("utf-8"))
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                found[name] = {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
    return found


@pytest.mark.parametrize("name", PART)
def test_the_roadmaps_columns_stand_in_its_table(tables: dict[str, set[str]], name: str) -> None:
    assert set(PART[name].split()) <= tables[name]


def test_the_map_in_the_docs_names_tables_that_there_are(tables: dict[str, set[str]]) -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    rows = re.findall(
        r"^\|[^|]*\|([^|]*)\| (?:state|library)\.db \|$", page.partition("## Tables and the roadmap's names")[2], re.MULTILINE
    )
    named = {word for row in rows for word in re.findall(r"`([A-Z][A-Za-z]+)`", row)}
    assert len(named) >= 15 and named <= set(tables), named - set(tables)

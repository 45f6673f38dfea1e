"""Manifests of the three job types: what leaves comes back, old ones are still read, and what cannot be a job is refused."""

import dataclasses

import pytest
import yaml

from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import make_ref
from slskdn_tui.model.jobs import Constraints, JobType, TrackState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText

JOB = "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f"
MBID = "b84ee12a-09ef-421b-82de-0441a926375b"
HOSTILE = "@@x\\Мой\\a%2f..\\1. back: cover?\x1b[2J.jpg"
OLD = f"""\
schema_version: 1
job_id: {JOB}
type: mb_release
mb_release_id: {MBID}
mb_release_group_id: ''
title: Loveless
artist: My Bloody Valentine
date: '1991'
label: ''
discs: 1
tracks:
- position: 1
  mb_recording_id: {MBID}
  title: Only Shallow
  number: 1
  size: 5
  blake3: {"ab" * 32}
constraints:
  preferred_codecs: [FLAC]
  max_lossy_tracks_per_album: 0
  prefer_canonical_variants: true
  use_overlay: true
  overlay_bandwidth_kbps: 0
status:
  started_at: '2026-01-01T00:00:00Z'
  completed_tracks: [1]
  in_progress_tracks: []
  pending_tracks: []
"""


def record(kind: JobType) -> JobRecord:
    files = kind is JobType.FILES
    recording = "" if files else MBID
    tracks = [
        Track(1, 0 if files else 1, 0 if files else 1, recording, SafeText("CD1/01 Song.flac" if files else "Song"), SafeText("A"), 1000)
    ]
    entries = [TrackRecord(1, username="mono", path="@@x\\a\\01 Song.flac", size=9) if files else TrackRecord(1)]
    if kind is not JobType.RECORDING:
        tracks.append(Track(2, 0, 0, "", SafeText("back.jpg"), SafeText("A"), None, optional=not files))
        entries.append(TrackRecord(2, username="dj/kode ü", path=HOSTILE, size=77))
    if files:
        tracks = [dataclasses.replace(track, disc=1) for track in tracks]
    release = Release(
        "" if files else MBID,
        "",
        SafeText("T"),
        SafeText("A"),
        "",
        "" if files else "1999",
        "",
        "",
        SafeText(""),
        (),
        1 if files else 2,
        tuple(tracks),
    )
    details = {"destination": "vinyl"} | ({"user": "mono"} if files else {})
    return JobRecord(
        JOB, kind.value, release, Constraints(allow_mixed_sources=True), created_at="2026-01-01T00:00:00Z", tracks=entries, details=details
    )


@pytest.mark.parametrize("kind", JobType)
def test_what_leaves_comes_back(kind):
    job = record(kind)
    text = manifests.write(job)
    back = manifests.read(text, "x.yaml")
    assert back.record == job and back.finished == {} and manifests.write(back.record) == text


def test_a_finished_file_is_told_with_its_digest_and_its_source_stays():
    job = record(JobType.FILES)
    job.tracks[1].state, job.tracks[1].blake3, job.tracks[0].state = TrackState.DONE, "cd" * 32, TrackState.STALLED
    data = yaml.safe_load(manifests.write(job))
    assert data["tracks"][1]["source"] == make_ref("dj/kode ü", HOSTILE) and data["tracks"][1]["blake3"] == "cd" * 32
    assert (data["status"]["completed_tracks"], data["status"]["in_progress_tracks"]) == ([2], [1])
    assert "mb_release_id" not in data and "optional" not in data["tracks"][1] and data["user"] == "mono"


def test_a_manifest_of_an_earlier_version_is_read_as_it_was_meant():
    back = manifests.read(OLD, "old.yaml")
    assert (back.job_id, back.record.type, back.record.release.tracks[0].optional) == (JOB, "mb_release", False)
    assert back.finished == {1: manifests.Finished(5, "ab" * 32)} and not back.record.constraints.allow_mixed_sources
    assert back.record.details == {} and back.record.tracks == [TrackRecord(1)]


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        (JobType.FILES, lambda data: data["tracks"][0].pop("source"), "wants a user, and a source for each track"),
        (JobType.FILES, lambda data: data.pop("user"), "wants a user"),
        (JobType.FILES, lambda data: data["tracks"][0].update(source="/etc/passwd"), "slsk://USER/PATH"),
        (JobType.FILES, lambda data: data["tracks"][0].update(source="slsk://mono/a/"), "slsk://USER/PATH of a file"),
        (JobType.RELEASE, lambda data: data.pop("mb_release_id"), "mb_release_id is missing"),
        (JobType.RELEASE, lambda data: data["tracks"][0].pop("mb_recording_id"), "track 1 wants a mb_recording_id"),
        (JobType.RELEASE, lambda data: data["tracks"][1].pop("source"), "track 2 wants a mb_recording_id, or optional: true and a source"),
        (JobType.RELEASE, lambda data: data.update(type="shell"), "type: should be 'mb_release', 'mb_recording' or 'soulseek_files'"),
        (JobType.RELEASE, lambda data: data["constraints"].update(use_overlays=False), "no such key; did you mean `use_overlay`?"),
        (JobType.RELEASE, lambda data: data["status"].update(x=1), "status.x: no such key; there are started_at, completed_tracks,"),
        (
            JobType.RELEASE,
            lambda data: data["tracks"][1].update(duration="3:00"),
            "tracks 2: duration: no such key; did you mean `duration_ms`?",
        ),
        (JobType.RELEASE, lambda data: data["tracks"][1].pop("title"), "tracks 2: title: it is missing"),
        (JobType.RELEASE, lambda data: data["tracks"].insert(0, "Loomer"), "tracks 1: keys are expected here: position, mb_recording_id,"),
        (JobType.RELEASE, lambda data: data.update(job_id="1"), "job_id: should be 8-4-4-4-12 digits"),
        (JobType.RELEASE, lambda data: data["tracks"][0].update(position=2), "tracks: each position may occur once"),
    ],
)
def test_what_cannot_be_a_job_is_refused_with_the_reason(kind, change, words):
    data = yaml.safe_load(manifests.write(record(kind)))
    change(data)
    with pytest.raises(UserError) as caught:
        manifests.read(yaml.safe_dump(data), "x.yaml")
    assert words in caught.value.message and caught.value.code == "config"

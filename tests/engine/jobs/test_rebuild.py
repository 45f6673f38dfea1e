"""A profile whose database is gone goes on from its manifests."""

from slskdn_tui.engine.jobs.manifests import manifests
from slskdn_tui.engine.jobs.manifests.manifest_files import ManifestFiles
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.music import Release, Track
from slskdn_tui.model.text import SafeText


def record() -> JobRecord:
    tracks = tuple(Track(n, 1, n, f"0000000{n}-0000-4000-8000-000000000000", SafeText(f"T{n}"), SafeText("A"), 1000) for n in (1, 2))
    release = Release(DEMO_RELEASE, "", SafeText("No"), SafeText("Yes: 1e3"), "", "1999", "", "", SafeText(""), (), 1, tracks)
    return JobRecord(
        "0f4de638-56f3-4a0f-b8fa-64f85c6b6a8f",
        "mb_release",
        release,
        created_at="2026-01-01T00:00:00Z",
        tracks=[TrackRecord(1), TrackRecord(2)],
    )


def test_a_manifest_lives_in_one_folder_and_says_what_state_the_job_is_in(tmp_path):
    files, job = ManifestFiles(tmp_path), record()
    for state, folder in (
        (JobState.ACTIVE, "active"),
        (JobState.CANCELLED, "cancelled"),
        (JobState.ACTIVE, "active"),
        (JobState.COMPLETED, "completed"),
    ):
        job.state = state
        files.keep(job)
        assert [path.parent.name for path in tmp_path.rglob("*.yaml")] == [folder]
    assert files.unfinished() == []


def test_titles_that_yaml_would_read_as_something_else_survive(tmp_path):
    text = manifests.write(record())
    again = manifests.read(text, "x.yaml").record
    assert (again.release.title, again.release.artist) == ("No", "Yes: 1e3")
    assert manifests.write(again) == text

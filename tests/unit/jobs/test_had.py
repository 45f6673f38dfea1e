"""Whether a wanted album is here already: only when one completed job placed all of it, and every file is still there."""

from __future__ import annotations

from slskdn_tui.engine.jobs.placing.had import Had, had
from slskdn_tui.engine.store.records import JobRecord, TrackRecord
from slskdn_tui.model.jobs import JobState, TrackState
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText

NO = SafeText("")


def record(job_id: str = "one", mbid: str = "m", state: JobState = JobState.COMPLETED, tracks: int = 2, finished: str = "1") -> JobRecord:
    entries = [TrackRecord(number, TrackState.DONE, placed=f"/m/{job_id}/CD{number}/{number}.flac") for number in range(1, tracks + 1)]
    release = Release(mbid, "", NO, NO, "", "", "", "", NO, (), 1, ())
    return JobRecord(job_id, "mb_release", release, state=state, tracks=entries, finished_at=finished)


def anything(path: str) -> bool:
    return True


def test_the_newest_completed_job_that_has_all_is_named_with_the_folder_of_its_files() -> None:
    records = [record("old", finished="1"), record("new", finished="2")]
    assert had(records, "m", {1, 2}, anything) == Had("new", "/m/new")


def test_one_track_of_an_album_that_is_here_is_named_by_its_file() -> None:
    assert had([record()], "m", {2}, anything) == Had("one", "/m/one/CD2/2.flac")


def test_another_release_an_unfinished_job_a_part_of_it_or_a_deleted_file_do_not_count() -> None:
    assert had([record(mbid="other")], "m", {1, 2}, anything) is None
    assert had([record(mbid="")], "", {1, 2}, anything) is None
    assert had([record(state=JobState.CANCELLED)], "m", {1, 2}, anything) is None
    assert had([record(tracks=1)], "m", {1, 2}, anything) is None
    assert had([record()], "m", {1, 2}, lambda path: not path.endswith("/2.flac")) is None

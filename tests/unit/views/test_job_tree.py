"""Jobs as a tree: a parent where its first job stands, releases without a job, what two parents want, and the filter."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.engine.views.job_tree import TREE, job_tree, shown_jobs
from slskdn_tui.model.parents import Member, ParentRecord, ParentState, ParentType
from slskdn_tui.model.text import SafeText as T
from slskdn_tui.model.views import JobRow, ViewKey


def job(name: str, state: str = "active", speed: float = 0.0) -> JobRow:
    return JobRow(
        name,
        0,
        name,
        "mb_release",
        T(f"Title {name}"),
        T("Somebody"),
        state,
        0,
        9,
        0.0,
        speed,
        "2026-11-26T10:00:00Z",
        release=f"mbid {name}",
    )


def member(name: str, job_id: str = "", outcome: str = "", title: str = "") -> Member:
    return Member(name, T(title), T("Somebody" if title else ""), job_id=job_id, outcome=outcome, tracks=9 if title else 0)  # type: ignore[arg-type]


def parent(name: str, members: list[Member], kind: ParentType = ParentType.DISCOGRAPHY, scope: str = "core") -> ParentRecord:
    return ParentRecord(name, kind, "subject", T("Plone"), scope, members=members)


def told(rows: list[JobRow]) -> list[tuple[int, str, str]]:
    return [(row.level, row.job_id or row.key, row.state) for row in rows]


def test_a_parent_stands_where_its_first_job_does_and_counts_releases() -> None:
    jobs = [job("other"), job("a", "active", 100.0), job("later"), job("b", "completed", 5.0)]
    one = parent("p", [member("r0", outcome="here", title="Owned"), member("r1", "a"), member("r2", "b", "completed"), member("r3")])
    tree = job_tree(jobs, [one], lambda count: 300.0 * count)
    assert told(tree) == [
        (0, "other", "active"),
        (0, "p", "active"),
        (1, "p/r0", "here"),
        (1, "a", "active"),
        (1, "b", "completed"),
        (1, "p/r3", "waiting"),
        (0, "later", "active"),
    ]
    top = tree[1]
    assert (top.title, top.children, top.tracks_done, top.tracks_total, top.done, top.speed) == (
        "Plone: core discography",
        4,
        2,
        4,
        0.5,
        105.0,
    )
    assert top.error == "the last is searched for in 5 min or more"
    assert (tree[2].tracks_done, tree[2].tracks_total, tree[2].done) == (9, 9, 1.0)
    assert tree[5].title == "r3", "its id, until MusicBrainz was asked what it is called"


def test_a_parent_without_jobs_stands_last_and_says_what_it_waits_for() -> None:
    tree = job_tree([job("other")], [parent("p", [member("r1")], ParentType.CRATE, "all")], None, lambda record: "waits for Soulseek: off")
    assert told(tree)[1:] == [(0, "p", "active"), (1, "p/r1", "waiting")]
    assert tree[1].title == "Plone: crate, everything" and tree[1].error == "waits for Soulseek: off"


def test_a_job_that_two_parents_want_stands_once_with_its_state_in_both() -> None:
    tree = job_tree([job("a", "searching")], [parent("p", [member("r1", "a")]), parent("q", [member("r1", "a")])])
    assert told(tree) == [(0, "p", "active"), (1, "a", "searching"), (0, "q", "active"), (1, "q/r1", "searching")]
    assert len({row.key for row in tree}) == len(tree)


def test_the_filter_keeps_the_parent_of_what_passes_once() -> None:
    records = [parent("p", [member("r1", "a"), member("r2", "b"), member("r3", title="Neither")]), parent("q", [member("r4", "c")])]
    jobs = [job("a"), job("b"), job("c"), job("other")]
    view = shown_jobs(jobs, records, ViewKey("jobs", TREE, "title a"))
    assert told(list(view.rows)) == [(0, "p", "active"), (1, "a", "active")]
    view = shown_jobs(jobs, records, ViewKey("jobs", TREE, "title"))
    assert [row.job_id for row in view.rows] == ["p", "a", "b", "q", "c", "other"]
    view = shown_jobs(jobs, records, ViewKey("jobs", TREE, "plone", start=1, count=1))
    assert (view.total, [row.job_id for row in view.rows]) == (2, ["q"]), "the window is of what passes"


def test_without_asking_for_a_tree_jobs_are_a_flat_list() -> None:
    view = shown_jobs([job("a"), job("b")], [parent("p", [member("r1", "a")])], ViewKey("jobs"))
    assert told(list(view.rows)) == [(0, "a", "active"), (0, "b", "active")]


def test_a_parent_that_is_paused_says_so() -> None:
    record = parent("p", [member("r1")])
    record.state = ParentState.PAUSED
    assert job_tree([], [record])[0].state == "paused"


def test_what_still_runs_stands_above_all_that_has_ended_and_the_newest_of_that_first() -> None:
    ended = [replace(job(name, state), finished_at=f"2026-11-26T{hour}:00:00Z") for name, state, hour in _ENDED]
    shown = shown_jobs([*ended, job("first"), job("paused", "paused")], [], ViewKey("jobs", TREE))
    assert [row.job_id for row in shown.rows] == ["first", "paused", "late", "early"]


_ENDED = [("early", "completed", 11), ("late", "failed", 12)]


def test_a_tree_longer_than_the_window_has_the_releases_of_opened_parents_only() -> None:
    parents = [parent("p1", [member(f"a{at}") for at in range(30)]), parent("p2", [member(f"b{at}") for at in range(30)])]
    rows = [job("1"), job("2")]

    def shown(subject: str, count: int = 50, filter_: str = "") -> tuple[int, int, set[str]]:
        view = shown_jobs(rows, parents, ViewKey("jobs", subject, filter_, count=count))
        return len(view.rows), view.total, {row.key.partition("/")[0] for row in view.rows if row.level}

    assert shown("tree", 64) == (64, 64, {"p1", "p2"})
    assert shown("tree") == (4, 4, set())
    assert shown("tree/p2,gone") == (34, 34, {"p2"})
    assert shown("tree/p1,p2") == (50, 64, {"p1", "p2"})
    assert shown("tree", filter_="a29") == (2, 2, {"p1"}), "the filter looks into folded ones"

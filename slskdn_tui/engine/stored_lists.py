"""Lists that stand in state.db, as views for an engine that does not run: filters, wishes and what was found, people, messages, peers. Shell over the store."""

from __future__ import annotations

from datetime import UTC, datetime

from slskdn_tui.config.settings import Fairness
from slskdn_tui.engine.library.scan.scanner import NOT_SCANNED
from slskdn_tui.engine.peers.governor import judge
from slskdn_tui.engine.peers.ledger import LedgerTotals, add_up, window_start
from slskdn_tui.engine.store.records import LedgerRow
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.views.cache_rows import stored_cache
from slskdn_tui.engine.views.found_rows import folder_rows
from slskdn_tui.engine.views.health import health_view
from slskdn_tui.engine.views.known_peers import contribution_view, known_peers, peers_view, total
from slskdn_tui.engine.views.label_rows import seen_labels
from slskdn_tui.engine.views.message_rows import message_row
from slskdn_tui.engine.views.parent_rows import shown_parents
from slskdn_tui.engine.views.stats import stats_view
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.filters import parse
from slskdn_tui.model.finding import FilterRow, FiltersView, SearchView, WishesView, WishRow
from slskdn_tui.model.fix import TrashView
from slskdn_tui.model.folders import folders_of, in_order
from slskdn_tui.model.graph import LabelsView
from slskdn_tui.model.health import HealthView
from slskdn_tui.model.library_view import LibraryView, ScanLine
from slskdn_tui.model.parents import ParentsView
from slskdn_tui.model.peers import ContributionView, PeersView
from slskdn_tui.model.people import MessagesView, PeopleView, PersonRow
from slskdn_tui.model.stats import StatsView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import Snapshot, ViewKey

WISH = "wish/"
_RELATIONS = {"friends": ("friend",), "bans": ("banned",), "": ("friend", "banned")}


async def stored_list(store: Store | None, key: ViewKey, fairness: Fairness) -> Snapshot | None:
    """The view, empty for a profile that was never used; None when it needs a running engine."""
    match key.screen:
        case "filters":
            saved = await store.choices.under("filters.") if store is not None else {}
            return FiltersView(0, tuple(FilterRow(name, 0, SafeText(name), SafeText(str(text))) for name, text in sorted(saved.items())))
        case "wishes":
            return await _wishes(store) if store is not None else WishesView(0)
        case "people":
            return await _people(store, key) if store is not None else PeopleView(0)
        case "messages":
            return await _messages(store, key) if store is not None else MessagesView(0)
        case "peers":
            return await _peers(store, key)
        case "contribution":
            return await _contribution(store, key, fairness)
        case "cache":
            return await stored_cache(store, key)
        case "health":
            return await health_view(store, key) if store is not None else HealthView(0)
        case "library" | "trash" if store is None:
            return LibraryView(0, scan=ScanLine(words=SafeText(NOT_SCANNED))) if key.screen == "library" else TrashView(0)
        case "parents":
            return await _parents(store, key)
        case "labels":
            return await seen_labels(store, key) if store is not None else LabelsView(0)
        case "stats":
            return await stats_view(store, fairness) if store is not None else StatsView(0)
        case "search" if key.subject.startswith(WISH) and store is not None:
            return await _found(store, key)
    return None


async def _parents(store: Store | None, key: ViewKey) -> ParentsView:
    records = await store.parents.load_all() if store is not None else []
    jobs = {job.job_id: job for job in await store.jobs.load_all()} if store is not None and key.subject else {}
    return shown_parents(records, key, lambda member: jobs.get(member.job_id))


async def _peers(store: Store | None, key: ViewKey) -> PeersView:
    """Who is remembered or moved bytes in the seven days up to now."""
    rows = await store.peers.all() if store is not None else []
    now = store.clock.wall() if store is not None else datetime.now(UTC)
    moved = add_up(((row.plane, row.peer_id), (row.plane, row.direction, row.bytes)) for row in await _ledger(store, now))
    return peers_view(known_peers(rows, moved, {}, now), key.subject, key.filter, key.start, key.count)


async def _contribution(store: Store | None, key: ViewKey, fairness: Fairness) -> ContributionView:
    now = store.clock.wall() if store is not None else datetime.now(UTC)
    by_day = add_up((row.day, (row.plane, row.direction, row.bytes)) for row in await _ledger(store, now))
    today = now.date()
    verdict = judge(total(by_day.values()), by_day.get(today.isoformat(), LedgerTotals()), fairness, today)
    return contribution_view(key.subject, by_day, verdict, fairness, today)


async def _ledger(store: Store | None, now: datetime) -> list[LedgerRow]:
    return await store.ledger.load(window_start(now.date())) if store is not None else []


async def _wishes(store: Store) -> WishesView:
    counts = await store.wishes.counts()
    rows = []
    for wish in await store.wishes.all():
        new, found = counts.get(wish.wish_id, (0, 0))
        rows.append(
            WishRow(
                wish.wish_id, 0, wish.wish_id, SafeText(wish.query), SafeText(wish.filter), wish.auto, new, found, wish.created_at,
                wish.last_at, None, wish.job_id, SafeText(wish.note),
            )
        )  # fmt: skip
    return WishesView(0, tuple(rows))


async def _found(store: Store, key: ViewKey) -> SearchView:
    """What was found for a wish. UserError `not_found` and `usage` (a filter that cannot be read)."""
    wish = next((wish for wish in await store.wishes.all() if wish.wish_id == key.subject.removeprefix(WISH)), None)
    if wish is None:
        raise UserError("not_found", f"no wish {key.subject.removeprefix(WISH)!r}", "`slskdn wishlist` shows them")
    saved = {name: str(text) for name, text in (await store.choices.under("filters.")).items()}
    wanted = parse(key.filter, saved)
    replies = [hit.reply for hit in await store.wishes.hits(wish.wish_id)]
    folders = in_order([folder for reply in replies for folder in folders_of(reply, wanted)], key.sort, key.descending)
    rows = [row for folder in folders for row in folder_rows(folder, [False] * len(folder.files))]
    return SearchView(
        0,
        key.subject,
        SafeText(wish.query),
        "done",
        users=len({reply.username for reply in replies}),
        files=sum(len(reply.files) for reply in replies),
        shown_users=len({folder.reply.username for folder in folders}),
        shown_files=sum(len(folder.files) for folder in folders),
        rows=tuple(rows[key.start : key.start + key.count]),
        total=len(rows),
    )


async def _people(store: Store, key: ViewKey) -> PeopleView:
    kinds = _RELATIONS.get(key.subject, ())
    rows = [
        PersonRow(
            f"{each.relation}/{each.username}",
            0,
            SafeText(each.username),
            each.relation,
            SafeText(each.note),
            each.since,
            "",
            each.username,
        )
        for each in await store.people.all()
        if each.relation in kinds
    ]
    return PeopleView(0, tuple(rows[key.start : key.start + key.count]))


async def _messages(store: Store, key: ViewKey) -> MessagesView:
    kept = store.messages
    rows = await (kept.with_user(key.subject, key.start, key.count) if key.subject else kept.conversations(key.start, key.count))
    return MessagesView(0, tuple(message_row(each) for each in rows), await kept.unread())

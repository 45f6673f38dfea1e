"""Views of other users: who they are, what they share, friends and bans, private messages. Shell over the running engine.

Looking starts asking: the first snapshot of a user or of a share list sends the question, and says `asking` until the answer is there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.soulseek.people.answers import Answer
from slskdn_tui.engine.soulseek.people.people import People, UserInfo
from slskdn_tui.engine.soulseek.wire.share_list import ListedFolder, ShareList
from slskdn_tui.engine.views.found_rows import LONGEST_REF, file_row
from slskdn_tui.engine.views.message_rows import message_row
from slskdn_tui.model.candidates import FoundFile, SearchReply
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.expected import claimed, expect, formats_words
from slskdn_tui.model.filters import Filter, parse
from slskdn_tui.model.finding import BrowseView, SearchRow, make_ref
from slskdn_tui.model.people import MessagesView, PeopleView, PersonRow, UserView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey

KEPT = 8
LONGEST_TRACK_S = 7 * 86_400
Lines = tuple[tuple[SearchRow, ...], int, int, int]
"""rows of the window, rows in all, files, bytes"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which lines of whose list, by what saved filters; the list is part of it by identity, so that a new one makes new lines."""

    key: ViewKey
    listed: int
    saved: tuple[tuple[str, str], ...]


class PeopleViews:
    """One maker a screen."""

    def __init__(self, engine: Parts) -> None:
        self._engine = engine
        self._lines: OrderedDict[_Wanted, Lines] = OrderedDict()

    @property
    def _people(self) -> People:
        return self._engine.soulseek.people

    async def user(self, key: ViewKey) -> UserView:
        people, name = self._people, key.subject
        history = await self._engine.store.user_history.get(name)
        answer = people.users.watch(name)  # nothing is awaited from here on: state and value belong together
        info = answer.value
        return UserView(
            version=0,
            user=SafeText(name),
            state=answer.state,
            relation=people.relation(name),
            note=SafeText(people.note(name)),
            done=history.done,
            failed=history.failed,
            bytes=history.bytes,
            own_speed=history.speed,
            error=_words(answer),
            code=_code(answer),
            username=name,
            **(_told(info) if info is not None else {}),
        )

    async def people(self, key: ViewKey) -> PeopleView:
        kinds = {"friends": "friend", "bans": "banned"}
        if key.subject and key.subject not in kinds:
            raise UserError("usage", f"no list {key.subject!r} of people", "there are friends and bans")
        people = self._people
        if key.subject != "bans":
            await people.learn_statuses()
        rows = [
            PersonRow(
                f"{each.relation}/{each.username}", 0, SafeText(each.username), each.relation, SafeText(each.note), each.since,
                people.status(each.username) if each.relation == "friend" else "", each.username,
            )
            for each in people.listed()
            if kinds.get(key.subject, each.relation) == each.relation
        ]  # fmt: skip
        wanted = key.filter.casefold()
        rows = [row for row in rows if wanted in f"{row.user} {row.note}".casefold()]
        return PeopleView(0, tuple(rows[key.start : key.start + key.count]))

    async def messages(self, key: ViewKey) -> MessagesView:
        """A conversation: its last `count` messages, `start` of the newest left off. None: the conversations, the newest first."""
        people = self._people
        if people.messages is None:
            return MessagesView(0)
        kept = people.messages
        rows = await (kept.with_user(key.subject, key.start, key.count) if key.subject else kept.conversations(key.start, key.count))
        return MessagesView(0, tuple(message_row(each) for each in rows), people.unread)

    async def browse(self, key: ViewKey) -> BrowseView:
        name, folder, path = key.subject.partition("\n")
        answer = self._people.shares.watch(name)
        listed, title = answer.value, SafeText(_shown(path))
        if listed is None:
            return BrowseView(0, SafeText(name), answer.state, title, error=_words(answer), code=_code(answer))
        known = listed.folder(path) if folder else None
        if folder and known is None:
            return BrowseView(0, SafeText(name), "failed", title, error=SafeText(f"{name} does not share this folder"), code="not_found")
        try:
            rows, total, files, size = await self._lines_of(key, name, listed, known)
        except UserError as error:
            return BrowseView(0, SafeText(name), "failed", title, error=SafeText(error.message), code=error.code)
        capped = SafeText(f"only the first {listed.files} files are shown: the list is longer") if listed.capped else SafeText("")
        return BrowseView(0, SafeText(name), "done", title, rows, total, files, size, capped)

    async def _lines_of(self, key: ViewKey, name: str, listed: ShareList, folder: ListedFolder | None) -> Lines:
        """Made once and kept: a list is looked at every second, and a filter reads all of it. UserError for a filter that cannot be read."""
        kept = await self._engine.store.choices.under("filters.") if "@" in key.filter else {}
        saved = {each: str(text) for each, text in kept.items()}
        wanted = _Wanted(key, id(listed), tuple(saved.items()))
        made = self._lines.get(wanted)
        if made is None:
            test = parse(key.filter, saved)
            user = self._people.users.known(name)
            made = await asyncio.to_thread(_make_lines, key, name, listed, folder, test, user)
            self._lines[wanted] = made
            while len(self._lines) > KEPT:
                self._lines.popitem(last=False)
        self._lines.move_to_end(wanted)
        return made


def _make_lines(key: ViewKey, name: str, listed: ShareList, folder: ListedFolder | None, test: Filter, user: UserInfo | None) -> Lines:
    """The window's rows: folders that hold a file that passes, or one folder's files. Runs in a thread: a list may be long."""
    window = slice(key.start, key.start + key.count)
    reply = SearchReply(name, bool(user and user.free), user.speed if user else 0, (user.queue or 0) if user else 0, ())
    none = not test.empty and not test.user_passes(reply)
    if folder is not None:
        files = () if none else tuple(each for each in folder.found(name) if test.file_passes(each))
        return (
            tuple(file_row(reply, each, expect(each), False) for each in files[window]),
            len(files),
            len(files),
            sum(each.size for each in files),
        )
    if test.empty:
        rows = tuple(_folder_row(name, each.path, each.found(name), reply) for each in listed.folders[window])
        return rows, len(listed.folders), listed.files, listed.size
    passing: list[tuple[str, tuple[FoundFile, ...]]] = []
    for each in () if none else listed.folders:
        files = tuple(file for file in each.found(name) if test.file_passes(file))
        if files:
            passing.append((each.path, files))
    rows = tuple(_folder_row(name, path, files, reply) for path, files in passing[window])
    return rows, len(passing), sum(len(files) for _, files in passing), sum(file.size for _, files in passing for file in files)


def _folder_row(name: str, path: str, files: Sequence[FoundFile], reply: SearchReply) -> SearchRow:
    expected = [(each, expect(each)) for each in files]
    known = [found.quality for _, found in expected if found.quality is not None]
    seconds = sum(claimed(each.seconds, 1, LONGEST_TRACK_S) or 0 for each in files)
    return SearchRow(
        f"folder/{path}",
        0,
        0,
        SafeText(_shown(path)),
        SafeText(name),
        SafeText(make_ref(name, path, folder=True), LONGEST_REF),
        SafeText(formats_words(expected)),
        round(sum(known) / len(known), 4) if known else None,
        free=reply.free_slot,
        queue=reply.queue,
        speed=reply.speed,
        size=sum(each.size for each in files),
        seconds=seconds or None,
        files=len(files),
        username=name,
    )


def _shown(path: str) -> str:
    return path.replace("\\", "/")


def _code(answer: Answer[UserInfo] | Answer[ShareList]) -> str:
    return answer.error.code if answer.error is not None and answer.state == "failed" else ""


def _words(answer: Answer[UserInfo] | Answer[ShareList]) -> SafeText:
    """Why there is no answer; of a user who did not tell about himself, that."""
    if answer.error is not None and not answer.asking:
        return SafeText(f"{answer.error.message}; {answer.error.hint}" if answer.error.hint else answer.error.message)
    return SafeText(answer.value.error if isinstance(answer.value, UserInfo) else "")


def _told(info: UserInfo) -> dict[str, Any]:
    return {
        "status": info.status,
        "speed": info.speed,
        "uploads": info.uploads,
        "files": info.files,
        "folders": info.folders,
        "slots": info.slots,
        "free": info.free,
        "queue": info.queue,
        "description": SafeText(info.description),
        "privileged": info.privileged,
    }

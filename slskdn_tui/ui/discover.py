"""What keys do on Discover: whose records, one release, another edition, all of it; and from any album where it leads. Shell."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from slskdn_tui.commands import by_name
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.finding import SearchRow
from slskdn_tui.model.graph import GroupRow, LabelRow
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.library_view import LibraryRow
from slskdn_tui.model.text import counted, lasting
from slskdn_tui.model.views import CandidateRow, CandidatesView, JobRow, JobView, ViewKey
from slskdn_tui.seam import Command
from slskdn_tui.ui.poller import NEVER
from slskdn_tui.ui.present.discover import arguments, toggled
from slskdn_tui.ui.present.finding import folder_words
from slskdn_tui.ui.screens.dialogs import Choice, Pick, Prompt
from slskdn_tui.ui.screens.discover import DiscoverScreen

if TYPE_CHECKING:
    from slskdn_tui.ui.actions import Actions

Args = dict[str, Any]
Parent = tuple[str, str, str, Args]
"""(command, its option for how much, of whom, arguments)."""
KINDS = ("artist", "label", "release")
SCOPES = {"core": "core: official albums", "extended": "core and extended: EPs, live, compilations too"}
TOPS = ("10", "25", "50", "all")


def _discover(actions: Actions) -> DiscoverScreen | None:
    """The Discover screen, shown if it is not."""
    if not isinstance(actions.app.live, DiscoverScreen):
        actions.app.places.show("discover")
    top = actions.app.screen_stack[-1] if actions.app.screen_stack else None
    return top if isinstance(top, DiscoverScreen) else None


def _on_discover(act: Callable[[Actions, DiscoverScreen], object]) -> Callable[[Actions, Args], None]:
    def run(actions: Actions, args: Args) -> None:
        if isinstance(screen := actions.app.live, DiscoverScreen):
            act(actions, screen)
        else:
            actions.say("that belongs to the Discover screen: press 4", "colors.warning")

    return run


def subject_of(text: str, kind: str = "artist") -> str:
    """`KIND/MBID` of a MusicBrainz URL, else `kind/TEXT`. UserError `usage` for a URL of anything else."""
    read = parse_mb_reference(text)
    if read is None:
        return f"{kind}/{text}"
    if read[0] not in (None, *KINDS):
        raise UserError("usage", f"that is a MusicBrainz {read[0]}; paste an artist, a label or a release")
    named = "producer" if kind == "producer" and read[0] == "artist" else read[0]  # who produces has an artist's URL
    return f"{named or kind}/{read[1]}"


def _filter(args: Args) -> str:
    words = [f"{name}:{args[arg]}" for name, arg in (("year", "years"), ("label", "label"), ("section", "section")) if args.get(arg)]
    return shlex.join([*words, *(name for name in ("bootlegs", "missing") if args.get(name))])


def new(actions: Actions, args: Args) -> None:
    actions.start(_new(actions, args, "artist"))


async def _new(actions: Actions, args: Args, kind: str) -> None:
    said = args.get("name") or args.get("release") or args.get("artist")
    text = " ".join(said) if isinstance(said, list) else said
    if not text:
        text = await actions.ask(Prompt("Whose records?", "An artist's name, or a MusicBrainz URL of an artist, a label or a release."))
    if not text:
        return
    try:
        subject = subject_of(text, kind)
    except UserError as error:
        actions.say(str(error.message), "colors.error")
        return
    if (screen := _discover(actions)) is not None:
        screen.show(subject, _filter(args))
    kind, _, name = subject.partition("/")
    if args.get("get") and kind == "artist":
        await _complete(actions, ("discover.get", "scope", name, {"artist": name, **arguments(_filter(args), crate=False)}), [args["get"]])


def labels(actions: Actions, args: Args) -> None:
    """A label's releases, or labels whose name begins so."""
    if (screen := _discover(actions)) is None:
        return
    if args.get("label"):
        words = [f"{name}{args[arg]}" for name, arg in (("score>=", "score"), ("codec:", "codec"), ("year:", "years")) if args.get(arg)]
        screen.show_label(" ".join(args["label"]), shlex.join(words))
    else:
        screen.show_prefix(" ".join(args.get("prefix") or ()))


def follow(actions: Actions, screen: DiscoverScreen) -> None:
    """Enter: open what is under the cursor; with nothing there yet, ask for somebody."""
    if screen.part() == "nobody":
        new(actions, {})
    else:
        screen.table.unfold()


# One release ---------------------------------------------------------------------------------------------------------


def take(actions: Actions, screen: DiscoverScreen) -> None:
    if screen.releases():
        actions.start(_take(actions, screen))
    else:
        actions.say("put the cursor on a release first", "colors.warning")


async def _take(actions: Actions, screen: DiscoverScreen) -> None:
    """A job of each marked release, or of the one under the cursor."""
    spec = by_name("jobs.create")
    assert spec is not None
    for mbid in dict.fromkeys(screen.releases()):
        await actions.engine(spec, {"reference": mbid})
    screen.main.clear_marks()


def edition(actions: Actions, screen: DiscoverScreen) -> None:
    """Of a group: show its editions. On one of them: that one stands for the group; on the chosen one: the rule decides again."""
    row = screen.main.row
    if not isinstance(row, GroupRow):
        actions.say("put the cursor on an album first", "colors.warning")
    elif screen.part() != "release":
        screen.show(f"release/{row.release}")
    else:
        actions.start(_edition(actions, row))


async def _edition(actions: Actions, row: GroupRow) -> None:
    by_user = row.chosen and str(row.why) == "your choice"
    await actions.do("discover.edition", {"release": row.release, **({"reset": True} if by_user else {})})


# All of it -----------------------------------------------------------------------------------------------------------


def complete(actions: Actions, screen: DiscoverScreen) -> None:
    wanted = _parent(screen)
    if wanted is None:
        actions.say("D gets an artist's discography, or a label's crate: show one first", "colors.warning")
    else:
        actions.start(_complete(actions, wanted, tuple(SCOPES) if wanted[0] == "discover.get" else TOPS))


async def _complete(actions: Actions, wanted: Parent, scopes: Sequence[str]) -> None:
    """Say how many releases each choice gets and how long their searches take; what is picked becomes a parent job."""
    name, option, title, args = wanted
    choices, before = [], 0
    for each in scopes:
        try:
            plan = await actions.app.engine.submit(Command(name, {**args, option: each, "dry_run": True}))
        except (UserError, OSError, EOFError) as error:
            actions.say(str(getattr(error, "message", error)), "colors.error")
            return
        if not plan.ok:
            actions.say(f"{plan.message}  {plan.hint}".strip(), "colors.error")
            return
        count, wait = int(plan.data.get("releases", 0)), float(plan.data.get("forecast_s", 0.0))
        if count > before:
            words = SCOPES.get(each, f"the {each} most peers have" if each != "all" else "all of them")
            when = f"searched in {lasting(wait)}" if wait >= 30 else ""
            choices.append(Choice(each, f"{counted(count, 'release')}, {words}", when))
        before = max(before, count)
    if not choices:
        actions.say(f"nothing of {title} is missing" if name == "discover.get" else f"no node you know of tells of {title}", "colors.dim")
        return
    picked = await actions.ask(Pick(f"{title}: a job a release. Which?", choices))
    if picked is not None:
        await actions.do(name, {**args, option: picked})


def _parent(screen: DiscoverScreen) -> Parent | None:
    """None when nothing is shown that is fetched as a whole."""
    if screen.section == "labels":
        row = screen.main.row
        label = screen.label or (str(row.label) if isinstance(row, LabelRow) else "")
        filter_ = screen.crate_filter if screen.label else ""
        return ("labels.crate", "top", label, {"label": [label], **arguments(filter_, crate=True)}) if label else None
    kind, _, text = screen.subject.partition("/")
    name = str(screen.view.name) if screen.view is not None else text
    if kind == "artist" and text:
        return "discover.get", "scope", name, {"artist": text, **arguments(screen.filter_text, crate=False)}
    return ("labels.crate", "top", name, {"label": [name]}) if kind == "label" and screen.view is not None else None


# From any album ------------------------------------------------------------------------------------------------------


def related(actions: Actions, args: Args) -> None:
    actions.start(_related(actions, args))


async def _related(actions: Actions, args: Args) -> None:
    """The album under the cursor, wherever it is: its editions, and also by this producer, same label, featured artist."""
    here = actions.screen()
    if isinstance(here, DiscoverScreen):
        if mbids := here.releases():
            here.show(f"release/{mbids[0]}")
        return
    try:
        mbid = await _release(actions)
    except (UserError, OSError, EOFError) as error:
        actions.say(str(getattr(error, "message", error)), "colors.error")
        return
    if not mbid:
        return
    actions.app.places.visit("discover")
    if isinstance(screen := actions.app.screen_stack[-1], DiscoverScreen):
        screen.show(f"release/{mbid}", visit=True)


async def _release(actions: Actions) -> str:
    """The MBID of the album under the cursor; of a folder or a recording the release that is picked. "" when there is none, which is said."""
    screen, snapshot = actions.screen(), actions.app.engine.snapshot
    row, text = screen.main.row if not isinstance(screen.table.row, LibraryRow) else screen.table.row, ""
    subject = next(iter(screen.subjects()), {})
    if isinstance(row, CandidateRow):
        return row.mbid
    if isinstance(row, JobRow) and row.release:
        return row.release
    if subject.get("job"):
        view = await snapshot(ViewKey("job", subject=str(subject["job"])), NEVER)
        if isinstance(view, JobView) and view.job.release:
            return view.job.release
        actions.say("this job is of files without a release", "colors.warning")
        return ""
    if isinstance(row, SearchRow):
        text = folder_words(row.ref) or str(row.title)
    elif isinstance(row, LibraryRow):
        recording = next((str(value) for name, value in row.facts if name == "recording"), "")
        text = f"https://musicbrainz.org/recording/{recording}" if recording else ""
    if not text:
        actions.say("put the cursor on an album that MusicBrainz knows", "colors.warning")
        return ""
    actions.say(f"asking MusicBrainz for {text} ...", "colors.dim")
    found = await snapshot(ViewKey("candidates", subject=text), NEVER)
    if not isinstance(found, CandidatesView) or not found.rows:
        error = str(found.error) if isinstance(found, CandidatesView) else ""
        actions.say(error or f"MusicBrainz found nothing for {text}", "colors.warning")
        return ""
    actions.say("")
    if len(found.rows) == 1:
        return found.rows[0].mbid
    choices = [
        Choice(one.mbid, f"{one.artist} - {one.title}", " ".join(part for part in (one.date[:4], one.format) if part)) for one in found.rows
    ]
    return str(await actions.ask(Pick("Which release is it?", choices)) or "")


UI: dict[str, Callable[[Actions, Args], None]] = {
    "discover.open": new,
    "discover.open_label": lambda actions, args: actions.start(_new(actions, args, "label")),
    "discover.open_producer": lambda actions, args: actions.start(_new(actions, args, "producer")),
    "discover.open_release": lambda actions, args: actions.start(_new(actions, args, "release")),
    "discover.follow": _on_discover(follow),
    "discover.take": _on_discover(take),
    "discover.choose": _on_discover(edition),
    "discover.complete": _on_discover(complete),
    "discover.related": related,
    "discover.missing": _on_discover(lambda actions, screen: _toggle(actions, screen, "missing")),
    "discover.bootlegs": _on_discover(lambda actions, screen: _toggle(actions, screen, "bootlegs")),
    "discover.section": _on_discover(lambda actions, screen: screen.step()),
    "labels.open": labels,
}


def _toggle(actions: Actions, screen: DiscoverScreen, flag: str) -> None:
    if screen.section != "discography" or not screen.subject:
        actions.say(f"{flag}: show a discography first", "colors.dim")
    else:
        screen.filter(toggled(screen.filter_text, flag))

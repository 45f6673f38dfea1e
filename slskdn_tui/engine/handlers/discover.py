"""What commands on discographies and crates do: one function a command."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, constraints_of, done, words
from slskdn_tui.engine.jobs.placing.placement import base_folder
from slskdn_tui.engine.music.graph.tree import Wanted, years
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.music import ReleaseHit
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText, counted, lasting
from slskdn_tui.seam import Result

MOST_CRATE = 1000


async def edition(engine: Parts, args: Args) -> Result:
    read = parse_mb_reference(args["release"])
    if read is None or read[0] not in (None, "release"):
        raise UserError(
            "usage", f"{args['release'][:200]!r} is no release", "paste an edition's URL or MBID; `slskdn discover release` lists them"
        )
    if args["reset"]:
        title, group = await engine.graph.unchoose(read[1])
        return done(f"{title}: the rule decides again", group=group)
    title, group = await engine.graph.choose(read[1])
    return done(f"{title}: this edition stands for its group from now on", group=group, release=read[1])


async def discography(engine: Parts, args: Args) -> Result:
    """A parent job of an artist's core, or core and extended, discography."""
    base_folder(engine.settings.downloads, args["destination"] or "")
    scope = args["scope"]
    wanted = Wanted(
        years(args["years"]) if args["years"] else None,
        args["label"] or "",
        bool(args["bootlegs"]),
        not args["again"],
        ("core",) if scope == "core" else ("core", "extended"),
    )
    asked = await engine.graph.whole(f"artist/{args['artist']}")
    assert asked.entity is not None
    tree = await engine.graph.tree(asked, wanted)
    members = [Member(row.release, row.title, row.artist, row.date, row.tracks) for row in tree.rows]
    return await _begin(engine, args, ParentType.DISCOGRAPHY, asked.entity.mbid, asked.entity.name, scope, members)


async def crate(engine: Parts, args: Args) -> Result:
    """A parent job of the label's releases that most peers have."""
    base_folder(engine.settings.downloads, args["destination"] or "")
    label = words(args["label"])
    span = years(args["years"]) if args["years"] else None
    most = MOST_CRATE if args["top"] == "all" else int(args["top"])
    seen = await engine.store.popularity.releases(label, least_score=args["score"] or 0.0, codec=args["codec"] or "")
    if not seen:
        raise UserError(
            "refused",
            f"no node tells of a release of {label[:200]!r}" + (" in that quality" if args["score"] or args["codec"] else ""),
            "`slskdn discover label` shows what MusicBrainz lists of it",
        )
    members = [Member(one.release_mbid) for one in seen]
    if span is not None:
        known: dict[str, ReleaseHit] = {}
        for at in range(0, len(seen), 100):
            known |= {hit.mbid: hit for hit in await engine.graph.queries.lines([one.release_mbid for one in seen[at : at + 100]])}
        dated = [known[one.release_mbid] for one in seen if one.release_mbid in known]
        members = [
            Member(hit.mbid, hit.title, hit.artist, hit.date, hit.track_count)
            for hit in dated
            if hit.date[:4].isdigit() and span[0] <= int(hit.date[:4]) <= span[1]
        ]
    members = members[:most]
    name = seen[0].label if seen else SafeText(label)
    return await _begin(engine, args, ParentType.CRATE, str(name), name, args["top"], members)


async def _begin(engine: Parts, args: Args, kind: ParentType, subject: str, title: SafeText, scope: str, members: list[Member]) -> Result:
    # A merged or doubled id would make two jobs of one release.
    once = list({member.release_mbid: member for member in members}.values())
    wait = engine.soulseek.search_forecast(len(once))
    when = f"; the last is searched for in {lasting(wait)} at the earliest" if wait >= 90 else ""
    if args["dry_run"]:
        return done(f"{title}: {counted(len(once), 'release')} to get ({scope}){when}", releases=len(once), forecast_s=wait)
    record = await engine.parents.create(
        ParentRecord("", kind, subject, title, scope, constraints_of(args), args["destination"] or "", bool(args["again"]), members=once)
    )
    return done(
        f"parent job {record.parent_id[:8]}: {title}, {counted(len(once), 'release')} ({scope}){when}",
        parent_id=record.parent_id,
        releases=len(once),
        forecast_s=wait,
    )


DISCOVER: dict[str, Handler] = {"discover.edition": edition, "discover.get": discography, "labels.crate": crate}

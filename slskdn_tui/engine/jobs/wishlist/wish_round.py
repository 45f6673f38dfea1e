"""Core: the round of wishes: whose turn it is and when, what of an answer is kept, and which folder is taken.

One wish is searched for at each interval that the server gives, the one that waited longest first. A new wish comes after those that
were searched for before it was made, so adding wishes never adds searches. Times are wall seconds since the epoch, passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.model.candidates import SearchReply
from slskdn_tui.model.filters import Filter
from slskdn_tui.model.folders import FoundFolder, folders_of, in_order

DEFAULT_INTERVAL_S = 720.0
LONGEST_INTERVAL_S = 86_400.0


def interval_of(given: int | None) -> float | None:
    """The server's interval within reason; None when it gave none yet."""
    if given is None:
        return None
    return min(LONGEST_INTERVAL_S, float(given)) if given > 0 else DEFAULT_INTERVAL_S


def in_turn(wishes: Sequence[Wish]) -> list[Wish]:
    """Wishes that are still searched for, in the order of their turns, those never searched for first: what became a job is not."""
    return sorted(
        (wish for wish in wishes if not wish.job_id),
        key=lambda wish: (wish.last_at, wish.created_at, len(wish.wish_id), wish.wish_id),
    )


def wait_for(last: float, interval: float, now: float) -> float:
    """Seconds until the next wish may be searched for; `last` is when one was, of this run or an earlier one. A clock set back costs one interval at most."""
    return max(0.0, min(last, now) + interval - now)


def fitting(replies: Sequence[SearchReply], wanted: Filter) -> list[FoundFolder]:
    """Folders with audio that pass the wish's filter, best first."""
    return in_order(folder for reply in replies for folder in folders_of(reply, wanted) if folder.audio)


def keep(old: Sequence[WishHit], found: Sequence[FoundFolder], now: str, most: int) -> tuple[list[WishHit], int]:
    """(the hits to keep, how many of them are new). A folder that is found again keeps its age and whether it was seen; the best and newest stay."""
    known = {hit.key: hit for hit in old}
    fresh, again = [], []
    for folder in found:
        reply = replace(folder.reply, files=folder.files)
        hit = known.pop(folder.key, None)
        if hit is None:
            fresh.append(WishHit(folder.key, now, False, reply))
        else:
            again.append(replace(hit, reply=reply))
    unseen = [hit for hit in known.values() if not hit.seen]
    seen = [hit for hit in known.values() if hit.seen]
    kept = [*fresh, *again, *unseen, *seen][:most]
    return kept, sum(hit.found_at == now and not hit.seen for hit in kept[: len(fresh)])

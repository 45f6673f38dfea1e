"""A month of the search gate and the session's waits on a virtual clock: drops, outages, bans, kicks, crashes, four kinds of callers."""

from __future__ import annotations

import bisect
import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from slskdn_tui.engine.soulseek.connection.supervise import Waits
from slskdn_tui.engine.soulseek.search.gate import GateRules, Priority, SearchGate, query_key

DAY = 86_400.0
MONTH = 30 * DAY
COLLECT = 8.0


class Month:
    """The program (a gate, the session's waits, callers) against a server and a user that do what servers and users do. Time is seconds."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 1_000_000.0
        self.start = self.now
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        # the server's side
        self.down_until = 0.0
        self.banned_until = 0.0
        self.online = False
        self.session = 0
        # the program's
        self.disk: list[tuple[float, str]] = []
        self.run = 0
        self.kicked = False
        self.waiting: dict[int, str] = {}
        # what is held against it
        self.sent: list[tuple[float, str, Priority]] = []
        self.most_flying = 0
        self.logins: list[float] = []
        self.kicks: list[float] = []
        self.asked_back: list[float] = []
        self.asked: Counter[Priority] = Counter()
        self.priorities: dict[int, Priority] = {}
        self.user_waits: list[float] = []
        self.entered: dict[int, float] = {}
        self.boot()

    def at(self, when: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._count), work))

    def every(self, mean: float, work: Callable[[], None]) -> None:
        def again() -> None:
            work()
            self.at(self.now + self.rng.expovariate(1 / mean), again)

        self.at(self.now + self.rng.expovariate(1 / mean), again)

    def live(self) -> Month:
        end = self.start + MONTH
        while self._events and self._events[0][0] <= end:
            self.now, _, work = heapq.heappop(self._events)
            work()
        return self

    # -- the program

    def boot(self) -> None:
        """Start, or start again after a crash: what is on disk is all there is."""
        self.run += 1
        self.gate = SearchGate(GateRules(), [each for each in self.disk if each[0] >= self.now - 300])
        self.waits = Waits(5.0, self.rng)
        self.online, self.kicked, self.flying = False, False, 0
        self.waiting, self.priorities, self.entered = {}, {}, {}
        self.log_in()

    def crash(self) -> None:
        """A kick is remembered by the user, not by the program: whoever starts it again wants to be logged in."""
        if self.online:
            self.session_ends()
        if self.kicked:
            self.asked_back.append(self.now)
        self.boot()

    def log_in(self) -> None:
        run = self.run
        if self.online or self.kicked:
            return
        if self.now < self.down_until:
            wait = self.waits.after("unreachable")
        elif self.now < self.banned_until:
            self.logins.append(self.now)
            wait = self.waits.after("unanswered")
        else:
            self.logins.append(self.now)
            self.online, self.began = True, self.now
            self.session += 1
            self.look()
            return
        self.at(self.now + wait, lambda: self.run == run and self.log_in())

    def session_ends(self) -> None:
        self.online = False

    def drop(self) -> None:
        if self.online:
            self.session_ends()
            run, wait = self.run, self.waits.after("dropped", self.now - self.began)
            self.at(self.now + wait, lambda: self.run == run and self.log_in())

    def kick(self) -> None:
        """Somebody logs in elsewhere with this account; hours later the user asks for it back."""
        if not self.online:
            return
        self.session_ends()
        self.kicks.append(self.now)
        assert self.waits.after("kicked") is None
        self.kicked = True
        run = self.run
        self.at(self.now + self.rng.uniform(600, 30_000), lambda: self.run == run and self.ask_back())

    def ask_back(self) -> None:
        if self.kicked:
            self.asked_back.append(self.now)
            self.kicked = False
            self.log_in()

    # -- searching

    def ask(self, query: str, priority: Priority) -> None:
        ticket = self.gate.enter(query, priority, COLLECT)
        self.waiting[ticket], self.priorities[ticket], self.entered[ticket] = query, priority, self.now
        self.asked[priority] += 1
        if priority is Priority.USER and self.rng.random() < 0.1:  # some think better of it
            run = self.run
            self.at(self.now + self.rng.uniform(1, 60), lambda: self.run == run and self.leave(ticket))
        self.look()

    def leave(self, ticket: int) -> None:
        if self.waiting.pop(ticket, None) is not None:
            self.gate.leave(ticket)
            self.look()

    def look(self) -> None:
        if not self.online:
            return
        following = self.gate.next(self.now)
        run = self.run
        if following is None or following[1] == float("inf"):
            return
        ticket, wait = following
        if wait > 0:
            self.at(self.now + wait, lambda: self.run == run and self.look())
            return
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        query = self.waiting.pop(ticket)
        self.gate.start(ticket, query, self.now)
        self.disk.append((self.now, query))
        del self.disk[:-200]
        self.sent.append((self.now, query, self.priorities[ticket]))
        if self.priorities[ticket] is Priority.USER:
            self.user_waits.append(self.now - self.entered[ticket])
        lasts = self.rng.choice((0.2, 1.0, COLLECT))  # a full answer ends it early
        self.at(self.now + lasts, lambda: self.run == run and self.end())

    def end(self) -> None:
        self.gate.end()
        self.flying -= 1
        self.look()


def callers(month: Month) -> None:
    rng, numbers = month.rng, itertools.count()

    def discography() -> None:
        for _ in range(rng.randrange(20, 120)):
            month.ask(f"album {next(numbers)}", Priority.JOB)

    def again() -> None:
        """A job that found nothing asks the same once more, much too soon."""
        if month.sent:
            month.ask(rng.choice(month.sent[-20:])[1], Priority.JOB)

    def user() -> None:
        for _ in range(rng.randrange(1, 8)):
            month.ask(rng.choice((f"song {next(numbers)}", "the same old song", f"song {rng.randrange(50)}")), Priority.USER)

    month.every(DAY / 3, discography)
    month.every(1800, again)
    month.every(3600, user)
    month.every(720, lambda: month.ask(f"wish {rng.randrange(40)}", Priority.WISHLIST))
    month.every(1200, lambda: month.ask(f"doctor {next(numbers)}", Priority.DOCTOR))

    def outage() -> None:
        month.down_until = month.now + rng.uniform(30, 3 * 3600)
        month.drop()

    def ban() -> None:
        month.banned_until = month.now + 1800
        month.drop()

    month.every(DAY / 4, month.drop)
    month.every(3 * DAY, outage)
    month.every(5 * DAY, ban)
    month.every(3 * DAY, month.kick)
    month.every(2 * DAY, month.crash)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_month_breaks_no_rule(seed: int) -> None:
    month = Month(seed)
    callers(month)
    month.live()
    times = [at for at, _, _ in month.sent]
    assert len(times) > 10_000 and month.run > 8 and len(month.kicks) > 4 and len(month.logins) > 100
    assert month.most_flying == 1
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 3.0
    assert max(bisect.bisect_left(times, at + 220.0) - index for index, at in enumerate(times)) <= 30
    by_key: dict[str, list[float]] = defaultdict(list)
    for at, query, _ in month.sent:
        by_key[query_key(query)].append(at)
    assert min(later - earlier for each in by_key.values() for earlier, later in itertools.pairwise(each)) >= 300.0
    # after a kick nobody logs in before the user asks
    for kick in month.kicks:
        back = min((at for at in month.asked_back if at >= kick), default=float("inf"))
        assert not [at for at in month.logins if kick < at < back]
    # logins are never hammered: a wait of at least five seconds, unless the user asked or the program was started again
    free = {*month.asked_back}
    gaps = [later - earlier for earlier, later in itertools.pairwise(month.logins) if later not in free]
    assert sorted(gaps)[month.run] >= 5.0
    # and all four kinds of callers were served, a user soon
    served = Counter(priority for _, _, priority in month.sent)
    assert all(served[each] > 0.5 * month.asked[each] for each in (Priority.JOB, Priority.WISHLIST, Priority.DOCTOR))
    assert sorted(month.user_waits)[len(month.user_waits) // 2] < 60

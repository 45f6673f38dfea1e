"""Can others reach us unasked? If not, we say so (BEP 43) and burden nobody's table. Core.

A query from a host that we sent nothing to lately passed every NAT and firewall on its way: we are open. A node that knows many
others and heard no such query through its probation is closed, and at once when every peer sees it at another port. In a small
network everybody writes to everybody, so proof comes late: there the probation is longer, and with few nodes there is no verdict.
"""

from __future__ import annotations

from enum import Enum

SOME, MANY = 20, 100
PATIENCE = 4.0
AGAIN = 3600.0
"""A closed node tries anew after this: routers and hosts change."""


class Reachable(Enum):
    UNKNOWN = "unknown"
    OPEN = "open"
    CLOSED = "closed"


class Reach:
    def __init__(self, probation: float, read_only: bool | None = None) -> None:
        """`read_only`: True or False where the user decided, None to find out."""
        self._probation, self._fixed = probation, read_only
        self._since: float | None = None
        self._until = 0.0
        self.state = Reachable.UNKNOWN

    @property
    def read_only(self) -> bool:
        return self.state is Reachable.CLOSED if self._fixed is None else self._fixed

    def joined(self, now: float) -> None:
        """Probation begins: others may know of us from now on."""
        if self._since is None:
            self._since = now

    def unasked(self) -> bool:
        """Such a query came. True when that is news."""
        news, self.state = self.state is not Reachable.OPEN, Reachable.OPEN
        return news

    def judge(self, good: int, port_moves: bool, now: float) -> bool:
        """Look at the evidence; True when the state changed. `good`: nodes that answer us."""
        if self.state is Reachable.CLOSED:
            if now >= self._until:
                self.state, self._since = Reachable.UNKNOWN, now
                return True
            return False
        if self.state is Reachable.OPEN or self._since is None or good < SOME:
            return False
        if port_moves or now - self._since >= self._probation * (PATIENCE if good < MANY else 1.0):
            self.state, self._until = Reachable.CLOSED, now + AGAIN
            return True
        return False

    @property
    def words(self) -> str:
        match self.state:
            case Reachable.OPEN:
                return "others reach this node"
            case Reachable.CLOSED:
                return "nobody reaches this node unasked: behind NAT, or a closed UDP port"
        return "not known yet whether others reach this node"

"""The roadmap's cost of a peer. Core.

cost = alpha / throughput_KBps + beta * error_rate + gamma * timeout_rate, divided by reputation. An unknown peer starts at the median
of the known ones, so that it is tried: at infinity it would never be asked and never become known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Protocol

KB = 1000.0
_LEAST_REPUTATION = 0.05
_LEAST_KBPS = 0.01


class CostWeights(Protocol):
    """What the cost and the scheduler read; `config.settings.Scheduler` and `Tunables` both fit."""

    @property
    def alpha(self) -> float: ...
    @property
    def beta(self) -> float: ...
    @property
    def gamma(self) -> float: ...
    @property
    def rebalance_chunks(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Tunables:
    """The roadmap's defaults."""

    alpha: float = 1000.0
    beta: float = 0.5
    gamma: float = 0.3
    rebalance_chunks: int = 10

    @classmethod
    def of(cls, weights: CostWeights) -> Tunables:
        """A copy of any weights, of a settings section for one."""
        return cls(weights.alpha, weights.beta, weights.gamma, weights.rebalance_chunks)


def cost(throughput: float, error_rate: float, timeout_rate: float, reputation: float, weights: CostWeights) -> float:
    """Cost of a peer that delivers `throughput` bytes/s; lower is better. Rates and reputation are 0-1; a reputation of 0 counts as 0.05."""
    kbps = max(throughput / KB, _LEAST_KBPS)
    return (weights.alpha / kbps + weights.beta * error_rate + weights.gamma * timeout_rate) / max(reputation, _LEAST_REPUTATION)


def with_unknown(costs: Mapping[str, float | None]) -> dict[str, float]:
    """Fill in the unknown (None) with the median of the known; 1.0 where nobody is known."""
    known = [value for value in costs.values() if value is not None]
    middle = median(known) if known else 1.0
    return {name: middle if value is None else value for name, value in costs.items()}


def cheapest(costs: Mapping[str, float], pool: Iterable[str]) -> list[str]:
    """Names of `pool` by rising cost, ties by name."""
    return sorted(pool, key=lambda name: (costs[name], name))

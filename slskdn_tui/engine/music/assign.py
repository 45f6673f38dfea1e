"""The cheapest assignment of rows to columns (Hungarian method with potentials, after Kuhn, Munkres and Jonker). Core."""

from __future__ import annotations

from collections.abc import Sequence

INFINITY = float("inf")


def assign(cost: Sequence[Sequence[float]]) -> list[int]:
    """For each row the column it gets, every column at most once, the sum of costs least. Needs rows <= columns and finite costs.

    O(rows^2 x columns): 60 x 60 takes a few milliseconds.
    """
    rows, columns = len(cost), len(cost[0]) if cost else 0
    if rows > columns:
        raise ValueError(f"{rows} rows do not fit {columns} columns")
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)  # row that has the column, from 1; 0: nobody
    way = [0] * (columns + 1)
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        least = [INFINITY] * (columns + 1)
        seen = [False] * (columns + 1)
        while True:
            seen[column] = True
            current, step, following = owner[column], INFINITY, 0
            line, price = cost[current - 1], row_price[current]
            for other in range(1, columns + 1):
                if seen[other]:
                    continue
                reduced = line[other - 1] - price - column_price[other]
                if reduced < least[other]:
                    least[other], way[other] = reduced, column
                if least[other] < step:
                    step, following = least[other], other
            for other in range(columns + 1):
                if seen[other]:
                    row_price[owner[other]] += step
                    column_price[other] -= step
                else:
                    least[other] -= step
            column = following
            if not owner[column]:
                break
        while column:
            owner[column], column = owner[way[column]], way[column]
    result = [-1] * rows
    for column in range(1, columns + 1):
        if owner[column]:
            result[owner[column] - 1] = column - 1
    return result

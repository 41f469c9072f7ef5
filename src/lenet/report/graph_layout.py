"""Where the boxes of a drawn network lie: in ranks along the arrows, with few crossings and straight lines.

The method is that of layered drawings (Sugiyama, Tagawa and Toda 1981): ranks by the longest path, places
for lines that pass a rank, orders by the mean of neighbours, then coordinates.  Lengths are in inches;
`along` runs with the arrows, `across` at right angles to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

Stop = int | tuple[int, str, int]  # a box by its number, or a blob (of a box, by name) that passes a rank
Point = tuple[float, float]  # along, across

_SWEEPS, _STRAIGHTENED = 12, 4
_THIN, _BESIDE = 0.12, 0.28  # what a line that passes takes across, and the room between two stops


@dataclass(frozen=True)
class Arrow:
    """A blob on its way from one box to another, by their numbers."""

    begin: int
    end: int
    blob: str


@dataclass(frozen=True)
class Layout:
    """The middle of every box, the corners of every arrow's line, and the size of the whole."""

    centres: dict[int, Point]
    lines: dict[Arrow, list[Point]]
    length: float
    breadth: float


def lay_out(sizes: Sequence[Point], arrows: Sequence[Arrow], gaps: Mapping[Arrow, float]) -> Layout:
    """Lay boxes of these `sizes` (along, across) out; arrows lead to boxes with larger numbers.

    `gaps` is the least room along an arrow that its words need behind the box it comes from.
    """
    depth = _depths(len(sizes), arrows)
    ranks = _ordered(_ranks(depth, arrows), _links(depth, arrows))
    across = _across(ranks, _links(depth, arrows), sizes)
    starts, ends = _along(ranks, sizes, depth, gaps)
    centres = {box: ((starts[rank] + ends[rank]) / 2, across[box]) for box, rank in enumerate(depth)}
    ports = _ports(arrows, depth, across, sizes)
    lines = {}
    for arrow in arrows:
        leaves, enters = ports[arrow, True], ports[arrow, False]
        points = [
            (centres[arrow.begin][0] + sizes[arrow.begin][0] / 2, leaves),
            (ends[depth[arrow.begin]], leaves),
        ]
        for stop in _stops(arrow, depth)[1:-1]:
            points += [(starts[stop[2]], across[stop]), (ends[stop[2]], across[stop])]  # type: ignore[index]
        points += [(starts[depth[arrow.end]], enters)]
        lines[arrow] = [*points, (centres[arrow.end][0] - sizes[arrow.end][0] / 2, enters)]
    breadth = max((across[box] + size[1] / 2 for box, size in enumerate(sizes)), default=0.0)
    return Layout(centres, lines, ends[-1] if ends else 0.0, max([breadth, *across.values()]))


def _depths(boxes: int, arrows: Sequence[Arrow]) -> list[int]:
    """The rank of each box: behind all that it depends on; one without inputs lies just before its reader."""
    depth = [0] * boxes
    readers: defaultdict[int, list[int]] = defaultdict(list)
    for arrow in sorted(arrows, key=lambda arrow: arrow.end):
        depth[arrow.end] = max(depth[arrow.end], depth[arrow.begin] + 1)
        readers[arrow.begin].append(arrow.end)
    for box in set(readers) - {arrow.end for arrow in arrows}:
        depth[box] = min(depth[reader] for reader in readers[box]) - 1
    return depth


def _stops(arrow: Arrow, depth: Sequence[int]) -> list[Stop]:
    """Where an arrow passes, its two ends included."""
    between = range(depth[arrow.begin] + 1, depth[arrow.end])
    return [arrow.begin, *((arrow.begin, arrow.blob, rank) for rank in between), arrow.end]


def _ranks(depth: Sequence[int], arrows: Sequence[Arrow]) -> list[list[Stop]]:
    ranks: list[dict[Stop, None]] = [{} for _ in range(max(depth, default=-1) + 1)]
    for box, rank in enumerate(depth):
        ranks[rank][box] = None
    for arrow in arrows:
        for stop in _stops(arrow, depth)[1:-1]:
            ranks[stop[2]][stop] = None  # type: ignore[index]
    return [list(rank) for rank in ranks]


def _links(depth: Sequence[int], arrows: Sequence[Arrow]) -> tuple[dict[Stop, list[Stop]], ...]:
    """The neighbours of each stop: those before it, and those behind it."""
    before: defaultdict[Stop, list[Stop]] = defaultdict(list)
    behind: defaultdict[Stop, list[Stop]] = defaultdict(list)
    pairs = dict.fromkeys(pair for arrow in arrows for pair in pairwise(_stops(arrow, depth)))
    for first, second in pairs:
        before[second].append(first)
        behind[first].append(second)
    return before, behind


def _ordered(ranks: list[list[Stop]], links: tuple[dict[Stop, list[Stop]], ...]) -> list[list[Stop]]:
    """The stops of each rank in an order with few crossings: the best of some sweeps there and back."""
    best, fewest = [list(rank) for rank in ranks], crossings(ranks, links[1])
    for sweep in range(_SWEEPS if fewest else 0):
        neighbours = links[sweep % 2]
        for index in range(1, len(ranks)) if sweep % 2 == 0 else range(len(ranks) - 2, -1, -1):
            fixed = ranks[index - 1 if sweep % 2 == 0 else index + 1]
            places = {stop: float(place) for place, stop in enumerate(fixed)}
            own = {stop: float(place) for place, stop in enumerate(ranks[index])}
            ranks[index].sort(key=lambda stop: _mean(neighbours.get(stop, ()), places, own[stop]))
        found = crossings(ranks, links[1])
        if found < fewest:
            best, fewest = [list(rank) for rank in ranks], found
    return best


def _mean(stops: Sequence[Stop], places: Mapping[Stop, float], otherwise: float) -> float:
    return sum(places[stop] for stop in stops) / len(stops) if stops else otherwise


def crossings(ranks: Sequence[Sequence[Stop]], behind: Mapping[Stop, Sequence[Stop]]) -> int:
    """How many pairs of lines cross between ranks.

    >>> crossings([[0, 1], [2, 3]], {0: [3], 1: [2]})
    1
    """
    total = 0
    for upper, lower in pairwise(ranks):
        place = {stop: index for index, stop in enumerate(lower)}
        ends = [end for stop in upper for end in sorted(place[other] for other in behind.get(stop, ()))]
        total += sum(first > second for index, first in enumerate(ends) for second in ends[index + 1 :])
    return total


def _across(
    ranks: Sequence[Sequence[Stop]], links: tuple[dict[Stop, list[Stop]], ...], sizes: Sequence[Point]
) -> dict[Stop, float]:
    """The middle of each stop across: near its neighbours, apart from those beside it, none below 0."""
    breadth = {stop: sizes[stop][1] if isinstance(stop, int) else _THIN for rank in ranks for stop in rank}
    place: dict[Stop, float] = {stop: 0.0 for rank in ranks for stop in rank}
    both = {stop: [*links[0].get(stop, ()), *links[1].get(stop, ())] for stop in place}
    for sweep in range(_SWEEPS):
        neighbours = both if sweep else links[0]  # first as those before lie, then between those around
        for rank in reversed(ranks) if sweep % 2 else ranks:
            wanted = [_mean(neighbours.get(stop, ()), place, place[stop]) for stop in rank]
            weights = [1.0 if isinstance(stop, int) else 4.0 for stop in rank]  # what passes stays straight
            place.update(zip(rank, _apart(wanted, [breadth[stop] for stop in rank], weights), strict=True))
    for _ in range(_STRAIGHTENED):
        _straighten(place, ranks, links, breadth)
    lowest = min((place[stop] - breadth[stop] / 2 for stop in place), default=0.0)
    return {stop: value - lowest for stop, value in place.items()}


def _straighten(
    place: dict[Stop, float],
    ranks: Sequence[Sequence[Stop]],
    links: tuple[dict[Stop, list[Stop]], ...],
    breadth: Mapping[Stop, float],
) -> None:
    """Move every chain of stops that only follow each other onto one line, where there is room for it."""
    least, most = dict.fromkeys(place, -inf), dict.fromkeys(place, inf)
    beside = [
        (pair, (breadth[pair[0]] + breadth[pair[1]]) / 2 + _BESIDE) for r in ranks for pair in pairwise(r)
    ]
    left = {second: (first, room) for (first, second), room in beside}
    right = {first: (second, room) for (first, second), room in beside}
    for chain in sorted(_chains(ranks, links), key=len, reverse=True):
        for stop in chain:
            least[stop] = place[left[stop][0]] + left[stop][1] if stop in left else -inf
            most[stop] = place[right[stop][0]] - right[stop][1] if stop in right else inf
        low, high = max(least[stop] for stop in chain), min(most[stop] for stop in chain)
        ends = [*links[0].get(chain[0], ()), *links[1].get(chain[-1], ())]
        wanted = _mean(ends, place, place[chain[0]])
        if low <= high:
            place.update(dict.fromkeys(chain, min(max(wanted, low), high)))


def _chains(ranks: Sequence[Sequence[Stop]], links: tuple[dict[Stop, list[Stop]], ...]) -> list[list[Stop]]:
    before, behind = links
    chains: dict[Stop, list[Stop]] = {}
    for rank in ranks:
        for stop in rank:
            previous = before.get(stop, [])
            only = len(previous) == 1 and (behind[previous[0]] == [stop] or _pass_together(previous[0], stop))
            chain = chains[previous[0]] if only else []
            chain.append(stop)
            chains[stop] = chain
    return list({id(chain): chain for chain in chains.values()}.values())


def _pass_together(first: Stop, second: Stop) -> bool:
    """Whether both are places of the same line."""
    return not isinstance(first, int) and not isinstance(second, int)


def _apart(wanted: Sequence[float], breadths: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Places as near as can be to those wanted, in order and with room between them.

    Neighbours that would overlap move as one block to their weighted mean (pool adjacent violators).
    """
    offsets = [0.0]
    for first, second in pairwise(breadths):
        offsets.append(offsets[-1] + (first + second) / 2 + _BESIDE)
    blocks: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, offset, weight in zip(wanted, offsets, weights, strict=True):
        block = (want - offset, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            mean, heavy, members = blocks.pop()
            together = heavy + block[1]
            block = ((mean * heavy + block[0] * block[1]) / together, together, members + block[2])
        blocks.append(block)
    means = [mean for mean, _, members in blocks for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _along(
    ranks: Sequence[Sequence[Stop]], sizes: Sequence[Point], depth: Sequence[int], gaps: Mapping[Arrow, float]
) -> tuple[list[float], list[float]]:
    """Where each rank starts and ends."""
    room = [0.0] * len(ranks)
    for arrow, gap in gaps.items():
        room[depth[arrow.begin]] = max(room[depth[arrow.begin]], gap)
    starts, ends, at = [], [], 0.0
    for rank, gap in zip(ranks, room, strict=True):
        thick = max((sizes[stop][0] for stop in rank if isinstance(stop, int)), default=0.0)
        starts.append(at)
        ends.append(at + thick)
        at += thick + gap
    return starts, ends


def _ports(
    arrows: Sequence[Arrow], depth: Sequence[int], across: Mapping[Stop, float], sizes: Sequence[Point]
) -> dict[tuple[Arrow, bool], float]:
    """Where each arrow leaves its box (True) and enters one (False): side by side as the lines lie."""
    result: dict[tuple[Arrow, bool], float] = {}
    for leaving in (True, False):
        sides: defaultdict[int, dict[tuple[int, str], list[Arrow]]] = defaultdict(dict)
        for arrow in arrows:
            box = arrow.begin if leaving else arrow.end
            sides[box].setdefault((arrow.begin, arrow.blob), []).append(arrow)
        for box, groups in sides.items():
            next_stop = {
                key: _mean([_stops(arrow, depth)[1 if leaving else -2] for arrow in group], across, 0.0)
                for key, group in groups.items()
            }
            step = min(0.45, sizes[box][1] / (len(groups) + 1))
            for number, key in enumerate(sorted(groups, key=lambda key: next_stop[key])):
                where = across[box] + (number - (len(groups) - 1) / 2) * step
                result |= dict.fromkeys(((arrow, leaving) for arrow in groups[key]), where)
    return result

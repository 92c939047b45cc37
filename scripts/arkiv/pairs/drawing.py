"""Groups of pairs drawn for the sides, so that each comes near its share."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set

from arkiv.base.errors import InputError


def too_few(
    by: str, found: int, wanted: Sequence[str], groups: int | None
) -> InputError:
    """What is said where there are fewer groups than sides.

    Args:
        by: what groups are made by.
        found: groups that are to be divided.
        wanted: the sides that are to have one.
        groups: all, of which test queries of other datasets hold out the others.
    """
    others = (
        ""
        if groups is None
        else (
            " of which test queries of other datasets ask nothing (`role: test`; of "
            f"{groups} in all they hold out {groups - found})"
        )
    )
    smaller = "group them by pages with a smaller block, or by passage; "
    return InputError(
        f"the pairs make {found} group(s) by {by}{others}, too few for "
        f"{', '.join(wanted)}; {'' if by == 'passage' else smaller}"
        "pairs with a query or a passage in common are one group however they are "
        "grouped",
        key="pairs.group_by",
    )


def drawn(
    sets: Sequence[tuple[int, Iterable[Hashable]]],
    shares: Mapping[str, float],
    filled: Set[str] = frozenset(),
    *,
    by: str,
    groups: int | None = None,
) -> dict[Hashable, str]:
    """The side of each member of what hangs together.

    Each goes to the side that lacks most; no side stays empty while there are enough.

    Args:
        sets: how many pairs each has, and its members; in the order of drawing, the
            largest first.
        shares: of the sides, each above 0, of those that lack as much the first one
            first; they need not sum to 1.
        filled: sides that have pairs already, and may get no more.
        by, groups: as `too_few` says.

    Raises:
        InputError: there are fewer sets than sides that must have one.
    """
    empty = shares.keys() - filled
    if len(sets) < len(empty):
        needed = [side for side in shares if side in empty]
        raise too_few(by, len(sets), needed, groups)
    sides: dict[Hashable, str] = {}
    wanted = list(shares)
    total, whole = sum(size for size, _ in sets), sum(shares.values())
    lacking = {side: total * shares[side] / whole for side in wanted}
    for done, (size, members) in enumerate(sets):
        choice = empty if len(sets) - done <= len(empty) else wanted
        side = max(choice, key=lambda side: (lacking[side], -wanted.index(side)))
        lacking[side] -= size
        empty.discard(side)
        sides.update(dict.fromkeys(members, side))
    return sides

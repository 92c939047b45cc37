"""Which pairs hang together: by their groups, their passages and their texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import chain, repeat

from arkiv.base.hashing import uniform


def sets_of(
    pairs: Iterable[Mapping],
    touched: Callable[[Mapping, str], list[Hashable]],
    within: Callable[[Hashable], tuple[str, ...]],
    seed: int,
    beside: Iterable[Mapping] = (),
) -> list[tuple[int, list[Hashable]]]:
    """The groups, passages and queries that hang together, with how many pairs they
    have, the largest first.

    Args:
        pairs: with `pos_ids` and `text_keys`; read once.
        touched: from a pair and one of its passages to the groups that it touches.
        within: what is added to a text's key where groups hang together by it.
        seed: of the order among sets of equal size.
        beside: pairs that hold together what they touch, and are not counted.
    """
    parents: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        """What stands for the set that a key is in; paths are halved on the way."""
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    sizes: Counter[Hashable] = Counter()
    counted = chain(zip(pairs, repeat(1)), zip(beside, repeat(0)))
    for pair, count in counted:
        own = [touched(pair, name)[0] for name in pair["pos_ids"]]
        of_query, *of_passages = pair["text_keys"]
        firsts: dict[tuple[str, ...], Hashable] = {}
        for group, passage_id, text in zip(
            own, pair["pos_ids"], of_passages, strict=True
        ):
            period = within(group)
            first = firsts.setdefault(period, group)
            if group[0] != "pages":
                parents[root(group)] = root(first)
            for key in (("passage", passage_id), ("text", text)):
                parents[root((*key, *period))] = root(group)
        # A query may be the text of a passage, its own or another's.
        for period, first in firsts.items():
            parents[root(("text", of_query, *period))] = root(first)
        sizes[own[0]] += count

    def order(item: tuple[int, list[Hashable]]) -> tuple[int, float, str]:
        size, members = item
        name = min(map(str, members))
        return -size, uniform(seed, "split", name), name

    sets: defaultdict[Hashable, list[Hashable]] = defaultdict(list)
    for key in parents:
        sets[root(key)].append(key)
    found = [(sum(sizes[key] for key in keys), keys) for keys in sets.values()]
    return sorted(found, key=order)

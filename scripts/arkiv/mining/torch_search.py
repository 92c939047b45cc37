"""Exact search by torch, on the GPUs that it sees, else on the CPU.

A part of the corpus is divided among the devices, and what each has into blocks that
its memory holds; most often one, which then stays there for all queries. For some
queries at a time, a block is searched in three steps:

1. Products. On a GPU of the float16 vectors as they are, which tensor cores multiply
   exactly, added up and returned in float32; on the CPU in float32.
2. The best columns of each row of products, found by groups: those with the highest
   maxima hold them. Products are thus read once, not once for each digit of a radix.
3. Exact scores in float64 of those among them that may be among the nearest, as in
   `arkiv.mining.nearest`, merged with the best so far.

A neighbour is one whole number until the end, the smaller the nearer: its score's bits
above, so that a higher score is a smaller number, and its id's rank below.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import Queue
from typing import NamedTuple

import numpy as np
import torch

from arkiv.base.errors import InputError
from arkiv.base.files import Part
from arkiv.mining import embeddings as files
from arkiv.mining.nearest import EXTRA, NEIGHBOUR, CorpusPart, Found

log = logging.getLogger("arkiv.mining.torch_search")

# Queries multiplied with a block at once: enough to keep a GPU's units busy.
QUERIES_AT_ONCE = 1024
# Of a GPU's free memory: passages that stay there, products, vectors in float64.
HELD_SHARE, PRODUCTS_SHARE, EXACT_SHARE = 0.5, 1 / 8, 1 / 16
# No more is gained by more; and a kernel counts in 32 bits.
MOST_PRODUCTS = 1 << 32
MOST_EXACT = 1 << 30
# On the CPU: the latter in the core's cache, which takes a third of the time.
CPU_PRODUCTS = 1 << 26
CPU_EXACT = 1 << 22
# Read from a file at once on the way to a GPU, by so many threads: a single one reads
# more slowly than a GPU takes it.
COPIED_BYTES = 1 << 24
READERS = 4
# Candidates beyond the depth, of queries with more near ties than EXTRA: those few are
# searched for again, which is quicker than comparing with every passage in float64.
MANY_EXTRA = 2048
# Columns in a group, below which grouping gains nothing.
LEAST_GROUP = 6
# A neighbour that there is not: score -inf, rank 2^32 - 1.
NONE = (0x7F800000 << 32) | 0xFFFFFFFF


class TorchSearch:
    """Search by torch: a `Way` (see `arkiv.mining.nearest`).

    What it holds on the devices stays there as long as it lives, so that a second call
    reads no passages where all of them fit.

    Args:
        part: of the corpus.
        depth: neighbours per query.
        on: devices that share the passages; None: all GPUs, or the CPU.

    Raises:
        InputError: when called, not one passage or query fits into a GPU's memory.
    """

    def __init__(
        self, part: CorpusPart, depth: int, on: list[torch.device] | None = None
    ) -> None:
        on = devices() if on is None else on
        total = len(part.embeddings)
        self._shares = [
            _Share(part, Part(number, len(on)).bounds(total), depth, device)
            for number, device in enumerate(on, 1)
        ]
        # The row of each rank, and of none.
        rows = np.append(np.argsort(part.ranks), -1)
        self._rows = torch.from_numpy(rows).to(on[0])
        self._depth = depth

    def __call__(self, queries: np.ndarray) -> Found:
        with torch.inference_mode():
            keys, beyond = self._searched(queries, EXTRA)
            last, _ = scores_and_ranks(keys[:, -1])
            unsettled = (last <= beyond) & (beyond > -math.inf)
            if unsettled.any():
                again = queries[unsettled.cpu().numpy()]
                keys[unsettled], beyond[unsettled] = self._searched(again, MANY_EXTRA)
            scores, ranks = scores_and_ranks(keys)
            rows = self._rows[ranks.clamp(max=len(self._rows) - 1)]
            return Found(_neighbours(rows, scores), beyond.cpu().numpy())

    def _searched(
        self, queries: np.ndarray, extra: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The nearest (n, depth) as whole numbers, and (n,) `beyond`, of all shares.

        Args:
            queries: (n, dim) float16.
            extra: how many candidates beyond the depth are fetched.
        """
        first, *_ = self._shares
        with _accurate(), ThreadPoolExecutor(len(self._shares)) as pool:
            found = pool.map(lambda share: share(queries, extra), self._shares)
            keys, beyond = (
                [one.to(first.device) for one in ones]
                for ones in zip(*found, strict=True)
            )
        nearest = merged(keys, self._depth) if len(keys) > 1 else keys[0]
        return nearest, torch.stack(beyond).amax(0)


def devices() -> list[torch.device]:
    """Every GPU that torch sees, or the CPU."""
    if count := gpu_count():
        return [torch.device("cuda", number) for number in range(count)]
    return [torch.device("cpu")]


def gpu_count() -> int:
    """How many GPUs torch sees, of those for which `margin` holds: NVIDIA's."""
    there = torch.version.cuda is not None and torch.cuda.is_available()
    return torch.cuda.device_count() if there else 0


@contextmanager
def _accurate() -> Iterator[None]:
    """Have products of float16 added up in float32 throughout.

    By default torch lets cuBLAS reduce parts of a sum in float16, and may be told to
    accumulate in it.
    """
    flags = torch.backends.cuda.matmul
    names = "allow_fp16_reduced_precision_reduction", "allow_fp16_accumulation"
    before = [getattr(flags, name) for name in names]
    for name in names:
        setattr(flags, name, False)
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(flags, name, value)


class _Block(NamedTuple):
    """Passages on a device.

    Attributes:
        first: row of the part at which they begin.
        vectors: (n, dim) float16 on a GPU, float32 on the CPU.
        ranks: (n,) int64.
    """

    first: int
    vectors: torch.Tensor
    ranks: torch.Tensor


class _Share:
    """Search in some rows of a part on one device."""

    def __init__(
        self, part: CorpusPart, rows: range, depth: int, device: torch.device
    ) -> None:
        self.device = device
        self._part, self._rows, self._depth = part, rows, depth
        self._extra = EXTRA
        self._kept: _Block | None = None
        self._stream: torch.cuda.Stream | None = None
        dim = part.embeddings.shape[1]
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)
            torch.cuda.empty_cache()
            free, _ = torch.cuda.mem_get_info(device)
            self._dtype = torch.float16
            self._held = int(HELD_SHARE * free) // (2 * dim + 8)
            if self._held < len(rows):
                self._held //= 2  # for while one is searched, the next comes
            products = min(MOST_PRODUCTS, int(PRODUCTS_SHARE * free)) // 4
            self._exact_bytes = min(MOST_EXACT, int(EXACT_SHARE * free))
        else:
            self._dtype = torch.float32
            self._held = files.rows_of(files.PASSAGE_BLOCK_BYTES, part.embeddings)
            products, self._exact_bytes = CPU_PRODUCTS // 4, CPU_EXACT
        self._held = max(1, min(self._held, len(rows)))
        self._queries = QUERIES_AT_ONCE
        self._columns = max(1, products // QUERIES_AT_ONCE)
        self._margin = margin(dim, device)

    def __call__(
        self, queries: np.ndarray, extra: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As `TorchSearch._searched`, of the share."""
        self._extra = extra
        with torch.inference_mode():
            asked = torch.from_numpy(np.array(queries))
            asked = asked.to(self.device, self._dtype)
            keys = torch.full((len(asked), self._depth), NONE, device=self.device)
            beyond = torch.full((len(asked),), -math.inf, device=self.device)
            for block in self._blocks():
                self._search(block, asked, keys, beyond)
        return keys, beyond

    def _blocks(self) -> Iterator[_Block]:
        """The share in blocks; the next is read while one is searched."""
        if self._kept is not None:
            yield self._kept
            return
        start = self._rows.start
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._load, start) if self._rows else None
            while start < self._rows.stop:
                block = coming.result()
                start += len(block.vectors)
                if start < self._rows.stop:
                    coming = reader.submit(self._load, start)
                if len(block.vectors) == len(self._rows):
                    self._kept = block
                yield block
                if self.device.type == "cuda":
                    # Its memory is given to the reader's stream again.
                    torch.cuda.synchronize(self.device)
                del block

    def _load(self, start: int) -> _Block:
        """As many passages from one on as are held at once, or as there is memory for.

        Raises:
            InputError: there is none for a single one.
        """
        dim = self._part.embeddings.shape[1]
        while True:
            stop = min(start + self._held, self._rows.stop)
            try:
                # From memory of this stream, in which nothing else computes.
                with torch.cuda.stream(self._stream):
                    vectors = torch.empty(
                        (stop - start, dim), dtype=self._dtype, device=self.device
                    )
                    ranks = torch.from_numpy(self._part.ranks[start:stop])
                    ranks = ranks.to(self.device)
                break
            except torch.OutOfMemoryError:
                if self._held == 1:
                    reason = f"{self.device} has no memory for a single passage"
                    raise InputError(reason) from None
            self._held = (stop - start) // 2
            log.info("%s: up to %d passages at once", self.device, self._held)
        self._fill(vectors, start)
        return _Block(start, vectors, ranks)

    def _fill(self, vectors: torch.Tensor, start: int) -> None:
        """Read (n, dim) passages from one on; on a GPU copy some while others are read.

        Copies overlap with reading only from page-locked memory.
        """
        on_gpu = self._stream is not None
        step = files.rows_of(2 * COPIED_BYTES, self._part.embeddings)
        buffers: Queue[tuple[torch.Tensor, torch.cuda.Event | None]] = Queue()
        shape = (min(step, len(vectors)), vectors.shape[1])
        readers = READERS if on_gpu else 1
        for _ in range(readers):
            buffer = torch.empty(shape, dtype=torch.float16, pin_memory=on_gpu)
            buffers.put((buffer, None))

        def copy(first: int) -> None:
            buffer, copied = buffers.get()
            if copied is not None:
                copied.synchronize()
            some = vectors[first : first + step]
            read = buffer[: len(some)]
            files.read_rows(self._part.embeddings, start + first, read.numpy())
            with torch.cuda.stream(self._stream):
                some.copy_(read, non_blocking=on_gpu)
                copied = self._stream.record_event() if self._stream else None
            buffers.put((buffer, copied))

        with ThreadPoolExecutor(readers) as pool:
            for _ in pool.map(copy, range(0, len(vectors), step)):
                pass
        if self._stream is not None:
            self._stream.synchronize()

    def _search(
        self,
        block: _Block,
        queries: torch.Tensor,
        keys: torch.Tensor,
        beyond: torch.Tensor,
    ) -> None:
        """Search a block for all queries, and update what is nearest so far.

        For half as many at a time where the GPU has no memory for what that takes.

        Raises:
            InputError: there is none for a single query.
        """
        start = 0
        while start < len(queries):
            some = slice(start, start + self._queries)
            try:
                more, most = self._found(block, queries[some], keys[some])
                nearest = merged([keys[some], more], self._depth)
                torch.maximum(beyond[some], most, out=beyond[some])
                keys[some] = nearest
                start += self._queries
                continue
            except torch.OutOfMemoryError:
                if self._queries == 1:
                    reason = f"{self.device} has no memory to search for one query"
                    raise InputError(reason) from None
            torch.cuda.empty_cache()
            self._queries = min(self._queries, len(queries) - start) // 2 or 1
            log.info("%s: up to %d queries at once", self.device, self._queries)

    def _found(
        self, block: _Block, queries: torch.Tensor, keys: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What of a block may be among the nearest, (n, k), and (n,) `beyond`.

        Args:
            block: of passages.
            queries: (n, dim) as the block's vectors.
            keys: (n, depth) of what is nearest so far.
        """
        fetch = min(len(block.vectors), self._depth + self._extra)
        near, columns = self._near(block.vectors, queries, fetch)
        # Exact scores are within the margin of these: below are those that another
        # `depth` passages surely exceed.
        floor = scores_and_ranks(keys[:, -1])[0] - self._margin
        if fetch >= self._depth:
            own = near[:, self._depth - 1] - 2 * self._margin
            floor = torch.maximum(floor, own)
        # Best first, so that those to score stand in front.
        width = int((near >= floor[:, None]).sum(1).amax())
        columns = columns[:, :width]
        scores = self._exact(block.vectors, queries, columns)
        beyond = torch.full((len(queries),), -math.inf, device=self.device)
        if fetch < len(block.vectors):
            beyond = near[:, -1] + self._margin
        return as_keys(scores, block.ranks[columns]), beyond

    def _near(
        self, passages: torch.Tensor, queries: torch.Tensor, fetch: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best (n, fetch) scores and rows among (p, dim) passages, best first.

        Scores are off by up to the margin.
        """
        scores = torch.empty((len(queries), 0), device=self.device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=self.device)
        for start in range(0, len(passages), self._columns):
            made = products(queries, passages[start : start + self._columns])
            best, columns = best_columns(made, min(fetch, made.shape[1]))
            del made
            scores = torch.cat([scores, best], 1)
            rows = torch.cat([rows, columns + start], 1)
            if scores.shape[1] > best.shape[1]:
                scores, places = scores.topk(min(fetch, scores.shape[1]))
                rows = rows.gather(1, places)
        return scores, rows

    def _exact(
        self, passages: torch.Tensor, queries: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        """(n, k) float32: exact scores of rows (n, k) of (p, dim) passages."""
        scores = torch.empty(rows.shape, device=self.device)
        size = (8 + passages.element_size()) * max(1, rows.shape[1] * queries.shape[1])
        step = max(1, self._exact_bytes // size)
        for start in range(0, len(rows), step):
            some = slice(start, start + step)
            vectors = passages.index_select(0, rows[some].flatten())
            vectors = vectors.view(*rows[some].shape, -1)
            made = (vectors * queries[some].double()[:, None]).sum(2)
            # As float32; adding zero as `arkiv.mining.nearest.exact_scores`.
            scores[some] = made.float() + 0.0
        return scores


def margin(dim: int, device: torch.device) -> float:
    """How far a product of two vectors of a part may be from their exact score.

    On the CPU as by faiss. Tensor cores add products to a sum a few at a time, at least
    four. All are shifted to the largest exponent and cut off below 2^-23 of the
    largest, then the new sum is: 6 cuts for 4 products, each below 2^-23 of the norms,
    which are up to 1.02, so in all below 1.6 * dim * 2^-23 (M. Fasi et al., Numerical
    behavior of NVIDIA tensor cores, PeerJ Computer Science 7:e330, 2021).
    """
    return (dim + 2) * 2.0 ** (-22 if device.type == "cuda" else -23)


def products(queries: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
    """(n, p) float32 inner products of (n, dim) and (p, dim), added up in float32."""
    if queries.dtype == torch.float16:
        return torch.mm(queries, passages.T, out_dtype=torch.float32)
    return queries @ passages.T


def best_columns(scores: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The best (n, count) of (n, p) scores and their columns, best first.

    Columns are put into groups, of which as many as are wanted can hold them: those
    with the highest maxima. These groups, and the columns in them, are chosen likewise,
    until so few are left that grouping gains nothing: most columns are read once.
    """
    width = scores.shape[1]
    # Of a size that leaves about as many groups as columns in the chosen ones.
    size = math.isqrt(width // max(1, count))
    if size < LEAST_GROUP:
        return scores.topk(count)
    # Group j is of every so manieth column from j on: maxima then go along the rows.
    groups = width // size
    grouped = scores[:, : size * groups].unflatten(1, (size, groups))
    _, chosen = best_columns(grouped.amax(1), count)
    within = groups * torch.arange(size, device=scores.device)
    columns = (chosen[:, None, :] + within[:, None]).flatten(1)
    rest = torch.arange(size * groups, width, device=scores.device)
    columns = torch.cat([columns, rest.expand(len(scores), -1)], 1)
    best, places = best_columns(scores.gather(1, columns), count)
    return best, columns.gather(1, places)


def as_keys(scores: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """Float32 scores and ranks as int64, the smaller the nearer.

    The bits of a float that is not negative rise with it as those of a whole number;
    of a negative one they fall, until all but the sign are turned over.
    """
    bits = scores.view(torch.int32)
    rising = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return (~rising).to(torch.int64) * (1 << 32) + ranks


def scores_and_ranks(keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What `as_keys` was given; of NONE -inf and 2^32 - 1."""
    rising = ~(keys >> 32).to(torch.int32)
    bits = torch.where(rising < 0, rising ^ 0x7FFFFFFF, rising)
    return bits.view(torch.float32), keys & 0xFFFFFFFF


def _neighbours(rows: torch.Tensor, scores: torch.Tensor) -> np.ndarray:
    """NEIGHBOUR of (n, k) rows and scores, put together on their device."""
    words = rows[:, :, None].view(torch.int32), scores[:, :, None].view(torch.int32)
    return torch.cat(words, 2).cpu().numpy().view(NEIGHBOUR)[:, :, 0]


def merged(keys: list[torch.Tensor], depth: int) -> torch.Tensor:
    """The smallest (n, depth) of several (n, k), in order."""
    return torch.cat(keys, 1).sort(1).values[:, :depth]

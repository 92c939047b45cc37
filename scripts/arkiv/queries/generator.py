"""Queries by a language model: asked, cleaned, refused or kept, judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from arkiv.base.files import Record
from arkiv.llm.asking import UNANSWERED, Asking
from arkiv.llm.prompts import Prompt, drawn
from arkiv.llm.protocol import Request, Sampling
from arkiv.pairs.provenance import ORIGIN
from arkiv.queries import quality
from arkiv.queries.offline import query_record
from arkiv.queries.settings import QueryLimits


class Wanted(NamedTuple):
    """One query that is wanted of a source, and how it is asked for."""

    source: Record
    prompt: Prompt
    request: Request


@dataclass(frozen=True)
class Task:
    """What is to be asked.

    Attributes:
        prompts: of documents, drawn by their shares; `seed` is of the choice.
        group_prompt: of groups.
        per_document: queries of a document; a group gets one.
        language: the field of that name in prompts.
        judge: the prompt by which the model gives each query a mark from 1 to 5; None:
            none does.
        threshold: the lowest mark of a query that is kept.
    """

    prompts: Sequence[Prompt]
    group_prompt: Prompt | None
    per_document: int
    language: str
    seed: int
    sampling: Sampling
    judge: Prompt | None
    threshold: int

    def wanted(self, sources: Iterable[Record]) -> Iterator[Wanted]:
        """The queries that are wanted, source by source."""
        for source in sources:
            of_group = "members" in source
            for number in range(1 if of_group else self.per_document):
                prompt = self.group_prompt
                if not of_group:
                    prompt = drawn(self.prompts, self.seed, source["id"], number)
                text = prompt.filled({"language": self.language, **source})
                # Greedy or not, the second query of a document is another request.
                request = Request.make(text, self.sampling, source["id"], number)
                yield Wanted(source, prompt, request)

    def judgement(self, source: Record, query: str) -> Request:
        """The request for a query's mark."""
        values = {"language": self.language, **source, "query": query}
        return Request.make(self.judge.filled(values), self.sampling, "judge")


class LanguageModelGenerator:
    """Queries by a language model.

    All sources are asked about first, then all queries judged; pairs come last, in the
    order of the sources. So nothing depends on the order in which answers come.
    """

    def __init__(self, task: Task, asking: Asking, limits: QueryLimits) -> None:
        self.task = task
        self._asking = asking
        self._limits = limits

    def pairs(
        self, sources: Iterable[Record], rejected: list[Record]
    ) -> Iterator[Record]:
        """Yield the pairs of all sources, which are gone through three times.

        Queries that will not do go to `rejected`, each with its `reason`.
        """
        self._asking.ask(wanted.request for wanted in self.task.wanted(sources))
        if self.task.judge:
            self._asking.ask(
                self.task.judgement(wanted.source, query)
                for wanted, query, reason, _ in self._outcomes(sources)
                if reason is None
            )
        self._asking.check_answered("queries.backend")
        for wanted, query, reason, detail in self._outcomes(sources, count=True):
            mark = None
            if reason is None and self.task.judge:
                mark, reason, detail = self._judged(wanted.source, query)
            more = {"prompt": wanted.prompt.name} | ({"mark": mark} if mark else {})
            record = query_record(query, wanted.source, **more)
            if reason is None:
                yield record
                continue
            told = {"detail": detail} if detail else {}
            keys = ("query", "pos_ids", *ORIGIN, *more)
            kept = {key: record[key] for key in keys if key in record}
            rejected.append({"reason": reason, **told, **kept})

    def _outcomes(
        self, sources: Iterable[Record], *, count: bool = False
    ) -> Iterator[tuple[Wanted, str, str | None, str | None]]:
        """Each wanted query as cleaned, why it is refused, and more on that."""
        source: Record = {}
        seen: set[str] = set()
        for wanted in self.task.wanted(sources):
            if wanted.source is not source:
                source, seen = wanted.source, set()
            if (detail := self._asking.unanswered.get(wanted.request.key)) is not None:
                yield wanted, "", UNANSWERED, detail
                continue
            answer = self._asking.answer(wanted.request, count=count)
            query = quality.cleaned(answer.text)
            members = source.get("members", [source])
            texts = (one["text"] for one in members)
            reason = quality.refusal(query, texts, self._limits)
            # Cut off within the query, rather than in what follows it.
            if reason is None and answer.cut and "\n" not in answer.text.strip():
                reason = quality.CUT
            form = quality.normal_form(query)
            if reason is None and form in seen:
                reason = quality.REPEATED
            if reason is None:
                seen.add(form)
            # What was refused for being empty is shown as it came.
            detail = answer.text[:200] if reason == quality.EMPTY else None
            yield wanted, query, reason, detail

    def _judged(
        self, source: Record, query: str
    ) -> tuple[int | None, str | None, str | None]:
        """The mark of a query, why it is refused for it, and more on that."""
        request = self.task.judgement(source, query)
        if (detail := self._asking.unanswered.get(request.key)) is not None:
            return None, quality.NO_MARK, detail
        answer = self._asking.answer(request)
        mark = quality.mark(answer.text)
        if mark is None:
            return None, quality.NO_MARK, answer.text[:200]
        return mark, None if mark >= self.task.threshold else quality.LOW_MARK, None

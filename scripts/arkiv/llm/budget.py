"""What a run may cost, and what it has cost: requests, tokens and money."""

from __future__ import annotations

from dataclasses import dataclass

from arkiv.base.declared import setting

MILLION = 1_000_000


@dataclass(frozen=True)
class Cost:
    """Requests, tokens and money, spent or allowed for; they add up."""

    requests: int = 0
    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.tokens + other.tokens,
            self.money + other.money,
        )

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.tokens} tokens, {self.money:.6f} money"


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, in whatever currency; 0: nothing to pay."""

    input: float = setting(0, "of a million tokens of prompts", at_least=0)
    output: float = setting(0, "of a million tokens of answers", at_least=0)

    def cost(self, tokens_in: int, tokens_out: int) -> Cost:
        """Of one request."""
        money = (tokens_in * self.input + tokens_out * self.output) / MILLION
        return Cost(1, tokens_in + tokens_out, money)


@dataclass(frozen=True)
class Budget:
    """The most that all jobs of a run may spend together; None: no limit."""

    requests: int | None = setting(
        None, "the most that may be asked; null: no limit", at_least=1
    )
    tokens: int | None = setting(
        None, "likewise, of prompts and answers together", at_least=1
    )
    money: float | None = setting(None, "likewise, by the prices", more_than=0)

    def exceeded(self, cost: Cost) -> str | None:
        """The first limit that a cost is above, by name."""
        for name in ("requests", "tokens", "money"):
            limit = getattr(self, name)
            # Sums of money are off by a rounding; half a millionth is nobody's.
            if limit is not None and getattr(cost, name) > limit + 5e-7:
                return name
        return None

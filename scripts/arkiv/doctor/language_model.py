"""Language models that make queries or grades: their key, their server, their price."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from arkiv.doctor.estimate import passages_of, whole_input
from arkiv.doctor.found import Check, Finding, ok, warning
from arkiv.llm.estimate import LIKELY_MARK, LIKELY_QUERY
from arkiv.llm.prompts import Prompt
from arkiv.llm.protocol import BYTES_PER_TOKEN, Sampling, estimated_tokens
from arkiv.llm.secret import Secret
from arkiv.llm.settings import Connection, Cost, Prices

# Seconds for a server to list its models.
ANSWERING, LIMIT = 15.0, 60
# Names that a sentence lists.
LISTED = 5


@dataclass(frozen=True)
class Use:
    """What a server is asked for: `queries` or `grades`."""

    of: str
    model: str
    max_tokens: int


def uses_of(config: Mapping[str, Any]) -> list[Use]:
    """What a server is asked for by a run."""
    queries, gold = config["queries"], config["gold"]
    judge = gold["judge"]
    own = queries["openai"]["model"]
    found = []
    if queries["backend"] == "openai":
        found.append(Use("queries", own, queries["max_tokens"]))
    grades = (judge["backend"] or queries["backend"]) == "openai"
    if grades and gold["method"] == "llm_judge":
        found.append(Use("grades", judge["model"] or own, judge["max_tokens"]))
    return found


def checks(config: Mapping[str, Any]) -> Iterator[Check]:
    """The server's key and answer, and what queries cost."""
    uses = uses_of(config)
    if not uses:
        look = partial(ok, "none is asked by a server's protocol")
        yield Check("language model", look)
        return
    yield Check("language model", partial(check_server, config, uses), LIMIT)
    if config["queries"]["backend"] == "openai":
        yield Check("query price", partial(check_price, config), LIMIT)


def connection_of(config: Mapping[str, Any]) -> Connection:
    """The server of a configuration."""
    given = config["queries"]["openai"]
    known = {one.name: given[one.name] for one in fields(Connection)}
    return Connection(**known | {"timeout": min(ANSWERING, given["timeout"])})


def check_server(config: Mapping[str, Any], uses: list[Use]) -> Finding:
    """Whether the key is there, and the server answers and has the models."""
    connection = connection_of(config)
    Secret.for_server(connection)
    variable = connection.key_variable
    key = f"key in {variable}" if os.environ.get(variable) else f"no {variable}"
    try:
        import openai  # noqa: F401
    except ModuleNotFoundError:
        do = "make install to have it asked; rules ask it in the environment llm"
        return warning(f"{key}; server not asked: no openai for this Python", do)
    from arkiv.llm.server import Server

    first = uses[0]
    there = Server(connection, Sampling(first.model, first.max_tokens, None)).models()
    seen = f"{connection.base_url} answers, {key}"
    if not there:
        return ok(f"{seen}; it lists no models")
    missing = sorted({use.model for use in uses} - {*there})
    if missing:
        listed = ", ".join(sorted(there)[:LISTED])
        do = f"set queries.openai.model to one of the server's: {listed} …"
        return warning(f"{seen}, but does not list {', '.join(missing)}", do)
    return ok(f"{seen}, and has {' and '.join(sorted({use.model for use in uses}))}")


def cost_of_query(config: Mapping[str, Any], passage_bytes: float) -> Cost:
    """What a query likely costs, its mark included, of a passage of mean length."""
    queries = config["queries"]
    prices = Prices(**queries["prices"])
    of_text = int(passage_bytes / BYTES_PER_TOKEN)
    prompts = [Prompt.read(one["file"]) for one in queries["prompts"]]
    longest = max(estimated_tokens(one.template) for one in prompts)
    cost = prices.cost(longest + of_text, min(LIKELY_QUERY, queries["max_tokens"]))
    if file := queries["judge"]["prompt"]:
        template = Prompt.read(file, needed=("text", "query")).template
        asked = estimated_tokens(template) + of_text + LIKELY_QUERY
        cost += prices.cost(asked, LIKELY_MARK)
    return cost


def check_price(config: Mapping[str, Any]) -> Finding:
    """What a query costs, and all of them, by the prices of the configuration."""
    queries = config["queries"]
    passages, of_one = passages_of(config, whole_input(config["datasets"]))
    count = passages * queries["per_document"]
    one = cost_of_query(config, of_one)
    asked = f"a query takes about {one.tokens:,} tokens"
    more = "snakemake estimate counts them when documents are there"
    if not one.money:
        do = f"set queries.prices, if the server takes money; {more}"
        seen = f"{asked}, some {count:,.0f} are wanted; prices are 0"
        local = queries["openai"]["base_url"] != Connection.base_url
        return ok(seen) if local else warning(seen, do)
    whole = one.money * count
    seen = f"{asked} and {one.money:.6f}, some {count:,.0f} of them {whole:,.2f}"
    budget = queries["budget"]["money"]
    if budget is not None and whole > budget:
        do = f"raise queries.budget.money, or ask for fewer; {more}"
        return warning(f"{seen}, above the budget of {budget:,.2f}", do)
    return ok(seen)

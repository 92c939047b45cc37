"""What judges press: the buttons of each passage and the one form they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arkiv.base.html import (
    Html,
    element,
    joined,
    number,
)
from arkiv.serve.judgements import NOT_RELEVANT, RELEVANT, WITHDRAWN
from arkiv.serve.view import View

# What the buttons say, and what stands there once they have been pressed.
BUTTONS = {RELEVANT: "Relevant", NOT_RELEVANT: "Not relevant"}
SIGNS = {RELEVANT: "✓", NOT_RELEVANT: "✗"}
CLASSES = {RELEVANT: "relevant", NOT_RELEVANT: "rejected"}


@dataclass(frozen=True)
class Judging:
    """Who judges, and how a form proves that it is one of ours.

    Attributes:
        judge: whose verdicts are shown and made.
        judges: who may be chosen.
        token: what a form must carry.
        verdicts: of the judge on the query shown, by passage id.
        count: verdicts of the judge that count, on all queries.
    """

    judge: str
    judges: Sequence[str]
    token: str
    verdicts: Mapping[str, str] = field(default_factory=dict)
    count: int = 0


def verdict_buttons(passage_id: str, place: str, verdict: str | None) -> Html:
    """The buttons of one passage, which belong to the page's one form.

    Args:
        passage_id: the passage.
        place: the system in whose column it stands.
        verdict: what has been said of it.
    """
    buttons = [
        element(
            "button",
            f"{SIGNS[kind]} {words}" if verdict == kind else words,
            form="judging",
            name=kind,
            value=f"{passage_id} {place}",
            aria_pressed="true" if verdict == kind else "false",
            class_=CLASSES[kind],
        )
        for kind, words in BUTTONS.items()
    ]
    if verdict in BUTTONS:
        buttons.append(
            element(
                "button",
                "Withdraw",
                form="judging",
                name=WITHDRAWN,
                value=f"{passage_id} {place}",
                class_="withdraw",
            )
        )
    return element(
        "div", *buttons, class_="verdict", role="group", aria_label="Your verdict"
    )


def judging_form(judging: Judging, view: View, back: str) -> Html:
    """The form that all buttons belong to, and who it is that judges."""
    hidden = [
        element("input", type="hidden", name=name, value=value)
        for name, value in [
            *view.fields(),
            ("token", judging.token),
            ("back", back),
        ]
    ]
    if len(judging.judges) > 1:
        who = element(
            "label",
            "Judging as ",
            element(
                "select",
                *(
                    element(
                        "option",
                        name,
                        selected="" if name == judging.judge else None,
                    )
                    for name in judging.judges
                ),
                name="judge",
            ),
        )
        change = element("button", "Change", name="change", value="1")
    else:
        who, change = joined("Judging as ", element("b", judging.judge)), ""
    done = f"{number(judging.count)} verdict{'' if judging.count == 1 else 's'}"
    return element(
        "form",
        *hidden,
        element("p", who, " ", change),
        element("p", f"{done} so far"),
        element("p", element("a", "Download as CSV", href="/judgements.csv")),
        id="judging",
        class_="judging",
        action="/judge",
        method="post",
        aria_label="Judging",
    )

"""What a gold standard needs of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from arkiv.base.errors import InputError
from arkiv.gold.settings import faults_of_gold, faults_of_judge, faults_of_sheet
from arkiv.settings.layout import model_under_test, run_folder


def check_gold(config: Mapping[str, Any]) -> None:
    """Refuse a gold standard that cannot be made.

    Args:
        config: the configuration.

    Raises:
        InputError: naming the key and what is wrong with it.
    """
    gold = config["gold"]
    for key, reason in chain(
        faults_of_gold(gold, config["evaluate"]),
        faults_of_judge(gold, config["queries"]),
        faults_of_sheet(gold["sheet"], Path(run_folder(config), "gold/sheet.csv")),
    ):
        raise InputError(reason, key=f"gold.{key}")
    source = gold["embedder"]["source"]
    export = Path(run_folder(config), "export")
    if source is not None and Path(source).resolve() == export.resolve():
        raise InputError(
            f"is {source}, whose card tells of the measures; name the model itself, "
            f"{model_under_test(config, 'tuned')}",
            key="gold.embedder.source",
        )

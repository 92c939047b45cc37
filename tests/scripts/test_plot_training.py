"""The figure of a training: losses, measures meanwhile, learning rate.

Everything that draws runs in this process: matplotlib is slow to import.
"""

import json

import numpy as np
import pytest
from figures import assert_svg, twice


@pytest.fixture
def history(tmp_path):
    log = [
        {"step": n, "epoch": n / 10, "loss": 3 / n, "learning_rate": 1e-5 / n}
        for n in range(1, 21)
    ]
    log[4]["loss"] = None  # what the trainer logs for NaN
    content = {"rows": 1070, "rows_used": 1064, "rows_left_out": {"a": 4, "b": 2}}
    content |= {
        "rows_drawn": 1600,
        "weights": {"a": 2},
        "steps": 20,
        "epochs": 2.0,
        "seconds": 90.0,
        "world_size": 2,
        "log": log,
        "warnings": [{"step": 20, "warning": "it forgets"}],
    }
    path = tmp_path / "history.json"
    path.write_text(json.dumps(content))
    return path


def test_loss_and_learning_rate_by_step(history, tmp_path):
    from plot_training import main, series, smoothed

    output = tmp_path / "t.svg"
    twice(lambda: main(["--history", str(history), "--output", str(output)]), output)
    assert_svg(output, "Training")
    steps, losses = series(json.loads(history.read_text())["log"], "loss")
    assert steps.tolist() == [1, 2, 3, 4, *range(6, 21)]
    assert losses[0] == 3
    assert smoothed(losses) == pytest.approx(
        [losses[max(n - 1, 0) : n + 2].mean() for n in range(19)]
    )


@pytest.fixture
def watched(history):
    """A history with measures, which rise on dev queries and fall on general ones."""
    bases = {"dense": 0.6, "sparse": 0.5, "multi_vector": 0.65, "combined": 0.7}
    entries = [
        {
            "step": step,
            "scores": {
                name: {
                    mode: {"nDCG@10": base + sign * step / 100, "RR@10": 0.1}
                    for mode, base in bases.items()
                }
                for name, sign in (("dev", 1), ("general", -1))
            },
        }
        for step in (0, 10, 20)
    ]
    sizes = {"queries": 5, "passages": 1200}
    evaluation = {
        "collections": {"dev": sizes, "general": sizes},
        "mode": "dense",
        "measure": "nDCG@10",
        "best_step": 20,
        "entries": entries,
    }
    content = json.loads(history.read_text()) | {"evaluation": evaluation}
    history.write_text(json.dumps(content))
    return history


def test_measures_of_dev_and_general_queries_by_step(watched, tmp_path):
    from plot_training import main

    output = tmp_path / "t.svg"
    twice(lambda: main(["--history", str(watched), "--output", str(output)]), output)
    assert_svg(output, "Training")


def drawn(history, monkeypatch):
    """The panels of a figure of a history, laid out as they would be written."""
    import plot_training

    figures = []
    monkeypatch.setattr(
        plot_training, "write_svg", lambda path, figure, title: figures.append(figure)
    )
    plot_training.main(["--history", str(history), "--output", "unused.svg"])
    [figure] = figures
    figure.draw_without_rendering()
    return figure.axes


def test_every_mode_is_seen_on_one_scale_and_its_name_hides_no_curve(
    watched, monkeypatch
):
    loss, *measures, rate = drawn(watched, monkeypatch)
    assert [panel.get_title("left") for panel in (loss, rate)] == [
        "Loss",
        "Learning rate",
    ]
    assert [panel.get_title("left") for panel in measures] == [
        f"nDCG@10: 5 {name} queries in 1,200 passages" for name in ("dev", "general")
    ]
    low, high = measures[0].get_ylim()
    assert (low, high) == measures[1].get_ylim()
    for panel, ends in zip(measures, ((0.8, 0.9), (0.4, 0.5)), strict=True):
        *modes, kept = panel.get_lines()
        assert len(modes) == 4
        values = [line.get_ydata() for line in modes]
        assert (values[0][-1], values[3][-1]) == pytest.approx(ends)
        assert all(low < value < high for line in values for value in line)
        assert list(kept.get_xdata()) == [20, 20]
    assert high - low < 0.75  # no room is lost to what no curve reaches
    legend = measures[1].get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["dense", "sparse", "multi-vector", "combined", "kept: step 20"]
    box = legend.get_window_extent()
    assert not any(box.overlaps(panel.bbox) for panel in (*measures, rate))


def test_a_model_without_heads_is_drawn_by_what_it_has(watched, monkeypatch):
    content = json.loads(watched.read_text())
    for entry in content["evaluation"]["entries"]:
        for of_mode in entry["scores"].values():
            for mode in of_mode.keys() - {"dense"}:
                del of_mode[mode]
    watched.write_text(json.dumps(content))
    _, *measures, _ = drawn(watched, monkeypatch)
    names = [text.get_text() for text in measures[1].get_legend().get_texts()]
    assert names == ["dense", "kept: step 20"]


def test_a_flat_curve_looks_flat():
    from plot_training import LEAST_SPAN, limits

    flat = {"dense": {"RR@10": 0.7}, "sparse": {"RR@10": 0.7001}}
    evaluation = {"measure": "RR@10", "entries": [{"scores": {"dev": flat}}]}
    low, high = limits(evaluation)
    assert high - low == pytest.approx(LEAST_SPAN)
    assert low < 0.7 < 0.7001 < high


def test_a_long_run_makes_no_large_figure(history, tmp_path, monkeypatch):
    from plot_training import MOST_DOTS, main, smoothed

    log = [
        {"step": n, "loss": 2 + n % 7, "learning_rate": 1e-5} for n in range(1, 50_001)
    ]
    history.write_text(json.dumps({"log": log}))
    main(["--history", str(history), "--output", str(tmp_path / "t.svg")])
    assert (tmp_path / "t.svg").stat().st_size < 1_000_000
    loss, _ = drawn(history, monkeypatch)
    dots, mean = loss.get_lines()
    assert len(dots.get_xdata()) == len(mean.get_xdata()) == MOST_DOTS
    assert dots.get_label() == "one step in 25"
    # The mean is of all steps, not of those that are drawn.
    every = smoothed(np.array([entry["loss"] for entry in log]))
    assert mean.get_ydata() == pytest.approx(every[::25])


def test_a_history_without_losses_is_refused(tmp_path):
    from arkiv.base.errors import InputError
    from plot_training import main

    (tmp_path / "h.json").write_text('{"log": []}')
    words = ["--history", str(tmp_path / "h.json"), "--output", str(tmp_path / "t.svg")]
    with pytest.raises(InputError, match="`log`: logs no losses, expected what train_"):
        main(words)
    assert not (tmp_path / "t.svg").exists()

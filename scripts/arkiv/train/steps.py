"""How far training is, said in its log: steps, the last loss, the last dev measure."""

from __future__ import annotations

from transformers import TrainerCallback

from arkiv.base.progress import Progress
from arkiv.evaluate.measures import title
from arkiv.train.evaluation import Evaluations


class Steps(TrainerCallback):
    """Counts the steps of a training, those before a checkpoint included.

    Args:
        evaluations: what measures the model meanwhile, if anything does.
    """

    def __init__(self, evaluations: Evaluations | None) -> None:
        self.evaluations = evaluations
        self.loss: float | None = None

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        self.progress = Progress(state.max_steps, "steps", before=state.global_step)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        self.loss = (logs or {}).get("loss", self.loss)

    def on_step_end(self, args, state, control, **kwargs) -> None:
        self.progress.more(beside=", ".join(self._beside()))

    def _beside(self):
        if self.loss is not None:
            yield f"loss {float(self.loss):.4f}"
        if self.evaluations and self.evaluations.entries:
            measured = self.evaluations.score(self.evaluations.entries[-1])
            measure = title(self.evaluations.settings.measure)
            yield f"dev {measure} {measured:.3f}"

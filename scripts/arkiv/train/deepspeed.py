"""What deepspeed needs beside its own configuration (`config/deepspeed/`).

Hugging Face's trainer does the rest.
"""

from __future__ import annotations

import os
from typing import Any


def prepare(*, cpu: bool, deepspeed: bool) -> None:
    """Have deepspeed take the device that was chosen, and compile nothing on a CPU.

    It is imported wherever it is installed, and looks for a device by itself. On a CPU
    it would first compile a reduction through shared memory, into the home directory;
    gloo's does.
    """
    if cpu:
        os.environ["DS_ACCELERATOR"] = "cpu"
    if cpu and deepspeed:
        import deepspeed.ops

        deepspeed.ops.__compatible_ops__ = {}


def keep_gradient_norm(engine: Any) -> None:
    """Have an engine keep the norm that it clips float32 gradients by at stage 0.

    In other precisions and stages its optimizer does.
    """
    from deepspeed.runtime.utils import clip_grad_norm_

    def clip() -> None:
        engine._global_grad_norm = clip_grad_norm_(
            parameters=engine.module.parameters(),
            max_norm=engine.gradient_clipping(),
            mpu=engine.mpu,
        )

    engine.clip_fp32_gradients = clip

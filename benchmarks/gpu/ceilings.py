"""What the device can do at most: the rate of its matrix units and of its memory."""

from __future__ import annotations

from benchmarks.gpu.part import Found, Given
from benchmarks.gpu.timing import seconds_of

# Rows of the square matrices whose product is timed.
LARGE, SMALL = 8192, 128


def matrix_rate(device: str, size: int, dtype: str) -> float:
    """Floating-point operations a second of a product of two square matrices.

    A product of n x n matrices takes 2 n^3 of them.
    """
    import torch

    generator = torch.Generator(device).manual_seed(0)
    one, other = (
        torch.randn(size, size, generator=generator, device=device).to(
            getattr(torch, dtype)
        )
        for _ in range(2)
    )
    out = torch.empty_like(one)
    return 2 * size**3 / seconds_of(lambda: torch.mm(one, other, out=out), device)


def copy_rate(device: str, size: int) -> float:
    """Bytes a second, read and written, of a copy of `size` bytes on the device."""
    import torch

    source = torch.ones(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds_of(lambda: target.copy_(source), device)


def ceilings(given: Given, found: Found) -> None:
    """Rates of a large matrix product in both half precisions, and of a large copy."""
    size = SMALL if given.small else LARGE
    for dtype in ("bfloat16", "float16"):
        rate = matrix_rate(given.device, size, dtype)
        found.measure(
            f"product of {size:,} x {size:,}, {dtype}", rate / 1e12, "TFLOP/s"
        )
    size = 1 << (24 if given.small else 32)
    rate = copy_rate(given.device, size)
    found.measure(f"copy of {size / 1e9:.2g} GB on the device", rate / 1e12, "TB/s")

"""RAM of the exported C program, from the architecture alone."""

from __future__ import annotations

from typing import Any

from makeweight.designs.architecture import Architecture
from makeweight.designs.layout import Step, image_step, lay_out, lower_bound
from makeweight.designs.limits import NumberType
from makeweight.designs.program import CONVOLUTIONS, operations

# Stack to allow for on a microcontroller, besides RAM. The deepest chain of calls (gcc 12.2 -fcallgraph-info=su, int8)
# took 560 bytes at most on Cortex-M0+, M4 and RV32 at -O0, 512 optimised; on x86-64 704 at -O0.
STACK_BYTES = 640
VALUE_BYTES: dict[NumberType, int] = {"int8": 1, "fp32": 4}


def ram(architecture: Architecture, number: NumberType = "int8") -> int:
    """Count the bytes of static RAM of the exported program: image, values and output. The stack isn't included.

    Parameters
    ----------
    architecture : Architecture
    number : "int8" or "fp32"
        What the program computes in: 1 or 4 bytes a value.

    Returns
    -------
    int
        Exactly what the header states and the linker reserves. It equals :func:`peak` unless the values cannot be
        placed so tightly, which no built-in family has shown.

    Raises
    ------
    GeometryError
        If a layer does not fit.

    >>> from makeweight.designs.layers import Conv2d, GlobalPool, Linear
    >>> layers = (Conv2d("conv", 4, 3, padding=1), GlobalPool("pool"), Linear("logits", 10))
    >>> ram(Architecture("any", (1, 28, 28), 10, layers))  # 784 pixels, 3,136 values of the convolution, 10 floats
    3960
    """
    return lay_out(_steps(architecture, number), architecture.classes).bytes


def peak(architecture: Architecture, number: NumberType = "int8") -> Any:
    """Count the most bytes needed at once, plus the output: :func:`ram` can't be less.

    Widths may be arrays of one shape, one element for each of many networks; then the result is such an array. It never
    falls when a width grows. Parameters and errors are those of :func:`ram`.
    """
    return lower_bound(_steps(architecture, number), architecture.classes)


def _steps(architecture: Architecture, number: NumberType) -> list[Step]:
    image, *rest = operations(architecture)
    sized = [Step(step.reads, VALUE_BYTES[number] * step.values, step.kind not in CONVOLUTIONS) for step in rest]
    return [image_step(image.shape), *sized]

"""Values of 16 bits that use 12 or fewer, as microscopes write them: the upper 8 bits leave them nearly black."""

from __future__ import annotations

TWELVE_BITS = 4_095


def dim_note(highest: int) -> tuple[str, ...]:
    """Say that values of 16 bits come out nearly black where the highest of a data set shows that, else nothing.

    Nothing is multiplied unasked: of one picture alone, as `makeweight predict` gets it, nobody knows the bits.
    """
    if not 0 < highest <= TWELVE_BITS:
        return ()
    factor = 1 << (16 - highest.bit_length())
    return (
        f"no value of 16 bits is above {highest:,}, so these images come out nearly black: multiply their values by "
        f"{factor:,} first, here and for makeweight predict",
    )

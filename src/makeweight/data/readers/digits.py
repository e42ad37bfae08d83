"""The 1,797 digits of 8 by 8 pixels that come with scikit-learn: always there, nothing to download."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from makeweight.data.readers.base import Part, RawImages
from makeweight.data.split import split_indices

#: There is no official test part; this constant draws the same fifth of the images for everybody.
TEST_SEED = 1797
TEST_SHARE = 0.2


@dataclass(frozen=True)
class DigitsReader:
    """Reads scikit-learn's digits, with a fixed stratified fifth as the test part."""

    def read(self, part: Part) -> RawImages:
        """Return one part as (n, 1, 8, 8) and (n,)."""
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # slow, and without stubs

        bunch = load_digits()
        labels = np.asarray(bunch.target, dtype=np.int64)
        # 0..16 grey levels to 0..255.
        images = (np.asarray(bunch.images, dtype=np.int64) * 255 // 16).astype(np.uint8)[:, None]
        split = split_indices(labels, TEST_SHARE, TEST_SEED)
        chosen = split.train if part == "train" else split.validation
        return RawImages(images[chosen], labels[chosen])

"""How each number of a report was computed, with the source of its formula."""

from __future__ import annotations

from collections.abc import Iterator

from makeweight.report.summary import StudySummary

_METHODS = (
    (
        "Test accuracy",
        "Share of the test images whose largest logit is their label's; the mean over the training seeds. The test "
        "images are opened once a training, after it; no choice is made by them.",
    ),
    (
        "95 % interval of an accuracy",
        "Wilson's interval (1927) with as many images as the variance is worth that training seeds and test images "
        "have together (crossed random effects, Owen 2007), with Student's t and Satterthwaite's degrees of freedom "
        "(1946). For one seed it knows the test images' part only.",
    ),
    (
        "Difference of two networks",
        "Paired over the test images: a t-test and t-interval from the same variance components; with one seed each, "
        "the exact test of McNemar (1947) and the interval of Bonett and Price (2012).",
    ),
    (
        "“No difference shown”",
        "The p-values of all pairs are corrected together by Holm's procedure (1979): the whole family of tests errs "
        "in 5 % of studies. Beside it stands the smallest difference that the test would show with a probability of "
        "80 % (Cohen 1988, section 2.4).",
    ),
    (
        "Against the original report",
        "Its answers to single images are not known, so nothing can be paired: both accuracies are taken as "
        "independent, its own as one run on as many images (Newcombe 1998, method 10).",
    ),
    (
        "Batch sd",
        "Standard deviation of the accuracy over test batches of 256, which the report gave as its “±”. It "
        "measures the size of the batch; it stands here for comparison only.",
    ),
    (
        "Not beaten (frontier)",
        "A network is beaten by one that costs no more, is as accurate or more, and is better in one of both (Pareto "
        "dominance). The probability of not being beaten comes from 10,000 draws of all accuracies with their "
        "covariance; costs are taken as known.",
    ),
    (
        "Gain of a doubling",
        "Paired difference from one budget of a family to the next, divided by the binary logarithm of the ratio of "
        "their weights.",
    ),
    (
        "Weights and MACs",
        "Counted exactly from the architecture, for one image. MACs: one for each product of a convolution or linear "
        "layer; normalisation folds into the convolution and is not counted (Sze et al. 2017, section III).",
    ),
    (
        "Training time",
        "Wall-clock seconds of all epochs with the validation after each, by the monotonic clock; mean over the seeds.",
    ),
    (
        "Latency, memory, size, energy",
        "Measured by makeweight measure on the stored network of the first seed. Latency: median of repeated "
        "forward passes of one image. Memory: most allocated at once while one image passes, beside the weights. "
        "Size: bytes of the file of weights. Energy: of the processor's own counter, where it can be read.",
    ),
    (
        "Overfits, underfits",
        "Overfits: more than half of the test error is the gap to the training images, by the whole of its 95 % "
        "interval, or the validation loss has risen since its lowest epoch by more than its images explain. "
        "Underfits: the network knows its own training images worse, by the whole interval, than the best network of "
        "the study knows test images (after Ng 2018, chapters 20 to 23).",
    ),
    (
        "Precision, recall and F1 of a class",
        "Ratios of counts (van Rijsbergen 1979, chapter 7), with intervals by linearisation (Cochran 1977, section "
        "6.3) over seeds and test images.",
    ),
    (
        "Expected calibration error",
        "Over 15 bins of equal width, the share of images times |accuracy − confidence| (Guo et al. 2017). By chance: "
        "the mean over 200 draws of what a perfectly calibrated network would show on as many images.",
    ),
    (
        "Learning curves",
        "Training loss as trained: with label smoothing, dropout and augmentation. Validation loss: plain "
        "cross-entropy in nats. Lines are means over the seeds, bands reach from the lowest seed to the highest.",
    ),
    (
        "Feature maps",
        "Output of a layer for one image, in evaluation mode, after the activation that follows it. All filters and "
        "samples of a layer share one scale, which stands below the maps; half a percent of the values may lie beyond "
        "each of its ends.",
    ),
)
_OF_REPORT = ("Against the original report", "Batch sd")


def methods(summary: StudySummary) -> Iterator[tuple[str, str]]:
    """Yield what is computed, and how, for all that a study's report has."""
    for name, words in _METHODS:
        if summary.has_reference or name not in _OF_REPORT:
            yield name, words

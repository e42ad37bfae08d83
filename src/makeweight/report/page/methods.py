"""How each number of a report was computed, with the source of its formula."""

from __future__ import annotations

from collections.abc import Iterator

from makeweight.report.summary import REPORTED_ON, StudySummary

_METHODS = (
    (
        "Test accuracy",
        "Share of the test images whose largest logit is their label's; the mean over the training seeds. The test "
        "images are opened once a training, after it, for this score, and no choice is made by them. Feature maps, "
        "pictures of mistakes and checks of exported files open them again: every look is recorded with its purpose "
        "and counted under “Looks at the test images”.",
    ),
    (
        "Default recipes",
        "They were chosen on FashionMNIST by validation accuracy, but with test accuracies in view (docs/recipes.md): "
        "with the default recipes the accuracies of this data set are a little too good.",
    ),
    (
        "95 % interval of an accuracy",
        "Wilson's interval (1927) with as many images as the variance is worth that training seeds and test images "
        "have together (crossed random effects, Owen 2007), with Student's t and Satterthwaite's degrees of freedom "
        "(1946). One or two trainings say too little about the luck of their seeds: a standard deviation over the "
        "seeds of at least 0.01·√(p(1 − p)) is assumed for accuracy p, 0.3 points at 90 %. Three or more are measured, "
        "and where they differ by less, the assumed one counts with half a degree of freedom (Smyth 2004).",
    ),
    (
        "Difference of two networks",
        "Paired over the test images: a t-test and t-interval from the same variance components; with one seed each, "
        "the interval of Bonett and Price (2012) and its test. The assumed spread of the seeds is part of both.",
    ),
    (
        "“No difference shown”",
        "The p-values of all pairs are corrected together by Holm's procedure (1979): the whole family of tests errs "
        "in 5 % of studies. The smallest detectable difference is shown with a probability of 80 % (Cohen 1988, "
        "section 2.4) at the level that this correction leaves to the pair.",
    ),
    (
        "Optimism of the best",
        "The highest of several means is too high on average, because luck is part of what made it the highest. Named "
        "is the mean of that excess over 10,000 draws of all accuracies with their covariance, as if the networks that "
        "are not told apart were equally good.",
    ),
    (
        "Against the course report",
        "Its predictions for single images are unknown, so nothing can be paired: the two accuracies are treated as "
        "independent, the report's as a single run on as many images (Newcombe 1998, method 10).",
    ),
    (
        "Batch sd",
        "Standard deviation of the accuracy over test batches of 256, which the course report gave as its “±”. It "
        "measures batch size, and is shown for comparison only.",
    ),
    (
        "Not beaten (frontier)",
        "A network is beaten by one that is at least as accurate at no higher cost, and better in one of the two "
        "(Pareto dominance). The probability of not being beaten comes from 10,000 draws of all accuracies with their "
        "covariance, and of the training times over their seeds (bootstrap); the time of a single training and all "
        "other costs are taken as known.",
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
        "forward passes of one image. Memory: peak allocation during one forward pass, without the weights. Size: "
        "bytes of the weights file. Energy: from the processor's own counter, where it can be read.",
    ),
    (
        "Overfits, underfits",
        "Overfits: more than half of the test error is the gap to the training images, by the whole 95 % interval of "
        "twice the training accuracy minus the test accuracy; or the validation loss has risen since its lowest epoch "
        "by more than its images explain. Underfits: less than a quarter of the validation error is the gap to the "
        "training images, by the whole interval: the rest is made on training images too (after Ng 2018, chapters 20 "
        "to 23). Neither depends on other networks.",
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
        "samples of a layer share one colour scale, shown below the maps; up to 0.5 % of the values may lie beyond "
        "either end.",
    ),
)
_OF_COURSE_REPORT = ("Against the course report", "Batch sd")


def methods(summary: StudySummary) -> Iterator[tuple[str, str]]:
    """Yield what is computed, and how, for all that a study's report has."""
    for name, words in _METHODS:
        if name in _OF_COURSE_REPORT and not summary.has_reference:
            continue
        if name == "Default recipes" and summary.dataset != REPORTED_ON:
            continue
        yield name, words

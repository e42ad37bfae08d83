"""What the words in column heads mean: one record for the dashboard, the report and docs/glossary.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the field, in one sentence."""

    anchor: str  # in addresses: glossary#mac
    name: str
    meaning: str
    headings: tuple[str, ...] = ()  # column heads that it explains


TERMS = (
    Term("accuracy", "Accuracy", "The share of images whose most probable class is the right one.", ("training %",)),
    Term(
        "test-accuracy",
        "Test accuracy",
        "Accuracy on images that neither training nor tuning has seen; each look at them is recorded.",
        ("test accuracy", "test accuracy %", "test %", "test loss"),
    ),
    Term(
        "validation",
        "Validation",
        "Images kept out of training, to watch it and to choose settings by, so that the test images stay unseen.",
        ("validation", "validation %", "validation accuracy", "validation loss"),
    ),
    Term(
        "weight",
        "Weight",
        "A number that training changes: entries of filters, biases, scales and shifts; each is counted once.",
        ("weights", "trainable weights"),
    ),
    Term(
        "budget",
        "Budget",
        "The most trainable weights that a network may have; it is never exceeded.",
        ("budget", "of budget", "of weights"),
    ),
    Term(
        "mac",
        "MAC",
        "A multiply-accumulate operation, one product added to a sum; MACs per image are what an answer costs.",
        ("MACs", "of MACs"),
    ),
    Term(
        "family",
        "Family",
        "A kind of network with its options, such as FCN (fully connected) or CNN (convolutional).",
    ),
    Term(
        "seed",
        "Seed",
        "A number from which a training draws its first weights and the order of its images; several seeds show how "
        "much of a result is luck.",
        ("seed", "seeds"),
    ),
    Term(
        "interval",
        "95 % interval",
        "A range that holds the true value in 95 of 100 such studies; here for new seeds and new test images.",
        ("95 % interval",),
    ),
    Term(
        "range",
        "Lowest–highest",
        "The worst and the best seed; unlike an interval, it grows with more seeds.",
        ("lowest–highest",),
    ),
    Term(
        "points",
        "Points",
        "Percentage points: from 90 % to 91 % is one point.",
        ("points", "gain", "training − test", "validation − test"),
    ),
    Term(
        "p-value",
        "p",
        "How often equally good networks would differ by this much or more; small values speak against equality.",
        ("p",),
    ),
    Term(
        "holm",
        "p (Holm)",
        "The p value corrected for all compared pairs by Holm's method: of many pairs, some differ by luck.",
        ("p (Holm)",),
    ),
    Term(
        "detectable",
        "Detectable difference",
        "The smallest true difference that a study like this one shows four times out of five.",
        ("detectable",),
    ),
    Term(
        "batch-sd",
        "Batch sd",
        "The spread of accuracy over test batches of 256: it measures the size of the batch, not the network.",
        ("batch sd",),
    ),
    Term(
        "calibration",
        "Calibration",
        "Whether answers given with 80 % confidence are right 80 % of the time; the calibration error is the mean gap.",
        ("calibration error", "by chance", "confidence − accuracy"),
    ),
    Term(
        "overfitting",
        "Overfitting",
        "A network that is much better on its training images than on new ones has learnt them by heart.",
        ("verdict", "loss rise"),
    ),
    Term(
        "loss",
        "Loss",
        "What training makes smaller: the mean of −log of the probability that the network gives the right class.",
        ("training loss",),
    ),
    Term("epoch", "Epoch", "One pass over all training images.", ("epoch", "epochs")),
    Term(
        "training-time",
        "Training time",
        "Seconds that one training took on the machine that the report names.",
        ("train s", "training, s"),
    ),
    Term(
        "recipe",
        "Recipe",
        "How a network is trained: epochs, batch size, learning rate and its schedule, augmentation.",
    ),
    Term("recall", "Recall", "The share of a class's images that get its label.", ("recall %", "lowest recall %")),
    Term("precision", "Precision", "The share of a label's answers that are right.", ("precision %",)),
    Term("f1", "F1", "The harmonic mean of precision and recall.", ("F1 %",)),
    Term(
        "balanced-accuracy",
        "Balanced accuracy",
        "The mean of the classes' recalls, in which rare classes count as much as others.",
        ("balanced accuracy %",),
    ),
    Term(
        "latency",
        "Latency",
        "How long one answer takes; p50 is the median, and 95 of 100 answers are faster than p95.",
        ("image p50 ms", "p95 ms", "ms"),
    ),
    Term("ram", "RAM", "Memory that the exported C program needs for the image, its maps and the answer.", ("RAM",)),
    Term("flash", "Flash", "Memory of a chip that keeps weights and code without power.", ("flash",)),
    Term("int8", "int8", "Weights and values as whole numbers from −128 to 127, a quarter of the memory of float32."),
    Term("layer", "Layer", "One step of a network, from an input to an output.", ("layer",)),
    Term(
        "output",
        "Output",
        "The shape of what a layer gives: channels × height × width of its maps, or a number of features.",
        ("output",),
    ),
    Term(
        "convolution",
        "Convolution",
        "A layer that moves small filters over an image; each filter gives one map of where it responds.",
        ("kind",),
    ),
    Term("stem", "Stem", "The first convolution, which sees the image itself."),
    Term("stage", "Stage", "The layers that work at one resolution; each stage has half that of the one before."),
    Term("block", "Residual block", "Two convolutions whose output is added to their input, so deep networks train."),
    Term("norm", "Normalisation", "A layer that brings each channel to mean 0 and spread 1, which speeds up training."),
    Term(
        "activation", "Activation", "A function between layers, such as ReLU: max(x, 0); without it all were one layer."
    ),
    Term("pooling", "Pooling", "Keeping the maximum or the mean of each window of a map, which makes it smaller."),
    Term(
        "logits",
        "Logits",
        "The last layer's outputs, one a class; softmax turns them into probabilities that sum to 1.",
    ),
    Term("frontier", "Frontier", "The networks that no other beats in both accuracy and cost."),
)
_BY_HEADING = {heading: term.anchor for term in TERMS for heading in term.headings}


def anchor_of(heading: str) -> str:
    """Return the anchor of the term that explains a column head, or an empty string.

    >>> anchor_of("MACs"), anchor_of("network")
    ('mac', '')
    """
    return _BY_HEADING.get(heading, "")

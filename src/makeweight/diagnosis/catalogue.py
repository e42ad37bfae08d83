"""What can be found: every code with the words for it, causes before what may be their symptoms.

The order is the rank among findings of equal certainty: what is wrong with data and loss explains what a layer or a
setting looks like, and not the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """The words of one code."""

    title: str
    consequence: str
    fix: str
    dense_fix: str = ""  # for a network without convolutions, where that needs something else
    symptom: bool = False  # whether something else on the list often causes it


CATALOGUE: dict[str, Entry] = {
    "inputs-bad-values": Entry(
        "Some inputs are NaN, infinite or constant",
        "One NaN or infinite input makes the loss NaN, and every weight with it; constant images teach nothing.",
        "Find them before training:\n"
        "bad = ~torch.isfinite(images).flatten(1).all(1)  # then drop or repair images[bad]",
    ),
    "labels-off-by-one": Entry(
        "The labels are shifted by one class",
        "Class numbers start at 0. Shifted labels leave one output without examples, or make validation compare with "
        "the wrong class.",
        "labels = labels - 1  # once, for training and validation alike; the network needs as many outputs as classes",
    ),
    "softmax-before-loss": Entry(
        "Softmax is applied twice: once by the network, once by the loss",
        "The loss sees values between 0 and 1 as logits. It cannot come near 0, gradients almost vanish, and some "
        "classes may never be predicted.",
        "Give the loss the logits: remove the softmax at the end of the network, and apply\n"
        "logits.softmax(1)  # only where you want to show probabilities",
    ),
    "wrong-loss": Entry(
        "The loss does not fit a choice among classes",
        "Its minimum is not where the right class has the largest output, or it pulls outputs towards fixed values.",
        "loss_fn = torch.nn.CrossEntropyLoss()  # of logits (n, k) and class numbers (n,)",
    ),
    "output-activation": Entry(
        "The logits pass through an activation",
        "Logits must be free to take any value. An activation bounds them, so that the network cannot be sure, or "
        "stops gradients where it cuts off.",
        "Remove the activation behind the last layer; the loss turns logits into probabilities.",
    ),
    "half-precision": Entry(
        "Training runs in float16 without a scaled loss",
        "Gradients below 6e-8 are 0 in float16, and steps smaller than a thousandth of a weight are lost.",
        "scaler = torch.amp.GradScaler()  # with torch.autocast and float32 weights; or train in bfloat16, which needs "
        "none",
    ),
    "loss-reduction": Entry(
        "The loss is not the mean over the images of a batch",
        "The gradient is off by a number of images, so the learning rate means something else than usual.",
        'Take the mean over the batch once: CrossEntropyLoss(reduction="mean"), and do not divide again.',
    ),
    "detached-graph": Entry(
        "A part of the network is cut off from the loss",
        "No gradient reaches the layers before the cut, so they keep their initial weights.",
        "Remove .detach(), .data, .numpy(), torch.tensor(…) or torch.no_grad() from the forward pass and the loss.",
    ),
    "frozen-parameters": Entry(
        "A part of the network is frozen",
        "Weights with requires_grad=False keep the values they have.",
        "for p in model.parameters():\n    p.requires_grad_(True)",
    ),
    "parameters-not-optimised": Entry(
        "The optimizer does not hold all weights of this network",
        "Weights that the optimizer does not know keep their initial values, whatever their gradients are.",
        "optimizer = type(optimizer)(model.parameters(), lr=…)  # after the model has its final layers",
    ),
    "missing-zero-grad": Entry(
        "Gradients of earlier steps are never cleared",
        "Every step moves along the sum of all gradients so far, which is like a momentum of 1.",
        "optimizer.zero_grad()  # in every step, before loss.backward()",
    ),
    "train-in-eval-mode": Entry(
        "The network is trained in evaluation mode",
        "Dropout is off, and batch norm uses running statistics that are never updated.",
        "model.train()  # before the training steps of every epoch, because validation switches it off",
    ),
    "labels-misaligned": Entry(
        "The labels do not belong to the images",
        "Images that look alike have unrelated labels, so nothing can be learned except by memorising.",
        "Shuffle both with one permutation, and check that files and labels are listed in the same order:\n"
        "order = torch.randperm(len(images)); images, labels = images[order], labels[order]",
    ),
    "wrong-axis-order": Entry(
        "The axes of the images are mixed up",
        "Neighbouring pixels are torn apart, so a filter sees noise, and images of one class have little in common.",
        "images = images.permute(0, 3, 1, 2)  # (n, h, w, c) to (n, c, h, w); reshape and view do not move axes",
    ),
    "inputs-not-normalised": Entry(
        "The inputs are not on the scale that initial weights expect",
        "First activations are far too large or too small, so that learning is unstable, or very slow.",
        "images = images.float() / 255  # once\nimages = (images - images.mean()) / images.std()  # of the training "
        "images",
    ),
    "image-discarded": Entry(
        "A part of the image is thrown away before it is looked at",
        "What no later layer can see, no weight can learn from.",
        "Use a stride no larger than the kernel, and halve height and width only every one or two convolutions.",
        "Flatten the whole image into the first layer, without slicing or pooling before it, and let the layers narrow "
        "step by step.",
    ),
    "missing-nonlinearity": Entry(
        "Layers follow each other without an activation",
        "Two linear layers in a row are no more than one, and cost the weights of both.",
        "Put an activation between them, for example torch.nn.ReLU().",
    ),
    "bad-initialisation": Entry(
        "The initial weights are a poor start",
        "Equal weights stay equal, and weights far too large or small begin with useless outputs and gradients.",
        "torch.nn.init.kaiming_normal_(layer.weight, nonlinearity='relu'); torch.nn.init.zeros_(layer.bias)",
    ),
    "small-receptive-field": Entry(
        "No unit sees more than a small part of the image",
        "The global pool averages small patches, so shape and arrangement are lost.",
        "Add a stride or a pooling between the convolutions, more of them, or larger kernels.",
    ),
    "wrong-accuracy": Entry(
        "The validation accuracy is computed wrongly",
        "The number says nothing about the network, whatever it did.",
        "accuracy = (logits.argmax(1) == labels).float().mean().item()  # weighted by batch size over batches",
    ),
    "dropout-in-evaluation": Entry(
        "The network answers differently each time, in evaluation mode too",
        "Units are dropped when it is used, so it does worse than it could, and no two answers agree.",
        "functional.dropout(x, p, training=self.training)  # or a torch.nn.Dropout layer, which eval() switches off",
    ),
    "dropout-on-logits": Entry(
        "Dropout is applied to the logits",
        "In training, logits of the right class become 0 at random, which no weight can do anything about.",
        "Put the dropout before the last layer.",
    ),
    "stale-batch-statistics": Entry(
        "Batch norm's running averages are far behind",
        "In evaluation mode the network uses statistics of long ago, and does much worse than in training.",
        "torch.nn.BatchNorm2d(channels, momentum=0.1)  # the share of the new batch: Keras's 0.99 is 0.01 here",
    ),
    "random-validation": Entry(
        "Validation images are changed at random",
        "The accuracy is that of distorted images, and differs each time with the same weights.",
        "Give validation transforms of its own: resize and normalise, without random crops, flips or noise.",
    ),
    "validate-in-train-mode": Entry(
        "Validation runs in training mode",
        "Dropout drops units and batch norm uses the batch's statistics, and learns from validation images.",
        "model.eval()\nwith torch.no_grad():\n    …  # and model.train() afterwards",
    ),
    "split-overlap": Entry(
        "Validation images are among the training images",
        "Validation accuracy counts memorised images, and is too high.",
        "Split once, by index, before anything is augmented or repeated; remove duplicates first.",
    ),
    "tiny-batch": Entry(
        "The network is trained on one or two images at a time",
        "Gradients and batch norm's statistics of so few images are noise.",
        "Use batches of 16 or more, or GroupNorm in place of BatchNorm.",
        "Use batches of 16 or more, or LayerNorm in place of BatchNorm.",
    ),
    "clipping-always": Entry(
        "Gradients are clipped to almost nothing in every step",
        "With plain SGD this is a learning rate many times smaller than it looks; clipping is for rare outliers.",
        "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=…)  # a few times the usual norm, or none",
    ),
    "data-not-shuffled": Entry(
        "The images are sorted by class",
        "Batches of one class pull the network to that class, and then to the next.",
        "order = torch.randperm(len(images)); images, labels = images[order], labels[order]  # anew every epoch",
    ),
    "duplicate-images": Entry(
        "Many images occur more than once",
        "Repeated images count double, and a split by index puts copies on both sides.",
        "_, first = numpy.unique(images.flatten(1).numpy(), axis=0, return_index=True)\n"
        "images, labels = images[first], labels[first]",
    ),
    "class-imbalance": Entry(
        "Some classes have far fewer images than others",
        "Accuracy is good where rare classes are never predicted.",
        "Look at recall by class; weigh the loss, CrossEntropyLoss(weight=n / (k · counts)), or sample by class.",
    ),
    "schedule-ends-early": Entry(
        "The learning rate came down long before the training ended",
        "The last part of the training changes nothing.",
        "Give the schedule the true number of steps, and step it as often as it expects: once an epoch, or once a "
        "batch.",
    ),
    "learning-rate-too-high": Entry(
        "The learning rate is too high",
        "Steps overshoot, and the loss jumps or grows.",
        "Use a tenth of it, or a warm-up.",
        symptom=True,
    ),
    "learning-rate-too-low": Entry(
        "The learning rate is too low",
        "The loss hardly moves in the time there is.",
        "Use ten times as much, and again until the loss gets worse.",
        symptom=True,
    ),
    "weight-decay-too-strong": Entry(
        "Weight decay is stronger than the gradient",
        "Weights shrink faster than they learn.",
        "Use 0 to 0.0005 with SGD or Adam, 0.01 to 0.1 with AdamW.",
        symptom=True,
    ),
    "dead-relu": Entry(
        "Many ReLU units are never active",
        "A unit that is 0 for every image has no gradient and stays so.",
        "Use a smaller learning rate and initial biases of 0, or torch.nn.LeakyReLU(0.1).",
        symptom=True,
    ),
    "vanishing-gradients": Entry(
        "Gradients vanish on the way to the first layers",
        "The first layers hardly learn.",
        "Use ReLU or GELU in place of sigmoid or tanh, a norm between layers, residual connections, or fewer layers.",
        symptom=True,
    ),
    "exploding-gradients": Entry(
        "Gradients are huge",
        "A step of any usual learning rate throws the weights far away.",
        "Use He's initialisation, a norm between layers, and clip the gradient's norm at 1 for the rest.",
        symptom=True,
    ),
    "undertrained": Entry(
        "The network was still improving when training stopped",
        "More epochs would make it better.",
        "Train longer, with a schedule over the whole of it.",
        symptom=True,
    ),
    "dead-classes": Entry(
        "Some classes are never predicted",
        "All their images are wrong.",
        "Look for a softmax before the loss, rare classes and labels that are wrong; train longer.",
        symptom=True,
    ),
    "overfitting": Entry(
        "The network has memorised its training images",
        "It does much better on them than on others.",
        "More images or augmentation (flip, crop), dropout, weight decay, fewer epochs, or a smaller network.",
        symptom=True,
    ),
    "underfitting": Entry(
        "The network does worse than a linear model",
        "It is too small or held back too much to use what the images say.",
        "Less dropout and weight decay, more or wider convolutions; compare: makeweight design --budget …",
        "Less dropout and weight decay, more or wider layers; for images, convolutions do more with as many weights: "
        "makeweight design --family cnn --budget …",
        symptom=True,
    ),
    "budget-imbalance": Entry(
        "One layer holds most of the weights",
        "They are missing where they would do more.",
        "Pool before flattening (torch.nn.AdaptiveAvgPool2d), and widen the convolutions;\n"
        "makeweight design --family cnn --budget … shows a balance.",
        "Make that layer narrower and the others wider, or add a layer;\n"
        "makeweight design --family fcn --budget … shows a balance.",
        symptom=True,
    ),
}

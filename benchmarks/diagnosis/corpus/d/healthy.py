"""Healthy twins: the programs of the other modules, with the one thing put right."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from benchmarks.diagnosis.corpus.d import data, loop, loss, network, settings
from benchmarks.diagnosis.corpus.program import Program

PROGRAMS = (
    Program("shirts-sigmoid-bce", "cnn", partial(loss.shirts_sigmoid, twice=False)),
    Program("odd-digits-logits", "fcn", partial(loss.odd_digits, sigmoid=False)),
    Program("dropout-before-logits", "fcn", partial(loss.logits_dropped, dropped=False)),
    Program("example-net", "cnn", partial(loss.example_net_dropout, last=False)),
    Program("mse-on-one-hot", "cnn", partial(loss.number_as_target, numbers=False)),
    Program("mse-on-one-hot-rmsprop", "fcn", partial(loss.numbers_broadcast, numbers=False)),
    Program("labels-zero-and-one", "residual", partial(loss.labels_zero_and_two, two=False)),
    Program("transformer-log-softmax", "transformer",
            partial(loss.transformer_gives_probabilities, probabilities=False)),
    Program("mixer-means-loss", "mixer", partial(loss.mixer_sums, summed=False)),
    Program("images-shuffled-with-labels", "cnn", partial(data.images_shuffled_alone, alone=False)),
    Program("rare-boots", "cnn", partial(data.rare_boots, mixed=False)),
    Program("long-tail", "residual", partial(data.long_tail, mixed=False)),
    Program("folders-sorted-as-numbers", "mixer", partial(data.folders_sorted_as_text, as_text=False)),
    Program("split-then-shifted", "cnn", partial(data.shifted_then_split, before=False)),
    Program("split-then-mirrored", "cnn", partial(data.mirrored_then_split, before=False)),
    Program("channels-first", "cnn", partial(data.channels_last, reshaped=False)),
    Program("functional-dropout-in-training", "fcn", partial(loop.functional_dropout, always=False)),
    Program("attention-dropped-in-training", "transformer", partial(loop.attention_dropped, drops="training")),
    Program("trains-augmented", "residual", partial(loop.validates_augmented, augmented=False)),
    Program("trains-with-noise", "cnn", partial(loop.validates_with_noise, noise=0.0)),
    Program("accuracy-of-all-images", "residual", partial(loop.right_a_batch, of_batches=False)),
    Program("binary-one-output", "fcn", partial(loop.binary_gradients_pile_up, forgets=False)),
    Program("accumulates-four-batches", "residual", partial(loop.accumulates_for_ever, forgets=False)),
    Program("layers-in-a-module-list", "cnn", partial(loop.layers_in_a_list, kind=nn.ModuleList)),
    Program("pretrained-body-frozen", "cnn", partial(loop.pretrained_body, frozen=True, pretrained=True)),
    Program("validates-and-goes-on", "fcn", partial(loop.stays_in_eval, back=True)),
    Program("usual-statistics", "residual", partial(settings.slow_statistics, momentum=0.05)),
    Program("autocast-with-scaler", "fcn", partial(settings.autocast_without_scaler, scales=True)),
    Program("autocast-bfloat16", "fcn", partial(settings.autocast_without_scaler, dtype=torch.bfloat16)),
    Program("resnet-of-colours", "residual", partial(settings.steps_of_ten, lr=0.05)),
    Program("adam-at-a-thousandth", "cnn", partial(settings.adam_of_a_sgd, lr=1e-3)),
    Program("bytes-over-255", "fcn", partial(data.bytes_as_they_are, raw=False)),
    Program("folders-shuffled", "cnn", partial(data.folder_by_folder, sort=False)),
    Program("maps-dropped-in-training", "cnn", partial(loop.maps_dropped, gated=True)),
    Program("mean-of-batches", "fcn", partial(loop.means_added, added=False)),
    Program("gradients-through-backbone", "residual", partial(loop.no_grad_around_backbone, gradients=True)),
    Program("evaluates", "cnn", partial(loop.forgets_to_evaluate, evaluates=True)),
    Program("batch-norm-at-the-entrance", "fcn", partial(settings.slow_statistics_of_features, momentum=0.1)),
    Program("patient-sgd", "residual", partial(settings.crawling_sgd, lr=0.02)),
    Program("little-decay", "cnn", partial(settings.decay_of_sgd, decay=5e-4)),
    Program("relu-between", "cnn", partial(network.nothing_between, activation=True)),
    Program("bias-of-zero", "cnn", partial(network.dead_from_the_start, bias=0.0)),
    Program("one-sigmoid", "fcn", partial(network.ten_sigmoids, depth=0)),
    Program("xavier", "fcn", partial(network.weights_of_ones, constant=False)),
)  # fmt: skip

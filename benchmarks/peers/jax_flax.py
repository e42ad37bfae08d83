"""JAX with Flax and Optax: images stay on the device, and a step or a whole epoch is compiled.

A fully connected network's epoch is one ``lax.scan`` over its batches, so Python runs once a pass. A CNN is trained by
one compiled step at a time, which is the better of the two for it on a CPU: with a scan cnn-10k reached 307 images/s
and with steps 2,381 (n = 1, 2,048 images, jax 0.10.2, two processors of a Xeon with AMX).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.peers.flax_network import FlaxNetwork
from benchmarks.peers.setting import LEARNING_RATE, Outcome, Setting, Trainer

State = tuple[Any, Any, Any, jax.Array]  # weights, running statistics, optimiser's, random key
Data = tuple[jax.Array, jax.Array]  # images (n, h, w, c) and labels (n,); an argument, or XLA would compile them in
Step = Callable[[Data, State, jax.Array], tuple[State, jax.Array]]  # the last: positions of a batch, (b,)
Pass = Callable[[Data, State], tuple[State, jax.Array]]  # the state after it, and the mean loss


def trainer(setting: Setting) -> Trainer:
    """Build, and keep the images and the state on the device."""
    data = (jnp.asarray(setting.normalised().transpose(0, 2, 3, 1)), jnp.asarray(setting.labels))
    network, optimizer = FlaxNetwork(setting.architecture), optax.adam(LEARNING_RATE)
    variables = network.init(jax.random.key(0), data[0][:2], train=False)
    weights = variables["params"]
    state = (weights, variables.get("batch_stats", {}), optimizer.init(weights), jax.random.key(1))
    step = _step(network, optimizer)
    one_pass = _scanned(step, setting) if setting.architecture.family == "fcn" else _step_by_step(step, setting)

    def leg() -> Outcome:
        nonlocal state
        for _ in range(setting.passes):
            state, loss = one_pass(data, state)
        return Outcome(float(loss))  # waits for the computation

    return Trainer(sum(w.size for w in jax.tree.leaves(weights)), "fp32", leg)


def _step(network: FlaxNetwork, optimizer: optax.GradientTransformation) -> Step:
    def step(data: Data, state: State, chosen: jax.Array) -> tuple[State, jax.Array]:
        images, labels = data
        weights, statistics, moments, key = state
        key, noise = jax.random.split(key)

        def loss_of(weights: Any) -> tuple[jax.Array, Any]:
            logits, changed = network.apply(
                {"params": weights, "batch_stats": statistics},
                images[chosen],
                train=True,
                mutable=["batch_stats"],
                rngs={"dropout": noise},
            )
            losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[chosen])
            return losses.mean(), changed.get("batch_stats", {})

        (loss, statistics), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights)
        updates, moments = optimizer.update(gradient, moments, weights)
        return (optax.apply_updates(weights, updates), statistics, moments, key), loss

    return step


def _scanned(step: Step, setting: Setting) -> Pass:
    """One compiled call a pass: shuffle, scan over the whole batches, then the short one."""
    count, size = len(setting.rows), setting.batch_size
    whole = count // size

    @partial(jax.jit, donate_argnums=1)
    def one_pass(data: Data, state: State) -> tuple[State, jax.Array]:
        *rest, key = state
        key, order = jax.random.split(key)
        positions = jax.random.permutation(order, count)
        state, losses = jax.lax.scan(partial(step, data), (*rest, key), positions[: whole * size].reshape(whole, size))
        if count > whole * size:
            state, _ = step(data, state, positions[whole * size :])
        return state, losses.mean()

    return one_pass


def _step_by_step(step: Step, setting: Setting) -> Pass:
    """One compiled call a step."""
    compiled = jax.jit(step, donate_argnums=1)
    count, size = len(setting.rows), setting.batch_size

    def one_pass(data: Data, state: State) -> tuple[State, jax.Array]:
        *rest, key = state
        key, order = jax.random.split(key)
        positions, state, losses = jax.random.permutation(order, count), (*rest, key), []
        for start in range(0, count, size):
            state, loss = compiled(data, state, positions[start : start + size])
            losses.append(loss)
        return state, jnp.stack(losses).mean()

    return one_pass

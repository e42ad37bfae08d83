"""Which values of an option no network of a family can have beside the others, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from makeweight.designs.architecture import Task
from makeweight.designs.families import Family, options_from
from makeweight.designs.shapes import place
from makeweight.designs.structures import structures
from makeweight.errors import GeometryError, InvalidValue
from makeweight.web.controls import Slider, controls_of, in_labels

MAX_VALUES = 20  # of a slider: the geometry of each is looked at


def impossible(family: Family, task: Task, options: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return, by option and value, why a whole number of a slider cannot be chosen while the others stay."""
    sliders = [control for control in controls_of(family) if isinstance(control, Slider) and control.step == 1]
    found = {slider.name: _of(slider, family, task, options) for slider in sliders}
    return {name: reasons for name, reasons in found.items() if reasons}


def _of(slider: Slider, family: Family, task: Task, options: Mapping[str, Any]) -> dict[str, str]:
    values = range(int(slider.low), int(slider.high) + 1)[:MAX_VALUES]
    reasons = {str(value): _why(family, task, {**options, slider.name: value}) for value in values}
    return {value: reason for value, reason in reasons.items() if reason}


def _why(family: Family, task: Task, options: Mapping[str, Any]) -> str:
    """Return the rule that is broken; empty if there is a network."""
    try:
        skeleton = family.skeleton(task, options_from(family, options), None)
        smallest = skeleton.build(tuple(knob.minimum for knob in skeleton.knobs))
        place(smallest.layers, smallest.input_shape)
    except (GeometryError, InvalidValue):  # with the defaults; the solver may choose other stages
        try:
            structures(family, task, options)
        except (GeometryError, InvalidValue) as error:
            return in_labels(str(error))
    return ""

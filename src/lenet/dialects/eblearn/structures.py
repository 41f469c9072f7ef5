"""Module types of EBLearn that are several layers, choose among inputs, or have pipes of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from lenet.dialects.eblearn.instance import Instance
from lenet.dialects.eblearn.layers import BY_TYPE, layer_of
from lenet.dialects.eblearn.preparing import Unsupported, jitter, resize, resizepp
from lenet.layers.activation import TanH
from lenet.layers.affine import Bias
from lenet.layers.arrange import Split
from lenet.layers.combine import Concat
from lenet.layers.fillers import Constant
from lenet.layers.layer import Layer
from lenet.layers.multiscale import LaplacianPyramid, WindowMerge
from lenet.layers.selection import Narrow
from lenet.layers.shift_stitch import Shifts
from lenet.layers.subsampling import Subsampling
from lenet.net import Opaque

States = list[str]  # the blobs that a module reads or writes, one for most


class Maker(Protocol):
    """What a structure makes nodes with; `NetReader` of `net.py` is one."""

    thickness: int | None

    def add(self, name: str, kind: Layer | Opaque, inputs: States, outputs: int = 1) -> States:
        """Add a node with so many outputs; the names of its outputs."""

    def each(self, name: str, kind: Layer, inputs: States) -> States:
        """Add a node for each input, all with the same parameters; the names of their outputs."""

    def pipe(self, variable: str, inputs: States) -> States:
        """Add the modules that a variable lists."""

    def share(self, names: list[States], first: int) -> None:
        """Make nodes use the parameters of the first of them."""

    def made(self) -> int:
        """The number of nodes so far."""

    def stop(self, blob: str, first: int) -> None:
        """Let no gradient go back to a blob from the nodes since `first`."""


Structure = Callable[[Maker, Instance, States], States]


def _with_bias_and_tanh(plain: str) -> Structure:
    """A type that is another one with a bias and a hyperbolic tangent."""

    def add(maker: Maker, instance: Instance, states: States) -> States:
        states = maker.each(instance.name, BY_TYPE[plain].read(instance), states)
        return maker.each(
            f"{instance.name}.tanh", TanH(), maker.each(f"{instance.name}.addc", Bias(), states)
        )

    return add


def _single(layer: Callable[[Instance], Layer]) -> Structure:
    return lambda maker, instance, states: maker.each(instance.name, layer(instance), states)


def _pipes(instance: Instance) -> list[str]:
    """The variables of the pipes: all whose name contains the module's and `_pipe`."""
    found = instance.values.names_containing(f"{instance.name}_pipe")
    if not found:
        raise instance.error(f"has no pipes: '{instance.name}_pipe0' is not defined")
    return found


def _ms(maker: Maker, instance: Instance, states: States) -> States:
    """Pipes beside each other, each with its own input or all with the same; one output each.

    EBLearn hands no gradient back to an input that several pipes read (recorded: svhn/), nor do these.
    """
    if instance.exists("switch"):
        raise Unsupported("chooses one of its pipes by the size of the input")
    pipes = _pipes(instance)
    replicate = instance.exists("replicate_inputs") and instance.read("replicate_inputs", "boolean")
    if len(states) not in (1, len(pipes)) and not replicate:
        raise instance.error(f"has {len(pipes)} pipes for {len(states)} inputs")
    common = len(pipes) > 1 and (replicate or len(states) == 1)
    thickness, outputs, first = maker.thickness, [], maker.made()
    for index, pipe in enumerate(pipes):
        maker.thickness = thickness
        begin = states[:1] if common else states[index : index + 1]
        ends = maker.pipe(pipe, begin)
        outputs += maker.add(f"{instance.name}.copy", Split(1), ends) if common and ends == begin else ends
    if common:
        maker.stop(states[0], first)
        told = "as in EBLearn no gradient goes back from its pipes to their common input"
        instance.notes.inform(f"module '{instance.name}': {told}", instance.where)
    return outputs


def _msc(maker: Maker, instance: Instance, states: States) -> States:
    """One pipe for the input seen from several offsets, with the same parameters for all."""
    (pipe, *_) = _pipes(instance)
    down = instance.read("nsize", "integer")
    across = instance.read("nsize2", "integer") if instance.exists("nsize2") else down
    stride = instance.read("stride", "integer") if instance.exists("stride") else 1
    seen = maker.add(instance.name, Shifts((down, across), (stride,)), states, down * across)
    thickness, outputs, begins = maker.thickness, [], []
    for state in seen:
        maker.thickness = thickness
        begins.append(maker.made())
        outputs.append(maker.pipe(pipe, [state]))
    maker.share(outputs, begins[0])
    return [state for pipe_states in outputs for state in pipe_states]


def _merge(maker: Maker, instance: Instance, states: States) -> States:
    kind = instance.read("type", "string")
    if kind == "concat":
        return _concat(maker, instance, states)
    if kind == "linear":
        raise Unsupported("merges inputs through weights of their own, which EBLearn cannot train")
    if kind not in ("flat", "mflat"):
        raise instance.error(
            f"'{instance.name}_type = {kind}' is none of concat, flat, mflat, linear", "type"
        )
    windows, strides = (instance.read(name, "dims_list") for name in ("ins", "strides"))
    instance.values.asked.add(instance.variable("scales"))
    return maker.add(instance.name, WindowMerge(windows, strides), states)


def _concat(maker: Maker, instance: Instance, states: States) -> States:
    axis = instance.read("dim", "integer") + 1
    groups = instance.read("states", "integer_lists")
    outputs: States = []
    for group in groups:
        wrong = [number for number in group if not 0 <= number < len(states)]
        if wrong:
            raise instance.error(f"merges input {wrong[0]}, there are {len(states)} from 0 on", "states")
        outputs += maker.add(instance.name, Concat(axis), [states[number] for number in group])
    if instance.exists("thickness"):
        maker.thickness = instance.read("thickness", "integer")
    return outputs


def _narrow(maker: Maker, instance: Instance, states: States) -> States:
    size, offsets = instance.read("size", "integer"), instance.read("offset", "integers")
    if instance.exists("narrow_states") and instance.read("narrow_states", "boolean"):
        instance.values.asked.add(instance.variable("dim"))
        if not offsets or offsets[0] + size > len(states):
            raise instance.error(f"takes {size} of {len(states)} inputs", "size")
        return states[offsets[0] : offsets[0] + size]
    kind = Narrow(instance.read("dim", "integer") + 1, size, offsets)
    return [name for state in states for name in maker.add(instance.name, kind, [state], len(offsets))]


def _mschan(maker: Maker, instance: Instance, states: States) -> States:
    """Feature maps dealt out to several outputs, an equal part each."""
    parts = instance.read("nstates", "integer")
    if not instance.thickness or parts < 1 or instance.thickness % parts:
        raise instance.error(f"cannot deal {instance.thickness or 'unknown'} feature maps to {parts} outputs")
    maker.thickness = size = instance.thickness // parts
    return maker.add(instance.name, Narrow(1, size, tuple(range(0, size * parts, size))), states, parts)


def _avg_pyramid(maker: Maker, instance: Instance, states: States) -> States:
    """One subsampling after the other stride, all of the same input."""
    outputs: States = []
    for stride in instance.read("strides", "dims_list"):
        pixels = stride[0] * stride[-1]
        outputs += maker.each(instance.name, Subsampling(stride, Constant(1 / max(pixels, 1) ** 0.5)), states)
    return outputs


def _zpad(maker: Maker, instance: Instance, states: States) -> States:
    """A border for each input, of its own size."""
    outputs: States = []
    for index, state in enumerate(states):
        outputs += maker.add(instance.name, layer_of(replace(instance, state=index)), [state])
    return outputs


def _lpyramid(maker: Maker, instance: Instance, states: States) -> States:
    for name in ("globalnorm", "localnorm", "localnorm2", "color_lnorm"):
        default = name in ("globalnorm", "localnorm")
        if instance.read(name, "boolean") if instance.exists(name) else default:
            raise Unsupported("normalises the scales of its pyramid in a way that is not known")
    scales, windows = instance.read("nscales", "integer"), instance.read("kernels", "dims_list")
    if instance.exists("pp") or not windows:
        raise Unsupported("prepares colours before it makes a pyramid")
    return maker.add(instance.name, LaplacianPyramid(scales, windows[0]), states, scales)


STRUCTURES: dict[str, Structure] = {
    "convl": _with_bias_and_tanh("conv"),
    "subsl": _with_bias_and_tanh("subs"),
    "zpad": _zpad,
    "ms": _ms,
    "msc": _msc,
    "merge": _merge,
    "narrow": _narrow,
    "mschan": _mschan,
    "avg_pyramid": _avg_pyramid,
    "lpyramid": _lpyramid,
    "resize": _single(resize),
    "resizepp": _single(resizepp),
    "jitter": _single(jitter),
}

#: types that are known and cannot run
KNOWN_ONLY = ("lua",)

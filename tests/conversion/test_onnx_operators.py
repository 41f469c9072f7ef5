"""Single ONNX operators as others write them: our layers compute what onnxruntime does, or refuse by name.

Outputs agree to 1e-5 of the largest number: float32 keeps 6e-8.
"""

import numpy as np
import onnx
import pytest
from every_layer import computed, largest_difference
from onnx import TensorProto, helper, numpy_helper

from lenet.dialects.onnx.model import read_model, run
from lenet.errors import DescriptionError, FileError, Notes

CLOSE = 1e-5
GENERATOR = np.random.default_rng(2)
SLOPES = GENERATOR.uniform(0.2, 1, 64).astype(np.float32)
node = helper.make_node


def saved(path, nodes, constants, shape=(4, 6, 6), opset=17):
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])]
    made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "one", given, made, tensors)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    proto.ir_version = 8
    onnx.save(proto, path)


def resize(factor, **settings):
    return [node("Resize", ["x", "", "s"], ["y"], **settings)], {"s": np.float32([1, 1, factor, factor])}


def prelu(*shape):
    return [node("PRelu", ["x", "s"], ["y"])], {"s": SLOPES[: np.prod(shape, dtype=int)].reshape(shape)}


BLOBS = [node("Relu", ["x"], ["a"]), node("Sigmoid", ["x"], ["b"])]
NUMBERS = {"c": np.float32(0.3), "d": np.float32(-0.1)}
AS_THE_RUNTIME = {
    "sum of one": ([node("Sum", ["x"], ["y"])], {}),
    "sum of three": ([*BLOBS, node("Sum", ["x", "a", "b"], ["y"])], {}),
    "max of blobs and numbers": ([*BLOBS, node("Max", ["d", "x", "c", "b"], ["y"])], NUMBERS),
    "max of one": ([node("Max", ["x"], ["y"])], {}),
    "min of numbers": ([node("Min", ["c", "x", "d"], ["y"])], NUMBERS),
    "slopes of channels": prelu(4, 1, 1),
    "slopes of channels with a batch": prelu(1, 4, 1, 1),
    "slope for all": prelu(1, 1, 1),
    "resize at the left, down": resize(3, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "resize at the left by 2": resize(2, coordinate_transformation_mode="asymmetric"),
    "resize at the middle by 2": resize(2),
    "resize at the middle by 3": resize(3, nearest_mode="round_prefer_ceil"),
    "selu": ([node("Selu", ["x"], ["y"])], {}),
    "sum along nothing": ([node("ReduceSum", ["x"], ["y"], noop_with_empty_axes=1)], {}),
}
REFUSED = {
    "sum with a constant": ([*BLOBS, node("Sum", ["x", "a", "c"], ["y"])], NUMBERS),
    "min of blobs": ([*BLOBS, node("Min", ["a", "b"], ["y"])], {}),
    "slopes of columns": prelu(1, 1, 6),
    "slopes of lines": prelu(1, 6, 1),
    "resize at the left by 3": resize(3, coordinate_transformation_mode="asymmetric"),
    "resize at the left, up": resize(2, coordinate_transformation_mode="asymmetric", nearest_mode="ceil"),
    "resize at the middle, down": resize(2, nearest_mode="floor"),
    "other selu": ([node("Selu", ["x"], ["y"], gamma=2.0)], {}),
    "more axes": ([node("Add", ["x", "c"], ["y"])], {"c": np.ones((1, 1, 1, 1, 1), np.float32)}),
    "all in one line": ([node("Flatten", ["x"], ["y"], axis=0)], {}),
    "all in one column": ([node("Flatten", ["x"], ["y"], axis=4)], {}),
}


@pytest.mark.parametrize("case", AS_THE_RUNTIME)
def test_what_the_runtime_computes(case, tmp_path):
    path = tmp_path / "one.onnx"
    saved(path, *AS_THE_RUNTIME[case])
    inputs = {"x": GENERATOR.normal(size=(2, 4, 6, 6)).astype(np.float32)}
    found, wanted = computed(read_model(path, Notes()), inputs), run(path, inputs)
    assert found["y"].shape == wanted["y"].shape
    assert largest_difference(found, wanted) < CLOSE


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_said_is_refused_by_name(case, tmp_path):
    path = tmp_path / "one.onnx"
    saved(path, *REFUSED[case])
    with pytest.raises(DescriptionError, match=r"node 'y'"):
        read_model(path, Notes())


def test_slopes_of_lines_of_as_many_as_channels(tmp_path):
    """(1, 4, 1) are the lines of (N, 4, 4, 5), though there are 4 channels."""
    path = tmp_path / "one.onnx"
    saved(path, *prelu(1, 4, 1), shape=(4, 4, 5))
    with pytest.raises(DescriptionError, match="other axes"):
        read_model(path, Notes())


@pytest.mark.parametrize(("key", "value"), [("offset", "five"), ("length", "-4"), ("length", "9" * 5000)])
def test_external_data_at_no_place(key, value, tmp_path):
    path = tmp_path / "one.onnx"
    saved(path, [node("Add", ["x", "c"], ["y"])], {"c": np.ones((6, 6), np.float32)})
    proto = onnx.load(path)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for name, told in {"location": "one.bin", key: value}.items():
        tensor.external_data.add(key=name, value=told)
    (tmp_path / "one.bin").write_bytes(bytes(144))
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(FileError, match="numbers of bytes are wanted"):
        read_model(path, Notes())

"""A network as an ONNX model: opset 17, any batch, the names of layers and blobs kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lenet import __version__
from lenet.deploy.blobs import batch_shapes, single_assignment
from lenet.deploy.equivalents import expressed, merged_biases
from lenet.deploy.told import told_by
from lenet.dialects.onnx.graph import Graph, Site
from lenet.dialects.onnx.layers import WRITERS, can_say
from lenet.errors import DescriptionError, LenetError, Notes, need
from lenet.layers.layer import Input
from lenet.model import Model
from lenet.net import Net, Node, NodeShapes, type_name
from lenet.shapes import Shape
from lenet.weights import Weights

if TYPE_CHECKING:
    from types import ModuleType

OPSET, IR_VERSION = 17, 10  # what current runtimes read
TOLD = "lenet"  # the name of our metadata
_BATCH = "N"


def library() -> ModuleType:
    """The format's own library.

    Raises: MissingExtra if it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise need("onnx", "onnx", "reading and writing ONNX") from None
    return onnx


def proto_of(model: Model, notes: Notes) -> Any:  # noqa: ANN401 a message of the library's
    """The model as a ModelProto that the library has checked.

    Raises: DescriptionError for what ONNX cannot say, with the layer's place; MissingExtra.
    """
    onnx = library()
    model = merged_biases(expressed(model, can_say))
    net = single_assignment(model.net)
    shapes, larger = batch_shapes(net)
    if larger is not None:
        try:
            graph = _graph(net, model.weights, shapes, larger)
        except DescriptionError as error:
            if "batch" not in error.message:
                raise
            larger = None
    if larger is None:
        notes.inform("the network mixes the samples of a batch: its batch has one size in ONNX", net.where)
        graph = _graph(net, model.weights, shapes, None)
    proto = _proto(onnx, model, net, shapes, graph)
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise DescriptionError(f"ONNX does not accept the network: {error}", net.where) from None
    return proto


def _graph(
    net: Net, weights: Weights, shapes: tuple[NodeShapes, ...], larger: tuple[NodeShapes, ...] | None
) -> Graph:
    graph = Graph(dynamic=larger is not None)
    for node, its, wider in zip(net.nodes, shapes, larger or shapes, strict=True):
        if not isinstance(node.kind, Input):
            _write(node, Site(graph, node, its, wider, weights.layers.get(node.name, {})))
    return graph


def _write(node: Node, site: Site) -> None:
    writer = WRITERS.get(type(node.kind))
    if writer is None:
        raise DescriptionError(
            f"layer '{node.name}' ({type_name(node.kind)}): ONNX has nothing that computes this", node.where
        )
    try:
        site.finish(writer(node.kind, site))
    except LenetError as error:
        if node.name in error.message:
            raise
        raise site.error(error.message, error.hint) from None


def _proto(
    onnx: Any,  # noqa: ANN401
    model: Model,
    net: Net,
    shapes: tuple[NodeShapes, ...],
    graph: Graph,
) -> Any:  # noqa: ANN401
    helper = onnx.helper
    known = {
        blob: shape
        for node, its in zip(net.nodes, shapes, strict=True)
        for blob, shape in zip(node.outputs, its.outputs, strict=True)
    }
    given = [blob for node in net.nodes if isinstance(node.kind, Input) for blob in node.outputs]
    nodes = [
        helper.make_node(each.type, each.inputs, each.outputs, each.name, **each.attributes)
        for each in graph.operators
    ]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    made = helper.make_graph(
        nodes,
        net.name or "network",
        [_value(helper, blob, known[blob], graph.dynamic) for blob in given],
        [_value(helper, blob, known[blob], graph.dynamic) for blob in net.outputs_as_made()],
        constants,
    )
    opset = [helper.make_opsetid("", OPSET)]
    proto = helper.make_model(made, producer_name="lenet", producer_version=__version__, opset_imports=opset)
    proto.ir_version = IR_VERSION
    helper.set_model_props(proto, {TOLD: told_by(model)})
    return proto


def _value(helper: Any, blob: str, shape: Shape, dynamic: bool) -> Any:  # noqa: ANN401
    sizes = [_BATCH, *shape[1:]] if dynamic and shape else list(shape)
    return helper.make_tensor_value_info(blob, 1, sizes)

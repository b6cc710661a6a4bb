"""The ONNX graph of all-MiniLM-L6-v2, written from its weights: token ids in, sentence vectors out.

A BERT encoder (Devlin et al., 2019) of six post-norm layers, then mean pooling and L2 normalisation (Reimers and
Gurevych, 2019), all inside the graph. There is no attention mask, since texts run one by one (see encoder.py), never
padded. Knows nothing of files, tokenizers or quantisation.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

__all__ = ["DIMENSIONS", "HEADS", "LAYERS", "POSITIONS", "build_graph"]

Array = NDArray[np.float32]

LAYERS, HEADS, DIMENSIONS, POSITIONS = 6, 12, 384, 512
_EPSILON = 1e-12
_OPSET = 20  # the first with Gelu; LayerNormalization came with 17
_IR_VERSION = 9


def build_graph(weights: Mapping[str, Array]) -> "onnx.ModelProto":
    """The float32 model: `input_ids`, int64 (texts, tokens), to `vectors`, float32 (texts, 384), rows of length 1.

    `weights` has the tensor names of Hugging Face's BertModel. Texts of one run must have the same number of tokens.
    """
    graph = _Graph()
    hidden = _embeddings(graph, weights)
    for i in range(LAYERS):
        hidden = _layer(graph, weights, f"encoder.layer.{i}", hidden)
    mean = graph("ReduceMean", hidden, graph.array(np.array([1])), keepdims=0)
    graph("Div", mean, graph("ReduceL2", mean, graph.array(np.array([1])), keepdims=1), output="vectors")
    return graph.model()


def _embeddings(graph: "_Graph", weights: Mapping[str, Array]) -> str:
    """Word plus position embeddings; the segment is always the first, so its embedding joins the positions."""
    positions = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    words = graph("Gather", graph.array(weights["embeddings.word_embeddings.weight"]), "input_ids")
    tokens = graph("Shape", "input_ids", start=1, end=2)
    here = graph("Slice", graph.array(positions), graph.array(np.array([0])), tokens, graph.array(np.array([0])))
    return graph.norm(weights, "embeddings.LayerNorm", graph("Add", words, here))


def _layer(graph: "_Graph", weights: Mapping[str, Array], name: str, hidden: str) -> str:
    attended = graph.linear(weights, f"{name}.attention.output.dense", _attention(graph, weights, name, hidden))
    hidden = graph.norm(weights, f"{name}.attention.output.LayerNorm", graph("Add", attended, hidden))
    inner = graph("Gelu", graph.linear(weights, f"{name}.intermediate.dense", hidden))
    outer = graph.linear(weights, f"{name}.output.dense", inner)
    return graph.norm(weights, f"{name}.output.LayerNorm", graph("Add", outer, hidden))


def _attention(graph: "_Graph", weights: Mapping[str, Array], name: str, hidden: str) -> str:
    """softmax(QK' / sqrt(32)) V per head. Q is scaled in its weights, which saves a pass over the scores."""
    size = DIMENSIONS // HEADS
    split = graph.array(np.array([0, 0, HEADS, size]))
    parts = {}
    rows, columns = [0, 2, 1, 3], [0, 2, 3, 1]
    for part, scale, order in (("query", size**-0.5, rows), ("key", 1.0, columns), ("value", 1.0, rows)):
        flat = graph.linear(weights, f"{name}.attention.self.{part}", hidden, scale)
        parts[part] = graph("Transpose", graph("Reshape", flat, split), perm=order)
    shares = graph("Softmax", graph("MatMul", parts["query"], parts["key"]), axis=-1)
    mixed = graph("MatMul", shares, parts["value"])
    return graph("Reshape", graph("Transpose", mixed, perm=[0, 2, 1, 3]), graph.array(np.array([0, 0, DIMENSIONS])))


class _Graph:
    """Collects nodes and constants; calling it adds a node and gives the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def __call__(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        from onnx import helper  # noqa: PLC0415 - onnx is needed once, to build

        name = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def array(self, value: NDArray[Any] | np.generic) -> str:
        from onnx import numpy_helper  # noqa: PLC0415

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def linear(self, weights: Mapping[str, Array], name: str, x: str, scale: float = 1.0) -> str:
        """x @ W' + b, both scaled."""
        weight = np.ascontiguousarray(weights[f"{name}.weight"].T * np.float32(scale))
        bias = weights[f"{name}.bias"] * np.float32(scale)
        return self("Add", self("MatMul", x, self.array(weight)), self.array(bias))

    def norm(self, weights: Mapping[str, Array], name: str, x: str) -> str:
        gain, bias = self.array(weights[f"{name}.weight"]), self.array(weights[f"{name}.bias"])
        return self("LayerNormalization", x, gain, bias, axis=-1, epsilon=_EPSILON)

    def model(self) -> "onnx.ModelProto":
        from onnx import TensorProto, helper  # noqa: PLC0415

        ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])
        vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["texts", DIMENSIONS])
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", [ids], [vectors], self._constants)
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION, producer_name="pilothouse")

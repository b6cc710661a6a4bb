"""The encoder's graph with one more output: the vectors of its last layer, one a token, before they are averaged."""

from pathlib import Path

from pilothouse.errors import ModelFilesError

__all__ = ["TOKENS", "graph_with_tokens"]

TOKENS = "tokens"
"""The name of the output: float32 (texts, tokens, 384), special tokens among them."""


def graph_with_tokens(graph: Path) -> bytes:
    """The graph in `graph`, serialised, with the output TOKENS beside its own. Raises ModelFilesError.

    Made from the file as it is, so that encoders built long ago give it, too; takes about 0.1 s.
    """
    import onnx  # noqa: PLC0415 - costs 0.2 s that only token vectors need

    try:
        model = onnx.load(graph)
    except Exception as error:  # onnx and protobuf raise nothing narrower
        raise ModelFilesError(f"{graph}: onnx cannot load it: {error}.") from error
    averaged = [node.input[0] for node in model.graph.node if node.op_type == "ReduceMean"]
    if len(averaged) != 1:
        raise ModelFilesError(f"{graph}: is not a graph that was built here. Build it anew: pilothouse models pull")
    model.graph.node.append(onnx.helper.make_node("Identity", averaged, [TOKENS], name=TOKENS))
    shape = ["texts", "tokens", None]
    model.graph.output.append(onnx.helper.make_tensor_value_info(TOKENS, onnx.TensorProto.FLOAT, shape))
    serialised: bytes = model.SerializeToString()
    return serialised

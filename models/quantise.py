"""int8, as QuantizeLinear/DequantizeLinear pairs that ONNX Runtime fuses into integer kernels.

A tensor with a range is stored in 8 bits; a convolution between two of them has integer weights, per channel. The
ranges were measured once (calibrate.py) and are part of the source, so that quantisation is deterministic and gives the
same bytes everywhere.
"""
import numpy as np

from onnx_file import Graph, Node

# The largest weight. x86 processors without VNNI add two products in 16 bits, where two of the largest would saturate;
# 63 would prevent that, but costs 3 points of top-1 on every processor (docs/models.md).
WEIGHT_LIMIT = 127


def convolutions(graph, ranges):
    """`graph` with every tensor of `ranges` (name to [least, most]) in 8 bits; unchanged without ranges."""
    if not ranges:
        return graph
    graph = without_clips(graph, ranges)
    out = Graph(graph.opset, inputs=graph.inputs, outputs=graph.outputs)
    scales, read_as = {}, {}

    def store(name, like=None):
        """Adds a pair after the operation that creates a tensor; later operations read the output of the pair. The maximum of
        some numbers is one of them: the output of a pool keeps the scale of its input (`like`), and stays in integers."""
        if like in scales:
            scales[name] = scales[like]
            parameters = [f"{like}_scale", f"{like}_zero"]
            out.add("QuantizeLinear", [name, *parameters], f"{name}_q")
            read_as[name] = out.add("DequantizeLinear", [f"{name}_q", *parameters], f"{name}_dq")
            return
        least, most = min(ranges[name][0], 0.0), max(ranges[name][1], 0.0)
        scale = np.float32((most - least) / 255) if most > least else np.float32(1)
        zero = np.uint8(np.clip(np.round(-least / scale), 0, 255))
        scales[name] = scale
        parameters = [out.weight(f"{name}_scale", scale), out.weight(f"{name}_zero", zero)]
        out.add("QuantizeLinear", [name, *parameters], f"{name}_q")
        read_as[name] = out.add("DequantizeLinear", [f"{name}_q", *parameters], f"{name}_dq")

    for name in graph.inputs:
        if name in ranges:
            store(name)
    for node in graph.nodes:
        inputs = [read_as.get(i, i) for i in node.inputs]
        if node.op == "Conv" and node.inputs[0] in ranges and node.outputs[0] in ranges:
            inputs[1:] = integer_weights(graph, out, node, scales[node.inputs[0]])
        out.nodes.append(Node(node.op, inputs, list(node.outputs), node.attributes))
        for name in node.outputs:
            if name in ranges:
                store(name, node.inputs[0] if node.op == "MaxPool" else None)
    for node in out.nodes:
        for name in node.inputs:
            if name in graph.weights:
                out.weights[name] = graph.weights[name]
    return out


def without_clips(graph, ranges):
    """Eight bits saturate: the range of the output replaces a Clip after a convolution."""
    out = Graph(graph.opset, weights=graph.weights, inputs=graph.inputs, outputs=graph.outputs)
    producer = {}
    for node in graph.nodes:
        before = producer.get(node.inputs[0])
        if node.op == "Clip" and node.outputs[0] in ranges and before is not None and before.op == "Conv":
            before.outputs[0] = node.outputs[0]
            producer[node.outputs[0]] = before
            continue
        copy = Node(node.op, list(node.inputs), list(node.outputs), node.attributes)
        out.nodes.append(copy)
        producer.update({o: copy for o in copy.outputs})
    return out


def integer_weights(graph, out, node, input_scale):
    """Replaces a convolution's weights and bias by integers and their dequantisation; returns the new input names."""
    name, weights = node.inputs[1], graph.weights[node.inputs[1]].astype(np.float64)
    most = np.abs(weights).reshape(len(weights), -1).max(axis=1)
    scale = np.where(most > 0, most / WEIGHT_LIMIT, 1.0).astype(np.float32)
    wide = scale.astype(np.float64)
    integers = np.clip(np.round(weights / wide.reshape(-1, 1, 1, 1)), -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.int8)
    parameters = [
        out.weight(f"{name}_q", integers),
        out.weight(f"{name}_scale", scale),
        out.weight(f"{name}_zero", np.zeros(len(scale), np.int8)),
    ]
    made = [out.add("DequantizeLinear", parameters, f"{name}_dq", axis=0)]
    if len(node.inputs) > 2:
        bias, step = graph.weights[node.inputs[2]].astype(np.float64), wide * np.float64(input_scale)
        whole = 2**31 - 1
        parameters = [
            out.weight(f"{node.inputs[2]}_q", np.clip(np.round(bias / step), -whole, whole).astype(np.int32)),
            out.weight(f"{node.inputs[2]}_scale", step.astype(np.float32)),
            out.weight(f"{node.inputs[2]}_zero", np.zeros(len(step), np.int32)),
        ]
        made.append(out.add("DequantizeLinear", parameters, f"{node.inputs[2]}_dq", axis=0))
    return made

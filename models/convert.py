"""Converts the models to ONNX for the recogniser. Pure functions from bytes to bytes: the same bytes on every
machine, so that the manifest can pin the checksum of the result. Uses only elementwise arithmetic, in numpy.
"""
import base64
import collections
import io
import json
import pickle
import struct

import numpy as np

import onnx_file
import quantise
from onnx_file import Graph, Node

# The operator set of every converted model: the oldest with quantisation by channel.
OPSET = 13


# ---------------------------------------------------------------------------------------- ONNX to ONNX


def free_size(model, _ranges):
    """YuNet: height and width of the input are unnecessarily declared as 640; they become variable."""
    graph = onnx_file.load(model)
    for name, dims in graph.inputs.items():
        graph.inputs[name] = dims[:2] + ["height", "width"]
    for name, dims in graph.outputs.items():
        graph.outputs[name] = [dims[0], f"cells_{name}"] + dims[2:]
    return onnx_file.dump(graph)


def embedder(model, _ranges):
    """SFace: batch norms folded into the convolutions, the dropout removed, PReLUs in a form that ONNX Runtime computes quickly.
    Not in int8, which changes embeddings."""
    graph = spread_prelus(fold_batch_norms(onnx_file.load(model)))
    graph.opset = OPSET
    return onnx_file.dump(graph)


def spread_prelus(graph):
    """Writes PReLU, slope a, as (1 - a) relu(x) + a x: the same except for rounding, in half of the model's time. ONNX
    Runtime's PRelu is scalar, and converts the tensor from the blocked layout of convolutions."""
    out = Graph(graph.opset, weights=dict(graph.weights), inputs=graph.inputs, outputs=graph.outputs)
    for node in graph.nodes:
        if node.op != "PRelu":
            out.nodes.append(node)
            continue
        (x, slope), (y,) = node.inputs, node.outputs
        a = out.weights.pop(slope).astype(np.float64).reshape(1, -1, 1, 1)
        positive = out.add("Relu", [x], f"{y}_positive")
        parts = [
            out.add("Mul", [positive, out.weight(f"{y}_gain", (1 - a).astype(np.float32))], f"{y}_gained"),
            out.add("Mul", [x, out.weight(f"{y}_slope", a.astype(np.float32))], f"{y}_sloped"),
        ]
        out.add("Add", parts, y)
    return out


def fold_batch_norms(graph):
    """Folds each BatchNormalization into the Conv or Gemm before it; a separate one becomes a multiplication and
    an addition. Dropouts, which do nothing at inference, are bypassed. Computed in float64, rounded once."""
    producer, out, alias = graph.producer(), Graph(graph.opset, inputs=graph.inputs, outputs=graph.outputs), {}
    weight = {k: w.astype(np.float64) if w.dtype == np.float32 else w for k, w in graph.weights.items()}
    shape4 = lambda a: a.reshape(1, -1, 1, 1)
    for node in graph.nodes:
        inputs = [alias.get(i, i) for i in node.inputs]
        if node.op == "Dropout":
            alias[node.outputs[0]] = inputs[0]
            continue
        if node.op != "BatchNormalization":
            out.nodes.append(Node(node.op, inputs, list(node.outputs), dict(node.attributes)))
            continue
        gamma, beta, mean, variance = (weight[i] for i in node.inputs[1:])
        scale = gamma / np.sqrt(variance + node.attributes["epsilon"])
        shift = beta - mean * scale
        before = producer.get(node.inputs[0])
        if before is not None and before.op in ("Conv", "Gemm"):
            target = next(n for n in out.nodes if n.outputs[0] == inputs[0])
            w = weight[target.inputs[1]]
            w = w * scale.reshape((-1,) + (1,) * (w.ndim - 1))
            bias = weight[target.inputs[2]] if len(target.inputs) > 2 else 0.0
            names = [f"{node.outputs[0]}_w", f"{node.outputs[0]}_b"]
            weight[names[0]], weight[names[1]] = w, bias * scale + shift
            target.inputs = [target.inputs[0], *names]
            target.outputs = list(node.outputs)
        else:
            product = f"{node.outputs[0]}_scaled"
            weight[f"{product}_w"], weight[f"{product}_b"] = shape4(scale), shape4(shift)
            out.nodes.append(Node("Mul", [inputs[0], f"{product}_w"], [product]))
            out.nodes.append(Node("Add", [product, f"{product}_b"], list(node.outputs)))
    used = dict.fromkeys(i for n in out.nodes for i in n.inputs)
    out.weights = {k: weight[k].astype(np.float32) if weight[k].dtype == np.float64 else weight[k] for k in used if k in weight}
    return out


# -------------------------------------------------------------------------------- EfficientNet-Lite0


class _Tensors(pickle.Unpickler):
    """Reads the pickle inside a legacy .pth: nothing but dictionaries of tensors may be built."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *_: (storage, offset, size, stride)
        if name == "_rebuild_parameter":
            return lambda tensor, *_: tensor
        if module == "torch" and name.endswith("Storage"):
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place among weights")

    def persistent_load(self, identity):
        return identity


def read_pth(data):
    """Tensors by name from a .pth in the format before PyTorch 1.6: five pickles, then the storages in order."""
    file = io.BytesIO(data)
    if _Tensors(file).load() != 0x1950A86A20F9469CFC6C:
        raise ValueError("not a legacy .pth")
    _Tensors(file).load()  # the protocol version
    _Tensors(file).load()  # sizes of the C types of the machine that wrote it
    tensors, order = _Tensors(file).load(), _Tensors(file).load()
    kinds = {storage[2]: storage[1] for storage, *_ in tensors.values()}
    storages = {}
    for key in order:
        (count,) = struct.unpack("<q", file.read(8))
        kind = {"FloatStorage": "<f4", "LongStorage": "<i8"}[kinds[key]]
        storages[key] = np.frombuffer(file.read(count * np.dtype(kind).itemsize), kind)
    out = {}
    for name, (storage, offset, size, stride) in tensors.items():
        flat = storages[storage[2]][offset:]
        steps = [s * flat.itemsize for s in stride]
        out[name] = np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, size, steps))
    return out


# EfficientNet-Lite0's stages: repeats, kernel, stride (of the first block), channels out.
_LITE0 = [(1, 3, 1, 16), (2, 3, 2, 24), (2, 5, 2, 40), (3, 3, 2, 80), (3, 5, 1, 112), (4, 5, 2, 192), (1, 3, 1, 320)]


def efficientnet_lite0(pth, ranges):
    """EfficientNet-Lite0 with two outputs: `logits`, and `features` (1280), the vector before the last layer."""
    tensors, graph = read_pth(pth), Graph(OPSET, inputs={"input": [1, 3, 224, 224]})
    graph.weight("zero", np.float32(0)), graph.weight("six", np.float32(6))

    def convolve(x, size, name, norm, stride=1, groups=1, activate=True):
        w = tensors[f"{name}.weight"].astype(np.float64)
        gamma, beta, mean, variance = (
            tensors[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + 1e-3)  # the epsilon that TensorFlow trained it with
        kernel, out = w.shape[2], -(-size // stride)
        pad = max((out - 1) * stride + kernel - size, 0)  # TensorFlow's SAME: the odd pixel goes last
        y = graph.add(
            "Conv",
            [x, graph.weight(f"{name}_w", (w * scale[:, None, None, None]).astype(np.float32)),
             graph.weight(f"{name}_b", (beta - mean * scale).astype(np.float32))],
            f"{name}_out", kernel_shape=[kernel, kernel], strides=[stride, stride], group=groups,
            pads=[pad // 2, pad // 2, pad - pad // 2, pad - pad // 2],
        )
        return (graph.add("Clip", [y, "zero", "six"], f"{name}_act") if activate else y), out

    x, size = convolve("input", 224, "_conv_stem", "_bn0", stride=2)
    block = 0
    for repeats, _, first_stride, _ in _LITE0:
        for repeat in range(repeats):
            p, skip = f"_blocks.{block}", x
            if f"{p}._expand_conv.weight" in tensors:
                x, size = convolve(x, size, f"{p}._expand_conv", f"{p}._bn0")
            channels = tensors[f"{p}._depthwise_conv.weight"].shape[0]
            stride = first_stride if repeat == 0 else 1
            x, size = convolve(x, size, f"{p}._depthwise_conv", f"{p}._bn1", stride, channels)
            x, size = convolve(x, size, f"{p}._project_conv", f"{p}._bn2", activate=False)
            if repeat > 0:
                x = graph.add("Add", [x, skip], f"{p}_sum")
            block += 1
    if f"_blocks.{block}._project_conv.weight" in tensors:
        raise ValueError("the weights have more blocks than EfficientNet-Lite0")
    x, size = convolve(x, size, "_conv_head", "_bn1")
    x = graph.add("GlobalAveragePool", [x], "pooled")
    graph.add("Flatten", [x], "features", axis=1)
    fc = [graph.weight("_fc_w", tensors["_fc.weight"]), graph.weight("_fc_b", tensors["_fc.bias"])]
    graph.add("Gemm", ["features", *fc], "logits", transB=1)
    graph.outputs = {"logits": [1, 1000], "features": [1, 1280]}
    return onnx_file.dump(quantise.convolutions(graph, ranges))


# ------------------------------------------------------------------------------------------- NanoDet


def nanodet(topology, weights, ranges):
    """NanoDet-g from TensorFlow.js. The file is a translation of an ONNX model that transposes before and after every
    operation; here tensors stay NCHW, a transposition only records TensorFlow's view of the tensor, and a
    padding becomes part of the convolution."""
    description = json.loads(topology)
    constants = _tfjs_constants(description["weightsManifest"], weights)
    nodes = {n["name"]: n for n in description["modelTopology"]["node"]}
    graph = Graph(OPSET, inputs={"input": [1, 3, 416, 416]})
    done = {}  # TensorFlow name -> (our name, how TensorFlow sees it, pads or None)

    def constant(name):
        node = nodes[name.split(":")[0]]
        if node["op"] == "Const":
            return constants[node["name"]]
        if node["op"] in ("Add", "AddV2"):
            return constant(node["input"][0]) + constant(node["input"][1])
        if node["op"] == "SparseToDense":
            indices, shape, values, default = (constant(i) for i in node["input"])
            dense = np.full(shape.reshape(-1), default)
            dense[tuple(np.reshape(indices, (-1, dense.ndim)).T)] = values
            return dense
        raise ValueError(f"{name} is not constant")

    def numbers(node, key):
        return [int(v) for v in node["attr"][key]["list"]["i"]]

    def is_constant(name):
        return nodes[name]["op"] == "Const"

    def build(name):
        if name not in done:
            made = translate(nodes[name.split(":")[0]])
            done.update(made)
        return done[name]

    def translate(node):
        op, name, inputs = node["op"], node["name"], node.get("input", [])
        label = name.rsplit("/", 1)[-1].replace("onnx_tf_prefix_", "")
        if op == "Placeholder":
            return {name: ("input", "NCHW", None)}
        if op == "Transpose":
            x, seen, pads = build(inputs[0])
            return {name: (x, "".join(seen[int(p)] for p in constant(inputs[1])), pads)}
        if op in ("Pad", "PadV2"):
            x, seen, _ = build(inputs[0])
            pads = dict(zip(seen, constant(inputs[1]).reshape(-1, 2).tolist()))
            before, after = [pads["H"][0], pads["W"][0]], [pads["H"][1], pads["W"][1]]
            return {name: (x, seen, before + after)}
        if op == "Conv2D":
            x, seen, pads = build(inputs[0])
            if seen != "NHWC" or base64.b64decode(node["attr"]["padding"]["s"]) != b"VALID":
                raise ValueError(f"{name}: a convolution that was not foreseen")
            w = constants_of_split(inputs[1]).transpose(3, 2, 0, 1)
            y = graph.add(
                "Conv", [x, graph.weight(f"{label}_w", w)], label, kernel_shape=list(w.shape[2:]), group=1,
                strides=numbers(node, "strides")[1:3], pads=pads or [0, 0, 0, 0],
            )
            return {name: (y, seen, None)}
        if op in ("Add", "AddV2"):
            x, seen, _ = build(inputs[0])
            if is_constant(inputs[1]):  # a bias: it belongs to the convolution just made
                conv = graph.nodes[-1] if graph.nodes[-1].outputs[0] == x else graph.producer()[x]
                conv.inputs.append(graph.weight(f"{x}_b", constant(inputs[1]).reshape(-1)))
                return {name: (x, seen, None)}
            return {name: (graph.add("Add", [x, build(inputs[1])[0]], label), seen, None)}
        if op == "LeakyRelu":
            x, seen, _ = build(inputs[0])
            alpha = float(np.float32(node["attr"]["alpha"]["f"]))
            return {name: (graph.add("LeakyRelu", [x], label, alpha=alpha), seen, None)}
        if op == "MaxPool":
            x, seen, pads = build(inputs[0])
            y = graph.add(
                "MaxPool", [x], label, kernel_shape=numbers(node, "ksize")[1:3], strides=numbers(node, "strides")[1:3],
                pads=pads or [0, 0, 0, 0],
            )
            return {name: (y, seen, None)}
        if op == "ConcatV2":
            parts = [build(i) for i in inputs[:-1]]
            axis = "NCHW".index(parts[0][1][int(constant(inputs[-1]))])
            return {name: (graph.add("Concat", [p[0] for p in parts], label, axis=axis), parts[0][1], None)}
        if op == "ResizeBilinear":
            x, seen, _ = build(inputs[0])
            height, width = (int(v) for v in np.reshape(constant_cast(inputs[1]), -1))
            channels = graph.weights[channel_source(x).inputs[1]].shape[0]
            size = graph.weight(f"{label}_{len(graph.nodes)}_size", np.array([1, channels, height, width], np.int64))
            y = graph.add(
                "Resize", [x, "", "", size], f"{label}_{len(graph.nodes)}", mode="linear",
                coordinate_transformation_mode="half_pixel",
            )
            return {name: (y, seen, None)}
        raise ValueError(f"{op} at {name} was not foreseen")

    def constants_of_split(name):
        return constants[name.split(":")[0]]

    def constant_cast(name):
        return constants[name.split(":")[0]]

    def channel_source(x):
        """The convolution that defines the number of channels of x."""
        producer = graph.producer()
        while producer[x].op != "Conv":
            x = producer[x].inputs[0]
        return producer[x]

    def head(alias, name):
        """One output, one row per cell. TensorFlow convolves (one cell at a time), splits scores from boxes and transposes
        both; a matrix product gives the same result in less time than the transposition."""
        path = [nodes[name]]
        while path[-1]["op"] != "SplitV":
            path.append(nodes[path[-1]["input"][0].split(":")[0]])
        split, part = path[-1], int(f"{path[-2]['input'][0]}:0".split(":")[1])
        sizes = constant(split["input"][1]).reshape(-1).tolist()
        at, numbers = sum(sizes[:part]), sizes[part]
        convolved, _, _ = build(split["input"][0])
        convolution = graph.producer()[convolved]
        heads.append(convolution)
        x, w, b = convolution.inputs
        w, b = graph.weights[w], graph.weights[b]
        if w.shape[2:] != (1, 1):
            raise ValueError(f"{name}: a head of another size than was foreseen")
        cells = (416 // int(alias[1:])) ** 2
        rows = f"rows{alias[1:]}"
        if rows not in graph.producer():
            by_cell = graph.add("Transpose", [x], f"{rows}_by_cell", perm=[0, 2, 3, 1])
            graph.add("Reshape", [by_cell, graph.weight(f"{rows}_shape", np.array([cells, w.shape[1]], np.int64))], rows)
        matrix = graph.weight(f"{alias}_w", np.ascontiguousarray(w[at : at + numbers, :, 0, 0]))
        y = graph.add("Gemm", [rows, matrix, graph.weight(f"{alias}_b", b[at : at + numbers])], f"{alias}_product", transB=1)
        if any(n["op"] == "Sigmoid" for n in path):
            y = graph.add("Sigmoid", [y], f"{alias}_sigmoid")
        graph.add("Reshape", [y, graph.weight(f"{alias}_shape", np.array([1, cells, numbers], np.int64))], alias)
        graph.outputs[alias] = [1, cells, numbers]

    heads = []
    outputs = {"Identity": "s8", "Identity_1": "s16", "Identity_2": "s32", "Identity_3": "b8", "Identity_4": "b16", "Identity_5": "b32"}
    for name, alias in outputs.items():
        head(alias, name)
    for convolution in heads:
        graph.nodes = [n for n in graph.nodes if n is not convolution]
        for name in convolution.inputs[1:]:
            graph.weights.pop(name, None)
    return onnx_file.dump(quantise.convolutions(graph, ranges))


def _tfjs_constants(manifest, data):
    kinds = {"float32": "<f4", "int32": "<i4", "bool": "?"}
    out, at = {}, 0
    for group in manifest:
        for w in group["weights"]:
            count = int(np.prod(w["shape"])) if w["shape"] else 1
            stored = w.get("quantization", {}).get("dtype", w["dtype"])
            kind = np.dtype({"float16": "<f2"}.get(stored) or kinds[stored])
            array = np.frombuffer(data, kind, count, at).reshape(w["shape"])
            at += count * kind.itemsize
            out[w["name"]] = array.astype({"float32": np.float32, "int32": np.int64, "bool": bool}[w["dtype"]])
    if at != len(data):
        raise ValueError("the weights do not fill their file")
    return out


CONVERSIONS = {f.__name__: f for f in (free_size, embedder, efficientnet_lite0, nanodet)}


def main():
    """`convert.py CONVERSION RESULT SOURCE...`, with `--ranges FILE` for an int8 result."""
    import argparse
    import pathlib

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("conversion", choices=CONVERSIONS)
    parser.add_argument("result", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path, nargs="+")
    parser.add_argument("--ranges", type=pathlib.Path)
    arguments = parser.parse_args()
    ranges = json.loads(arguments.ranges.read_text()) if arguments.ranges else None
    sources = [s.read_bytes() for s in arguments.source]
    arguments.result.write_bytes(CONVERSIONS[arguments.conversion](*sources, ranges))


if __name__ == "__main__":
    main()

"""Reads and writes the part of the ONNX file format (protobuf) that these models need.

Why not the `onnx` package: a converted model's sum is pinned in the manifest, so its bytes must not depend on which
version of a serialiser happens to be installed. What is written here is written in one fixed order.
Field numbers are those of the public onnx.proto.
"""
import struct
from dataclasses import dataclass, field

import numpy as np

FLOAT, UINT8, INT8, INT32, INT64 = 1, 2, 3, 6, 7
_NUMPY = {FLOAT: "<f4", UINT8: "u1", INT8: "i1", INT32: "<i4", INT64: "<i8"}
_ONNX = {np.dtype(v): k for k, v in _NUMPY.items()}


@dataclass
class Node:
    op: str
    inputs: list
    outputs: list
    attributes: dict = field(default_factory=dict)


@dataclass
class Graph:
    """A graph in execution order. `inputs` and `outputs` map a name to its dimensions (a string
    is a free one, None is unspecified)."""

    opset: int
    nodes: list = field(default_factory=list)
    weights: dict = field(default_factory=dict)
    inputs: dict = field(default_factory=dict)
    outputs: dict = field(default_factory=dict)

    def add(self, op, inputs, output, **attributes):
        self.nodes.append(Node(op, list(inputs), [output], attributes))
        return output

    def weight(self, name, array):
        self.weights[name] = np.asarray(array)
        return name

    def producer(self):
        return {o: n for n in self.nodes for o in n.outputs}


# ------------------------------------------------------------------------------------------------- writing


def _varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def _int(number, value):
    return _varint(number << 3) + _varint(value)


def _bytes(number, value):
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _float(number, value):
    return _varint(number << 3 | 5) + struct.pack("<f", value)


def _each(write, number, values):
    """A repeated field: `write` is one of the functions above."""
    return b"".join(write(number, v) for v in values)


def _attribute(name, value):
    out = _bytes(1, name)
    if isinstance(value, bool):
        raise TypeError("write booleans as 0 or 1")
    if isinstance(value, float):
        return out + _float(2, value) + _int(20, 1)
    if isinstance(value, int):
        return out + _int(3, value) + _int(20, 2)
    if isinstance(value, str):
        return out + _bytes(4, value) + _int(20, 3)
    if all(isinstance(v, float) for v in value) and value:
        return out + _each(_float, 7, value) + _int(20, 6)
    return out + _each(_int, 8, value) + _int(20, 7)


def _tensor(name, array):
    kind = _ONNX[array.dtype.newbyteorder("<") if array.dtype.byteorder == "=" else array.dtype]
    raw = np.ascontiguousarray(array, _NUMPY[kind]).tobytes()
    return _each(_int, 1, array.shape) + _int(2, kind) + _bytes(8, name) + _bytes(9, raw)


def _value(name, dims):
    kind = _int(1, FLOAT)
    if dims is not None:
        kind += _bytes(2, b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _int(1, d)) for d in dims))
    return _bytes(1, name) + _bytes(2, _bytes(1, kind))


def dump(graph):
    """The bytes of a model file."""
    body = b""
    for n in graph.nodes:
        node = _each(_bytes, 1, n.inputs) + _each(_bytes, 2, n.outputs)
        node += _bytes(4, n.op) + _each(_bytes, 5, (_attribute(k, n.attributes[k]) for k in sorted(n.attributes)))
        body += _bytes(1, node)
    body += _bytes(2, "graph")
    body += _each(_bytes, 5, (_tensor(*w) for w in graph.weights.items()))
    body += _each(_bytes, 11, (_value(*i) for i in graph.inputs.items()))
    body += _each(_bytes, 12, (_value(*o) for o in graph.outputs.items()))
    # IR version 7 is the one of ONNX 1.7 to 1.9, which every runtime with opset 13 reads.
    return _int(1, 7) + _bytes(2, "albumen") + _bytes(7, body) + _bytes(8, _bytes(1, "") + _int(2, graph.opset))


# ------------------------------------------------------------------------------------------------- reading


def _fields(data):
    """Yields (field number, value): an int for a varint, bytes for everything else."""
    at, end = 0, len(data)

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < end:
        tag = varint()
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            yield number, varint()
            continue
        length = {1: 8, 2: None, 5: 4}[wire]
        if length is None:
            length = varint()
        if at + length > end:
            raise ValueError("an ONNX file that ends too early")
        yield number, data[at : at + length]
        at += length


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def _read_attribute(data):
    name, kind, single, many = "", 0, {}, []
    for number, value in _fields(data):
        if number == 1:
            name = value.decode()
        elif number == 20:
            kind = value
        elif number in (7, 8):
            packed = isinstance(value, bytes) and number == 8
            many += [_signed(v) for v in _packed(value)] if packed else [value]
        else:
            single[number] = value
    if kind == 1:
        return name, struct.unpack("<f", single[2])[0]
    if kind == 2:
        return name, _signed(single.get(3, 0))
    if kind == 3:
        return name, single[4].decode()
    if kind == 6:
        return name, [struct.unpack("<f", v)[0] for v in many]
    if kind == 7:
        return name, [_signed(v) for v in many]
    raise ValueError(f"attribute {name} has a kind that is not read here: {kind}")


def _packed(data):
    at = 0
    while at < len(data):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        yield value


def _read_tensor(data):
    dims, kind, name, raw, floats = [], FLOAT, "", None, b""
    for number, value in _fields(data):
        if number == 1:
            dims += list(_packed(value)) if isinstance(value, bytes) else [value]
        elif number == 2:
            kind = value
        elif number == 4:
            floats += value
        elif number == 8:
            name = value.decode()
        elif number == 9:
            raw = value
    raw = floats if raw is None else raw
    return name, np.frombuffer(raw, _NUMPY[kind]).reshape(dims)


def _read_value(data):
    top = dict(_fields(data))
    tensor = dict(_fields(dict(_fields(top[2]))[1]))
    dims = []
    for _, dim in _fields(tensor.get(2, b"")):
        parts = dict(_fields(dim))
        dims.append(parts[1] if 1 in parts else parts.get(2, b"?").decode())
    return top[1].decode(), dims


def load(data):
    """A Graph from the bytes of a model file. Weights that old files list as inputs are weights only."""
    graph = Graph(opset=0)
    for number, value in _fields(data):
        if number == 8:
            opset = dict(_fields(value))
            if not opset.get(1):
                graph.opset = opset[2]
        elif number == 7:
            for number, value in _fields(value):
                if number == 1:
                    node = Node("", [], [])
                    for n, v in _fields(value):
                        if n == 1:
                            node.inputs.append(v.decode())
                        elif n == 2:
                            node.outputs.append(v.decode())
                        elif n == 4:
                            node.op = v.decode()
                        elif n == 5:
                            key, what = _read_attribute(v)
                            node.attributes[key] = what
                    graph.nodes.append(node)
                elif number == 5:
                    name, array = _read_tensor(value)
                    graph.weights[name] = array
                elif number == 11:
                    name, dims = _read_value(value)
                    graph.inputs[name] = dims
                elif number == 12:
                    name, dims = _read_value(value)
                    graph.outputs[name] = dims
    graph.inputs = {k: v for k, v in graph.inputs.items() if k not in graph.weights}
    return graph

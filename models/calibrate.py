#!/usr/bin/env python3
"""Measures the ranges of a model's tensors over pictures and writes ranges/NAME.json. Only needed when a model changes.

    calibrate.py classifier|object_detector MODEL.onnx PICTURE...

MODEL.onnx is the result of convert.py without ranges. Needs numpy, onnxruntime and pillow. The stored ranges were
measured over the photos in scikit-image (astronaut, brick, chelsea, coffee, coins, grass, gravel, hubble, ihc,
motorcycle, retina, rocket); ranges over 37 other photos gave the same accuracy.
"""
import json
import pathlib
import sys
import tomllib

import numpy as np
import onnxruntime
from PIL import Image

import onnx_file
from onnx_file import Node

HERE = pathlib.Path(__file__).resolve().parent


def picture(path, size, centre):
    """The pixels as the recogniser crops them: a square from the centre, or the whole picture."""
    image = Image.open(path).convert("RGB")
    if centre < 1:
        side = min(image.size) * centre
        left, top = (image.width - side) / 2, (image.height - side) / 2
        return image.resize(size, Image.BICUBIC, box=(left, top, left + side, top + side), reducing_gap=3)
    return image.resize(size, Image.BILINEAR, reducing_gap=3)


def tensors(graph, use):
    """Names of the tensors to be stored in 8 bits: those around convolutions, and between the operations that have
    integer kernels. The object detector's last convolutions stay in float: its scores lose too much precision in 8 bits."""
    heads = {"Split", "Sigmoid", "Reshape", "Transpose"} if use == "object_detector" else set()
    after = {i: n.op for n in graph.nodes for i in n.inputs}
    names = dict.fromkeys(graph.inputs)
    for node in graph.nodes:
        if node.op in ("Conv", "Clip", "Add", "LeakyRelu", "Concat", "MaxPool", "Resize"):
            output = node.outputs[0]
            if after.get(output) not in heads | {"Clip"}:
                names[output] = None
    last = [n.outputs[0] for n in graph.nodes if after.get(n.outputs[0]) == "Flatten"]
    return [n for n in names if n not in last]


def main():
    use, model, *paths = sys.argv[1:]
    entry = tomllib.loads((HERE / "manifest.toml").read_text())[use]["input"]
    graph = onnx_file.load(pathlib.Path(model).read_bytes())
    names = tensors(graph, use)
    inner = [n for n in names if n not in graph.inputs]
    for name in inner:
        graph.outputs.setdefault(name, None)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(onnx_file.dump(graph), options)
    ranges = {n: [np.inf, -np.inf] for n in names}
    for path in paths:
        pixels = np.asarray(picture(path, (entry["width"], entry["height"]), entry.get("centre", 1)), np.float32)
        pixels = pixels[..., ::-1] if entry["channels"] == "bgr" else pixels
        planes = ((pixels - entry["mean"]) / entry["std"]).astype(np.float32).transpose(2, 0, 1)[None]
        values = dict(zip(inner, session.run(inner, {entry["name"]: np.ascontiguousarray(planes)})))
        values[entry["name"]] = planes
        for name, value in values.items():
            low, high = ranges[name]
            ranges[name] = [min(low, float(value.min())), max(high, float(value.max()))]
    rounded = {n: [float(f"{v:.4g}") for v in r] for n, r in ranges.items()}
    target = HERE / "ranges" / f"{use}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(rounded, indent=0) + "\n")
    print(f"{target}: {len(rounded)} tensors over {len(paths)} pictures")


if __name__ == "__main__":
    main()

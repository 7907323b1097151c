"""torchvision's classification models."""

import difflib
from typing import TYPE_CHECKING, Any, Literal

from benchmark.errors import BadScenario
from benchmark.models.images import image_shape
from benchmark.models.network import Network
from benchmark.models.networks import NETWORKS
from benchmark.scenario.sections import Name
from benchmark.text import shown

if TYPE_CHECKING:
    from torch import nn

# Nets that in training return a second, auxiliary output unless told not to.
_WITHOUT_AUXILIARY = {"aux_logits": False, "init_weights": True}
_ARGUMENTS: dict[str, dict[str, Any]] = {"googlenet": _WITHOUT_AUXILIARY, "inception_v3": _WITHOUT_AUXILIARY}


@NETWORKS.add
class TorchvisionNet(Network):
    """Any of torchvision's classification models, without weights."""

    name: Literal["torchvision"] = "torchvision"
    model: Name
    stem: Literal["32x32"] | None = None
    """For small images a ResNet begins with a 3×3 convolution of stride 1 and no max-pooling."""

    @property
    def title(self) -> str:
        return self.model

    def build(self, input_shape: tuple[int, ...], classes: int) -> "nn.Module":
        from torchvision import models  # takes a second, which most workers need not spend

        name, known = self.model, models.list_models(module=models)
        if name not in known:
            like = ", ".join(difflib.get_close_matches(name, known, 5)) or "resnet18, densenet121, vit_b_16 and others"
            raise BadScenario(
                f"architecture.model is {shown(name)}, expected one of torchvision's {len(known)}, as {like}"
            )
        net = models.get_model(name, weights=None, num_classes=classes, **_arguments(name, input_shape))
        if self.stem == "32x32":
            if not isinstance(net, models.ResNet):
                raise BadScenario(f"architecture.stem is for ResNets, but the model is {name}; remove it")
            _begin_small(net)
        return net


def _arguments(name: str, input_shape: tuple[int, ...]) -> dict[str, Any]:
    """Return what a model's constructor needs for such inputs. Raises BenchError where it takes none like them."""
    channels, height, width = image_shape(input_shape, name)
    if channels != 3:
        raise BadScenario(
            f"{name} takes images of 3 channels, but these have {channels}; use cnn, or a file of your own"
        )
    arguments = dict(_ARGUMENTS.get(name, {}))
    if name.startswith("vit_"):
        if height != width:
            raise BadScenario(f"{name} takes square images, but these are {height}×{width}; use another model")
        arguments["image_size"] = height
    return arguments


def _begin_small(net: Any) -> None:
    """Replace the stem of a ResNet by one for images of 32×32 pixels."""
    from torch import nn

    net.conv1 = nn.Conv2d(3, net.conv1.out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")  # as torchvision's ResNets do
    net.maxpool = nn.Identity()

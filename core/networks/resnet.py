"""ResNet-18: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016.

Written here because importing torchvision's costs seconds. Layers, their names and the start are torchvision's, so
their weights fit; widths, channels, classes and the stem can differ.
"""

import copy
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval


class _FrozenConvolution(torch.autograd.Function):
    """A convolution that passes a gradient to its images alone."""

    @staticmethod
    def forward(context: Any, images: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        context.save_for_backward(weight)
        context.of = images.shape[2:], stride, padding
        return F.conv2d(images, weight, None, stride, padding)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:  # type: ignore[override]
        (weight,), (size, stride, padding) = context.saved_tensors, context.of
        rows = gradient.permute(0, 2, 3, 1).flatten(1, 2) @ weight.flatten(1)  # what each window sends back, [B, L, CK]
        return F.fold(rows.mT, size, weight.shape[2:], padding=padding, stride=stride), None, None, None


class FirstConvolution(nn.Conv2d):
    """A convolution without bias of images of one or three channels.

    Where the images themselves ask for a gradient, as ODIN's do, it goes back by one matrix product, in half the time
    that a CPU's convolution takes, and the weights get none: nobody asks for both.
    """

    def forward(self, images: Tensor) -> Tensor:
        if images.requires_grad and torch.is_grad_enabled():
            return _FrozenConvolution.apply(images, self.weight, self.stride[0], self.padding[0])
        return super().forward(images)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; the first may halve the size.  Paper, figure 2."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1: nn.Module = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2: nn.Module = nn.BatchNorm2d(out)
        self.downsample = (
            nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), nn.BatchNorm2d(out))
            if stride > 1 or into != out
            else None
        )

    def forward(self, images: Tensor) -> Tensor:
        shortcut = images if self.downsample is None else self.downsample(images)
        inner = self.relu(self.bn1(self.conv1(images)))
        return self.relu(self.bn2(self.conv2(inner)) + shortcut)


def resnet18(channels: int, classes: int, stem: str = "imagenet", width: int = 64) -> nn.Sequential:
    """[B, channels, H, W] -> logits [B, classes], of any size of image.

    stem: "imagenet", 7 x 7 of stride 2 and max-pooling; or "small", 3 x 3 and nothing else, for small images.
    width: channels of the first of the four layers; each next one has twice as many.
    """
    large = stem == "imagenet"
    first = FirstConvolution(channels, width, *((7, 2, 3) if large else (3, 1, 1)), bias=False)
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=first, bn1=nn.BatchNorm2d(width), relu=nn.ReLU(inplace=True)
    )
    if large:
        layers["maxpool"] = nn.MaxPool2d(3, 2, 1)
    into = width
    for number in range(4):
        out = width * 2**number
        layers[f"layer{number + 1}"] = nn.Sequential(
            BasicBlock(into, out, 1 if number == 0 else 2), BasicBlock(out, out, 1)
        )
        into = out
    layers |= {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(into, classes)}
    network = nn.Sequential(layers)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return network


def folded(network: nn.Module) -> nn.Module:
    """A copy for evaluation alone, whose blocks' convolutions have taken in the batch normalisation after them.

    It answers as `network` does in evaluation mode, to rounding, and passes memory less often, which a gradient of the
    images feels most.  The first convolution, which has its own way back, stays as it is.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for block in copied.modules():
        if isinstance(block, BasicBlock):
            block.conv1, block.bn1 = _folded(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = _folded(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                block.downsample = nn.Sequential(_folded(*block.downsample))
    return copied


def _folded(convolution: nn.Module, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution, norm)

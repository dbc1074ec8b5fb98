"""ResNet-18: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition, CVPR 2016.

Written here because importing torchvision's costs seconds. Layers, their names and the start are torchvision's, so
their weights fit; widths, channels, classes and the stem can differ.
"""

from collections import OrderedDict

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; the first may halve the size.  Paper, figure 2."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
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
    first = (
        nn.Conv2d(channels, width, 7, 2, 3, bias=False) if large else nn.Conv2d(channels, width, 3, 1, 1, bias=False)
    )
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

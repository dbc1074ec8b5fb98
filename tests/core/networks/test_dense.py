"""Dense stacks: what lies between their layers."""

import torch
from torch import nn

from core.networks import dense


def test_every_layer_but_the_last_has_its_nonlinearity_and_normalisation():
    layers = dense.blocks((8, 6, 4, 2))
    assert [[type(each) for each in layer] for layer in layers[:-1]] == [[nn.Linear, nn.LeakyReLU, nn.BatchNorm1d]] * 2
    assert isinstance(layers[-1], nn.Linear) and layers[0][1].negative_slope == 0.2
    assert [(each[0] if isinstance(each, nn.Sequential) else each).out_features for each in layers] == [6, 4, 2]


def test_through_takes_the_layers_in_order():
    layers = dense.blocks((5, 4, 3)).eval()
    values = torch.randn(7, 5)
    torch.testing.assert_close(dense.through(layers, values), layers[1](layers[0](values)))


def test_the_discriminator_gives_one_logit_and_drops_out_while_it_learns():
    torch.manual_seed(0)
    judge = dense.discriminator((6, 4, 1))
    latents = torch.randn(9, 6)
    assert judge(latents).shape == (9, 1) and [type(each) for each in judge[0]] == [nn.Linear, nn.ReLU, nn.Dropout]
    assert not torch.equal(judge(latents), judge(latents))
    judge.eval()
    with torch.no_grad():
        judge[-1].bias.fill_(-1e3)
    assert torch.equal(judge(latents), judge(latents)) and (judge(latents) < 0).all()  # no sigmoid at the end

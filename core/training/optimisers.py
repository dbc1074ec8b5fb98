"""torch's optimisers as they are, but for what loads torch's compiler front end into a process that compiles nothing.

The methods of torch.optim.Optimizer are wrapped so that a compiler leaves them alone, and the first call of a wrapper
imports `torch._dynamo`: 900 modules and as much time as torch itself takes. The functions inside the wrappers need none
of it.
"""

import inspect
from typing import TypeVar

import torch

Class = TypeVar("Class", bound=type[torch.optim.Optimizer])
WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def unwrapped(optimiser: Class) -> Class:
    """The class with the functions inside the wrappers, whose step records no gradient, as torch's doesn't."""
    for name in WRAPPED:
        setattr(optimiser, name, inspect.unwrap(getattr(optimiser, name)))
    optimiser.step = torch.no_grad()(inspect.unwrap(optimiser.step))  # type: ignore[method-assign]
    return optimiser


@unwrapped
class Adam(torch.optim.Adam):
    """Kingma and Ba, ICLR 2015."""


@unwrapped
class RMSprop(torch.optim.RMSprop):
    """Tieleman and Hinton, 2012."""


@unwrapped
class SGD(torch.optim.SGD):
    """Stochastic gradient descent with momentum."""

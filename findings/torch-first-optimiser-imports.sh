#!/usr/bin/env bash
# The first optimiser of a process makes torch import its compiler front end, torch._dynamo, and with it sympy: on a CPU,
# with nothing compiled, some 900 modules.  It costs as much as `import torch` itself, in every process that trains.
# Seen with torch 2.14.1: 892 modules and 1.2 CPU seconds for the first torch.optim.SGD, after 1.4 for `import torch`;
# none for the second.  The functions inside the wrappers (inspect.unwrap) need none of it.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/environment"
"$place/environment/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
"$place/environment/bin/python" - <<'PYTHON'
import sys
import time


def told(what: str, before: float, modules: int) -> int:
    print(f"{what}: {time.process_time() - before:.2f} CPU seconds, {len(sys.modules) - modules} modules")
    return len(sys.modules) - modules


before, modules = time.process_time(), len(sys.modules)
import torch

told("import torch", before, modules)
weight = torch.zeros(3, requires_grad=True)
assert "torch._dynamo" not in sys.modules
before, modules = time.process_time(), len(sys.modules)
torch.optim.SGD([weight], 0.1)
first = told("the first optimiser", before, modules)
before, modules = time.process_time(), len(sys.modules)
torch.optim.SGD([weight], 0.1)
second = told("the second optimiser", before, modules)
assert "torch._dynamo" in sys.modules and first > 500 and second == 0
PYTHON

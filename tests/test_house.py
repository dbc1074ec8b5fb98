"""The rules of the house: layers, light pages, a core that needs no app, tests that mirror the tree, a true README."""

import ast
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from core.__main__ import parser
from core.methods import METHODS

PROJECT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "torchvision", "mlflow", "umap", "sklearn", "scipy.stats")
# From the bottom to the top: a module may import from its own layer and from those below.
LAYERS = (
    ("core.errors", "core.glossary", "core.knobs", "core.texts"),
    ("core.methods", "core.methods.cards", "core.data", "core.scenarios", "core.evaluation"),
    ("core.algorithms", "core.networks", "core.training"),
    ("core.methods.base", "core.methods.fitted"),
    ("core.methods.FAMILY",),
    ("core.figures", "core.runs", "core.sweeps", "core.mlflow"),
    ("core.reproduce",),
    ("core.cli", "core.__main__", "pages.shared"),
    ("pages", "streamlit_app"),
)
# Packages that only these may import, at any depth of their source.
OWNERS = {
    "streamlit": ("pages", "streamlit_app"),
    "plotly": ("core.figures",),
    "mlflow": ("core.mlflow.mirror",),
    "torchvision": ("core.data.torchvision_sets",),
    "umap": ("core.runs.results.projection",),
    "joblib": ("core.sweeps.backends", "core.sweeps.training"),
    "distributed": ("core.sweeps.backends",),
    "dask": ("core.sweeps.backends",),
}


@dataclass(frozen=True)
class Import:
    module: str  # the module or package named, `core.runs.store` for `from core.runs import store`
    at_import: bool  # False where it is inside a function, or for type checkers only
    for_types: bool


def sources(*folders: str) -> list[Path]:
    tops = [PROJECT / name for name in folders]
    return sorted(path for top in tops for path in ([top] if top.suffix else top.rglob("*.py")))


def module_of(path: Path) -> str:
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


CODE = {module_of(path): path for path in sources("core", "pages", "streamlit_app.py")}


@cache
def imports(module: str) -> tuple[Import, ...]:
    return tuple(_imports(ast.parse(CODE[module].read_text(encoding="utf-8")), True, False))


def _imports(node: ast.AST, at_import: bool, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, at_import, for_types) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield Import(whole if whole in CODE else child.module, at_import, for_types)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports(child, False, for_types)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from _imports(child, False, True)
        else:
            yield from _imports(child, at_import, for_types)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer(module: str) -> int:
    """The layer that names the module most exactly; a method family's file has its own."""
    if re.fullmatch(r"core\.methods\.(?!(?:base|cards|fitted)\b)\w+", module):
        module = "core.methods.FAMILY"
    if module == "core":
        return 0
    fitting = [(len(name), number) for number, names in enumerate(LAYERS) for name in names if within(module, name)]
    assert fitting, f"{module} belongs to no layer: give it one in LAYERS"
    return max(fitting)[1]


def reached(module: str, seen: set[str] | None = None) -> set[str]:
    """Every module of ours and package of others that importing this one loads, as the source says."""
    seen = set() if seen is None else seen
    if module in seen:
        return seen
    seen.add(module)
    parents = {module.rsplit(".", n)[0] for n in range(1, module.count(".") + 1)} & CODE.keys()
    for name in parents | ({each.module for each in imports(module) if each.at_import} if module in CODE else set()):
        reached(name, seen)
    return seen


# --- layers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", CODE)
def test_imports_point_downwards(module):
    for each in imports(module):
        if each.for_types or each.module.split(".")[0] not in ("core", "pages", "streamlit_app"):
            continue
        assert layer(each.module) <= layer(module), f"{module} imports {each.module} from a layer above"


def test_figures_and_runs_do_not_know_each_other():
    """But the MLflow mirror, which sits above both."""
    for module in CODE:
        for other in (each.module for each in imports(module)):
            assert not (within(module, "core.figures") and within(other, "core.runs")), (module, other)
            if within(module, "core.runs"):
                assert not within(other, "core.figures"), (module, other)


def test_method_families_do_not_know_each_other():
    families = [module for module in CODE if layer(module) == layer("core.methods.FAMILY")]
    assert len(families) >= 2
    for module in families:
        others = {each.module for each in imports(module)} & set(families)
        assert not others, f"{module} imports {others}: what two methods share lies in networks or algorithms"


@pytest.mark.parametrize("package", OWNERS)
def test_a_package_is_imported_only_where_it_belongs(package):
    users = {module for module in CODE if any(within(each.module, package) for each in imports(module))}
    strangers = {module for module in users if not any(within(module, owner) for owner in OWNERS[package])}
    assert not strangers


def test_the_lowest_layer_needs_the_standard_library_alone():
    for module in CODE:
        if layer(module) == 0 and module != "core":
            foreign = {each.module.split(".")[0] for each in imports(module)} - sys.stdlib_module_names - {"core"}
            assert not foreign, (module, foreign)


def test_no_torch_below_the_methods_and_never_in_evaluation_cards_figures_and_pages():
    for module in CODE:
        never = any(
            within(module, top)
            for top in ("core.evaluation", "core.methods.cards", "core.figures", "pages", "streamlit_app")
        )
        for each in imports(module):
            if each.module.split(".")[0] in ("torch", "torchvision") and not each.for_types:
                assert not never, f"{module} imports {each.module}"
                assert layer(module) >= 2 or not each.at_import, f"{module} imports {each.module} at its top"
    for module in CODE:
        if layer(module) < 2:
            assert "torch" not in {name.split(".")[0] for name in reached(module)}, module


def test_the_check_sees_what_it_should():
    """The reading of the source itself can fail: known imports, one lazy, one for types."""
    assert Import("core.errors", True, False) in imports("core.knobs")
    assert Import("core.methods.base", False, True) in imports("core.methods")
    assert Import("torch", False, False) in imports("core.runs.files")
    assert (
        layer("core.methods.rapp")
        > layer("core.methods.base")
        > layer("core.methods")
        == layer("core.methods.cards.rapp")
    )
    assert "torch" in reached("core.methods.rapp") and "core.algorithms.nap" in reached("core.methods.rapp")


# --- light pages, free core -------------------------------------------------------------------------------------------


def python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_that_a_page_imports_is_heavy():
    """Every import statement of every page, and every figure file that a method may load, in a fresh process."""
    lines = set()
    for path in sources("pages", "streamlit_app.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                lines.add(ast.unparse(node))
    lines |= {f"import {module}" for module in CODE if within(module, "core.figures") or within(module, "pages.shared")}
    told = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = python("\n".join([*sorted(lines), told]))
    assert loaded.splitlines()[-1] == "[]"


def test_core_trains_and_scores_without_the_app_s_packages(tmp_path):
    code = """
import sys
BLOCKED = ("streamlit", "plotly", "mlflow", "umap", "joblib", "pandas")
sys.modules.update(dict.fromkeys(BLOCKED))  # None there means: no such module
from core.runs.results import detectors
from core.runs import spec, store
from core.runs.process import worker
for method in ("rapp-ae", "deep-svdd"):
    few = {"epochs": 1} | ({"warm_up": 0, "pretrain_epochs": 1} if method == "deep-svdd" else {})
    run = worker.execute(store.create(spec.request("digits", "unimodal", "3", method, changes=few, device="cpu")))
    assert run.state == store.FINISHED, (run.sentence, run.log())
    judgement = detectors.score_images(run, run.arrays("test", "images")["images"][:3], device="cpu")
    print(method, len(judgement.scores[run.spec.card.headline]), len(run.controls))
assert not any(sys.modules[name] for name in BLOCKED)
"""
    told = python(code, NOVELTY_CHECKPOINTS=str(tmp_path), OMP_NUM_THREADS="1")
    assert told.splitlines() == ["rapp-ae 3 6", "deep-svdd 3 6"]


# --- the tree ---------------------------------------------------------------------------------------------------------


def tracked() -> list[Path]:
    """Files of the project: known to git, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [PROJECT / name for name in listing.stdout.split("\0") if name and (PROJECT / name).is_file()]


def place_of_test(path: Path) -> Path:
    """Where the test of a source lies: core/a/b.py -> tests/core/a/test_b.py, `__init__.py` -> test_init.py."""
    relative = path.relative_to(PROJECT)
    return PROJECT / "tests" / relative.parent / f"test_{path.stem.strip('_')}.py"


def test_every_source_with_functions_has_its_test():
    """But parts that pages share: those are tested through the pages that show them."""
    missing = []
    for module, path in CODE.items():
        defines = any(
            isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
        if defines and not place_of_test(path).exists() and not within(module, "pages.shared"):
            missing.append(str(place_of_test(path).relative_to(PROJECT)))
    assert not missing


def test_every_test_has_its_source():
    wanted = {place_of_test(path) for path in CODE.values()} | {PROJECT / "tests/core/methods/test_contract.py"}
    for folder in ("core", "pages"):
        strangers = {path for path in (PROJECT / "tests" / folder).rglob("test_*.py")} - wanted
        assert not strangers, "a test has the path of what it tests"


def test_the_top_level_holds_what_belongs_there():
    allowed = {
        *("streamlit_app.py", "pages", "core", "checkpoints", "tests", "requirements.txt", "README.md", "LICENSE"),
        *("findings", "pyproject.toml", ".streamlit", ".ci", ".gitignore"),
    }
    assert {path.relative_to(PROJECT).parts[0] for path in tracked()} <= allowed


def test_no_file_is_longer_than_500_lines():
    long = {
        str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked()
        if path.suffix == ".py"
    }
    assert not {name: lines for name, lines in long.items() if lines > 500}


def test_no_text_names_a_machine_s_folders():
    """Neither this machine's nor those that the project was written on; tests may make up names of their own."""
    folders = re.compile(rf"{re.escape(str(PROJECT))}|{re.escape(sys.prefix)}/|(?<![\w.~:-])/(?:work|root|tmp)/\w+")
    told = {}
    for path in tracked():
        if {"checkpoints", "tests"} & set(path.relative_to(PROJECT).parts[:1]) or path.suffix in (".npz", ".png"):
            continue
        if found := folders.findall(path.read_text(encoding="utf-8")):
            told[str(path.relative_to(PROJECT))] = found
    assert not told


# --- README -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def readme() -> str:
    return (PROJECT / "README.md").read_text(encoding="utf-8")


def code_lines(text: str) -> list[str]:
    """The lines of all fenced code blocks, continued ones joined."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_the_readme_starts_the_app_with_two_commands(readme):
    lines = code_lines(readme)
    assert any(re.match(r"(python -m )?pip install .*-r requirements\.txt", line) for line in lines)
    assert any(line.endswith("streamlit run streamlit_app.py") for line in lines)


def test_the_ci_script_runs_exactly_the_readme_s_test_command(readme):
    commands = [line for line in (PROJECT / ".ci" / "run").read_text().splitlines() if line.strip()]
    assert "pytest" in commands[-1]
    assert commands[-1] in code_lines(readme)


def test_every_command_in_the_readme_is_understood(readme):
    inline = re.findall(r"`(python -m core [^`]+)`", readme)
    lines = [line for line in [*code_lines(readme), *inline] if line.startswith("python -m core ")]
    assert len(lines) > 5
    for line in lines:
        parser().parse_args(shlex.split(line, comments=True)[3:])  # raises WrongRequest for a word that doesn't exist


def test_the_readme_s_python_runs(readme):
    """As far as its names go: every import of its code blocks."""
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    for block in blocks:
        lines = [ast.unparse(node) for node in ast.parse(block).body if isinstance(node, ast.Import | ast.ImportFrom)]
        python("\n".join(lines))


def test_every_method_is_in_the_readme_s_table_and_no_other(readme):
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    named = {name for line in rows for name in re.findall(r"`([a-z][a-z0-9]*(?:-[a-z0-9]+)*)`", line)}
    assert METHODS.keys() <= named
    from core.methods import cards

    families = {card.family for card in cards()}
    unknown = {
        name for name in named - METHODS.keys() if name.split("-")[-1] in families or name.split("-")[0] in families
    }
    assert not unknown


def test_every_path_of_the_readme_s_tree_exists(readme):
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (tree,) = [block for block in blocks if re.search(r"^streamlit_app\.py\b", block, re.MULTILINE)]
    above: list[tuple[int, str]] = []
    for line in tree.splitlines():
        if not line.strip():
            continue
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        above = [(depth, folder) for depth, folder in above if depth < indent]
        path = PROJECT.joinpath(*(folder for _, folder in above), name)
        assert path.exists(), f"the README's tree names {path.relative_to(PROJECT)}"
        assert path.is_dir() == name.endswith("/"), f"a folder ends with a slash: {name}"
        above.append((indent, name))


def test_every_link_of_the_readme_leads_somewhere(readme):
    for target in re.findall(r"\]\(([^)#\s]+)\)", readme):
        if "://" not in target:
            assert (PROJECT / target).exists(), target

"""The house: each file named in its plan, imports in one direction, heavy packages imported where they are used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "multidigit"
FILES = sorted(path for path in PACKAGE.rglob("*.py"))

ORDER = (
    # Leaves
    *(
        "version",
        "errors",
        "addresses",
        "disk",
        "files",
        "outside",
        "spreadsheets",
        "locks",
        "machine",
        "processes",
        "cluster",
        "quiet",
        "litert",
        "labels",
        "statistics",
        "metrics",
        "measures",
        "registry",
    ),
    # settings -> digits -> strips -> strategy -> training -> run; picture -> strip -> reading
    *(
        "settings",
        "digits",
        "picture_files",
        "pictures",
        "scenes",
        "strips",
        "strategies",
        "formats",
        "runs",
        "reading",
        "bulk",
        "data",
        "evaluation",
        "error_breakdown",
    ),
    *("training", "testing"),
    # evaluation -> comparison -> report
    *("comparison", "experiments", "show", "report", "upgrade"),
    *("labelling", "export", "cli", "pretraining", "__main__"),
)
"""The rooms; each imports only rooms that stand before it."""
HEAVY = {"tensorflow", "keras", "scipy", "matplotlib", "ray", "pyarrow", "fsspec"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in FILES}


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path, lazy: bool) -> Iterator[str]:
    """Names of modules that a file imports, without those for type checkers; within functions too where ``lazy``."""
    todo: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif lazy or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


@cache
def ours(module: str, lazy: bool) -> frozenset[str]:
    """Modules of the package that a module imports."""
    found = {name for name in imports(MODULES[module], lazy) if name in MODULES and name != module}
    # ``from multidigit.room import name`` imports the room's module and not a package around it.
    return frozenset(found - {"multidigit"})


def test_there_are_no_import_circles() -> None:
    try:
        TopologicalSorter({module: ours(module, lazy=False) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other in a circle: {' -> '.join(error.args[1])}")


def test_no_room_imports_one_that_stands_later() -> None:
    rooms = {room(module) for module in MODULES if module != "multidigit"}
    assert rooms == set(ORDER)
    back = [
        f"{module} imports {other}"
        for module in MODULES
        if module != "multidigit"
        for other in sorted(ours(module, lazy=True))
        if ORDER.index(room(other)) > ORDER.index(room(module))
    ]
    assert back == []


LIGHT = [name for name in MODULES if room(name) not in ("training", "strategies", "export", "testing")]
"""All but the rooms in which models are built, trained and converted."""


@pytest.mark.parametrize("module", LIGHT)
def test_heavy_packages_are_imported_where_they_are_used(module: str) -> None:
    """Within functions, so that importing a module costs little."""
    assert {name.split(".")[0] for name in imports(MODULES[module], lazy=False)} & HEAVY == set()


@pytest.mark.parametrize(
    "code",
    [
        "import multidigit.cli; multidigit.cli.main(['--help'])",
        "import multidigit; multidigit.Reader('shipped').read(np.zeros((40, 90), np.uint8))",
    ],
    ids=["help", "reading"],
)
def test_reading_and_help_load_nothing_heavy(code: str) -> None:
    program = f"""
import atexit, os, sys
import numpy as np
atexit.register(lambda: os._exit(bool({set(HEAVY)} & set(sys.modules))))
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_words_are_plain() -> None:
    """Names and messages are in the English of Keras' documentation, not in a dialect of our own."""
    odd = re.compile(r"\b(told|said|heard|reckoned|mend|whoever)\b", re.IGNORECASE)
    texts = [path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".md", ".yaml", ".css", ".js", ".html")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if odd.search(line.replace("_", " "))
    ]
    assert found == []


def test_the_plan_names_each_file_once() -> None:
    """multidigit/README.md has one line for each file, ``name``: what it does; folders are headed by their path."""
    plan = (PACKAGE / "README.md").read_text("utf-8")
    named = re.findall(r"^- `([\w./]+)`: \S", plan, re.MULTILINE)
    files = [path.relative_to(PACKAGE).as_posix() for path in FILES]
    assert sorted(named) == files


WRITING = re.compile(
    r"\.(mkdir|write_text|write_bytes|touch|hardlink_to|symlink_to)\(|open\([^)]*[\"'][wax]b?[\"']"
    r"|os\.(rename|replace|fsync|ftruncate|mkdir|makedirs)\(|(?<!disk)\.rename\("
)
TEMPORARY = ("export", "testing", "training.start")
"""These also write into temporary folders of their own, for libraries that read only files."""


def test_only_one_module_writes() -> None:
    """So tests can make every write fail (test_faults.py)."""
    found = {name for name, path in MODULES.items() if WRITING.search(path.read_text("utf-8"))}
    assert found == {"multidigit.disk", *(f"multidigit.{name}" for name in TEMPORARY)}

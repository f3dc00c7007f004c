"""Nested dataclasses of arrays, pictures and plain values, as one safetensors file and back.

What is read is only ever filled into the types that the caller names: no pickles.
"""

from __future__ import annotations

import json
import types
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import numpy as np
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file

Value = TypeVar("Value")
_LEFT_OUT = "left out"


def write_archive(value: Any, file: Path, *, leave_out: tuple[str, ...] = ()) -> None:
    """Write a dataclass, but for the fields of its own that `leave_out` names."""
    arrays: dict[str, np.ndarray] = {}
    tree = {
        field.name: _LEFT_OUT
        if field.name in leave_out
        else _encoded(getattr(value, field.name), field.name, arrays)
        for field in fields(value)
    }
    save_file(arrays, file, metadata={"tree": json.dumps(tree)})


def read_archive(kind: type[Value], file: Path, **left_out: Any) -> Value:
    """The dataclass that was written, with the fields that had been left out.

    Raises OSError, SafetensorError, KeyError, TypeError or ValueError for any other file.
    """
    with safe_open(file, framework="np") as archive:
        tree = json.loads(archive.metadata()["tree"])
        hints = typing.get_type_hints(kind)
        values = {
            name: left_out[name] if value == _LEFT_OUT else _decoded(hints[name], value, archive)
            for name, value in tree.items()
        }
    return kind(**values)


def _encoded(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    if is_dataclass(value):
        inner = fields(value)
        return {f.name: _encoded(getattr(value, f.name), f"{name}.{f.name}", arrays) for f in inner}
    if isinstance(value, Image.Image):
        arrays[name] = np.ascontiguousarray(value)
        return {"picture": name, "mode": value.mode}
    if isinstance(value, np.ndarray):
        arrays[name] = np.ascontiguousarray(value)
        return {"array": name}
    if isinstance(value, dict):
        return {"keys": [[k, _encoded(v, f"{name}.{k}", arrays)] for k, v in value.items()]}
    if isinstance(value, tuple | list):
        return [_encoded(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}, which has no form in an archive")


def _decoded(kind: Any, value: Any, archive: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) in (typing.Union, types.UnionType):
        (kind,) = (part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_decoded(k, item, archive) for k, item in zip(kinds, value, strict=True))
    if get_origin(kind) is dict:
        return {k: _decoded(get_args(kind)[1], item, archive) for k, item in value["keys"]}
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        inside = {name: _decoded(hints[name], item, archive) for name, item in value.items()}
        return kind(**inside)  # type: ignore[operator]
    if kind is Image.Image:
        return Image.fromarray(archive.get_tensor(value["picture"]), mode=None)
    if kind is np.ndarray:
        return archive.get_tensor(value["array"])
    return kind(value) if kind in (int, float, str, Path) else value

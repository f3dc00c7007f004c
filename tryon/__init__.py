"""Virtual try-on: dress a person photo in a garment, keeping the person and keeping the garment.

    from tryon import TryOn

    engine = TryOn("mini")
    look = engine.dress("person.jpg", "shirt.jpg", category="upper", seed=7)
    look.save("out.jpg")

Names are loaded when first used, so that `import tryon` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tryon.engine import TryOn
    from tryon.errors import TryOnError
    from tryon.look import Look

__version__ = "0.1.0"
__all__ = ["Look", "TryOn", "TryOnError", "__version__"]

# In a bare checkout `adapters`, `pipelines` and `demo` lie beside this folder; in a wheel, inside.
_checkout = Path(__file__).resolve().parent.parent
if (_checkout / "pyproject.toml").is_file() and (_checkout / "pipelines").is_dir():
    __path__.append(str(_checkout))

_homes = {"Look": "tryon.look", "TryOn": "tryon.engine", "TryOnError": "tryon.errors"}


def __getattr__(name: str) -> Any:
    if name in _homes:
        return getattr(import_module(_homes[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

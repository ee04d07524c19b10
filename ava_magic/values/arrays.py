"""An array in few words: its shape, its type, the range of its values, and a corner of it.

numpy's arrays, and torch's tensors by the array protocol.  Nothing is imported: an array's library is loaded already.
"""

from __future__ import annotations

import sys
from typing import Any

from .lookup import class_called, is_a, is_exactly, module_of

__all__ = ["array_text", "scalar_of"]

_WHOLE = 200  # values that are shown all
_CORNER = 5  # values of each of the last two axes


def array_text(value: Any) -> str | None:
    """What there is to tell of ``value`` if it is an array; ``None`` for everything else.

    A subclass may mean more than its numbers, a unit or a mask, and is left to tell that itself.  Raises whatever its
    library raises where it cannot give its values.
    """
    numpy: Any = sys.modules.get("numpy")
    array: Any = class_called("numpy", "ndarray")
    if array is None:
        return None
    if type(value) is array:
        return _told("numpy array", value.dtype, value, numpy)
    if is_exactly(value, class_called("torch", "Tensor"), class_called("torch.nn.parameter", "Parameter")):
        return _told("torch tensor", value.dtype, _values(value, numpy), numpy)
    return None


def scalar_of(value: Any) -> Any:
    """A number or a text of numpy's as Python's own, and any other value as it is."""
    scalar = class_called("numpy", "generic")
    if scalar is None or not is_a(value, scalar) or module_of(type(value)) != "numpy":
        return value
    own = value.item()
    if type(own) is float:
        return float(str(value))  # with the digits that its own type has: 0.1, not 0.10000000149
    return own if is_exactly(own, bool, int, complex, str) else value


def _values(tensor: Any, numpy: Any) -> Any:
    """A tensor's values in this machine's memory, free of what computed them."""
    held = tensor.detach().cpu()
    try:
        return numpy.asarray(held)
    except TypeError:  # a type that numpy has not, such as bfloat16
        return numpy.asarray(held.float())


def _told(kind: str, dtype: Any, values: Any, numpy: Any) -> str:
    shape = f"({values.shape[0]},)" if values.ndim == 1 else str(values.shape)
    lines = [", ".join([f"{kind}, shape {shape}, dtype {dtype}", *_range(values, numpy)])]
    if values.size > _WHOLE:
        last_axes = min(values.ndim, 2)
        values, size = values[(0,) * (values.ndim - last_axes) + (slice(_CORNER),) * last_axes], values.size
        lines.append(f"its first {' × '.join(map(str, values.shape))} of {size:,} values:")
    return "\n".join([*lines, numpy.array2string(values, separator=", ")])


def _range(values: Any, numpy: Any) -> list[str]:
    """The lowest and the highest value, and how many are NaN, where that means something."""
    kind = values.dtype.kind
    if kind == "b":
        return [f"{int(values.sum()):,} of {values.size:,} are True"]
    if kind not in "iuf" or not values.size:
        return []
    missing = int(numpy.isnan(values).sum()) if kind == "f" else 0
    spec = ".6g" if kind == "f" else "d"
    ends = [format(find.reduce(values, axis=None), spec) for find in (numpy.fmin, numpy.fmax)]  # fmin passes over NaN
    numbers = [f"from {' to '.join(ends)}"] if missing < values.size else []
    return numbers + ([f"{missing:,} NaN"] if missing else [])

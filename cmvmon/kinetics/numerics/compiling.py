"""How the kernels are compiled: numba, cached on disk, the same bits on every run.

Imported by kernel modules only. Importing this module imports numba, so nothing outside the kernels may import it at
its top: a command that fits nothing must not pay for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import caching, event

from cmvmon.domain.first_compile import compiling

HOW: dict[str, Any] = {"error_model": "numpy", "nogil": True, "_nrt": True}  # how every kernel is compiled
BORROWING = {**HOW, "_nrt": False}  # how one is that makes no array; numba's own tests are compiled so too

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


class _Tells(event.Listener):
    """Tells of a kernel that is compiled; one that is found on disk is no event."""

    def on_start(self, event: Any) -> None:
        compiling()

    def on_end(self, event: Any) -> None:
        """Nothing is told of the end."""


event.register("numba:compile", _Tells())  # type: ignore[no-untyped-call]


def compiled(kernel: Kernel) -> Kernel:
    """The kernel, compiled at its first call and cached beside its module.

    No fastmath, and no loop that numba spreads over threads: both would let the last bits depend on the machine's mood.
    A kernel lets other threads run beside it (`nogil`): it works on arrays that only its caller knows. Where neither the module's
    folder nor the user's cache folder can be written, numba refuses to cache; the kernel is then compiled in each run.
    """
    return _compiled(kernel, HOW)


def borrowing(kernel: Kernel) -> Kernel:
    """`compiled`, for a kernel that neither makes nor returns an array: it works in those that its caller holds, and counts nobody.

    Numba counts who holds an array, at each call and each slice, by instructions that a processor carries out one at a time and
    with nothing beside them: a third of the time of a week. What would need memory (np.empty, one slice assigned to another) is
    refused when the kernel is compiled.

    Raises:
        TypeError: the kernel says that it returns something other than numbers: an array in it would be held by nobody.
    """
    returned = set(re.findall(r"\w+", str(kernel.__annotations__["return"])))
    if not returned <= {"None", "bool", "float", "int", "np", "tuple", "uint64"}:
        raise TypeError(f"{kernel.__name__} returns more than numbers: compile it with `compiled`")
    return _compiled(kernel, BORROWING)


def _compiled(kernel: Kernel, how: dict[str, Any]) -> Kernel:
    try:
        fast: Any = numba.njit(cache=True, **how)(kernel)
    except RuntimeError:  # "cannot cache function: no locator available"
        plain: Any = numba.njit(**how)(kernel)
        return plain  # type: ignore[no-any-return]
    cache = fast._cache
    # numba notices a change of the kernel's own file only; a change in a kernel that it calls, or in how it is compiled,
    # must count too.
    stamp = (cache._impl.locator.get_source_stamp(), fingerprint(kernel), repr(how))
    index: Any = caching.IndexDataCacheFile
    cache._cache_file = index(cache._cache_path, cache._impl.filename_base, stamp)
    return fast  # type: ignore[no-any-return]


def is_kept(kernel: Callable[..., Any]) -> bool:
    """Whether what is compiled of a kernel is kept on disk; not where no folder for it can be written."""
    return getattr(getattr(kernel, "_cache", None), "cache_path", None) is not None


def is_on_disk(kernel: Callable[..., Any]) -> bool:
    """Whether the kernel, as its code is now, is found compiled on disk for a processor like this one."""
    if not is_kept(kernel):
        return False
    like_this: Any = kernel
    here = like_this.targetctx.codegen().magic_tuple()
    return any(key[1] == here for key in like_this._cache._cache_file._load_index())


def fingerprint(kernel: Callable[..., Any]) -> str:
    """SHA-256 of the kernel's code, of the constants that it names, and of every kernel that it calls."""
    code = kernel.__code__
    parts = [code.co_code, repr([c for c in code.co_consts if not hasattr(c, "co_code")]).encode()]
    for name in code.co_names:
        value: Any = kernel.__globals__.get(name)
        if hasattr(value, "py_func"):
            parts.append(fingerprint(value.py_func).encode())
        elif isinstance(value, np.ndarray):
            parts.append(value.tobytes())
        elif isinstance(value, int | float | str | tuple | np.generic):
            parts.append(repr(value).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()

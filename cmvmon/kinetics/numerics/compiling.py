"""How the kernels are compiled: numba, cached on disk, the same bits on every run.

Imported by kernel modules only. Importing this module imports numba, so nothing outside the kernels may import it at
its top: a command that fits nothing must not pay for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core import caching, event

from cmvmon.domain.first_compile import compiling

HOW: dict[str, Any] = {"error_model": "numpy", "nogil": True}  # how every kernel is compiled

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
    try:
        fast: Any = numba.njit(cache=True, **HOW)(kernel)
    except RuntimeError:  # "cannot cache function: no locator available"
        plain: Any = numba.njit(**HOW)(kernel)
        return plain  # type: ignore[no-any-return]
    cache = fast._cache
    # numba notices a change of the kernel's own file only; a change in a kernel that it calls, or in how it is compiled,
    # must count too.
    stamp = (cache._impl.locator.get_source_stamp(), fingerprint(kernel), repr(HOW))
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
        elif isinstance(value, int | float | str | tuple):
            parts.append(repr(value).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()

"""Two processor instructions that Numba has no name for, as functions that only compiled kernels can call."""

# pyright: basic

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_LINE = 64
"""Bytes of a cache line."""


def _fetch_row(_: Any, rows: Any, row: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        matrix = context.make_array(signature.args[0])(context, builder, given[0])
        number = context.cast(builder, given[1], signature.args[1], types.intp)
        stride = cgutils.unpack_tuple(builder, matrix.strides)[0]
        word, place = ir.IntType(64), ir.IntType(8).as_pointer()
        start = builder.add(builder.ptrtoint(matrix.data, word), builder.mul(number, stride))
        kind = ir.FunctionType(ir.VoidType(), [place, *[ir.IntType(32)] * 3])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", (place,), kind)
        read, keep, data = (ir.Constant(ir.IntType(32), value) for value in (0, 3, 1))
        for line in (0, _LINE):
            at = builder.inttoptr(builder.add(start, ir.Constant(word, line)), place)
            builder.call(prefetch, [at, read, keep, data])
        return context.get_dummy_value()

    return types.void(rows, row), generate


def _lowest_bit(_: Any, word: Any) -> Any:
    def generate(_: Any, builder: Any, __: Any, given: Any) -> Any:
        return builder.cttz(given[0], cgutils.true_bit)

    return types.int64(word), generate


fetch_row: Callable[[Any, Any], None] = cast(Any, intrinsic(_fetch_row))
"""`fetch_row(rows, row)` asks for the first two cache lines of a C-contiguous matrix's row, without waiting."""
lowest_bit: Callable[[Any], int] = cast(Any, intrinsic(_lowest_bit))
"""`lowest_bit(word)` is the position of the lowest 1 of a uint64 that is not 0."""

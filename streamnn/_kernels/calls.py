"""Calls of compiled kernels by address, their arguments laid out in memory.

Called from Python, a kernel costs more than it does: numba looks at every argument of every call, a fifth of a
microsecond an array, and an event passes some twenty kernels with three hundred arrays. Since the arrays stay the
same from event to event, all of that can be done once. A *block* holds the arguments of one call as 64-bit words; a
*stub*, one small function for each native signature, reads a block and calls the kernel; the *runner* goes through a
table of stubs and blocks. An event then is one call from Python. Stubs add two milliseconds each once a process, and
no kernel is compiled twice. :class:`streamnn._kernels.program.Program` is the only user.

This rests on parts of numba that are private and so may change with its version:

- a compiled function takes a pointer for its answer, a pointer for an error, then its arguments; it returns a status
  that is 0 if nothing was raised;
- tuples are flattened, and an array is seven or more words: owner, parent, items, bytes an item, address, shape,
  strides;
- where it lies in memory: ``fndesc.llvm_func_name`` and ``library.get_pointer_to_function``.

The number of words is checked against the signature at every call that is laid out, and ``tests/streamnn/
test_program.py`` compares every kind of argument with a call from Python. Both held with numba 0.61.0 and 0.68.1. If a
version breaks it, a program can fall back on calls from Python, as it does under ``STREAMNN_DEBUG=1``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import types

from .jit import Kernel

HEAD = 6
"""Words of a block before the arguments: address, room for an error, room for an answer of up to 32 bytes."""

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_WORD_POINTER = _I64.as_pointer()
_engines: list[Any] = []  # what holds the machine code
_stubs: dict[str, int] = {}
_entries: dict[Any, tuple[int, int, int]] = {}  # by the library of a function, see _entry
_runner: list[Callable[[int, int, int], int]] = []


def _load(module: ir.Module, name: str) -> int:
    compiled = llvm.parse_assembly(str(module))
    compiled.verify()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2)
    engine = llvm.create_mcjit_compiler(compiled, machine)
    engine.finalize_object()
    _engines.append(engine)
    return int(engine.get_function_address(name))


def _word(b: ir.IRBuilder, block: ir.Value, i: int) -> ir.Value:
    return b.load(b.gep(block, [ir.Constant(_I64, i)]))


def stub(signature: ir.FunctionType) -> int:
    """Address of ``int32 call(int64 *block)`` for kernels of a native signature."""
    key = str(signature)
    if key in _stubs:
        return _stubs[key]
    module = ir.Module("stub")
    f = ir.Function(module, ir.FunctionType(_I32, [_WORD_POINTER]), "call")
    b = ir.IRBuilder(f.append_basic_block())
    block = f.args[0]
    values = []
    for i, t in enumerate(signature.args):
        if i < 2:  # where answer and error go
            at = b.gep(block, [ir.Constant(_I64, 2 if i == 0 else 1)])
            values.append(b.bitcast(at, t))
            continue
        w = _word(b, block, HEAD + i - 2)
        if isinstance(t, ir.PointerType):
            w = b.inttoptr(w, t)
        elif isinstance(t, ir.DoubleType):
            w = b.bitcast(w, t)
        elif isinstance(t, ir.FloatType):
            w = b.bitcast(b.trunc(w, _I32), t)
        elif t != _I64:
            w = b.trunc(w, t)
        values.append(w)
    function = b.inttoptr(_word(b, block, 0), signature.as_pointer())
    b.ret(b.call(function, values))
    _stubs[key] = _load(module, "call")
    return _stubs[key]


def runner() -> Callable[[int, int, int], int]:
    """``int64 run(int64 *table, int64 first, int64 stop)``: calls `first` to `stop` of a table of (stub, block, guard).

    Returns 0 if all were made. Ends sooner behind a guard that answered other than 0, and returns the place after it;
    and at a call that failed, and returns -1 less its place.
    """
    if _runner:
        return _runner[0]
    module = ir.Module("runner")
    f = ir.Function(module, ir.FunctionType(_I64, [_WORD_POINTER, _I64, _I64]), "run")
    table, first, stop = f.args
    entry, head, body, asked, failed, guarded, stopped, nxt, done = (
        f.append_basic_block(n)
        for n in ("entry", "head", "body", "asked", "failed", "guarded", "stopped", "next", "done")
    )
    one, three = ir.Constant(_I64, 1), ir.Constant(_I64, 3)
    b = ir.IRBuilder(entry)
    b.branch(head)
    b = ir.IRBuilder(head)
    i = b.phi(_I64)
    i.add_incoming(first, entry)
    b.cbranch(b.icmp_signed("<", i, stop), body, done)
    b = ir.IRBuilder(body)
    row = b.mul(i, three)
    call, block, guard = (b.load(b.gep(table, [b.add(row, ir.Constant(_I64, k))])) for k in range(3))
    words = b.inttoptr(block, _WORD_POINTER)
    function = b.inttoptr(call, ir.FunctionType(_I32, [_WORD_POINTER]).as_pointer())
    status = b.call(function, [words])
    after = b.add(i, one)
    b.cbranch(b.icmp_signed("==", status, ir.Constant(_I32, 0)), asked, failed)
    b = ir.IRBuilder(asked)
    b.cbranch(b.icmp_signed("!=", guard, ir.Constant(_I64, 0)), guarded, nxt)
    b = ir.IRBuilder(guarded)
    answer = _word(b, words, 2)
    b.cbranch(b.icmp_signed("!=", answer, ir.Constant(_I64, 0)), stopped, nxt)
    b = ir.IRBuilder(nxt)
    b.branch(head)
    i.add_incoming(after, nxt)
    b = ir.IRBuilder(failed)
    b.ret(b.sub(ir.Constant(_I64, -1), i))
    b = ir.IRBuilder(stopped)
    b.ret(after)
    b = ir.IRBuilder(done)
    b.ret(ir.Constant(_I64, 0))
    address = _load(module, "run")
    # PYFUNCTYPE: a step takes microseconds, handing the interpreter over costs as much
    _runner.append(ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address))
    return _runner[0]


def block(kernel: Kernel, args: tuple[Any, ...]) -> tuple[int, np.ndarray]:
    """Address of the stub and the block for one call. The block does not keep the arrays alive."""
    dispatcher, args = kernel.compiled, kernel.flat(args)
    wanted = tuple(dispatcher.typeof_pyval(a) for a in args)
    if wanted not in dispatcher.overloads:
        dispatcher.compile(wanted)
    address, call, takes = _entry(dispatcher.overloads[wanted])
    words = [address, 0, 0, 0, 0, 0]
    for value, t in zip(args, wanted, strict=True):
        _flatten(value, t, words)
    if len(words) != HEAD + takes:
        raise TypeError(f"kernel {kernel.name} takes {takes} words, {len(words) - HEAD} are given")
    return call, np.array(words, np.uint64)


def _entry(found: Any) -> tuple[int, int, int]:
    """Address of a compiled function, address of its stub, and how many words it takes; worked out once."""
    library, name = found.library, found.fndesc.llvm_func_name
    if library not in _entries:
        address = library.get_pointer_to_function(name)
        if not address:
            raise TypeError(f"function {name} has no address")
        native = found.target_context.call_conv.get_function_type(found.fndesc.restype, found.fndesc.argtypes)
        _entries[library] = address, stub(native), len(native.args) - 2
    return _entries[library]


def _flatten(value: Any, t: Any, words: list[int]) -> None:
    if isinstance(t, types.Array):
        words += [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape]
        words += [s % 2**64 for s in value.strides]
    elif isinstance(value, tuple):
        for v, u in zip(value, t, strict=True):
            _flatten(v, u, words)
    elif isinstance(t, (types.Integer, types.Boolean)):
        words.append(int(value) % 2**64)
    elif t == types.float32:
        words.append(int(np.float32(value).view(np.uint32)))
    elif t == types.float64:
        words.append(int(np.float64(value).view(np.uint64)))
    else:
        raise TypeError(f"a kernel argument of type {t} can't be laid out in memory")

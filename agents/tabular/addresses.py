"""Values on the stack of a compiled function, handed to the functions that it calls by their
address: eight bytes in place of dozens of words of arrays, which were pushed for every call.

An address is valid until the function that stored the value returns; the arrays in it stay alive
as long as the caller keeps them.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic


@intrinsic
def stored(context: Any, value: types.Type) -> tuple[Any, Any]:
    """The address of a copy of the value."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = cgutils.alloca_once_value(builder, args[0])
        return builder.bitcast(place, context.get_value_type(signature.return_type))

    return types.CPointer(value)(value), code


@intrinsic
def loaded(context: Any, address: types.CPointer) -> tuple[Any, Any]:
    """The value that was stored at an address."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = context.get_value_type(signature.return_type)
        read = builder.load(builder.bitcast(args[0], value.as_pointer()))
        return impl_ret_borrowed(context, builder, signature.return_type, read)

    return address.dtype(address), code

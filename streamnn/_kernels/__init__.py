"""The kernels' tools: how they are compiled, lanes, exact arithmetic, memory, recorded programs."""

"""What an operation of a plan is, and what stands in its row of the table."""

from __future__ import annotations

LINEAR, ACTIVATION, NORMALISATION, DROPOUT, SPLINES = range(5)
CONVOLUTION, POOLING, LSTM, GRU, ADD, COPY, GATHER, SHUFFLE, GROUPING = range(5, 14)
MULTIPLY, RNN = 14, 15
"""Codes of operations. GATHER reads its input in another order; SHUFFLE does so in a learned one."""

CODE, IN, SIZE_IN, OUT, SIZE_OUT, KEPT, WEIGHT_AT, BIAS_AT = range(8)
"""Columns that every operation has: where its input and its output begin among the values and how long they are, where
what it keeps for its way back begins, and where its parameters begin, -1 for none."""
A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14, A15 = range(8, 24)
"""Columns whose meaning is the operation's."""
OP_WIDTH = 24
REAL_WIDTH = 4
"""Numbers of an operation that are no whole ones: a slope, an epsilon, a probability."""

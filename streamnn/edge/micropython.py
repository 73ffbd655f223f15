"""Reads ``tables.bin`` where there is Python and no C compiler: MicroPython on a microcontroller, without numpy.

Copy this one file to the device, with ``plan.json`` and ``tables.bin`` of an export with its tables apart. It gives the
integers of the C. It imports nothing of streamnn, and only what MicroPython has.

::

    from micropython_tables import TableModel
    m = TableModel(open("plan.json").read(), open("tables.bin", "rb").read())
    label = m.step([120, -3, 7])
"""

import json
from array import array
from binascii import crc32

NO_READING = -(1 << 30)
_CODES = {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I"}


def _shifted(v, s):
    return v << -s if s <= 0 else (v + (1 << (s - 1))) >> s


def _clip(v, low, high):
    return low if v < low else high if v > high else v


class TableModel:
    """A model from its plan and its tables.

    Parameters
    ----------
    plan : str
        Content of ``plan.json``.
    tables : bytes
        Content of ``tables.bin``; :meth:`swap` takes newer ones.

    Raises
    ------
    ValueError
        When the tables are damaged, or made for another plan.
    """

    def __init__(self, plan, tables):
        self.plan = json.loads(plan)
        d, spans = len(self.plan["sensors"]), len(self.plan["spans"])
        self.mean = [[0] * spans for _ in range(d)]
        self.seen = [False] * d
        history = self.plan["history"]
        self.fade = [[0] * history[1] for _ in history[0]] if history else []
        self.last = -1
        self.logits, self.p, self.z = [], [], []
        self.swap(tables)

    def swap(self, tables):
        """Take newer tables: context and label history go on, what was learnt begins anew."""
        count, length = self._word(tables, 4) >> 16, self._word(tables, 8)
        if tables[:4] != b"SNNT" or length != len(tables):
            raise ValueError("no tables")
        if self._word(tables, 12) != self.plan["shape"]:
            raise ValueError("tables made for another plan")
        if crc32(tables[20:]) & 0xFFFFFFFF != self._word(tables, 16):
            raise ValueError("tables are damaged")
        ends = [self._word(tables, 20 + 4 * k) for k in range(count)] + [length]
        self.t = {}
        for name, (k, kind) in self.plan["tables"].items():
            self.t[name] = array(_CODES[kind], tables[ends[k] : ends[k + 1]])
        self.n = {}
        for k, name in enumerate(self.plan["numbers"]):
            self.n[name] = self.t["numbers"][k]
        outputs = self.plan["modules"][-1]["units"]
        units = self.plan["modules"][-2]["units"] if self.plan["learning"] == "layer" else 0
        self.bias = [0] * outputs
        self.out = [[0] * units for _ in range(outputs)]

    @staticmethod
    def _word(data, at):
        return int.from_bytes(data[at : at + 4], "little")

    def _inputs(self, raw):
        t, spans, x = self.t, self.plan["spans"], []
        for c, r in enumerate(raw):
            if r == NO_READING:
                x += [0] * (1 + len(spans))
                continue
            r <<= 8
            values = [r - t["mean_of"][c]]
            for q, span in enumerate(spans):
                if not self.seen[c]:
                    self.mean[c][q] = r
                e = r - self.mean[c][q]
                values.append(e)
                self.mean[c][q] += _shifted(e, span)
            self.seen[c] = True
            for q, v in enumerate(values):
                x.append(_clip(_shifted(v, t["shift_of"][c]), -127, 127) if t["on"][c] >> q & 1 else 0)
        if self.fade:
            classes = range(len(self.fade[0]))
            x += [127 if c == self.last else 0 for c in classes]
            for fade in self.fade:
                x += [fade[c] >> 8 for c in classes]
        return x

    def _found(self, raw):
        """Category rows, in the order of the keys."""
        t, rows = self.t, []
        for k in range(self.n["lookups"]):
            v, low, high = raw[t["looked"][k]], t["begin"][k], t["begin"][k + 1]
            end = high
            while low < high:
                middle = (low + high) >> 1
                if t["keys"][middle] < v:
                    low = middle + 1
                else:
                    high = middle
            if low < end and t["keys"][low] == v:
                rows.append(low)
        return rows

    @staticmethod
    def _weight(table, at, i, field):
        """Weight i of the row that begins at byte `at`."""
        if field == 8:
            return table[at + i]
        if field == 4:
            return (table[at + (i >> 1)] >> (4 * (i & 1)) & 15) - 8
        if field == 2:
            return ((table[at + (i >> 2)] >> (2 * (i & 3)) & 3) ^ 2) - 2
        return 1 if table[at + (i >> 3)] >> (i & 7) & 1 else -1

    def _sums(self, l, m, x):
        """What module l adds up, its bias included, of inputs x."""
        t, n, units = self.t, m["inputs"], m["units"]
        w, sums = t[f"w{l}"], list(t[f"b{l}"])
        if m["form"] == "words":
            size = (n + 31) >> 5
            bits = [0] * size
            for i, v in enumerate(x):
                if v > 0:
                    bits[i >> 5] |= 1 << (i & 31)
            for j in range(units):
                for q in range(size):
                    if m["field"] == 1:
                        sums[j] -= 2 * self._pop(bits[q] ^ w[size * j + q])
                    else:
                        both = (
                            self._pop(bits[q] & w[size * j + q]),
                            self._pop(bits[q] & t[f"m{l}"][size * j + q]),
                        )
                        sums[j] += 2 * (both[0] - both[1])
            return sums
        if f"from{l}" in t:
            x = [x[k] for k in t[f"from{l}"][:n]]
        field, size = m["field"], m["bytes"]
        if m["form"] == "rows":
            for i, v in enumerate(x):
                if v:
                    for j in range(units):
                        sums[j] += v * self._weight(w, size * i, j, field)
            return sums
        wide, each = n // m["groups"], units // m["groups"]
        for j in range(units):
            first = j // each * wide
            for i in range(wide):
                v = x[first + i]
                if v:
                    sums[j] += v * self._weight(w, size * j, i, field)
        return sums

    @staticmethod
    def _pop(v):
        count = 0
        while v:
            v &= v - 1
            count += 1
        return count

    def _spline(self, l, m, j, a):
        t = self.t
        if f"cut{l}" in t:
            a >>= t[f"cut{l}"][j]
        f, knots, count = t[f"place{l}"][j], t[f"knots{l}"], m["knots"]
        i = _clip(a >> f, 0, count - 2)
        low, high = knots[count * j + i], knots[count * j + i + 1]
        v = _shifted((low << f) + (a - (i << f)) * (high - low), t[f"fall{l}"][j])
        top = 1 << (m["bits"] - 1)
        return _clip(v, -top, top - 1)

    def step(self, raw):
        """One event of raw sensor integers: its class, or its number in raw units. `logits`, `p` and `z` are what is
        said of it.

        Parameters
        ----------
        raw : list of int
        """
        t, x = self.t, self._inputs(raw)
        outs = [x]
        for l, m in enumerate(self.plan["modules"]):
            sums = self._sums(l, m, x)
            if l == 0 and "table" in t:
                rows = self._found(raw)
                for j in range(m["units"]):
                    total = sum(self._weight(t["table"], m["row_bytes"] * r, j, m["row_field"]) for r in rows)
                    sums[j] += _shifted(total, t["tshift0"][j])
            if f"skip{l}" in t:
                for j in range(m["units"]):
                    sums[j] += _shifted(outs[m["skip"] + 1][j], t[f"skip{l}"][j])
            if m["after"] == "spline":
                x = [self._spline(l, m, j, a) for j, a in enumerate(sums)]
            elif m["after"] == "threshold":
                x = [1 if a > 0 else -1 for a in sums]
            else:
                self.logits = [a << t["align"][j] for j, a in enumerate(sums)]
            outs.append(x)
        self.z = outs[-1]
        if not self.plan["classes"]:
            v = (
                _shifted(self.logits[0], self.n["value_shift"]) + self.n["value_mean"]
                if "value_shift" in self.n
                else 0
            )
            return v
        if self.plan["learning"] != "off":
            for c in range(len(self.logits)):
                v = self.bias[c] + sum(w * z for w, z in zip(self.out[c], self.z))  # noqa: B905
                self.logits[c] += v >> 8
        if "power" in t:
            self._probabilities()
        if len(self.logits) == 2:
            return self.plan["classes"][self.logits[1] - self.logits[0] > self.n["above"]]
        return self.plan["classes"][self.logits.index(max(self.logits))]

    def _probabilities(self):
        power, reciprocal, fraction = self.t["power"], self.t["reciprocal"], self.n["logit_fraction"]
        top, q = max(self.logits), []
        for v in self.logits:
            gap = top - v
            if gap >= 16 << fraction:
                q.append(0)
                continue
            d = gap >> (fraction - 8) if fraction >= 8 else gap << (8 - fraction)
            k = (d >> 4) & 15
            q.append((power[k] - (((power[k] - power[k + 1]) * (d & 15)) >> 4)) >> (d >> 8))
        total, b = sum(q), 15
        while total >> b > 1:
            b += 1
        f = (total >> (b - 8)) & 255
        r = reciprocal[f >> 4] - (((reciprocal[f >> 4] - reciprocal[(f >> 4) + 1]) * (f & 15)) >> 4)
        self.p = [_clip((v * r) >> b, 1, 32767) for v in q]

    def event(self):
        """What is kept of the last event until its label comes."""
        return self.p, self.z

    def learn(self, event, label):
        """The class number of an event became known."""
        p, z = event
        if self.fade:
            self.last = label
            for q, span in enumerate(self.plan["history"][0]):
                for c, f in enumerate(self.fade[q]):
                    self.fade[q][c] += _shifted((32768 if c == label else 0) - f, span)
        if self.plan["learning"] == "off":
            return
        top_bias, top = self.plan["top"]
        s = self.n["bias_shift"]
        for c in range(len(self.bias)):
            g = (32768 if c == label else 0) - p[c]
            step = (g << 8) >> s if s >= 0 else (g << 8) << -s
            self.bias[c] = _clip(self.bias[c] + step, -top_bias, top_bias)
            for j in range(len(self.out[c])):
                v = self.out[c][j] + _shifted(g * z[j], self.n["weight_shift"])
                self.out[c][j] = _clip(v, -top, top)

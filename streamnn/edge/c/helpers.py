"""Functions of C that models call, each written out only where it is called. No operation here is undefined."""

from __future__ import annotations

HELPERS = {
    "table_at": """static const uint8_t *block;
static const uint8_t *table_at(int k) {
  const uint8_t *const p = block + 20 + 4 * k;
  return block + (p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}
""",
    "uint32_at": """static uint32_t uint32_at(const uint8_t *p, int i) {
  p += 4 * i;
  return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
""",
    "int32_at": "static int32_t int32_at(const uint8_t *p, int i) { return (int32_t)uint32_at(p, i); }\n",
    "uint16_at": """static int32_t uint16_at(const uint8_t *p, int i) {
  p += 2 * i;
  return p[0] | p[1] << 8;
}
""",
    "int16_at": "static int32_t int16_at(const uint8_t *p, int i) { return (uint16_at(p, i) ^ 0x8000) - 0x8000; }\n",
    "left": "static int32_t left(int32_t v, int s) { return (int32_t)((uint32_t)v << s); }\n",
    "right": "static int32_t right(int32_t v, int s) { return v < 0 ? ~(~v >> s) : v >> s; }\n",
    "plus": "static int32_t plus(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }\n",
    "minus": "static int32_t minus(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }\n",
    "halved": """/* v * 2**-s, halves up, s >= 0 */
static int32_t halved(int32_t v, int s) { return right(plus(v, (int32_t)((1u << s) >> 1)), s); }
""",
    "shifted": """/* v * 2**-s, halves up; to the left if s is negative */
static int32_t shifted(int32_t v, int s) { return s < 0 ? left(v, -s) : halved(v, s); }
""",
    "floored": """/* v * 2**-s, rounded down; to the left if s is negative */
static int32_t floored(int32_t v, int s) { return s < 0 ? left(v, -s) : right(v, s); }
""",
    "clip": """static int32_t clip(int32_t v, int32_t low, int32_t high) {
  return v < low ? low : v > high ? high : v;
}
""",
    "pop": """/* how many bits are set */
static int32_t pop(uint32_t v) {
  v -= (v >> 1) & 0x55555555u;
  v = (v & 0x33333333u) + ((v >> 2) & 0x33333333u);
  v = (v + (v >> 4)) & 0x0f0f0f0fu;
  return (int32_t)((v * 0x01010101u) >> 24);
}
""",
    "row8": """/* acc += v times n weights */
static void row8(int32_t *acc, const int8_t *w, int n, int32_t v) {
  for (int k = 0; k < n; k++) acc[k] += v * w[k];
}
""",
    "row8x4": """/* acc += v times n weights; n is a multiple of four */
static void row8x4(int32_t *acc, const int8_t *w, int n, int32_t v) {
  for (int32_t *const end = acc + n; acc != end; acc += 4, w += 4) {
    acc[0] += v * w[0];
    acc[1] += v * w[1];
    acc[2] += v * w[2];
    acc[3] += v * w[3];
  }
}
""",
    "row4": """/* acc += v times n weights, two to a byte, stored as 8 more; n is even */
static void row4(int32_t *acc, const uint8_t *w, int n, int32_t v) {
  for (int k = 0; k < n; k += 2) {
    const int32_t b = *w++;
    acc[k] += v * ((b & 15) - 8);
    acc[k + 1] += v * ((b >> 4) - 8);
  }
}
""",
    "row2": """/* acc += v times n weights of -1, 0, 1, four to a byte; n is a multiple of four */
static void row2(int32_t *acc, const uint8_t *w, int n, int32_t v) {
  const int32_t part[4] = {0, v, 0, -v};
  for (int k = 0; k < n; k += 4) {
    const int32_t b = *w++;
    acc[k] += part[b & 3];
    acc[k + 1] += part[(b >> 2) & 3];
    acc[k + 2] += part[(b >> 4) & 3];
    acc[k + 3] += part[b >> 6];
  }
}
""",
    "row1": """/* acc += v times n weights of -1 or 1, eight to a byte; n is a multiple of eight */
static void row1(int32_t *acc, const uint8_t *w, int n, int32_t v) {
  for (int k = 0; k < n; k += 8) {
    int32_t b = *w++;
    for (int i = 0; i < 8; i++, b >>= 1) acc[k + i] += b & 1 ? v : -v;
  }
}
""",
    "dot8": """static int32_t dot8(const int8_t *x, const int8_t *w, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k++) v += x[k] * w[k];
  return v;
}
""",
    "dot8x4": """/* n is a multiple of four */
static int32_t dot8x4(const int8_t *x, const int8_t *w, int n) {
  const int8_t *const end = x + n;
  int32_t v = 0;
  while (x != end) {
    v += *x++ * *w++;
    v += *x++ * *w++;
    v += *x++ * *w++;
    v += *x++ * *w++;
  }
  return v;
}
""",
    "sum8": """static int32_t sum8(const int8_t *x, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k++) v += x[k];
  return v;
}
""",
    "dot4": """/* weights two to a byte, as they are stored: 8 more than they are; n is a multiple of four */
static int32_t dot4(const int8_t *x, const uint8_t *w, int n) {
  const int8_t *const end = x + n;
  int32_t v = 0;
  while (x != end) {
    int32_t b = *w++;
    v += *x++ * (b & 15);
    v += *x++ * (b >> 4);
    b = *w++;
    v += *x++ * (b & 15);
    v += *x++ * (b >> 4);
  }
  return v;
}
""",
    "dot2": """/* weights of -1, 0, 1, four to a byte; n is a multiple of four */
static int32_t dot2(const int8_t *x, const uint8_t *w, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k += 4) {
    int32_t b = *w++;
    for (int i = 0; i < 4; i++, b >>= 2) v += b & 1 ? (b & 2 ? -x[k + i] : x[k + i]) : 0;
  }
  return v;
}
""",
    "dot1": """/* weights of -1 or 1, eight to a byte; n is a multiple of eight */
static int32_t dot1(const int8_t *x, const uint8_t *w, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k += 8) {
    int32_t b = *w++;
    for (int i = 0; i < 8; i++, b >>= 1) v += b & 1 ? x[k + i] : -x[k + i];
  }
  return v;
}
""",
    "add8": """/* inputs of -1 and 1: weights are added and taken away */
static int32_t add8(const int8_t *x, const int8_t *w, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k++) v += x[k] < 0 ? -w[k] : w[k];
  return v;
}
""",
    "add4": """/* inputs of -1 and 1, weights two to a byte, stored as 8 more; n is even */
static int32_t add4(const int8_t *x, const uint8_t *w, int n) {
  int32_t v = 0;
  for (int k = 0; k < n; k += 2) {
    const int32_t b = *w++, low = (b & 15) - 8, high = (b >> 4) - 8;
    v += x[k] < 0 ? -low : low;
    v += x[k + 1] < 0 ? -high : high;
  }
  return v;
}
""",
}

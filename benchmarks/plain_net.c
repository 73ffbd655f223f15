/* The plain network by hand: leaky ReLU layers, softmax, log loss, one SGD step an event; predict, then learn.

   gcc -O3 -march=native -shared -fPIC -DH1=64 -DH2=32 plain_net.c -lm        (H2=0: one hidden layer)

   Weights lie input by input. Sizes of the hidden layers are known to the compiler, so it unrolls and keeps sums
   in registers; no fast-math: inner products are sixteen partial sums, written out. */

#include <math.h>

#define LANES 16
#define LEAK 0.01f
#if H2
#define HL H2
#else
#define HL H1
#endif

static float dot(const float *restrict u, const float *restrict v, int n) {
    float s[LANES] = {0};
    for (int j = 0; j < n; j += LANES)
        for (int l = 0; l < LANES; l++) s[l] += u[j + l] * v[j + l];
    for (int m = LANES / 2; m; m /= 2)
        for (int l = 0; l < m; l++) s[l] += s[l + m];
    return s[0];
}

/* z = leaky(b + x W), slope = its derivative; skips inputs that are 0 */
#define LAYER(x, n, W, b, H, z, slope)                                       \
    do {                                                                     \
        float a[H];                                                          \
        for (int j = 0; j < H; j++) a[j] = (b)[j];                           \
        for (int i = 0; i < (n); i++) {                                      \
            float v = (x)[i];                                                \
            if (v == 0.0f) continue;                                         \
            const float *w = (W) + i * H;                                    \
            for (int j = 0; j < H; j++) a[j] += v * w[j];                    \
        }                                                                    \
        for (int j = 0; j < H; j++) {                                        \
            (slope)[j] = a[j] > 0.0f ? 1.0f : LEAK;                          \
            (z)[j] = a[j] * (slope)[j];                                      \
        }                                                                    \
    } while (0)

/* rows x[n][d], labels y[n]; W1[d][H1] b1 W2[H1][H2] b2 V[C][HL] c; p[n][C] receives the predictions */
void plain_net(int n, int d, int C, const float *restrict x, const int *restrict y, float *restrict W1,
               float *restrict b1, float *restrict W2, float *restrict b2, float *restrict V, float *restrict c,
               float step, float *restrict p) {
    float z1[H1], s1[H1], d1[H1], dl[HL];
#if H2
    float z2[H2], s2[H2];
    float *zl = z2, *sl = s2;
#else
    float *zl = z1, *sl = s1;
    (void)W2, (void)b2;
#endif
    for (int e = 0; e < n; e++, x += d, p += C) {
        LAYER(x, d, W1, b1, H1, z1, s1);
#if H2
        LAYER(z1, H1, W2, b2, H2, z2, s2);
#endif
        float top = -INFINITY, sum = 0.0f;
        for (int k = 0; k < C; k++) {
            p[k] = dot(V + k * HL, zl, HL) + c[k];
            top = p[k] > top ? p[k] : top;
        }
        for (int k = 0; k < C; k++) sum += p[k] = expf(p[k] - top);
        for (int k = 0; k < C; k++) p[k] /= sum;

        for (int j = 0; j < HL; j++) dl[j] = 0.0f;
        for (int k = 0; k < C; k++) {
            float g = p[k] - (k == y[e]), *v = V + k * HL;
            for (int j = 0; j < HL; j++) {
                dl[j] += g * v[j];
                v[j] -= step * g * zl[j];
            }
            c[k] -= step * g;
        }
        for (int j = 0; j < HL; j++) dl[j] *= sl[j];
#if H2
        for (int j = 0; j < H2; j++) b2[j] -= step * dl[j];
        for (int i = 0; i < H1; i++) {
            float *w = W2 + i * H2, v = step * z1[i];
            d1[i] = dot(w, dl, H2) * s1[i];
            for (int j = 0; j < H2; j++) w[j] -= v * dl[j];
        }
#else
        for (int j = 0; j < H1; j++) d1[j] = dl[j];
#endif
        for (int j = 0; j < H1; j++) b1[j] -= step * d1[j];
        for (int i = 0; i < d; i++) {
            if (x[i] == 0.0f) continue;
            float *w = W1 + i * H1, v = step * x[i];
            for (int j = 0; j < H1; j++) w[j] -= v * d1[j];
        }
    }
}

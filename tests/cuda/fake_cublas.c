/* The part of cuBLAS that microgrest calls, on host memory: column-major products as its guide
   defines them. Statuses as cuBLAS's: invalid arguments are refused with 7. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID_VALUE = 7 };
enum { FLOAT = 0, DOUBLE = 1, HALF = 2 };

typedef struct {
    void *stream;
    int math_mode;
} Handle;

static int alive = 0;

int fake_cublas_alive(void) { return alive; }
void *fake_cublas_stream(Handle *h) { return h->stream; }
int fake_cublas_math_mode(Handle *h) { return h->math_mode; }

int cublasCreate_v2(Handle **h) {
    *h = calloc(1, sizeof(Handle));
    alive++;
    return SUCCESS;
}

int cublasDestroy_v2(Handle *h) {
    free(h);
    alive--;
    return SUCCESS;
}

int cublasSetStream_v2(Handle *h, void *stream) {
    h->stream = stream;
    return SUCCESS;
}

int cublasSetMathMode(Handle *h, int mode) {
    h->math_mode = mode;
    return SUCCESS;
}

const char *cublasGetStatusName(int status) {
    return status == INVALID_VALUE ? "CUBLAS_STATUS_INVALID_VALUE" : "CUBLAS_STATUS_UNKNOWN";
}

/* Normal numbers and zero only, which is what the tests have. */
static double from_half(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x8000) << 16;
    float x;
    if (h & 0x7fff) bits |= ((uint32_t)(h & 0x7fff) << 13) + 0x38000000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint16_t to_half(double value) {
    float x = (float)value;
    uint32_t bits;
    memcpy(&bits, &x, sizeof x);
    if (!(bits & 0x7fffffff)) return (uint16_t)(bits >> 16);
    return (uint16_t)(((bits >> 16) & 0x8000) | ((((bits & 0x7fffffff) - 0x38000000) >> 13)));
}

static double get(const void *x, int type, int64_t i) {
    if (type == HALF) return from_half(((const uint16_t *)x)[i]);
    return type == FLOAT ? ((const float *)x)[i] : ((const double *)x)[i];
}

static void put(void *x, int type, int64_t i, double value) {
    if (type == HALF) ((uint16_t *)x)[i] = to_half(value);
    else if (type == FLOAT) ((float *)x)[i] = (float)value;
    else ((double *)x)[i] = value;
}

static int least(int rows) { return rows > 1 ? rows : 1; }

int cublasGemmStridedBatchedEx(
    Handle *h, int transa, int transb, int m, int n, int k, const void *alpha, const void *a,
    int atype, int lda, long long stridea, const void *b, int btype, int ldb, long long strideb,
    const void *beta, void *c, int ctype, int ldc, long long stridec, int batch, int compute,
    int algorithm) {
    int scalar = ctype == DOUBLE ? DOUBLE : FLOAT;
    if (!h || m < 0 || n < 0 || k < 0 || batch < 0 || algorithm != -1) return INVALID_VALUE;
    if (atype != ctype || btype != ctype || compute != (ctype == DOUBLE ? 70 : 68))
        return INVALID_VALUE;
    if (lda < least(transa ? k : m) || ldb < least(transb ? n : k) || ldc < least(m))
        return INVALID_VALUE;
    for (int p = 0; p < batch; p++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                double sum = 0;
                for (int64_t l = 0; l < k; l++)
                    sum += get(a, atype, p * stridea + (transa ? i * (int64_t)lda + l : l * lda + i)) *
                           get(b, btype, p * strideb + (transb ? l * ldb + j : j * (int64_t)ldb + l));
                int64_t place = p * stridec + j * (int64_t)ldc + i;
                double old = get(beta, scalar, 0) ? get(beta, scalar, 0) * get(c, ctype, place) : 0;
                put(c, ctype, place, get(alpha, scalar, 0) * sum + old);
            }
    return SUCCESS;
}

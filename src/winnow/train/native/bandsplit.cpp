// The blocks of the band-split network (winnow.train.networks.bandsplit) forwards and backwards, in bfloat16 on the tiles of AMX.
//
// Tokens lie in memory as (T, B, K, D): time, batch, band, channel; rows of D = 64 float32. An LSTM has N = B * K sequences.
// Products are of bfloat16 with float32 sums, everything else is float32, as under autocast. A tile holds 16 rows of 64 bytes:
// 16 x 32 of a left matrix (bfloat16), 32 x 16 of a right one (two rows interleaved), or 16 x 16 sums (float32).
#include <immintrin.h>
#include <malloc.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

typedef uint16_t bf16;
typedef __m512 V;

constexpr int D = 64, H = 64, G = 4 * H, R = 32;  // channels, hidden, gates, rows of a block
constexpr float EPS = 1e-5f;

// ---- tiles

struct alignas(64) Config {
  uint8_t palette, start, none[14];
  uint16_t bytes[16];
  uint8_t rows[16];
};

void configure() {
  Config c;
  memset(&c, 0, sizeof c);
  c.palette = 1;
  for (int i = 0; i < 8; i++) c.bytes[i] = 64, c.rows[i] = 16;
  _tile_loadconfig(&c);
}

// 32 x 32 sums: of two rows of left tiles times two columns of right tiles, kt of each; plus what is there if ADD.
// bytes: from row to row of a left tile; step: numbers from a left tile to the next one.
template <bool ADD>
inline void square(const bf16* upper, const bf16* lower, int bytes, int step, const bf16* right, int kt, float* c, int ldc) {
  const bf16* next = right + (size_t)kt * 512;
  if (ADD) {
    _tile_loadd(0, c, ldc * 4);
    _tile_loadd(1, c + 16, ldc * 4);
    _tile_loadd(2, c + 16 * ldc, ldc * 4);
    _tile_loadd(3, c + 16 * ldc + 16, ldc * 4);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int k = 0; k < kt; k++) {
    _tile_loadd(4, upper + k * step, bytes);
    _tile_loadd(6, right + k * 512, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, next + k * 512, 64);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, lower + k * step, bytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, ldc * 4);
  _tile_stored(1, c + 16, ldc * 4);
  _tile_stored(2, c + 16 * ldc, ldc * 4);
  _tile_stored(3, c + 16 * ldc + 16, ldc * 4);
}

// C (m x n, float32) = A (m x 32 kt, bfloat16) times right tiles, plus C if ADD; m and n are multiples of 32
template <bool ADD>
inline void mm(const bf16* A, int lda, const bf16* B, int kt, float* C, int ldc, int m, int n) {
  for (int j = 0; j < n; j += 32)
    for (int i = 0; i < m; i += 32) {
      const bf16* a = A + (size_t)i * lda;
      square<ADD>(a, a + 16 * lda, lda * 2, 32, B + (size_t)(j / 16) * kt * 512, kt, C + (size_t)i * ldc + j, ldc);
    }
}

// C (m x n) += left tiles times right tiles
inline void product(const bf16* left, int m, const bf16* right, int n, int kt, float* C) {
  for (int i = 0; i < m; i += 32)
    for (int j = 0; j < n; j += 32) {
      const bf16* a = left + (size_t)(i / 16) * kt * 512;
      square<true>(a, a + (size_t)kt * 512, 64, 512, right + (size_t)(j / 16) * kt * 512, kt, C + (size_t)i * n + j, n);
    }
}

// ---- vectors of sixteen

inline V load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, V v) { _mm512_storeu_ps(p, v); }
inline V fill(float x) { return _mm512_set1_ps(x); }
inline V load16(const bf16* p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)), 16));
}
inline __m256i narrow(V v) { return (__m256i)_mm512_cvtneps_pbh(v); }
inline void store16(bf16* p, V v) { _mm256_storeu_si256((__m256i*)p, narrow(v)); }
inline void stream(bf16* p, __m256i low, __m256i high) {  // past the caches: nobody reads it soon
  _mm512_stream_si512((__m512i*)p, _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
}
inline __m512i pairs(__m256i even, __m256i odd) {
  return _mm512_or_si512(_mm512_cvtepu16_epi32(even), _mm512_slli_epi32(_mm512_cvtepu16_epi32(odd), 16));
}
inline V exp2v(V x) {  // 2^x within 4e-6 of it; what is too large is infinite
  V f = _mm512_reduce_ps(x, 1), p = fill(1.3697664e-2f);
  p = _mm512_fmadd_ps(p, f, fill(5.1690360e-2f));
  p = _mm512_fmadd_ps(p, f, fill(2.4163842e-1f));
  p = _mm512_fmadd_ps(p, f, fill(6.9296612e-1f));
  p = _mm512_fmadd_ps(p, f, fill(1.0000037f));
  return _mm512_scalef_ps(p, x);
}
inline V sigmoid(V x) { return _mm512_rcp14_ps(_mm512_add_ps(fill(1.f), exp2v(_mm512_mul_ps(x, fill(-1.442695041f))))); }
inline V tanhv(V x) { return _mm512_fmsub_ps(fill(2.f), sigmoid(_mm512_add_ps(x, x)), fill(1.f)); }

// sixteen rows of sixteen 32-bit numbers, transposed
inline void transpose(__m512i r[16]) {
  __m512i t[16];
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 4; i++) {
    r[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    r[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    r[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(r[i], r[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(r[8 + i], r[12 + i], 0xdd);
  }
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    r[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    r[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    r[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

// ---- packing

// A weight matrix W (k x n, or its transpose in memory) as right tiles: tile (n, k) at (n * kt + k) * 512
void pack(const float* W, int ld, bool transposed, int k, int n, bf16* out) {
  int kt = k / 32;
  for (int j = 0; j < n; j += 16)
    for (int i = 0; i < k; i += 2) {
      V even, odd;
      if (transposed) {
        const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
        const __m512i at = _mm512_mullo_epi32(count, _mm512_set1_epi32(ld));
        even = _mm512_i32gather_ps(at, W + (size_t)j * ld + i, 4);
        odd = _mm512_i32gather_ps(at, W + (size_t)j * ld + i + 1, 4);
      } else {
        even = load(W + (size_t)i * ld + j);
        odd = load(W + (size_t)(i + 1) * ld + j);
      }
      _mm512_storeu_si512(out + ((size_t)(j / 16) * kt + i / 32) * 512 + (i % 32) * 16, pairs(narrow(even), narrow(odd)));
    }
}

void round_all(const float* from, int count, bf16* to) {
  for (int i = 0; i < count; i += 16) store16(to + i, load(from + i));
}

void round_transposed(const float* from, int rows, int columns, bf16* to) {  // to: columns x rows
  bf16 part[16];
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j += 16) {
      store16(part, load(from + (size_t)i * columns + j));
      for (int k = 0; k < 16; k++) to[(size_t)(j + k) * rows + i] = part[k];
    }
}

// Rows of bfloat16 as right tiles: 32 rows x n columns
inline void pack_rows(const bf16* A, int lda, int n, int kt, int k, bf16* out) {
  for (int p = 0; p < 16; p++) {
    const bf16 *even = A + (size_t)(2 * p) * lda, *odd = even + lda;
    for (int j = 0; j < n; j += 16)
      _mm512_storeu_si512(out + ((size_t)(j / 16) * kt + k) * 512 + p * 32,
                          pairs(_mm256_loadu_si256((const __m256i*)(even + j)), _mm256_loadu_si256((const __m256i*)(odd + j))));
  }
}

// The transpose of 32 rows x m columns as left tiles: tile (m, k) at (m * kt + k) * 512
inline void pack_transposed(const bf16* A, int lda, int m, int kt, int k, bf16* out) {
  for (int j = 0; j < m; j += 16) {
    __m512i r[16];
    for (int p = 0; p < 16; p++) {
      const bf16 *even = A + (size_t)(2 * p) * lda + j, *odd = even + lda;
      r[p] = pairs(_mm256_loadu_si256((const __m256i*)even), _mm256_loadu_si256((const __m256i*)odd));
    }
    transpose(r);
    bf16* to = out + ((size_t)(j / 16) * kt + k) * 512;
    for (int p = 0; p < 16; p++) _mm512_storeu_si512(to + p * 32, r[p]);
  }
}

// The transpose of rows x columns bfloat16 (row-major) as right tiles: columns are summed over, rows become columns
inline void pack_turned(const bf16* A, int lda, int rows, int columns, bf16* out) {
  int kt = columns / 32;
  for (int i = 0; i < rows; i += 16)
    for (int k = 0; k < kt; k++) {
      __m512i r[16];
      for (int p = 0; p < 16; p++) r[p] = _mm512_loadu_si512(A + (size_t)(i + p) * lda + k * 32);
      transpose(r);
      bf16* to = out + ((size_t)(i / 16) * kt + k) * 512;
      for (int p = 0; p < 16; p++) _mm512_storeu_si512(to + p * 32, r[p]);
    }
}

constexpr int CHUNK = 8;  // times 32 rows

struct Turned {  // of at most CHUNK * 32 rows
  alignas(64) bf16 left[256 / 16 * CHUNK * 512], right[192 / 16 * CHUNK * 512];
};

// C (m x n) += the transpose of A (rows x m) times B (rows x n); rows is a multiple of 32
void outer(const bf16* A, int lda, int m, const bf16* B, int ldb, int n, int rows, float* C, Turned& w) {
  for (int from = 0; from < rows; from += CHUNK * 32) {
    int kt = (rows - from < CHUNK * 32 ? rows - from : CHUNK * 32) / 32;
    for (int k = 0; k < kt; k++) {
      pack_transposed(A + (size_t)(from + k * 32) * lda, lda, m, kt, k, w.left);
      pack_rows(B + (size_t)(from + k * 32) * ldb, ldb, n, kt, k, w.right);
    }
    product(w.left, m, w.right, n, kt, C);
  }
}

// ---- layer normalisation of rows of 64

struct Row {
  V v[4];
  float rate;
};

inline Row whitened(const float* x) {
  Row r;
  for (int i = 0; i < 4; i++) r.v[i] = load(x + 16 * i);
  float mean = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(r.v[0], r.v[1]), _mm512_add_ps(r.v[2], r.v[3]))) / D;
  V square = fill(0);
  for (int i = 0; i < 4; i++) r.v[i] = _mm512_sub_ps(r.v[i], fill(mean)), square = _mm512_fmadd_ps(r.v[i], r.v[i], square);
  r.rate = 1 / __builtin_sqrtf(_mm512_reduce_add_ps(square) / D + EPS);
  for (int i = 0; i < 4; i++) r.v[i] = _mm512_mul_ps(r.v[i], fill(r.rate));
  return r;
}

inline void normalised(const float* x, const float* scale, const float* shift, __m256i out[4]) {
  Row r = whitened(x);
  for (int i = 0; i < 4; i++) out[i] = narrow(_mm512_fmadd_ps(r.v[i], load(scale + 16 * i), load(shift + 16 * i)));
}

// dx = before + what comes through the norm from dn; the gradients of scale and shift are added up
inline void back_norm(const float* x, const float* dn, const float* scale, const float* before, float* dx, float* dscale,
                      float* dshift) {
  Row r = whitened(x);
  V g[4], sum = fill(0), along = fill(0);
  for (int i = 0; i < 4; i++) {
    V d = load(dn + 16 * i);
    store(dscale + 16 * i, _mm512_fmadd_ps(d, r.v[i], load(dscale + 16 * i)));
    store(dshift + 16 * i, _mm512_add_ps(d, load(dshift + 16 * i)));
    g[i] = _mm512_mul_ps(d, load(scale + 16 * i));
    sum = _mm512_add_ps(sum, g[i]);
    along = _mm512_fmadd_ps(g[i], r.v[i], along);
  }
  V mean = fill(_mm512_reduce_add_ps(sum) / D), part = fill(_mm512_reduce_add_ps(along) / D);
  for (int i = 0; i < 4; i++) {
    V d = _mm512_fnmadd_ps(r.v[i], part, _mm512_sub_ps(g[i], mean));
    store(dx + 16 * i, _mm512_fmadd_ps(d, fill(r.rate), load(before + 16 * i)));
  }
}

void add_to(float* sum, const float* part, int count) {
  for (int i = 0; i < count; i += 16) store(sum + i, _mm512_add_ps(load(sum + i), load(part + i)));
}

}  // namespace

// Whether the kernel lets this process use tiles. From now on memory is kept from step to step: fresh pages cost as much as
// the work on them.
extern "C" int prepare() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 2000 << 20);
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;  // ARCH_REQ_XCOMP_PERM, tile data
}

// ---- along time

struct Along {  // float32 weights as torch has them, or their gradients
  float *scale, *shift, *wi[2], *wh[2], *bi[2], *bh[2], *out, *bias;
};

struct AlongKept {  // what is kept for the way back; rows are t * N + n
  bf16* norm;    // rows x 64
  bf16* gates;   // 2 x rows x 256: i, f, g, o
  bf16* cells;   // 2 x rows x 64
  bf16* hidden;  // rows x 128
};

extern "C" void along(const float* x, float* y, const Along* w, const AlongKept* kept, int T, int N) {
  alignas(64) static bf16 wi[2][D * G], wh[2][H * G], wo[2 * H * D];
  alignas(64) static float bias[2][G];
  const size_t rows = (size_t)T * N;
#pragma omp parallel
  {
    configure();
#pragma omp for schedule(static) nowait
    for (int k = 0; k < 5; k++) {
      if (k == 4) {
        pack(w->out, 2 * H, true, 2 * H, D, wo);
      } else {
        int d = k / 2;
        pack(k % 2 ? w->wh[d] : w->wi[d], 64, true, 64, G, k % 2 ? wh[d] : wi[d]);
        if (k % 2)
          for (int j = 0; j < G; j++) bias[d][j] = w->bi[d][j] + w->bh[d][j];
      }
    }
#pragma omp for schedule(static)
    for (size_t r = 0; r < rows; r++) {
      __m256i n[4];
      normalised(x + r * D, w->scale, w->shift, n);
      for (int i = 0; i < 4; i++) _mm256_storeu_si256((__m256i*)(kept->norm + r * D + 16 * i), n[i]);
    }
    alignas(64) float pre[R * G], cell[R * H];
#pragma omp for schedule(static)
    for (int item = 0; item < 2 * (N / R); item++) {
      const int d = item % 2, first = item / 2 * R;
      memset(cell, 0, sizeof cell);
      for (int s = 0; s < T; s++) {
        const int t = d ? T - 1 - s : s, last = d ? t + 1 : t - 1;
        const size_t row = (size_t)t * N + first;
        mm<false>(kept->norm + row * D, D, wi[d], 2, pre, G, R, G);
        if (s) mm<true>(kept->hidden + ((size_t)last * N + first) * 2 * H + d * H, 2 * H, wh[d], 2, pre, G, R, G);
        bf16 *gates = kept->gates + (d * rows + row) * G, *cells = kept->cells + (d * rows + row) * H;
        bf16* hidden = kept->hidden + row * 2 * H + d * H;
        for (int r = 0; r < R; r++)
          for (int j = 0; j < H; j += 32) {
            __m256i half[2][5];
            for (int k = 0; k < 2; k++) {
              const int at = j + 16 * k;
              const float *p = pre + r * G + at, *b = bias[d] + at;
              V i = sigmoid(_mm512_add_ps(load(p), load(b))), f = sigmoid(_mm512_add_ps(load(p + H), load(b + H)));
              V g = tanhv(_mm512_add_ps(load(p + 2 * H), load(b + 2 * H)));
              V o = sigmoid(_mm512_add_ps(load(p + 3 * H), load(b + 3 * H)));
              V c = _mm512_fmadd_ps(f, load(cell + r * H + at), _mm512_mul_ps(i, g));
              store(cell + r * H + at, c);
              store16(hidden + r * 2 * H + at, _mm512_mul_ps(o, tanhv(c)));
              half[k][0] = narrow(i), half[k][1] = narrow(f), half[k][2] = narrow(g), half[k][3] = narrow(o);
              half[k][4] = narrow(c);
            }
            for (int k = 0; k < 4; k++) stream(gates + r * G + k * H + j, half[0][k], half[1][k]);
            stream(cells + r * H + j, half[0][4], half[1][4]);
          }
      }
    }
    _mm_sfence();
    alignas(64) float sum[R * D];
#pragma omp for schedule(static)
    for (size_t row = 0; row < rows; row += R) {
      mm<false>(kept->hidden + row * 2 * H, 2 * H, wo, 4, sum, D, R, D);
      for (int r = 0; r < R; r++)
        for (int j = 0; j < D; j += 16) {
          V made = _mm512_add_ps(load(sum + r * D + j), load(w->bias + j));
          store(y + (row + r) * D + j, _mm512_add_ps(made, load(x + (row + r) * D + j)));
        }
    }
    _tile_release();
  }
}

struct AlongSums {
  float scale[D], shift[D], w[2][G * (D + H)], b[2][G], out[D * 2 * H], bias[D];
};

struct Slots {  // of some moments: the gradients before the gates, in and turned
  alignas(64) bf16 pre[CHUNK * R * G], left[G * CHUNK * R], right[(D + H) * CHUNK * R];
};

// dx from dy; the gradients of the weights are added to those in `grad`; narrow_dy (rows x 64) is overwritten
extern "C" void along_back(const float* x, const float* dy, float* dx, bf16* narrow_dy, const Along* w, const AlongKept* kept,
                           const Along* grad, int T, int N) {
  alignas(64) static bf16 wi[2][G * D], wh[2][G * H], wo[2][D * H];
  const size_t rows = (size_t)T * N;
#pragma omp parallel
  {
    configure();
    AlongSums* sums = (AlongSums*)aligned_alloc(64, (sizeof(AlongSums) + 63) / 64 * 64);
    Slots* slots = (Slots*)aligned_alloc(64, sizeof(Slots));
    Turned* turned = (Turned*)aligned_alloc(64, sizeof(Turned));
    memset(sums, 0, sizeof *sums);
#pragma omp for schedule(static) nowait
    for (int k = 0; k < 6; k++) {
      int d = k % 2;
      if (k < 2) pack(w->wi[d], D, false, G, D, wi[d]);
      else if (k < 4) pack(w->wh[d], H, false, G, H, wh[d]);
      else pack(w->out + d * H, 2 * H, false, D, H, wo[d]);
    }
#pragma omp for schedule(static)
    for (size_t from = 0; from < rows; from += CHUNK * R) {
      const int count = rows - from < CHUNK * R ? rows - from : CHUNK * R;
      for (size_t r = from; r < from + count; r++)
        for (int j = 0; j < D; j += 16) {
          V v = load(dy + r * D + j);
          store16(narrow_dy + r * D + j, v);
          store(sums->bias + j, _mm512_add_ps(load(sums->bias + j), v));
        }
      outer(narrow_dy + from * D, D, D, kept->hidden + from * 2 * H, 2 * H, 2 * H, count, sums->out, *turned);
    }
    alignas(64) float dh[R * H], dc[R * H];
#pragma omp for schedule(static)
    for (int group = 0; group < N / R; group++) {
      const int first = group * R;
      for (int d = 0; d < 2; d++) {
        memset(dc, 0, sizeof dc);
        for (int s = T - 1; s >= 0; s--) {
          const int t = d ? T - 1 - s : s, last = d ? t + 1 : t - 1, count = T - 1 - s, slot = count % CHUNK;
          const size_t row = (size_t)t * N + first, before_row = (size_t)(s ? last : t) * N + first;
          bf16* pre = slots->pre + slot * R * G;
          mm<false>(narrow_dy + row * D, D, wo[d], 2, dh, H, R, H);
          if (count) mm<true>(slots->pre + (count - 1) % CHUNK * R * G, G, wh[d], 8, dh, H, R, H);
          const bf16 *gates = kept->gates + (d * rows + row) * G, *cells = kept->cells + (d * rows + row) * H;
          const bf16* before = kept->cells + (d * rows + before_row) * H;
          const ptrdiff_t ahead = d ? N : -N;  // of the moment that comes next on the way back
          const bool more = s > 1;
          V sums_of[4][H / 16];
          for (int j = 0; j < H / 16; j++) sums_of[0][j] = sums_of[1][j] = sums_of[2][j] = sums_of[3][j] = fill(0);
          const V one = fill(1.f), start = fill(s ? 1.f : 0.f);
          for (int r = 0; r < R; r++) {
            if (more) {
              for (int k = 0; k < G; k += 32) _mm_prefetch((const char*)(gates + (ahead + r) * G + k), _MM_HINT_T1);
              for (int k = 0; k < H; k += 32) _mm_prefetch((const char*)(before + (ahead + r) * H + k), _MM_HINT_T1);
            }
#pragma GCC unroll 4
            for (int n = 0; n < H / 16; n++) {
              const int j = n * 16;
              V i = load16(gates + r * G + j), f = load16(gates + r * G + H + j), g = load16(gates + r * G + 2 * H + j);
              V o = load16(gates + r * G + 3 * H + j), c = tanhv(load16(cells + r * H + j)), h = load(dh + r * H + j);
              V then = _mm512_mul_ps(load16(before + r * H + j), start);
              V d_c = _mm512_fmadd_ps(_mm512_mul_ps(h, o), _mm512_fnmadd_ps(c, c, one), load(dc + r * H + j));
              store(dc + r * H + j, _mm512_mul_ps(d_c, f));
              V di = _mm512_mul_ps(_mm512_mul_ps(d_c, g), _mm512_fnmadd_ps(i, i, i));
              V df = _mm512_mul_ps(_mm512_mul_ps(d_c, then), _mm512_fnmadd_ps(f, f, f));
              V dg = _mm512_mul_ps(_mm512_mul_ps(d_c, i), _mm512_fnmadd_ps(g, g, one));
              V d_o = _mm512_mul_ps(_mm512_mul_ps(h, c), _mm512_fnmadd_ps(o, o, o));
              store16(pre + r * G + j, di);
              store16(pre + r * G + H + j, df);
              store16(pre + r * G + 2 * H + j, dg);
              store16(pre + r * G + 3 * H + j, d_o);
              sums_of[0][n] = _mm512_add_ps(sums_of[0][n], di);
              sums_of[1][n] = _mm512_add_ps(sums_of[1][n], df);
              sums_of[2][n] = _mm512_add_ps(sums_of[2][n], dg);
              sums_of[3][n] = _mm512_add_ps(sums_of[3][n], d_o);
            }
          }
          for (int k = 0; k < G; k += 16) store(sums->b[d] + k, _mm512_add_ps(load(sums->b[d] + k), sums_of[k / H][k % H / 16]));
          if (d) mm<true>(pre, G, wi[d], 8, dx + row * D, D, R, D);
          else mm<false>(pre, G, wi[d], 8, dx + row * D, D, R, D);
          const int full = s && slot < CHUNK - 1 ? 0 : slot + 1;
          for (int k = 0; k < full; k++) {  // as many tiles as there are moments in the slots
            const int u = d ? t - (slot - k) : t + (slot - k), v = d ? u + 1 : u - 1;
            const bool none = !s && k == slot;
            pack_transposed(slots->pre + k * R * G, G, G, full, k, slots->left);
            pack_rows(kept->norm + ((size_t)u * N + first) * D, D, D, full, k, slots->right);
            bf16* right = slots->right + (size_t)(D / 16) * full * 512;
            if (none)
              for (int j = 0; j < H / 16; j++) memset(right + ((size_t)j * full + k) * 512, 0, 1024);
            else
              pack_rows(kept->hidden + ((size_t)v * N + first) * 2 * H + d * H, 2 * H, H, full, k, right);
          }
          if (full) product(slots->left, G, slots->right, D + H, full, sums->w[d]);
        }
      }
      for (int t = 0; t < T; t++)
        for (int r = 0; r < R; r++) {
          const size_t at = ((size_t)t * N + first + r) * D;
          back_norm(x + at, dx + at, w->scale, dy + at, dx + at, sums->scale, sums->shift);
        }
    }
    for (int turn = 0; turn < omp_get_num_threads(); turn++) {  // one after another: the same sums every time
#pragma omp barrier
      if (turn != omp_get_thread_num()) continue;
      add_to(grad->scale, sums->scale, D);
      add_to(grad->shift, sums->shift, D);
      add_to(grad->out, sums->out, D * 2 * H);
      add_to(grad->bias, sums->bias, D);
      for (int d = 0; d < 2; d++) {
        for (int g = 0; g < G; g++) {
          add_to(grad->wi[d] + g * D, sums->w[d] + g * (D + H), D);
          add_to(grad->wh[d] + g * H, sums->w[d] + g * (D + H) + D, H);
        }
        add_to(grad->bi[d], sums->b[d], G);
        add_to(grad->bh[d], sums->b[d], G);
      }
    }
    free(sums);
    free(slots);
    free(turned);
    _tile_release();
  }
}

// ---- across bands; K = 32 bands, 64 hidden across them, 128 hidden of three neighbours

constexpr int K = 32, P = 2 * K, W = 3 * D, F = 2 * D;

struct Across {
  float *scale, *shift, *w1, *b1, *w2, *b2, *scale_near, *shift_near, *u1, *c1, *u2, *c2;
};

struct Packed {
  alignas(64) bf16 w1[P * K], w2[K * P], u1[W * F], u2[F * D];      // forwards
  alignas(64) bf16 w1t[K * P], w2t[P * K], u1t[F * W], u2t[D * F];  // backwards
};

struct Tile {  // of one moment of one example: all bands
  alignas(64) bf16 norm[K * D], normp[K * D], hid[P * D], hidp[P * D], near[(K + 2) * D], wide[K * F];
  alignas(64) float pre[P * D], mid[K * D], prewide[K * F], sum[K * D];  // pre: before x * sigmoid(x), or its slope there
};

static void pack_across(const Across* w, Packed& p, bool back) {
  round_all(w->w1, P * K, p.w1);
  round_all(w->w2, K * P, p.w2);
  pack(w->u1, W, true, W, F, p.u1);
  pack(w->u2, F, true, F, D, p.u2);
  if (back) {
    round_transposed(w->w1, P, K, p.w1t);
    round_transposed(w->w2, K, P, p.w2t);
    pack(w->u1, W, false, F, W, p.u1t);
    pack(w->u2, F, false, D, F, p.u2t);
  }
}

// x * sigmoid(x), and its derivative
template <bool BACK>
static inline V swish(V x, float* slope) {
  V s = sigmoid(x), y = _mm512_mul_ps(x, s);
  if (BACK) store(slope, _mm512_fmadd_ps(y, _mm512_sub_ps(fill(1.f), s), s));
  return y;
}

// up to the hidden layer of the neighbours, and t.mid
template <bool BACK>
static inline void forwards(const float* x, const Across* w, const Packed& p, Tile& t) {
  for (int k = 0; k < K; k += 2) {
    __m256i a[4], b[4];
    normalised(x + k * D, w->scale, w->shift, a);
    normalised(x + (k + 1) * D, w->scale, w->shift, b);
    for (int i = 0; i < 4; i++) {
      _mm256_store_si256((__m256i*)(t.norm + k * D + 16 * i), a[i]);
      _mm256_store_si256((__m256i*)(t.norm + (k + 1) * D + 16 * i), b[i]);
      _mm512_store_si512(t.normp + i * 512 + k * 16, pairs(a[i], b[i]));
    }
  }
  mm<false>(p.w1, K, t.normp, 1, t.pre, D, P, D);
  for (int k = 0; k < P; k += 2)
    for (int i = 0; i < 4; i++) {
      V a = _mm512_add_ps(load(t.pre + k * D + 16 * i), fill(w->b1[k]));
      V b = _mm512_add_ps(load(t.pre + (k + 1) * D + 16 * i), fill(w->b1[k + 1]));
      __m256i c = narrow(swish<BACK>(a, t.pre + k * D + 16 * i)), e = narrow(swish<BACK>(b, t.pre + (k + 1) * D + 16 * i));
      _mm256_store_si256((__m256i*)(t.hid + k * D + 16 * i), c);
      _mm256_store_si256((__m256i*)(t.hid + (k + 1) * D + 16 * i), e);
      _mm512_store_si512(t.hidp + (i * 2 + k / 32) * 512 + (k % 32) * 16, pairs(c, e));
    }
  mm<false>(p.w2, P, t.hidp, 2, t.mid, D, K, D);
  for (int k = 0; k < K; k++) {
    for (int i = 0; i < D; i += 16)
      store(t.mid + k * D + i, _mm512_add_ps(_mm512_add_ps(load(t.mid + k * D + i), fill(w->b2[k])), load(x + k * D + i)));
    __m256i n[4];
    normalised(t.mid + k * D, w->scale_near, w->shift_near, n);
    for (int i = 0; i < 4; i++) _mm256_store_si256((__m256i*)(t.near + (k + 1) * D + 16 * i), n[i]);
  }
  mm<false>(t.near, D, p.u1, W / 32, t.prewide, F, K, F);
  for (int k = 0; k < K; k++)
    for (int i = 0; i < F; i += 16) {
      V a = _mm512_add_ps(load(t.prewide + k * F + i), load(w->c1 + i));
      store16(t.wide + k * F + i, swish<BACK>(a, t.prewide + k * F + i));
    }
}

static Packed packed;

extern "C" void across(const float* x, float* y, const Across* w, int tiles) {
  pack_across(w, packed, false);
#pragma omp parallel
  {
    configure();
    Tile* t = (Tile*)aligned_alloc(64, sizeof(Tile));
    memset(t->near, 0, sizeof t->near);
#pragma omp for schedule(static)
    for (int n = 0; n < tiles; n++) {
      const float* from = x + (size_t)n * K * D;
      float* to = y + (size_t)n * K * D;
      forwards<false>(from, w, packed, *t);
      mm<false>(t->wide, F, packed.u2, F / 32, t->sum, D, K, D);
      for (int i = 0; i < K * D; i += 16)
        store(to + i, _mm512_add_ps(_mm512_add_ps(load(t->sum + i), load(w->c2 + i % D)), load(t->mid + i)));
    }
    free(t);
    _tile_release();
  }
}

struct AcrossSums {
  float scale[D], shift[D], w1[P * K], b1[P], w2[K * P], b2[K], scale_near[D], shift_near[D], u1[F * W], c1[F], u2[D * F], c2[D];
};

struct AcrossBack {  // of CHUNK tiles, for the weights of the neighbours; and of one tile
  alignas(64) bf16 dy[CHUNK * K * D], wide[CHUNK * K * F], dwide[CHUNK * K * F], three[CHUNK * K * W];
  alignas(64) float dhid[P * D], dwide_sum[K * F], dthree[K * W], dnear[(K + 2) * D], dmid[K * D], dn[K * D];
  alignas(64) bf16 dmid_rows[K * D], dmidp[K * D], dpre[P * D], dprep[P * D], turned[P * D];
  Turned pair;
};

extern "C" void across_back(const float* x, const float* dy, float* dx, const Across* w, const Across* grad, int tiles) {
  pack_across(w, packed, true);
#pragma omp parallel
  {
    configure();
    Tile* t = (Tile*)aligned_alloc(64, sizeof(Tile));
    AcrossBack* b = (AcrossBack*)aligned_alloc(64, (sizeof(AcrossBack) + 63) / 64 * 64);
    AcrossSums* s = (AcrossSums*)aligned_alloc(64, (sizeof(AcrossSums) + 63) / 64 * 64);
    memset(t->near, 0, sizeof t->near);
    memset(s, 0, sizeof *s);
#pragma omp for schedule(static)
    for (int chunk = 0; chunk < (tiles + CHUNK - 1) / CHUNK; chunk++) {
      const int first = chunk * CHUNK, count = tiles - first < CHUNK ? tiles - first : CHUNK;
      for (int n = 0; n < count; n++) {
        const float *from = x + (size_t)(first + n) * K * D, *down = dy + (size_t)(first + n) * K * D;
        float* to = dx + (size_t)(first + n) * K * D;
        forwards<true>(from, w, packed, *t);
        bf16 *rows = b->dy + n * K * D, *dwide = b->dwide + n * K * F, *three = b->three + n * K * W;
        memcpy(b->wide + n * K * F, t->wide, sizeof t->wide);
        for (int k = 0; k < K; k++) {
          memcpy(three + k * W, t->near + k * D, W * sizeof(bf16));
          for (int i = 0; i < D; i += 16) {
            V v = load(down + k * D + i);
            store16(rows + k * D + i, v);
            store(s->c2 + i, _mm512_add_ps(load(s->c2 + i), v));
          }
        }
        mm<false>(rows, D, packed.u2t, D / 32, b->dwide_sum, F, K, F);
        for (int k = 0; k < K; k++)
          for (int i = 0; i < F; i += 16) {
            V v = _mm512_mul_ps(load(b->dwide_sum + k * F + i), load(t->prewide + k * F + i));
            store16(dwide + k * F + i, v);
            store(s->c1 + i, _mm512_add_ps(load(s->c1 + i), v));
          }
        mm<false>(dwide, F, packed.u1t, F / 32, b->dthree, W, K, W);
        memset(b->dnear, 0, sizeof b->dnear);
        for (int k = 0; k < K; k++) add_to(b->dnear + k * D, b->dthree + k * W, W);
        for (int k = 0; k < K; k++) {
          float* d = b->dmid + k * D;
          back_norm(t->mid + k * D, b->dnear + (k + 1) * D, w->scale_near, down + k * D, d, s->scale_near, s->shift_near);
          V sum = _mm512_add_ps(_mm512_add_ps(load(d), load(d + 16)), _mm512_add_ps(load(d + 32), load(d + 48)));
          s->b2[k] += _mm512_reduce_add_ps(sum);
        }
        for (int k = 0; k < K; k += 2)
          for (int i = 0; i < 4; i++) {
            __m256i a = narrow(load(b->dmid + k * D + 16 * i)), c = narrow(load(b->dmid + (k + 1) * D + 16 * i));
            _mm256_store_si256((__m256i*)(b->dmid_rows + k * D + 16 * i), a);
            _mm256_store_si256((__m256i*)(b->dmid_rows + (k + 1) * D + 16 * i), c);
            _mm512_store_si512(b->dmidp + i * 512 + k * 16, pairs(a, c));
          }
        mm<false>(packed.w2t, K, b->dmidp, 1, b->dhid, D, P, D);
        for (int k = 0; k < P; k += 2)
          for (int i = 0; i < 4; i++) {
            const int at = k * D + 16 * i;
            __m256i a = narrow(_mm512_mul_ps(load(b->dhid + at), load(t->pre + at)));
            __m256i c = narrow(_mm512_mul_ps(load(b->dhid + at + D), load(t->pre + at + D)));
            _mm256_store_si256((__m256i*)(b->dpre + at), a);
            _mm256_store_si256((__m256i*)(b->dpre + at + D), c);
            _mm512_store_si512(b->dprep + (i * 2 + k / 32) * 512 + (k % 32) * 16, pairs(a, c));
          }
        for (int k = 0; k < P; k++) {
          V sum = fill(0);
          for (int i = 0; i < D; i += 16) sum = _mm512_add_ps(sum, load16(b->dpre + k * D + i));
          s->b1[k] += _mm512_reduce_add_ps(sum);
        }
        mm<false>(packed.w1t, P, b->dprep, 2, b->dn, D, K, D);
        for (int k = 0; k < K; k++)
          back_norm(from + k * D, b->dn + k * D, w->scale, b->dmid + k * D, to + k * D, s->scale, s->shift);
        pack_turned(t->hid, D, P, D, b->turned);
        mm<true>(b->dmid_rows, D, b->turned, 2, s->w2, P, K, P);
        pack_turned(t->norm, D, K, D, b->turned);
        mm<true>(b->dpre, D, b->turned, 2, s->w1, K, P, K);
      }
      outer(b->dy, D, D, b->wide, F, F, count * K, s->u2, b->pair);
      outer(b->dwide, F, F, b->three, W, W, count * K, s->u1, b->pair);
    }
    for (int turn = 0; turn < omp_get_num_threads(); turn++) {
#pragma omp barrier
      if (turn != omp_get_thread_num()) continue;
      add_to(grad->scale, s->scale, D);
      add_to(grad->shift, s->shift, D);
      add_to(grad->w1, s->w1, P * K);
      add_to(grad->b1, s->b1, P);
      add_to(grad->w2, s->w2, K * P);
      add_to(grad->b2, s->b2, K);
      add_to(grad->scale_near, s->scale_near, D);
      add_to(grad->shift_near, s->shift_near, D);
      add_to(grad->u1, s->u1, F * W);
      add_to(grad->c1, s->c1, F);
      add_to(grad->u2, s->u2, D * F);
      add_to(grad->c2, s->c2, D);
    }
    free(t);
    free(b);
    free(s);
    _tile_release();
  }
}

// A tile of the vocabulary on a CUDA device. Each block of threads has one row of logits `[rows, width]`, and the
// output of its position beside it: of every `sites` rows the last. Sums are in float64, in the same order each run.

#define WARP 32
#define EVERY 0xffffffffu
// The smallest float32 that is normal.
#define LEAST 1.17549435e-38f

struct Candidate {
    float logit;
    unsigned place;
};

__device__ double joined(double a, double b) { return a + b; }

__device__ float joined(float a, float b) { return fmaxf(a, b); }

// The larger; of equal ones the first.
__device__ Candidate joined(Candidate a, Candidate b) {
    bool second = b.logit > a.logit || (b.logit == a.logit && b.place < a.place);
    return second ? b : a;
}

__device__ double beside(double x, int distance) { return __shfl_xor_sync(EVERY, x, distance); }

__device__ float beside(float x, int distance) { return __shfl_xor_sync(EVERY, x, distance); }

__device__ Candidate beside(Candidate x, int distance) {
    return {__shfl_xor_sync(EVERY, x.logit, distance), __shfl_xor_sync(EVERY, x.place, distance)};
}

// What all threads of a block have, joined; given to each.
template <typename T> __device__ T of_block(T mine) {
    __shared__ T of_warps[WARP];
    for (int distance = WARP / 2; distance > 0; distance /= 2) mine = joined(mine, beside(mine, distance));
    __syncthreads();
    if (threadIdx.x % WARP == 0) of_warps[threadIdx.x / WARP] = mine;
    __syncthreads();
    T all = of_warps[0];
    for (int warp = 1; warp < blockDim.x / WARP; warp++) all = joined(all, of_warps[warp]);
    return all;
}

__device__ const float *row_of(const float *logits, unsigned width) { return logits + (size_t)blockIdx.x * width; }

__device__ const float *output_of(const float *logits, unsigned sites, unsigned width) {
    return logits + ((size_t)(blockIdx.x / sites + 1) * sites - 1) * width;
}

// For each row: of l its logits and f the output's, max l, max f and the logit at `next`; Σ e^(l - max l), the same
// weighed with l - max l and with l - f, Σ e^(f - max f) weighed with f - l, and that sum without a weight; its k
// largest logits with their places, largest first, of equal ones the first. Shared memory: one row.
extern "C" __global__ void readings(const float *logits, const unsigned *next, unsigned sites, unsigned width,
                                    unsigned k, double *numbers, float *top_logits, unsigned *top_places) {
    extern __shared__ float row[];
    const float *mine = row_of(logits, width), *output = output_of(logits, sites, width);
    float max = -INFINITY, output_max = -INFINITY;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) {
        row[i] = mine[i];
        max = fmaxf(max, row[i]);
        output_max = fmaxf(output_max, output[i]);
    }
    max = of_block(max);
    output_max = of_block(output_max);
    double sum = 0, weighted = 0, away = 0, toward = 0, output_sum = 0;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) {
        float relative = row[i] - max, difference = row[i] - output[i];
        double e = expf(relative), of_output = expf(output[i] - output_max);
        sum += e;
        weighted += e * relative;
        away += e * difference;
        toward -= of_output * difference;
        output_sum += of_output;
    }
    double found[] = {of_block(sum), of_block(weighted), of_block(away), of_block(toward), of_block(output_sum)};
    if (threadIdx.x == 0) {
        unsigned place = next[blockIdx.x];
        double *here = numbers + (size_t)blockIdx.x * 8;
        here[0] = max;
        here[1] = output_max;
        here[2] = place < width ? mine[place] : -INFINITY;
        for (int nth = 0; nth < 5; nth++) here[3 + nth] = found[nth];
    }
    for (unsigned nth = 0; nth < k; nth++) {
        Candidate best = {-INFINITY, width};
        for (unsigned i = threadIdx.x; i < width; i += blockDim.x)
            if (row[i] > best.logit) best = {row[i], i};
        best = of_block(best);
        if (threadIdx.x == 0) {
            top_logits[(size_t)blockIdx.x * k + nth] = best.logit;
            top_places[(size_t)blockIdx.x * k + nth] = best.place;
            if (best.place < width) row[best.place] = -INFINITY;
        }
        __syncthreads();
    }
}

// For each row and each of `tokens` logits that go with it, how many of the row are larger, but for the one at its
// own place, if that is in the tile. Shared memory: one row.
extern "C" __global__ void above(const float *logits, const float *than, const unsigned *own, unsigned width,
                                 unsigned tokens, unsigned *counts) {
    extern __shared__ float row[];
    const float *mine = row_of(logits, width);
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) row[i] = mine[i];
    __syncthreads();
    for (unsigned nth = threadIdx.x / WARP; nth < tokens; nth += blockDim.x / WARP) {
        size_t at = (size_t)blockIdx.x * tokens + nth;
        unsigned count = 0;
        for (unsigned i = threadIdx.x % WARP; i < width; i += WARP) count += row[i] > than[at] && i != own[at];
        for (int distance = WARP / 2; distance > 0; distance /= 2)
            count += __shfl_xor_sync(EVERY, count, distance);
        if (threadIdx.x % WARP == 0) counts[at] = count;
    }
}

// x log(x / m), 0 where x is.
__device__ float term(float x, float middle) { return x * logf(fmaxf(x / middle, LEAST)); }

// For each row, of p = share e^(l - max) and the output's q, whose numbers are `[max, share, max, share]`:
// Σ p log(p/m) + q log(q/m) with m = (p + q)/2, and Σ |p - q|.
extern "C" __global__ void distances(const float *logits, const float *softmax, unsigned sites, unsigned width,
                                     double *numbers) {
    const float *mine = row_of(logits, width), *output = output_of(logits, sites, width);
    const float *of_row = softmax + (size_t)blockIdx.x * 4;
    double js = 0, tv = 0;
    for (unsigned i = threadIdx.x; i < width; i += blockDim.x) {
        float p = expf(mine[i] - of_row[0]) * of_row[1], q = expf(output[i] - of_row[2]) * of_row[3];
        float middle = fmaxf(0.5f * (p + q), LEAST);
        js += term(p, middle) + term(q, middle);
        tv += fabsf(p - q);
    }
    js = of_block(js);
    tv = of_block(tv);
    if (threadIdx.x == 0) {
        numbers[(size_t)blockIdx.x * 2] = js;
        numbers[(size_t)blockIdx.x * 2 + 1] = tv;
    }
}

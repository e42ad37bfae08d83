/* What becomes of a sum: q = zero + sum * multiplier / 2^(33 + shift), rounded and clamped. */
typedef struct {
    const int32_t *multiplier;
    const int8_t *shift;
{% if uses.below %}
    const int32_t *below_multiplier; /* for sums below 0, where those differ */
    const int8_t *below_shift;
{% endif %}
{% if uses.gelu %}
    const int8_t *table; /* of GELU, by q + 128 */
{% endif %}
    int32_t step; /* 1: a multiplier for each channel, as filters always have; 0: one for all */
    int32_t zero;
} ending;

{% if uses.direct or uses.gathered or uses.depthwise or uses.pixels %}
typedef struct {
{% if uses.nibbles %}
    const int8_t *weights; /* four filters at a time: [row][four taps] in {{ "twelve" if uses.crumbs else "eight" }} bytes; of each channel by itself in one
                            byte each: [row][column][channel] */
{% else %}
    const int8_t *weights; /* four filters at a time, then those that remain one by one: [row][four taps][filter][tap];
                            of each channel by itself [row][column][channel] */
{% endif %}
    const int32_t *bias;
{% if uses.gathered %}
    const int8_t *fill; /* what stands for 0 in the input, by channel, before the flip */
    uint32_t flip; /* 0x80808080 makes pixels int8 */
{% endif %}
{% if uses.pixels %}
    const uint8_t *mean; /* of pixels, by channel */
{% endif %}
{% if uses.scores %}
    const float *scale; /* of the last layer's sums, which are not rounded */
{% endif %}
    int32_t zero; /* to subtract from the input, where the bias does not do it */
    extent in;
    extent out;
    int32_t rows;
    int32_t columns;
    int32_t stride;
    int32_t padding;
    ending end;
} filter;

{% endif %}
/* The arithmetic of Armv7E-M and Armv8-M with DSP: four bytes are two pairs of 16 bits, the even and the odd ones. */
#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)
#define PAIRS
INLINE int32_t four(const int8_t *p)
{
    int32_t word;
    (void)__builtin_memcpy(&word, p, 4);
    return word;
}

INLINE int32_t even(int32_t word, int32_t pair)
{
    __asm__("sxtab16 %0, %1, %2" : "=r"(word) : "r"(pair), "r"(word));
    return word;
}

INLINE int32_t odd(int32_t word, int32_t pair)
{
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(word) : "r"(pair), "r"(word));
    return word;
}

INLINE int32_t even_weights(int32_t word)
{
    __asm__("sxtb16 %0, %1" : "=r"(word) : "r"(word));
    return word;
}

INLINE int32_t odd_weights(int32_t word)
{
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(word) : "r"(word));
    return word;
}

{% if uses.crumbs %}
INLINE int32_t codes(uint32_t nibbles, uint32_t crumbs)
{
    return (int32_t)(((nibbles & 0x000F000Fu) << 2) | (crumbs & 0x00030003u));
}

{% elif uses.nibbles %}
INLINE int32_t codes(uint32_t nibbles)
{
    return (int32_t)(nibbles & 0x000F000Fu);
}

{% endif %}
INLINE int32_t products(int32_t a, int32_t b, int32_t sum)
{
    __asm__("smlad %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(sum));
    return sum;
}

INLINE int32_t clamped(int32_t q)
{
    __asm__("ssat %0, #8, %1" : "=r"(q) : "r"(q) : "cc");
    return q;
}
#else
INLINE int32_t clamped(int32_t q)
{
    return (q < -128) ? -128 : ((q > 127) ? 127 : q);
}
#endif

INLINE int32_t scaled(int32_t sum, int32_t multiplier, int32_t shift)
{
    int64_t product = (int64_t)sum * multiplier;
    int32_t result;
    product -= (product < 0) ? 1 : 0; /* halves are rounded away from 0 */
{% if uses.wide %}
    if (shift < 0) { /* then the lower half counts too */
        product = ((product >> (shift + 32)) + 1) >> 1;
        result = (product < -512) ? -512 : ((product > 512) ? 512 : (int32_t)product);
    } else
{% endif %}
    {
        result = (((int32_t)(product >> 32) >> shift) + 1) >> 1;
    }
    return result;
}

INLINE int8_t finish(int32_t sum, int32_t i, const ending *e)
{
    int32_t q;
{% if uses.below %}
    if ((sum < 0) && (e->below_multiplier != NULL)) {
        q = scaled(sum, e->below_multiplier[i], e->below_shift[i]);
    } else
{% endif %}
    {
        q = scaled(sum, e->multiplier[i], e->shift[i]);
    }
    q = clamped(q + e->zero);
{% if uses.gelu %}
    if (e->table != NULL) {
        q = e->table[q + 128];
    }
{% endif %}
    return (int8_t)q;
}

{% include "clip.c" %}
{% if uses.direct or uses.gathered or uses.depthwise %}
typedef struct {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} four_sums;

/* A number twice, to be added to two halves. */
INLINE int32_t twice(int32_t number)
{
    const uint32_t half = (uint32_t)number & 0xFFFFu;
    const uint32_t both = (half << 16) | half;
    return (int32_t)both;
}

{% endif %}
{% if uses.direct or uses.gathered %}
{% include "nibbles.c" if uses.nibbles else "bytes.c" %}
{% endif %}
{% if uses.direct %}
STEP void filter_map(const filter *f, const int8_t *map, int8_t *y)
{
    int8_t *to = y;
    int32_t row;
    int32_t column;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            int32_t pixel = ((v.start + v.first) * f->in.width) + h.start + h.first;
            filter_window(f, &map[pixel * f->in.channels], v, h, to);
            to = &to[f->out.channels];
        }
    }
}

{% endif %}
{% if uses.gathered %}
#define WINDOW {{ window }}

/* Copy n bytes, or some more where room says that all of them may be read: those behind are overwritten, or count 0. */
INLINE void gather(int8_t *to, const int8_t *from, int32_t n, uint32_t flip, int32_t room)
{
    int32_t i;
#if defined(PAIRS)
    if (room != 0) {
        for (i = 0; i < n; i += 4) {
            uint32_t word = (uint32_t)four(&from[i]) ^ flip;
            (void)__builtin_memcpy(&to[i], &word, 4);
        }
    } else
#else
    (void)room;
#endif
    {
        for (i = 0; i < n; i++) {
            int32_t byte = from[i] ^ (int8_t)flip;
#if defined(__GNUC__)
            __asm__("" : "+r"(byte)); /* so that this stays a loop, and does not become a call of memcpy */
#endif
            to[i] = (int8_t)byte;
        }
    }
}

/* Filters of small windows, which are copied first: no tap is outside the map then. */
STEP void filter_gathered(const filter *f, const int8_t *map, int8_t *y)
{
    int8_t window[WINDOW + 3];
    const int32_t channels = f->in.channels;
    const int32_t pitch = f->in.width * channels;
    const int32_t taps = f->columns * channels;
    const int32_t n = ((f->rows * taps) + 3) & ~3;
    const int32_t read = ((f->rows - 1) * pitch) + taps + 3;
    const int8_t *end = &map[f->in.height * pitch];
    const uint32_t flip = f->flip;
    int8_t *pixel = y;
    int32_t row;
    int32_t column;
    int32_t k;
    window[n - 3] = 0; /* up to three weights too many are 0, and so need a number */
    window[n - 2] = 0;
    window[n - 1] = 0;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            const int8_t *from = &map[((v.start + v.first) * pitch) + ((h.start + h.first) * channels)];
            int8_t *to = &window[(v.first * taps) + (h.first * channels)];
            int32_t room = ((end - from) >= read) ? 1 : 0;
            if (((v.end - v.first) < f->rows) || ((h.end - h.first) < f->columns)) {
                for (k = 0; k < (f->rows * taps); k += channels) {
                    gather(&window[k], f->fill, channels, flip, 0);
                }
                room = 0;
            }
            for (k = v.first; k < v.end; k++) {
                gather(to, from, (h.end - h.first) * channels, flip, room);
                from = &from[pitch];
                to = &to[taps];
            }
            filter_taps(f, window, n, pixel);
            pixel = &pixel[f->out.channels];
        }
    }
}

{% endif %}
{% if uses.pixels %}
/* Filters of an image whose windows are too large to copy, and not always inside it. */
STEP void filter_pixels(const filter *f, const uint8_t *image, int8_t *y)
{
    const int32_t channels = f->in.channels;
    int8_t *to = y;
    int32_t row;
    int32_t column;
    int32_t o;
    int32_t k;
    int32_t i;
    int32_t c;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            for (o = 0; o < f->out.channels; o++) {
                int32_t sum = f->bias[o];
                for (k = v.first; k < v.end; k++) {
                    for (i = h.first; i < h.end; i++) {
                        const uint8_t *x = &image[(((v.start + k) * f->in.width) + h.start + i) * channels];
                        const int8_t *w = &f->weights[((((o * f->rows) + k) * f->columns) + i) * channels];
                        for (c = 0; c < channels; c++) {
                            sum += (x[c] - f->mean[c]) * w[c];
                        }
                    }
                }
                *to = finish(sum, o, &f->end);
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.recentre %}
/* Make pixels int8, where they lie. */
static void recentre(uint8_t *image)
{
    int32_t i;
    for (i = 0; i < {{ upper }}_INPUT_BYTES; i++) {
        image[i] ^= 0x80u;
    }
}

{% endif %}
{% if uses.depthwise %}
INLINE void add_channels(four_sums *s, const int8_t *x, const int8_t *w, int32_t zero)
{
#if defined(PAIRS)
    int32_t u = four(x);
    int32_t v = four(w);
    int32_t less = twice(-zero);
    int32_t u0 = even(u, less);
    int32_t v0 = even_weights(v);
    int32_t u1 = odd(u, less);
    int32_t v1 = odd_weights(v);
    s->a += (int16_t)u0 * (int16_t)v0;
    s->c += (u0 >> 16) * (v0 >> 16);
    s->b += (int16_t)u1 * (int16_t)v1;
    s->d += (u1 >> 16) * (v1 >> 16);
#else
    s->a += (x[0] - zero) * w[0];
    s->b += (x[1] - zero) * w[1];
    s->c += (x[2] - zero) * w[2];
    s->d += (x[3] - zero) * w[3];
#endif
}

/* Filter each channel by itself, four at a time. */
STEP void filter_channels(const filter *f, const int8_t *map, int8_t *y)
{
    const int32_t channels = f->in.channels;
    const int32_t whole = channels & ~3;
    const int32_t pitch = f->in.width * channels;
    const int32_t zero = f->zero;
    const int32_t *bias = f->bias;
    const ending e = f->end;
    int8_t *to = y;
    int32_t row;
    int32_t column;
    int32_t c;
    int32_t k;
    int32_t i;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            const int32_t rows = v.end - v.first;
            const int32_t n = h.end - h.first;
            const int32_t left = (v.first * f->columns) + h.first;
            const int8_t *x = &map[((v.start + v.first) * pitch) + ((h.start + h.first) * channels)];
            const int8_t *w = &f->weights[left * channels];
            for (c = 0; c < whole; c += 4) {
                four_sums s = {bias[c], bias[c + 1], bias[c + 2], bias[c + 3]};
                for (k = 0; k < rows; k++) {
                    const int8_t *u = &x[(k * pitch) + c];
                    const int8_t *t = &w[(k * f->columns * channels) + c];
                    for (i = 0; i < n; i++) {
                        add_channels(&s, u, t, zero);
                        u = &u[channels];
                        t = &t[channels];
                    }
                }
                to[0] = finish(s.a, c, &e);
                to[1] = finish(s.b, c + 1, &e);
                to[2] = finish(s.c, c + 2, &e);
                to[3] = finish(s.d, c + 3, &e);
                to = &to[4];
            }
            for (c = whole; c < channels; c++) {
                int32_t sum = bias[c];
                for (k = 0; k < rows; k++) {
                    for (i = 0; i < n; i++) {
                        const int8_t *u = &x[(k * pitch) + (i * channels) + c];
                        sum += (*u - zero) * w[(((k * f->columns) + i) * channels) + c];
                    }
                }
                *to = finish(sum, c, &e);
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.decode %}
/* Writes over what it reads: from the last to the first, no float reaches a number that is still to be read. */
static void decode(float scale, int32_t zero, const int8_t *x, float *y)
{
    int32_t k;
    for (k = {{ upper }}_CLASSES - 1; k >= 0; k--) {
        y[k] = (float)(x[k] - zero) * scale;
    }
}

{% endif %}

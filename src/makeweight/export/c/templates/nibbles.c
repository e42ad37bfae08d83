{% set block = 12 if uses.crumbs else 8 %}
{% set each = 3 if uses.crumbs else 2 %}
{% set middle = 32 if uses.crumbs else 8 %}
{% macro taps(nibbles, crumbs) %}codes(v >> {{ nibbles }}{{ ", u >> %d" % crumbs if uses.crumbs }}){% endmacro %}
/* Weights are stored as w + {{ middle }}. A block has four taps of four filters, a to d, in {{ block }} bytes: the first two taps of a
   and of b, the other two of both, and the same of c and d; the earlier tap in the lower half of its byte. */
{% if uses.crumbs %}
/* These are the upper four bits of six. Behind them are the lower two: of the first two taps of a and b, of c and d, of
   the other two taps of a and b, of c and d. */
{% endif %}
INLINE int32_t code(const int8_t *block, int32_t tap, int32_t which)
{
    const uint32_t pair = (uint8_t)block[(4 * (which >> 1)) + (tap & 2) + (which & 1)];
    const uint32_t nibble = (pair >> (4 * (tap & 1))) & 15u;
{% if uses.crumbs %}
    const uint32_t crumbs = (uint8_t)block[8 + (tap & 2) + (which >> 1)];
    return (int32_t)((4u * nibble) + ((crumbs >> ((4 * (which & 1)) + (2 * (tap & 1)))) & 3u));
{% else %}
    return (int32_t)nibble;
{% endif %}
}

INLINE void add_tap(four_sums *s, int32_t v, const int8_t *block, int32_t tap)
{
    s->a += v * code(block, tap, 0);
    s->b += v * code(block, tap, 1);
    s->c += v * code(block, tap, 2);
    s->d += v * code(block, tap, 3);
}

/* Take away what the {{ middle }} in each weight has added, from the sum of the inputs. */
INLINE void centre(four_sums *s, int32_t inputs)
{
    s->a -= {{ middle }} * inputs;
    s->b -= {{ middle }} * inputs;
    s->c -= {{ middle }} * inputs;
    s->d -= {{ middle }} * inputs;
}

/* Add n products of each of four filters, n a multiple of four. */
INLINE void add_blocks(four_sums *s, const int8_t *inputs, const int8_t *weights, int32_t n, int32_t zero)
{
    const int8_t *end = &inputs[n];
    const int8_t *x = inputs;
    const int8_t *w = weights;
    int32_t total = 0;
#if defined(PAIRS)
    const int32_t less = twice(-zero);
    const int32_t ones = twice(1);
    while (x < end) {
        int32_t x0 = four(x);
        int32_t x1 = odd(x0, less);
        uint32_t v;
{% if uses.crumbs %}
        const uint32_t u = (uint32_t)four(&w[8]);
{% endif %}
        x0 = even(x0, less);
        total = products(x0, ones, products(x1, ones, total));
        v = (uint32_t)four(w);
        s->a = products(x0, {{ taps(0, 0) }}, products(x1, {{ taps(4, 2) }}, s->a));
        s->b = products(x0, {{ taps(8, 4) }}, products(x1, {{ taps(12, 6) }}, s->b));
        v = (uint32_t)four(&w[4]);
        s->c = products(x0, {{ taps(0, 8) }}, products(x1, {{ taps(4, 10) }}, s->c));
        s->d = products(x0, {{ taps(8, 12) }}, products(x1, {{ taps(12, 14) }}, s->d));
        x = &x[4];
        w = &w[{{ block }}];
    }
#else
    while (x < end) {
        add_tap(s, x[0] - zero, w, 0);
        add_tap(s, x[1] - zero, w, 1);
        add_tap(s, x[2] - zero, w, 2);
        add_tap(s, x[3] - zero, w, 3);
        total += x[0] + x[1] + x[2] + x[3] - (4 * zero);
        x = &x[4];
        w = &w[{{ block }}];
    }
#endif
    centre(s, total);
}

/* What becomes of four sums, or of the last ones of a layer. */
INLINE void finish_four(const filter *f, const four_sums *s, int32_t o, const ending *e, int8_t *y)
{
    const int32_t sums[4] = {s->a, s->b, s->c, s->d};
    const int32_t n = (f->out.channels - o) < 4 ? (f->out.channels - o) : 4;
    int32_t i;
    for (i = 0; i < n; i++) {
{% if uses.scores %}
        if (f->scale != NULL) {
            ((float *)(void *)y)[o + i] = (float)sums[i] * f->scale[o + i]; /* the output, whose floats are aligned */
            continue;
        }
{% endif %}
        y[o + i] = finish(sums[i], o + i, e);
    }
}

{% if uses.direct %}
/* Add taps from first to end of a row, where either may lie inside a block. */
INLINE void add_taps(four_sums *s, const int8_t *inputs, const int8_t *weights, int32_t first, int32_t end, int32_t zero)
{
    const int8_t *x = inputs;
    int32_t t = first;
    while (t < end) {
        const int32_t n = (end - t) & ~3;
        const int8_t *v = &weights[{{ each }} * (t & ~3)];
        if (((t & 3) == 0) && (n != 0)) {
            add_blocks(s, x, v, n, zero);
            x = &x[n];
            t += n;
        } else {
            do {
                add_tap(s, *x - zero, v, t & 3);
                centre(s, *x - zero);
                x++;
                t++;
            } while ((t < end) && ((t & 3) != 0));
        }
    }
}

/* One pixel of a map whose windows are read where they lie. */
static void filter_window(const filter *f, const int8_t *x, span v, span h, int8_t *y)
{
    const int32_t channels = f->in.channels;
    const int32_t taps = f->columns * channels;
    const int32_t width = (taps + 3) & ~3;
    const int32_t pitch = f->in.width * channels;
    const int8_t *w = f->weights;
    const int32_t *bias = f->bias;
    const ending e = f->end;
    int32_t o;
    int32_t k;
    for (o = 0; o < f->out.channels; o += 4) {
        four_sums s = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
        const int8_t *row = x;
        const int8_t *u = &w[{{ each }} * v.first * width];
        for (k = v.first; k < v.end; k++) {
            add_taps(&s, row, u, h.first * channels, h.end * channels, f->zero);
            row = &row[pitch];
            u = &u[{{ each }} * width];
        }
        w = &w[{{ each }} * f->rows * width];
        finish_four(f, &s, o, &e, y);
    }
}

{% endif %}
{% if uses.gathered %}
/* One pixel from its window, whose n taps lie side by side. */
static void filter_taps(const filter *f, const int8_t *x, int32_t n, int8_t *y)
{
    const int8_t *w = f->weights;
    const int32_t *bias = f->bias;
    const ending e = f->end;
    int32_t o;
    for (o = 0; o < f->out.channels; o += 4) {
        four_sums s = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
        add_blocks(&s, x, w, n, 0);
        finish_four(f, &s, o, &e, y);
        w = &w[{{ each }} * n];
    }
}

{% endif %}

INLINE void add_four(four_sums *s, int32_t v, const int8_t *w)
{
    s->a += v * w[0];
    s->b += v * w[4];
    s->c += v * w[8];
    s->d += v * w[12];
#if defined(__GNUC__) && defined(__thumb__) && !defined(__thumb2__)
    __asm__("" : "+r"(s->a), "+r"(s->b), "+r"(s->c), "+r"(s->d)); /* one tap after another: there are eight registers */
#endif
}

/* Add n products of each of four filters: one block of weights has four taps of them. */
INLINE void add_blocks(four_sums *s, const int8_t *inputs, const int8_t *weights, int32_t n, int32_t zero)
{
    const int8_t *end = &inputs[n];
    const int8_t *x = inputs;
    const int8_t *w = weights;
#if defined(PAIRS)
    int32_t less = twice(-zero);
    while (x < end) {
        int32_t x0 = four(x);
        int32_t x1 = odd(x0, less);
        int32_t v;
        x0 = even(x0, less);
        v = four(w);
        s->a = products(x0, even_weights(v), products(x1, odd_weights(v), s->a));
        v = four(&w[4]);
        s->b = products(x0, even_weights(v), products(x1, odd_weights(v), s->b));
        v = four(&w[8]);
        s->c = products(x0, even_weights(v), products(x1, odd_weights(v), s->c));
        v = four(&w[12]);
        s->d = products(x0, even_weights(v), products(x1, odd_weights(v), s->d));
        x = &x[4];
        w = &w[16];
    }
#else
    while (x < end) {
        add_four(s, x[0] - zero, w);
        add_four(s, x[1] - zero, &w[1]);
        add_four(s, x[2] - zero, &w[2]);
        add_four(s, x[3] - zero, &w[3]);
        x = &x[4];
        w = &w[16];
    }
#endif
}

/* Return the sum of n products. */
INLINE int32_t products_of(const int8_t *x, const int8_t *w, int32_t n, int32_t zero)
{
    int32_t sum = 0;
    int32_t i = 0;
#if defined(PAIRS)
    int32_t less = twice(-zero);
    while ((n - i) >= 4) {
        int32_t u = four(&x[i]);
        int32_t v = four(&w[i]);
        sum = products(even(u, less), even_weights(v), products(odd(u, less), odd_weights(v), sum));
        i += 4;
    }
#endif
    while (i < n) {
        sum += (x[i] - zero) * w[i];
        i++;
    }
    return sum;
}

{% if uses.direct %}
/* Add taps from first to end of a row of so many, where either may lie inside a block, and the last be short. */
INLINE void add_taps(four_sums *s, const int8_t *inputs, const int8_t *weights, int32_t first, int32_t end, int32_t taps,
                     int32_t zero)
{
    const int32_t whole = taps & ~3;
    const int8_t *x = inputs;
    int32_t t = first;
    while (t < end) {
        const int32_t inside = t & 3;
        const int32_t n = (end - t) & ~3;
        const int32_t width = (t < whole) ? 4 : (taps - whole);
        const int8_t *v = &weights[(4 * (t - inside)) + inside];
        if ((inside == 0) && (n != 0)) {
            add_blocks(s, x, v, n, zero);
            x = &x[n];
            t += n;
        } else {
            do {
                int32_t u = *x - zero;
                s->a += u * v[0];
                s->b += u * v[width];
                s->c += u * v[2 * width];
                s->d += u * v[3 * width];
                x++;
                v++;
                t++;
            } while ((t < end) && ((t & 3) != 0));
        }
    }
}

{% if uses.scores %}
INLINE float *as_scores(int8_t *y)
{
    return (float *)(void *)y; /* the output, whose floats are aligned */
}

{% endif %}
/* One pixel of a map whose windows are read where they lie. */
static void filter_window(const filter *f, const int8_t *x, span v, span h, int8_t *y)
{
    const int32_t channels = f->in.channels;
    const int32_t taps = f->columns * channels;
    const int32_t pitch = f->in.width * channels;
    const int32_t first = h.first * channels;
    const int32_t end = h.end * channels;
    const int32_t zero = f->zero;
    const int32_t out = f->out.channels;
    const int32_t whole = out & ~3;
    const int8_t *w = f->weights;
    const int32_t *bias = f->bias;
    const ending e = f->end;
    const int8_t *row;
    const int8_t *u;
    int32_t o;
    int32_t k;
    for (o = 0; o < whole; o += 4) {
        four_sums s = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
        row = x;
        u = &w[4 * v.first * taps];
        for (k = v.first; k < v.end; k++) {
            add_taps(&s, row, u, first, end, taps, zero);
            row = &row[pitch];
            u = &u[4 * taps];
        }
        w = &w[4 * f->rows * taps];
{% if uses.scores %}
        if (f->scale != NULL) {
            float *scores = as_scores(y);
            scores[o] = (float)s.a * f->scale[o];
            scores[o + 1] = (float)s.b * f->scale[o + 1];
            scores[o + 2] = (float)s.c * f->scale[o + 2];
            scores[o + 3] = (float)s.d * f->scale[o + 3];
            continue;
        }
{% endif %}
        y[o] = finish(s.a, o, &e);
        y[o + 1] = finish(s.b, o + 1, &e);
        y[o + 2] = finish(s.c, o + 2, &e);
        y[o + 3] = finish(s.d, o + 3, &e);
    }
    for (o = whole; o < out; o++) {
        int32_t sum = bias[o];
        row = x;
        u = &w[v.first * taps];
        for (k = v.first; k < v.end; k++) {
            sum += products_of(row, &u[first], end - first, zero);
            row = &row[pitch];
            u = &u[taps];
        }
        w = &w[f->rows * taps];
{% if uses.scores %}
        if (f->scale != NULL) {
            as_scores(y)[o] = (float)sum * f->scale[o];
            continue;
        }
{% endif %}
        y[o] = finish(sum, o, &e);
    }
}

{% endif %}
{% if uses.gathered %}
/* One pixel from its window, whose n taps lie side by side. */
static void filter_taps(const filter *f, const int8_t *x, int32_t n, int8_t *y)
{
    const int32_t out = f->out.channels;
    const int32_t whole = out & ~3;
    const int8_t *w = f->weights;
    const int32_t *bias = f->bias;
    const ending e = f->end;
    int32_t o;
    for (o = 0; o < whole; o += 4) {
        four_sums s = {bias[o], bias[o + 1], bias[o + 2], bias[o + 3]};
        add_blocks(&s, x, w, n, 0);
        y[o] = finish(s.a, o, &e);
        y[o + 1] = finish(s.b, o + 1, &e);
        y[o + 2] = finish(s.c, o + 2, &e);
        y[o + 3] = finish(s.d, o + 3, &e);
        w = &w[4 * n];
    }
    for (o = whole; o < out; o++) {
        y[o] = finish(bias[o] + products_of(x, w, n, 0), o, &e);
        w = &w[n];
    }
}

{% endif %}

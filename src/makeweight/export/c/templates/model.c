/*
{% for line in about %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 */
#include "{{ name }}.h"

#include <math.h>
#include <stddef.h>

typedef struct {
    int32_t channels, height, width; /* a map lies in memory row by row, and pixel by pixel all channels of it */
} extent;

/* What becomes of a sum. */
typedef struct {
{% if int8 %}
    const int32_t *multiplier; /* q = zero + sum * multiplier / 2^shift, rounded and clamped */
    const uint8_t *shift;
{% if uses.below %}
    const int32_t *below_multiplier; /* for sums below 0, where those differ */
    const uint8_t *below_shift;
{% endif %}
{% if uses.gelu %}
    const int8_t *table; /* of GELU, by q + 128 */
{% endif %}
    int32_t step; /* 1: a multiplier for each channel; 0: one for all */
    int32_t zero;
{% else %}
    const float *slopes; /* for sums below 0: 0 for ReLU, a for leaky ReLU; NULL: as they are */
    int32_t step; /* 1: a slope for each channel; 0: one for all */
{% if uses.gelu %}
    int gelu;
{% endif %}
{% endif %}
} ending;

{% if uses.pixels or uses.filter %}
typedef struct {
    const {{ number }} *weights; /* [filter][row][column][channel]; for pixels [filter][channel][row][column] */
    const {{ total }} *bias;
{% if uses.pixels %}
    const {{ "uint8_t" if int8 else "float" }} *mean; /* of pixels, by channel */
{% endif %}
{% if int8 and uses.filter %}
    int32_t zero; /* that stands for 0 in the input */
{% endif %}
    extent in, out;
    int32_t rows, columns, stride, padding;
    ending end;
} filter;

{% endif %}
{% if uses.average %}
typedef struct {
{% if int8 %}
    int32_t zero;
{% endif %}
    extent in;
    int32_t rows, columns;
    ending end;
} average;

{% endif %}
{% if uses.adjust %}
typedef struct {
    const {{ "int16_t" if int8 else "float" }} *factor;
    const {{ total }} *shift;
    int32_t step; /* 1: a factor and a shift for each channel; 0: one for all */
{% if int8 %}
    int32_t zero;
{% endif %}
    int32_t pixels, channels;
    ending end;
} adjustment;

{% endif %}
{% if uses.add %}
typedef struct {
{% if int8 %}
    int32_t factor, zero, kept_factor, kept_zero;
{% endif %}
    int32_t pixels, channels;
    ending end;
} addition;

{% endif %}
static {{ number }} finish({{ total }} sum, int32_t channel, const ending *e)
{
{% if int8 %}
    int32_t i = channel * e->step, shift = e->shift[i];
    int64_t product = (int64_t)sum * e->multiplier[i], half, q;
{% if uses.below %}
    if (sum < 0 && e->below_multiplier) {
        shift = e->below_shift[i];
        product = (int64_t)sum * e->below_multiplier[i];
    }
{% endif %}
    half = (int64_t)1 << (shift - 1);
    q = product < 0 ? -((half - product) >> shift) : (half + product) >> shift;
    q += e->zero;
    q = q < -128 ? -128 : q > 127 ? 127 : q;
{% if uses.gelu %}
    if (e->table)
        return e->table[q + 128];
{% endif %}
    return (int8_t)q;
{% else %}
{% if uses.gelu %}
    if (e->gelu)
        return 0.5f * sum * (1.0f + erff(sum * 0.70710678f));
{% endif %}
    return sum > 0.0f || !e->slopes ? sum : sum * e->slopes[channel * e->step];
{% endif %}
}

{% if uses.pixels or uses.filter %}
/* The part of a window of some taps that lies inside a side of some pixels. */
typedef struct {
    int32_t start, first, end;
} span;

static span clip(int32_t position, int32_t taps, int32_t pixels, const filter *f)
{
    span s;
    s.start = position * f->stride - f->padding;
    s.first = s.start < 0 ? -s.start : 0;
    s.end = pixels - s.start < taps ? pixels - s.start : taps;
    if (s.end <= s.first)
        s.start = s.first = s.end = 0; /* nothing but padding */
    return s;
}

{% endif %}
{% if uses.pixels %}
static void filter_pixels(const filter *f, const uint8_t *image, {{ number }} *y)
{
    int32_t row, column, o, c, k, i;
    for (row = 0; row < f->out.height; row++)
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f), h = clip(column, f->columns, f->in.width, f);
            int32_t length = h.end - h.first;
            for (o = 0; o < f->out.channels; o++) {
                {{ total }} sum = f->bias[o];
                for (c = 0; c < f->in.channels; c++)
                    for (k = v.first; k < v.end; k++) {
                        const uint8_t *x = image + (c * f->in.height + v.start + k) * f->in.width + h.start + h.first;
                        const {{ number }} *w = f->weights + ((o * f->in.channels + c) * f->rows + k) * f->columns + h.first;
                        for (i = 0; i < length; i++)
                            sum += {{ "(x[i] - f->mean[c])" if int8 else "((float)x[i] - f->mean[c])" }} * w[i];
                    }
                *y++ = finish(sum, o, &f->end);
            }
        }
}

{% endif %}
{% if uses.filter %}
static void filter_map(const filter *f, const {{ number }} *map, {{ number }} *y)
{
    int32_t row, column, o, k, i;
    for (row = 0; row < f->out.height; row++)
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f), h = clip(column, f->columns, f->in.width, f);
            int32_t length = (h.end - h.first) * f->in.channels;
            for (o = 0; o < f->out.channels; o++) {
                {{ total }} sum = f->bias[o];
                for (k = v.first; k < v.end; k++) {
                    const {{ number }} *x = map + ((v.start + k) * f->in.width + h.start + h.first) * f->in.channels;
                    const {{ number }} *w = f->weights + ((o * f->rows + k) * f->columns + h.first) * f->in.channels;
                    for (i = 0; i < length; i++)
                        sum += {{ "(x[i] - f->zero)" if int8 else "x[i]" }} * w[i];
                }
                *y++ = finish(sum, o, &f->end);
            }
        }
}

{% endif %}
{% if uses.scores %}
/* The last layer: sums that are not rounded to int8. */
static void filter_scores(const {{ number }} *weights, const {{ total }} *bias, const float *scale, int32_t zero,
                          int32_t length, const {{ number }} *x, float *y)
{
    int32_t o, i;
    for (o = 0; o < {{ upper }}_CLASSES; o++) {
        {{ total }} sum = bias[o];
        for (i = 0; i < length; i++)
            sum += (x[i] - zero) * weights[o * length + i];
        y[o] = (float)sum * scale[o];
    }
}

{% endif %}
{% if uses.decode %}
static void decode(float scale, int32_t zero, const int8_t *x, float *y)
{
    int k;
    for (k = 0; k < {{ upper }}_CLASSES; k++)
        y[k] = (float)(x[k] - zero) * scale;
}

{% endif %}
{% if uses.largest %}
/* May write over what it reads: y never overtakes x. */
static void pool_largest(int32_t channels, int32_t height, int32_t width, int32_t rows, int32_t columns,
                         const {{ number }} *x, {{ number }} *y)
{
    int32_t row, column, c, k, i;
    for (row = 0; row < height / rows; row++)
        for (column = 0; column < width / columns; column++)
            for (c = 0; c < channels; c++) {
                const {{ number }} *w = x + (row * rows * width + column * columns) * channels + c;
                {{ number }} best = *w;
                for (k = 0; k < rows; k++)
                    for (i = 0; i < columns; i++) {
                        {{ number }} v = w[(k * width + i) * channels];
                        if (v > best)
                            best = v;
                    }
                *y++ = best;
            }
}

{% endif %}
{% if uses.average %}
/* May write over what it reads: y never overtakes x. */
static void pool_average(const average *p, const {{ number }} *x, {{ number }} *y)
{
    int32_t row, column, c, k, i;
    for (row = 0; row < p->in.height / p->rows; row++)
        for (column = 0; column < p->in.width / p->columns; column++)
            for (c = 0; c < p->in.channels; c++) {
                const {{ number }} *w = x + (row * p->rows * p->in.width + column * p->columns) * p->in.channels + c;
                {{ total }} sum = 0;
                for (k = 0; k < p->rows; k++)
                    for (i = 0; i < p->columns; i++)
                        sum += w[(k * p->in.width + i) * p->in.channels]{{ " - p->zero" if int8 }};
                *y++ = finish(sum{{ " / (float)(p->rows * p->columns)" if not int8 }}, c, &p->end);
            }
}

{% endif %}
{% if uses.adjust %}
/* May write over what it reads. */
static void adjust(const adjustment *a, const {{ number }} *x, {{ number }} *y)
{
    int32_t pixel, c;
    for (pixel = 0; pixel < a->pixels; pixel++)
        for (c = 0; c < a->channels; c++) {
            {{ total }} sum = {{ "(*x++ - a->zero)" if int8 else "*x++" }} * a->factor[c * a->step] + a->shift[c * a->step];
            *y++ = finish(sum, c, &a->end);
        }
}

{% endif %}
{% if uses.add %}
/* May write over either of what it reads. */
static void add(const addition *a, const {{ number }} *x, const {{ number }} *kept, {{ number }} *y)
{
    int32_t pixel, c;
    for (pixel = 0; pixel < a->pixels; pixel++)
        for (c = 0; c < a->channels; c++) {
{% if int8 %}
            int32_t sum = (*x++ - a->zero) * a->factor + (*kept++ - a->kept_zero) * a->kept_factor;
{% else %}
            float sum = *x++ + *kept++;
{% endif %}
            *y++ = finish(sum, c, &a->end);
        }
}

{% endif %}
{% for part in parts %}
/* {{ part.comment }} */
{% for array in part.arrays %}
static const {{ array.type }} {{ array.name }}[{{ array.length }}] = {
{{ array.text }}
};
{% endfor %}
{% if part.record %}
static const {{ part.record.type }} {{ part.record.name }} = {
{% for field, value in part.record.fields %}
    .{{ field }} = {{ value }},
{% endfor %}
};
{% endif %}

{% endfor %}
const char *const {{ name }}_class_names[{{ upper }}_CLASSES] = {
{% for text in class_names %}
    "{{ text }}",
{% endfor %}
};

{% if arena %}
static {{ number }} arena[{{ arena }}];
{% endif %}
static float logits[{{ upper }}_CLASSES];

static int classify(const uint8_t *image)
{
    int k, best = 0;
{% for part in parts %}
    {{ part.call }}
{% endfor %}
    for (k = 1; k < {{ upper }}_CLASSES; k++)
        if (logits[k] > logits[best])
            best = k;
    return best;
}

void {{ name }}_run(const uint8_t *image, float *probabilities)
{
    int k, best = classify(image);
    float total = 0.0f;
    for (k = 0; k < {{ upper }}_CLASSES; k++)
        total += probabilities[k] = expf(logits[k] - logits[best]);
    for (k = 0; k < {{ upper }}_CLASSES; k++)
        probabilities[k] /= total;
}

int {{ name }}_predict(const uint8_t *image)
{
    return classify(image);
}

/* What becomes of a sum. */
typedef struct {
    const float *slopes; /* for sums below 0: 0 for ReLU, a for leaky ReLU; NULL: as they are */
    int32_t step; /* 1: a slope for each channel; 0: one for all */
{% if uses.gelu %}
    int32_t gelu;
{% endif %}
} ending;

{% if uses.pixels or uses.filter or uses.depthwise %}
typedef struct {
    const float *weights; /* [filter][row][column][channel]; of the image [filter][channel][row][column]; as long as
                             there are four filters, their weights of a tap lie side by side; of each channel by
                             itself [row][column][channel] */
    const float *bias;
{% if uses.pixels %}
    const float *mean; /* of pixels, by channel */
{% endif %}
    extent in;
    extent out;
    int32_t rows;
    int32_t columns;
    int32_t stride;
    int32_t padding;
    ending end;
} filter;

{% endif %}
static float finish(float sum, int32_t i, const ending *e)
{
    float result = ((sum > 0.0f) || (e->slopes == NULL)) ? sum : (sum * e->slopes[i]);
{% if uses.gelu %}
    if (e->gelu != 0) {
        result = 0.5f * sum * (1.0f + erff(sum * 0.70710678f));
    }
{% endif %}
    return result;
}

{% if uses.pixels or uses.filter or uses.depthwise %}
{% include "clip.c" %}

{% endif %}
{% if uses.pixels or uses.filter %}
#define FOUR 4 /* filters at a time: each input is loaded once for all of them */

typedef struct {
    float a; /* of a filter by itself, the only one */
    float b;
    float c;
    float d;
} quad;

INLINE void accumulate(quad *sum, float x, const float *w)
{
    sum->a += x * w[0];
    sum->b += x * w[1];
    sum->c += x * w[2];
    sum->d += x * w[3];
}

static float *finish_lanes(const quad *sum, int32_t o, int32_t lanes, const ending *e, float *to)
{
    to[0] = finish(sum->a, o * e->step, e);
    if (lanes == FOUR) {
        to[1] = finish(sum->b, (o + 1) * e->step, e);
        to[2] = finish(sum->c, (o + 2) * e->step, e);
        to[3] = finish(sum->d, (o + 3) * e->step, e);
    }
    return &to[lanes];
}

{% endif %}
{% if uses.pixels %}
STEP void filter_pixels(const filter *f, const uint8_t *image, float *y)
{
    const int32_t channels = f->in.channels;
    const int32_t taps = f->rows * f->columns * channels;
    float *to = y;
    int32_t row;
    int32_t column;
    int32_t o;
    int32_t c;
    int32_t k;
    int32_t i;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            const float *weights = f->weights;
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            int32_t length = h.end - h.first;
            int32_t lanes;
            for (o = 0; o < f->out.channels; o += lanes) {
                quad sum = {f->bias[o], 0.0f, 0.0f, 0.0f};
                lanes = 1;
                if ((f->out.channels - o) >= FOUR) {
                    lanes = FOUR;
                    sum.b = f->bias[o + 1];
                    sum.c = f->bias[o + 2];
                    sum.d = f->bias[o + 3];
                }
                for (c = 0; c < channels; c++) {
                    const float mean = f->mean[c];
                    for (k = v.first; k < v.end; k++) {
                        const int32_t pixel = ((v.start + k) * f->in.width) + h.start + h.first;
                        const int32_t tap = (((c * f->rows) + k) * f->columns) + h.first;
                        const uint8_t *x = &image[(pixel * channels) + c];
                        const float *w = &weights[tap * lanes];
                        if (lanes == FOUR) {
                            for (i = 0; i < length; i++) {
                                accumulate(&sum, (float)x[i * channels] - mean, &w[i * FOUR]);
                            }
                        } else {
                            for (i = 0; i < length; i++) {
                                sum.a += ((float)x[i * channels] - mean) * w[i];
                            }
                        }
                    }
                }
                to = finish_lanes(&sum, o, lanes, &f->end, to);
                weights = &weights[taps * lanes];
            }
        }
    }
}

{% endif %}
{% if uses.filter %}
STEP void filter_map(const filter *f, const float *map, float *y)
{
    const int32_t channels = f->in.channels;
    const int32_t taps = f->rows * f->columns * channels;
    float *to = y;
    int32_t row;
    int32_t column;
    int32_t o;
    int32_t k;
    int32_t i;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            const float *weights = f->weights;
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            int32_t length = (h.end - h.first) * channels;
            int32_t lanes;
            for (o = 0; o < f->out.channels; o += lanes) {
                quad sum = {f->bias[o], 0.0f, 0.0f, 0.0f};
                lanes = 1;
                if ((f->out.channels - o) >= FOUR) {
                    lanes = FOUR;
                    sum.b = f->bias[o + 1];
                    sum.c = f->bias[o + 2];
                    sum.d = f->bias[o + 3];
                }
                for (k = v.first; k < v.end; k++) {
                    const int32_t pixel = ((v.start + k) * f->in.width) + h.start + h.first;
                    const int32_t tap = ((k * f->columns) + h.first) * channels;
                    const float *x = &map[pixel * channels];
                    const float *w = &weights[tap * lanes];
                    if (lanes == FOUR) {
                        for (i = 0; i < length; i++) {
                            accumulate(&sum, x[i], &w[i * FOUR]);
                        }
                    } else {
                        for (i = 0; i < length; i++) {
                            sum.a += x[i] * w[i];
                        }
                    }
                }
                to = finish_lanes(&sum, o, lanes, &f->end, to);
                weights = &weights[taps * lanes];
            }
        }
    }
}

{% endif %}
{% if uses.depthwise %}
#define LANES 16 /* neighbours at a time: what is summed side by side lies side by side */

/* Filter each channel by itself. */
STEP void filter_channels(const filter *f, const float *map, float *y)
{
    const int32_t channels = f->in.channels;
    float *to = y;
    int32_t row;
    int32_t column;
    int32_t c;
    int32_t k;
    int32_t i;
    int32_t j;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            for (c = 0; c < channels; c += LANES) {
                float sums[LANES];
                int32_t lanes = ((channels - c) < LANES) ? (channels - c) : LANES;
                for (j = 0; j < lanes; j++) {
                    sums[j] = f->bias[c + j];
                }
                for (k = v.first; k < v.end; k++) {
                    for (i = h.first; i < h.end; i++) {
                        const float *x = &map[((((v.start + k) * f->in.width) + h.start + i) * channels) + c];
                        const float *w = &f->weights[(((k * f->columns) + i) * channels) + c];
                        for (j = 0; j < lanes; j++) {
                            sums[j] += x[j] * w[j];
                        }
                    }
                }
                for (j = 0; j < lanes; j++) {
                    *to = finish(sums[j], (c + j) * f->end.step, &f->end);
                    to++;
                }
            }
        }
    }
}

{% endif %}

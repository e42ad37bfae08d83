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
    const float *weights; /* [filter][row][column][channel]; of the image [filter][channel][row][column]; of each
                             channel by itself [row][column][channel] */
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
{% if uses.pixels %}
static void filter_pixels(const filter *f, const uint8_t *image, float *y)
{
    const int32_t channels = f->in.channels;
    float *to = y;
    int32_t row;
    int32_t column;
    int32_t o;
    int32_t c;
    int32_t k;
    int32_t i;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            int32_t length = h.end - h.first;
            for (o = 0; o < f->out.channels; o++) {
                float sum = f->bias[o];
                for (c = 0; c < channels; c++) {
                    for (k = v.first; k < v.end; k++) {
                        const uint8_t *x = &image[((((v.start + k) * f->in.width) + h.start + h.first) * channels) + c];
                        const float *w = &f->weights[(((((o * channels) + c) * f->rows) + k) * f->columns) + h.first];
                        for (i = 0; i < length; i++) {
                            sum += ((float)x[i * channels] - f->mean[c]) * w[i];
                        }
                    }
                }
                *to = finish(sum, o * f->end.step, &f->end);
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.filter %}
static void filter_map(const filter *f, const float *map, float *y)
{
    float *to = y;
    int32_t row;
    int32_t column;
    int32_t o;
    int32_t k;
    int32_t i;
    for (row = 0; row < f->out.height; row++) {
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f);
            span h = clip(column, f->columns, f->in.width, f);
            int32_t length = (h.end - h.first) * f->in.channels;
            for (o = 0; o < f->out.channels; o++) {
                float sum = f->bias[o];
                for (k = v.first; k < v.end; k++) {
                    const float *x = &map[(((v.start + k) * f->in.width) + h.start + h.first) * f->in.channels];
                    const float *w = &f->weights[((((o * f->rows) + k) * f->columns) + h.first) * f->in.channels];
                    for (i = 0; i < length; i++) {
                        sum += x[i] * w[i];
                    }
                }
                *to = finish(sum, o * f->end.step, &f->end);
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.depthwise %}
#define LANES 16 /* neighbours at a time: what is summed side by side lies side by side */

/* Filter each channel by itself. */
static void filter_channels(const filter *f, const float *map, float *y)
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

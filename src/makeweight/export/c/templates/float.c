/* What becomes of a sum. */
typedef struct {
    const float *slopes; /* for sums below 0: 0 for ReLU, a for leaky ReLU; NULL: as they are */
    int32_t step; /* 1: a slope for each channel; 0: one for all */
{% if uses.gelu %}
    int gelu;
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
    extent in, out;
    int32_t rows, columns, stride, padding;
    ending end;
} filter;

{% endif %}
static float finish(float sum, int32_t i, const ending *e)
{
{% if uses.gelu %}
    if (e->gelu)
        return 0.5f * sum * (1.0f + erff(sum * 0.70710678f));
{% endif %}
    return sum > 0.0f || !e->slopes ? sum : sum * e->slopes[i];
}

{% if uses.pixels or uses.filter or uses.depthwise %}
{% include "clip.c" %}

{% endif %}
{% if uses.pixels %}
static void filter_pixels(const filter *f, const uint8_t *image, float *y)
{
    int32_t row, column, o, c, k, i;
    for (row = 0; row < f->out.height; row++)
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f), h = clip(column, f->columns, f->in.width, f);
            int32_t length = h.end - h.first;
            for (o = 0; o < f->out.channels; o++) {
                float sum = f->bias[o];
                for (c = 0; c < f->in.channels; c++)
                    for (k = v.first; k < v.end; k++) {
                        const uint8_t *x = image + ((v.start + k) * f->in.width + h.start + h.first) * f->in.channels + c;
                        const float *w = f->weights + ((o * f->in.channels + c) * f->rows + k) * f->columns + h.first;
                        for (i = 0; i < length; i++)
                            sum += ((float)x[i * f->in.channels] - f->mean[c]) * w[i];
                    }
                *y++ = finish(sum, o * f->end.step, &f->end);
            }
        }
}

{% endif %}
{% if uses.filter %}
static void filter_map(const filter *f, const float *map, float *y)
{
    int32_t row, column, o, k, i;
    for (row = 0; row < f->out.height; row++)
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f), h = clip(column, f->columns, f->in.width, f);
            int32_t length = (h.end - h.first) * f->in.channels;
            for (o = 0; o < f->out.channels; o++) {
                float sum = f->bias[o];
                for (k = v.first; k < v.end; k++) {
                    const float *x = map + ((v.start + k) * f->in.width + h.start + h.first) * f->in.channels;
                    const float *w = f->weights + ((o * f->rows + k) * f->columns + h.first) * f->in.channels;
                    for (i = 0; i < length; i++)
                        sum += x[i] * w[i];
                }
                *y++ = finish(sum, o * f->end.step, &f->end);
            }
        }
}

{% endif %}
{% if uses.depthwise %}
/* Filter each channel by itself, some neighbours at a time: what is summed side by side lies side by side. */
static void filter_channels(const filter *f, const float *map, float *y)
{
    enum { LANES = 16 };
    int32_t row, column, c, k, i, j, channels = f->in.channels;
    for (row = 0; row < f->out.height; row++)
        for (column = 0; column < f->out.width; column++) {
            span v = clip(row, f->rows, f->in.height, f), h = clip(column, f->columns, f->in.width, f);
            for (c = 0; c < channels; c += LANES) {
                float sums[LANES];
                int32_t lanes = channels - c < LANES ? channels - c : LANES;
                for (j = 0; j < lanes; j++)
                    sums[j] = f->bias[c + j];
                for (k = v.first; k < v.end; k++)
                    for (i = h.first; i < h.end; i++) {
                        const float *x = map + ((v.start + k) * f->in.width + h.start + i) * channels + c;
                        const float *w = f->weights + (k * f->columns + i) * channels + c;
                        for (j = 0; j < lanes; j++)
                            sums[j] += x[j] * w[j];
                    }
                for (j = 0; j < lanes; j++)
                    *y++ = finish(sums[j], (c + j) * f->end.step, &f->end);
            }
        }
}

{% endif %}

/*
{% for line in about %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 */
#include "{{ name }}.h"

#include <math.h>
#include <stddef.h>

/* All memory but the stack. Image and values lie in the buffer, each for as long as it is needed. */
static struct {
    float output[{{ upper }}_CLASSES];
    {{ number }} buffer[{{ buffer }}];
} ram;

typedef char ram_is_as_stated[sizeof ram == {{ upper }}_RAM_BYTES ? 1 : -1];

typedef struct {
    int32_t channels, height, width; /* a map lies in memory row by row, and pixel by pixel all channels of it */
} extent;

{% include "int8.c" if int8 else "float.c" %}
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
                *y++ = finish(sum{{ " / (float)(p->rows * p->columns)" if not int8 }}, c * p->end.step, &p->end);
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
            *y++ = finish(sum, c * a->end.step, &a->end);
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
            *y++ = finish(sum, c * a->end.step, &a->end);
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

uint8_t *{{ name }}_image(void)
{
    return {{ image }};
}

int {{ name }}_predict(void)
{
    int k, best = 0;
{% for part in parts %}
    {{ part.call }}
{% endfor %}
    for (k = 1; k < {{ upper }}_CLASSES; k++)
        if (ram.output[k] > ram.output[best])
            best = k;
    return best;
}

const float *{{ name }}_run(void)
{
    float highest = ram.output[{{ name }}_predict()], total = 0.0f;
    int k;
    for (k = 0; k < {{ upper }}_CLASSES; k++)
        total += ram.output[k] = expf(ram.output[k] - highest);
    for (k = 0; k < {{ upper }}_CLASSES; k++)
        ram.output[k] /= total;
    return ram.output;
}

/*
{% for line in about %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 */
#include "{{ name }}.h"

#include <math.h>
#include <stddef.h>

#ifndef {{ upper }}_TABLES
#define {{ upper }}_TABLES
#endif

typedef char memory_is_as_stated[(sizeof({{ name }}_memory) == {{ upper }}_RAM_BYTES) ? 1 : -1];

typedef struct {
    int32_t channels; /* a map lies in memory row by row, and pixel by pixel all channels of it */
    int32_t height;
    int32_t width;
} extent;

#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE_SIZE__)
#pragma GCC optimize("O2") /* -Os would take twice the instructions, to save a few hundred bytes */
#endif
#if defined(__GNUC__) && defined(__OPTIMIZE__)
#define INLINE static inline __attribute__((always_inline))
#define STEP static __attribute__((noinline)) /* so that no two of them are on the stack at the same time */
#else
#define INLINE static inline
#define STEP static
#endif

{% include "int8.c" if int8 else "float.c" %}
{% if uses.average %}
typedef struct {
{% if int8 %}
    int32_t zero;
{% endif %}
    extent in;
    int32_t rows;
    int32_t columns;
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
    int32_t pixels;
    int32_t channels;
    ending end;
} adjustment;

{% endif %}
{% if uses.add %}
typedef struct {
{% if int8 %}
    int32_t factor;
    int32_t zero;
    int32_t kept_factor;
    int32_t kept_zero;
{% endif %}
    int32_t pixels;
    int32_t channels;
    ending end;
} addition;

{% endif %}
{% if uses.largest %}
/* May write over what it reads: y never overtakes x. */
static void pool_largest(int32_t channels, int32_t height, int32_t width, int32_t rows, int32_t columns,
                         const {{ number }} *x, {{ number }} *y)
{
    {{ number }} *to = y;
    int32_t row;
    int32_t column;
    int32_t c;
    int32_t k;
    int32_t i;
    for (row = 0; row < (height / rows); row++) {
        for (column = 0; column < (width / columns); column++) {
            for (c = 0; c < channels; c++) {
                const {{ number }} *w = &x[(((row * rows * width) + (column * columns)) * channels) + c];
                {{ number }} best = *w;
                for (k = 0; k < rows; k++) {
                    for (i = 0; i < columns; i++) {
                        {{ number }} v = w[((k * width) + i) * channels];
                        if (v > best) {
                            best = v;
                        }
                    }
                }
                *to = best;
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.average %}
/* May write over what it reads: y never overtakes x. */
static void pool_average(const average *p, const {{ number }} *x, {{ number }} *y)
{
    const int32_t channels = p->in.channels;
    const int32_t width = p->in.width;
    {{ number }} *to = y;
    int32_t row;
    int32_t column;
    int32_t c;
    int32_t k;
    int32_t i;
    for (row = 0; row < (p->in.height / p->rows); row++) {
        for (column = 0; column < (width / p->columns); column++) {
            for (c = 0; c < channels; c++) {
                const {{ number }} *w = &x[(((row * p->rows * width) + (column * p->columns)) * channels) + c];
                {{ total }} sum = 0{{ ".0f" if not int8 }};
                for (k = 0; k < p->rows; k++) {
                    for (i = 0; i < p->columns; i++) {
                        sum += w[((k * width) + i) * channels]{{ " - p->zero" if int8 }};
                    }
                }
                *to = finish(sum{{ " / (float)(p->rows * p->columns)" if not int8 }}, c * p->end.step, &p->end);
                to++;
            }
        }
    }
}

{% endif %}
{% if uses.adjust %}
/* May write over what it reads. */
static void adjust(const adjustment *a, const {{ number }} *x, {{ number }} *y)
{
    int32_t i = 0;
    int32_t pixel;
    int32_t c;
    for (pixel = 0; pixel < a->pixels; pixel++) {
        for (c = 0; c < a->channels; c++) {
            {{ total }} sum = ({{ "(x[i] - a->zero)" if int8 else "x[i]" }} * a->factor[c * a->step]) + a->shift[c * a->step];
            y[i] = finish(sum, c * a->end.step, &a->end);
            i++;
        }
    }
}

{% endif %}
{% if uses.add %}
/* May write over either of what it reads. */
static void add(const addition *a, const {{ number }} *x, const {{ number }} *kept, {{ number }} *y)
{
    int32_t i = 0;
    int32_t pixel;
    int32_t c;
    for (pixel = 0; pixel < a->pixels; pixel++) {
        for (c = 0; c < a->channels; c++) {
{% if int8 %}
            int32_t sum = ((x[i] - a->zero) * a->factor) + ((kept[i] - a->kept_zero) * a->kept_factor);
{% else %}
            float sum = x[i] + kept[i];
{% endif %}
            y[i] = finish(sum, c * a->end.step, &a->end);
            i++;
        }
    }
}

{% endif %}
const char *const {{ name }}_class_names[{{ upper }}_CLASSES] = {
{% for text in class_names %}
    "{{ text }}",
{% endfor %}
};

/* From the image to the score of each class; return the class of the highest. */
static int32_t compute({{ name }}_memory *memory)
{
    int32_t best = 0;
    int32_t k;
{% for part in parts %}
    { /* {{ part.comment }} */
{% for array in part.arrays %}
        static const {{ array.type }} {{ array.name }}[{{ array.length }}] {{ upper }}_TABLES = {
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
{% for call in part.calls %}
        {{ call }}
{% endfor %}
    }
{% endfor %}
    for (k = 1; k < {{ upper }}_CLASSES; k++) {
        if (memory->output[k] > memory->output[best]) {
            best = k;
        }
    }
    return best;
}

/* From scores, of which the highest is given, to probabilities. */
static void make_probabilities(float *output, float highest)
{
    float total = 0.0f;
    int32_t k;
    for (k = 0; k < {{ upper }}_CLASSES; k++) {
        output[k] = expf(output[k] - highest);
        total += output[k];
    }
    for (k = 0; k < {{ upper }}_CLASSES; k++) {
        output[k] /= total;
    }
}

static int32_t is_usable(const {{ name }}_memory *memory)
{
    return ((memory != NULL) && (((uintptr_t)memory % {{ upper }}_ALIGNMENT) == 0u)) ? 1 : 0;
}

uint8_t *{{ name }}_image_in({{ name }}_memory *memory)
{
    return (is_usable(memory) != 0) ? {{ image }} : NULL;
}

int {{ name }}_predict_in({{ name }}_memory *memory)
{
    return (is_usable(memory) != 0) ? (int)compute(memory) : {{ upper }}_BAD_MEMORY;
}

int {{ name }}_run_in({{ name }}_memory *memory)
{
    int best = {{ upper }}_BAD_MEMORY;
    if (is_usable(memory) != 0) {
        best = (int)compute(memory);
        make_probabilities(memory->output, memory->output[best]);
    }
    return best;
}

#ifndef {{ upper }}_NO_STATIC
#ifndef {{ upper }}_SECTION
#define {{ upper }}_SECTION
#endif
#ifndef {{ upper }}_ALIGNED
#define {{ upper }}_ALIGNED
#endif

static {{ name }}_memory ram {{ upper }}_ALIGNED {{ upper }}_SECTION;

uint8_t *{{ name }}_image(void)
{
    return {{ name }}_image_in(&ram);
}

int {{ name }}_predict(void)
{
    return {{ name }}_predict_in(&ram);
}

const float *{{ name }}_run(void)
{
    (void){{ name }}_run_in(&ram);
    return ram.output;
}
#endif

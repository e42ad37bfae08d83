/*
 * {{ images|length }} test images, with what {{ name }}.c answered for them on the computer that exported it.
 * They are images of the data set: mind its licence before you publish this file.
 */
#ifndef {{ upper }}_SELFTEST_H
#define {{ upper }}_SELFTEST_H

#include <stddef.h>
#include <string.h>

#include "{{ name }}.h"

#define {{ upper }}_SELFTEST_IMAGES {{ images|length }}

static const uint8_t {{ name }}_selftest_images[{{ upper }}_SELFTEST_IMAGES][{{ upper }}_INPUT_BYTES] = {
{% for image in images %}
    { /* of class {{ image.label }} */
{{ image.pixels }}
    },
{% endfor %}
};

static const int {{ name }}_selftest_classes[{{ upper }}_SELFTEST_IMAGES] = { {{- images|map(attribute="answer")|join(", ") -}} };

{% if int8 %}
/* Of float, bit by bit: these are the same on every machine. */
static const uint32_t {{ name }}_selftest_scores[{{ upper }}_SELFTEST_IMAGES][{{ upper }}_CLASSES] = {
{% else %}
static const float {{ name }}_selftest_scores[{{ upper }}_SELFTEST_IMAGES][{{ upper }}_CLASSES] = {
{% endif %}
{% for image in images %}
    {
{{ image.scores }}
    },
{% endfor %}
};

{% if not int8 %}
/* Compilers may add up differently, by fused operations for example: not each bit is the same. */
static inline int {{ name }}_selftest_is_near(const float *scores, const float *expected)
{
    int near = 1;
    int k;
    for (k = 0; k < {{ upper }}_CLASSES; k++) {
        const float size = (expected[k] < 0.0f) ? -expected[k] : expected[k];
        const float apart = (scores[k] < expected[k]) ? (expected[k] - scores[k]) : (scores[k] - expected[k]);
        if (!(apart <= (0.001f * (1.0f + size)))) {
            near = 0;
        }
    }
    return near;
}

{% endif %}
/* Return how many of the images get the class and the scores that they should: {{ upper }}_SELFTEST_IMAGES if all is well. */
static inline int {{ name }}_selftest({{ name }}_memory *memory)
{
    int right = 0;
    int k;
    for (k = 0; k < {{ upper }}_SELFTEST_IMAGES; k++) {
        uint8_t *image = {{ name }}_image_in(memory);
        if (image != NULL) {
            (void)memcpy(image, {{ name }}_selftest_images[k], {{ upper }}_INPUT_BYTES);
            if ({{ name }}_predict_in(memory) == {{ name }}_selftest_classes[k]) {
{% if int8 %}
                right += (memcmp(memory->output, {{ name }}_selftest_scores[k], sizeof memory->output) == 0) ? 1 : 0;
{% else %}
                right += {{ name }}_selftest_is_near(memory->output, {{ name }}_selftest_scores[k]);
{% endif %}
            }
        }
    }
    return right;
}

#endif

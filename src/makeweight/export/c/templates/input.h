/*
 * Fill the image of {{ names|join(" and ") }} from the frame of a camera, as the training images were made: gray by
 * ITU-R 601-2, scaled to fit by Lanczos, centred on black. Functions that aren't called take no room.
 */
#ifndef {{ upper }}_INPUT_H
#define {{ upper }}_INPUT_H

#include <math.h>
#include <stdint.h>

#include "{{ name }}.h"

/* What a frame consists of, row by row. */
typedef enum {
    {{ upper }}_GRAY,  /* uint8_t */
    {{ upper }}_RGB,   /* three uint8_t */
    {{ upper }}_RGB565 /* uint16_t in the processor's byte order, red in the upper five bits */
} {{ name }}_format;

/* Return a channel of a pixel as the network has it{{ ": gray" if shape[0] == 1 }}. */
static inline uint8_t {{ name }}_channel(const void *frame, {{ name }}_format format, int32_t pixel, int32_t channel)
{
    uint32_t rgb[3];
    if (format == {{ upper }}_GRAY) {
        return ((const uint8_t *)frame)[pixel];
    }
    if (format == {{ upper }}_RGB) {
        const uint8_t *p = &((const uint8_t *)frame)[3 * pixel];
        rgb[0] = p[0];
        rgb[1] = p[1];
        rgb[2] = p[2];
    } else {
        const uint32_t p = ((const uint16_t *)frame)[pixel];
        rgb[0] = (((p >> 11) * 527u) + 23u) >> 6; /* 31 becomes 255, rounded */
        rgb[1] = ((((p >> 5) & 63u) * 259u) + 33u) >> 6;
        rgb[2] = (((p & 31u) * 527u) + 23u) >> 6;
    }
{% if shape[0] == 1 %}
    (void)channel;
    return (uint8_t)(((rgb[0] * 19595u) + (rgb[1] * 38470u) + (rgb[2] * 7471u) + 0x8000u) >> 16);
{% else %}
    return (uint8_t)rgb[channel];
{% endif %}
}

/* Fill the image from a frame of its size. */
static inline void {{ name }}_fill(uint8_t *image, const void *frame, {{ name }}_format format)
{
    int32_t i;
    for (i = 0; i < {{ upper }}_INPUT_BYTES; i++) {
        image[i] = {{ name }}_channel(frame, format, i / {{ upper }}_CHANNELS, i % {{ upper }}_CHANNELS);
    }
}

static inline double {{ name }}_sinc(double x)
{
    const double angle = x * 3.14159265358979323846;
    return (angle == 0.0) ? 1.0 : (sin(angle) / angle);
}

static inline double {{ name }}_lanczos(double x)
{
    return ((x >= -3.0) && (x < 3.0)) ? ({{ name }}_sinc(x) * {{ name }}_sinc(x / 3.0)) : 0.0;
}

/* Round halves to even numbers, and to 1 at least. */
static inline int32_t {{ name }}_rounded(double x)
{
    int32_t n = (int32_t)x;
    const double rest = x - (double)n;
    if ((rest > 0.5) || ((rest == 0.5) && ((n % 2) != 0))) {
        n++;
    }
    return (n < 1) ? 1 : n;
}

/* The taps of one side from so many pixels to so many, in units of 2^-22: of each pixel the first, how many, and them. */
static inline int32_t {{ name }}_taps(int32_t *table, int32_t capacity, int32_t from, int32_t to)
{
    const double scale = (double)from / (double)to;
    const double wide = (scale < 1.0) ? 1.0 : scale;
    const double support = 3.0 * wide;
    const int32_t pitch = (2 * (int32_t)ceil(support)) + 3;
    int32_t i;
    int32_t k;
    for (i = 0; (i < to) && ((pitch * to) <= capacity); i++) {
        const double centre = ((double)i + 0.5) * scale;
        const double start = centre - support + 0.5;
        const double stop = centre + support + 0.5;
        const int32_t first = (start < 0.0) ? 0 : (int32_t)start;
        const int32_t count = ((stop > (double)from) ? from : (int32_t)stop) - first;
        int32_t *taps = &table[i * pitch];
        double total = 0.0;
        taps[0] = first;
        taps[1] = count;
        for (k = 0; k < count; k++) {
            total += {{ name }}_lanczos(((double)(k + first) - centre + 0.5) * (1.0 / wide));
        }
        for (k = 0; k < count; k++) {
            const double part = {{ name }}_lanczos(((double)(k + first) - centre + 0.5) * (1.0 / wide)) / total;
            taps[k + 2] = (int32_t)((part * 4194304.0) + ((part < 0.0) ? -0.5 : 0.5));
        }
    }
    return pitch * to;
}

/*
 * Prepare the resizing of frames of a size, once: it computes in double, with sin of <math.h>. Return how many numbers the
 * table takes; it is filled if that isn't more than its capacity. A table made on a computer may also lie in flash, so that
 * the device computes in integers alone.
 */
static inline int32_t {{ name }}_prepare(int32_t *table, int32_t capacity, int32_t width, int32_t height)
{
    const double across = {{ upper }}_WIDTH / (double)width;
    const double down = {{ upper }}_HEIGHT / (double)height;
    const double scale = (across < down) ? across : down;
    const int32_t columns = {{ name }}_rounded((double)width * scale);
    const int32_t rows = {{ name }}_rounded((double)height * scale);
    const int32_t rest = (capacity > 6) ? (capacity - 6) : 0;
    const int32_t first = {{ name }}_taps(&table[(rest > 0) ? 6 : 0], rest, width, columns);
    const int32_t room = (rest > first) ? (rest - first) : 0;
    const int32_t second = {{ name }}_taps(&table[(room > 0) ? (6 + first) : 0], room, height, rows);
    if (capacity >= 6) {
        table[0] = columns;
        table[1] = rows;
        table[2] = width;
        table[3] = height;
        table[4] = first / columns;
        table[5] = second / rows;
    }
    return 6 + first + second;
}

static inline uint8_t {{ name }}_clipped(int32_t sum)
{
    const int32_t value = (sum < 0) ? 0 : (sum >> 22);
    return (uint8_t)((value > 255) ? 255 : value);
}

/*
 * Fill the image from a frame of the size that the table is for. The work is height x {{ upper }}_WIDTH x
 * {{ upper }}_CHANNELS bytes of the caller's.
 */
static inline void {{ name }}_resize(uint8_t *image, const void *frame, {{ name }}_format format, const int32_t *table,
                                     uint8_t *work)
{
    const int32_t columns = table[0];
    const int32_t rows = table[1];
    const int32_t width = table[2];
    const int32_t height = table[3];
    const int32_t pitch = table[4];
    const int32_t down = table[5];
    const int32_t channels = {{ upper }}_CHANNELS;
    const int32_t left = ({{ upper }}_WIDTH - columns) / 2;
    const int32_t top = ({{ upper }}_HEIGHT - rows) / 2;
    int32_t x;
    int32_t y;
    int32_t c;
    int32_t k;
    for (x = 0; x < (columns * channels); x++) {
        const int32_t *taps = &table[6 + ((x / channels) * pitch)];
        for (y = 0; y < height; y++) {
            int32_t sum = 1 << 21;
            for (k = 0; k < taps[1]; k++) {
                sum += taps[k + 2] * (int32_t){{ name }}_channel(frame, format, (y * width) + taps[0] + k, x % channels);
            }
            work[(y * columns * channels) + x] = {{ name }}_clipped(sum);
        }
    }
    for (k = 0; k < {{ upper }}_INPUT_BYTES; k++) {
        image[k] = 0;
    }
    for (y = 0; y < rows; y++) {
        const int32_t *taps = &table[6 + (columns * pitch) + (y * down)];
        for (x = 0; x < columns; x++) {
            for (c = 0; c < channels; c++) {
                int32_t sum = 1 << 21;
                for (k = 0; k < taps[1]; k++) {
                    sum += taps[k + 2] * (int32_t)work[((((taps[0] + k) * columns) + x) * channels) + c];
                }
                image[((((top + y) * {{ upper }}_WIDTH) + left + x) * channels) + c] = {{ name }}_clipped(sum);
            }
        }
    }
}

#endif

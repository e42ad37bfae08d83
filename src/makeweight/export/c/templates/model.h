/*
{% for line in about %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 */
#ifndef {{ upper }}_H
#define {{ upper }}_H

#include <stdint.h>

#define {{ upper }}_CHANNELS {{ shape[0] }}
#define {{ upper }}_HEIGHT {{ shape[1] }}
#define {{ upper }}_WIDTH {{ shape[2] }}
#define {{ upper }}_INPUT_BYTES {{ input_bytes }} /* of one image, in this order: channel, row, column */
#define {{ upper }}_CLASSES {{ classes }}
#define {{ upper }}_RAM_BYTES {{ ram_bytes }} /* of the static buffers; there is no other memory but the stack */
#define {{ upper }}_FLASH_BYTES {{ flash_bytes }} /* of weights and tables; code, records and class names come on top */

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in UTF-8. */
extern const char *const {{ name }}_class_names[{{ upper }}_CLASSES];

/* Write the probability of each class. Needs expf{{ " and erff" if uses.gelu and not int8 }} of <math.h>. */
void {{ name }}_run(const uint8_t *image, float *probabilities);

/* Return the most probable class.{{ " Needs erff of <math.h>." if uses.gelu and not int8 else " Needs no function of any library." }} */
int {{ name }}_predict(const uint8_t *image);

#ifdef __cplusplus
}
#endif

#endif

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
#define {{ upper }}_INPUT_BYTES {{ input_bytes }} /* of one image, row by row, and pixel by pixel all channels of it */
#define {{ upper }}_CLASSES {{ classes }}
#define {{ upper }}_RAM_BYTES {{ ram_bytes }} /* static, for image, values and output; there is no other memory but the stack */
#define {{ upper }}_FLASH_BYTES {{ flash_bytes }} /* of weights and tables; code, records and class names come on top */

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in UTF-8. */
extern const char *const {{ name }}_class_names[{{ upper }}_CLASSES];

/*
 * Where to write the image: {{ upper }}_INPUT_BYTES bytes, aligned to 4. The next call of run or predict consumes it, for its
 * bytes are used again, so write the image before each.
 */
uint8_t *{{ name }}_image(void);

/*
 * Return the probability of each class, by label; they stay until the next call of run or predict.
 * Needs expf{{ " and erff" if uses.gelu and not int8 }} of <math.h>.
 */
const float *{{ name }}_run(void);

/* Return the most probable class.{{ " Needs erff of <math.h>." if uses.gelu and not int8 else " Needs no library but the compiler's own, as for products of 64 bits on a Cortex-M0+." }} */
int {{ name }}_predict(void);

#ifdef __cplusplus
}
#endif

#endif

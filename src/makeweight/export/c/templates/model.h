/*
{% for line in about %}
 *{{ " " if line }}{{ line }}
{% endfor %}
 */
#ifndef {{ upper }}_H
#define {{ upper }}_H

#include <stdint.h>

#if defined(__AVR__)
#error "{{ name }} doesn't run on AVR: its constants would be copied to RAM there, and a program's are in another memory."
#endif

#define {{ upper }}_CHANNELS {{ shape[0] }}
#define {{ upper }}_HEIGHT {{ shape[1] }}
#define {{ upper }}_WIDTH {{ shape[2] }}
#define {{ upper }}_INPUT_BYTES {{ input_bytes }} /* of one image */
#define {{ upper }}_CLASSES {{ classes }}
#define {{ upper }}_RAM_BYTES {{ ram_bytes }} /* for image, values and output; there is no other memory but the stack */
#define {{ upper }}_FLASH_BYTES {{ flash_bytes }} /* of weights and tables; code, records and class names come on top */
#define {{ upper }}_ALIGNMENT 4u /* of the memory, in bytes */
#define {{ upper }}_BAD_MEMORY (-1) /* returned where the memory is NULL or not aligned */

/*
 * What a firmware may define for the whole build:
 *   {{ upper }}_NO_STATIC  no static memory: only the functions that end in _in
 *   {{ upper }}_SECTION    where the static memory lies, as in __attribute__((section(".dtcm")))
 *   {{ upper }}_ALIGNED    its alignment, as in __attribute__((aligned(32)))
 *   {{ upper }}_TABLES     where weights and tables lie, as in __attribute__((section(".qspi")))
 */

#ifdef __cplusplus
extern "C" {
#endif

/* Names of the classes, in UTF-8. */
extern const char *const {{ name }}_class_names[{{ upper }}_CLASSES];

/*
 * An image is {{ upper }}_HEIGHT rows of {{ upper }}_WIDTH pixels of {{ upper }}_CHANNELS numbers from 0 to 255{{ ", as R, G, B" if shape[0] == 3 }}: number c of
 * pixel x of row y is byte (y * {{ upper }}_WIDTH + x) * {{ upper }}_CHANNELS + c. NAME_input.h of the export fills it from a
 * camera's frame.
 */

/* What a call works in. Calls with different memories may run at the same time. */
typedef struct {
    float output[{{ upper }}_CLASSES]; /* by label: scores after predict, probabilities after run */
    {{ number }} buffer[{{ buffer }}]; /* image and values, each for as long as it is needed */
} {{ name }}_memory;

/* Return where the image goes, or NULL for a bad memory. A call consumes it, so write it before each. */
uint8_t *{{ name }}_image_in({{ name }}_memory *memory);

/* Return the most probable class, or {{ upper }}_BAD_MEMORY.{{ " Needs erff of <math.h>." if uses.gelu and not int8 }} */
int {{ name }}_predict_in({{ name }}_memory *memory);

/* The same, and memory->output has the probability of each class. Needs expf{{ " and erff" if uses.gelu and not int8 }} of <math.h>. */
int {{ name }}_run_in({{ name }}_memory *memory);

#ifndef {{ upper }}_NO_STATIC
/* The same with one static memory that all calls share: one call at a time. */
uint8_t *{{ name }}_image(void);
int {{ name }}_predict(void);
const float *{{ name }}_run(void); /* the probabilities, which stay until the next call */
#endif

#ifdef __cplusplus
}
#endif

#endif

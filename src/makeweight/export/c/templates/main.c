/*
 * Runs the self-test, on a computer or on a device that can print:
 *   cc -std=c99 -O2 main.c {{ names|join(".c ") }}.c -lm -o selftest && ./selftest
{% if names|length > 1 %}
 * With -DINT8_ONLY it leaves {{ names[0] }} out, for a device that has no room for floats.
{% endif %}
 */
#include <stdio.h>

{% for name in names %}
{% if not loop.last %}
#ifndef INT8_ONLY
{% endif %}
#include "{{ name }}_selftest.h"
{% if not loop.last %}
#endif
{% endif %}
{% endfor %}

#ifndef ARDUINO /* which compiles all files of a library; there it is examples/selftest */
static union {
{% for name in names %}
{% if not loop.last %}
#ifndef INT8_ONLY
{% endif %}
    {{ name }}_memory {{ name }};
{% if not loop.last %}
#endif
{% endif %}
{% endfor %}
} memory;

int main(void)
{
    int wrong = 0;
    int right;
{% for name in names %}
{% if not loop.last %}
#ifndef INT8_ONLY
{% endif %}
    right = {{ name }}_selftest(&memory.{{ name }});
    printf("{{ name }} self-test: %d of %d\n", right, {{ name|upper }}_SELFTEST_IMAGES);
    wrong += {{ name|upper }}_SELFTEST_IMAGES - right;
{% if not loop.last %}
#endif
{% endif %}
{% endfor %}
    return (wrong == 0) ? 0 : 1;
}
#endif

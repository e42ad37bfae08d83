/*
 * Runs the self-test, on a computer or on a device that can print:
 *   cc -std=c99 -O2 main.c {{ names|join(".c ") }}.c -lm -o selftest && ./selftest
 */
#include <stdio.h>

{% for name in names %}
#include "{{ name }}_selftest.h"
{% endfor %}

#ifndef ARDUINO /* which compiles all files of a library; there it is examples/selftest */
static union {
{% for name in names %}
    {{ name }}_memory {{ name }};
{% endfor %}
} memory;

int main(void)
{
    int wrong = 0;
    int right;
{% for name in names %}
    right = {{ name }}_selftest(&memory.{{ name }});
    printf("{{ name }} self-test: %d of %d\n", right, {{ name|upper }}_SELFTEST_IMAGES);
    wrong += {{ name|upper }}_SELFTEST_IMAGES - right;
{% endfor %}
    return (wrong == 0) ? 0 : 1;
}
#endif

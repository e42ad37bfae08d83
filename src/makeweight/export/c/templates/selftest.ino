{% for name in names %}
#include <{{ name }}_selftest.h>
{% endfor %}

static union {
{% for name in names %}
  {{ name }}_memory {{ name }};
{% endfor %}
} memory;

void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
{% for name in names %}
  Serial.print("{{ name }} self-test: ");
  Serial.print({{ name }}_selftest(&memory.{{ name }}));
  Serial.println(" of {{ images }}");
{% endfor %}
}

void loop() {
}

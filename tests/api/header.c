/* millrace.h is C11 by itself, and its structures have the sizes that the library was built with.
 */
#include "api/millrace.h"

#include <assert.h>

_Static_assert(sizeof(struct mr_address) == 16, "mr_address");
_Static_assert(sizeof(struct mr_message) == 40, "mr_message");
_Static_assert(sizeof(struct mr_event) == 88, "mr_event");
_Static_assert(sizeof(struct mr_path_status) == 48, "mr_path_status");
_Static_assert(sizeof(struct mr_status) == 88 + MR_PATHS_MAX * 48, "mr_status");

int main(void) {
  struct mr_address address;
  char text[46];
  assert(mr_address_parse("192.0.2.1", &address) == 0);
  assert(mr_address_format(&address, text, sizeof text) == text);
  assert(mr_attach(&(struct mr_attach_options){.socket = "/nowhere"}, &(mr_context*){0}) < 0);
  return mr_last_error()[0] != '\0' ? 0 : 1;
}

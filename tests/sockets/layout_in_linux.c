/* The facts as Linux and libsctp have them. */
#include <netinet/sctp.h>
#include <stddef.h>

#include "tests/sockets/layout.h"

#define NUMBER(name) {#name, (long)(name)},
#define SIZE(type) {"sizeof " #type, (long)sizeof(struct type)},
#define FIELD(type, field) {#type "." #field, (long)offsetof(struct type, field)},

const struct fact facts_in_linux[] = {
#include "tests/sockets/layout_extensions.h"
#include "tests/sockets/layout_list.h"
    {NULL, 0}};

/* The facts as millrace/sctp.h has them. */
#include <millrace/sctp.h>
#include <stddef.h>

#include "tests/sockets/layout.h"

#define NUMBER(name) {#name, (long)(name)},
#define SIZE(type) {"sizeof " #type, (long)sizeof(struct type)},
#define FIELD(type, field) {#type "." #field, (long)offsetof(struct type, field)},

const struct fact facts_here[] = {
#include "tests/sockets/layout_extensions.h"
#include "tests/sockets/layout_list.h"
    {NULL, 0}};

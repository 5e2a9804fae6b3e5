/* What the two ends of the binary interface must agree about: the same list is compiled against our
 * header and against Linux's.
 */
#ifndef MILLRACE_TESTS_SOCKETS_LAYOUT_H
#define MILLRACE_TESTS_SOCKETS_LAYOUT_H

#ifdef __cplusplus
extern "C" {
#endif

struct fact {
  const char* what;
  long value;
};

/* Both end with a fact without a name. */
extern const struct fact facts_here[];
extern const struct fact facts_in_linux[];
/* The same: all names of RFC 6458, of which none has to be Linux's. */
extern const struct fact names_of_rfc6458[];

#ifdef __cplusplus
}
#endif

#endif

/* First: the packaged file asks for the mode before it includes anything. */
#include "llhttp.h"
_Static_assert(LLHTTP_STRICT_MODE == 1, "the loose parser lets smuggled requests through");
#include "/usr/share/llhttp/llhttp.c"

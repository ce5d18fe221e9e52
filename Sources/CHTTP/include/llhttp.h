/* The parser of Debian's node-llhttp, compiled here in strict mode: the package's default lets requests through that a
   proxy in front would read differently. */
#pragma once
#define LLHTTP_STRICT_MODE 1
#if !__has_include("/usr/share/include/llhttp/llhttp.h")
#error "llhttp is missing: apt-get install node-llhttp"
#endif
#include "/usr/share/include/llhttp/llhttp.h"
_Static_assert(LLHTTP_VERSION_MAJOR == 8 && LLHTTP_VERSION_MINOR == 1, "run HTTPServerTests before accepting another llhttp");

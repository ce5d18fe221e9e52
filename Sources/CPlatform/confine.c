/* What a thread may still do that is about to read what a stranger made. */
#define _GNU_SOURCE
#include "parts.h"
#include <errno.h>
#include <sys/prctl.h>

int platform_confine(const struct platform_fence *fence) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    int code = fence_enter(fence);
    return code == 0 ? calls_of_reader() : code;
}

/* The few Linux calls that Swift's Glibc module does not map. */
#pragma once
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static inline int platform_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Names the calling thread; the kernel keeps 15 bytes. */
static inline void platform_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

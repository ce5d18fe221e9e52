/* The few Linux calls that Swift's Glibc module does not map. */
#pragma once
#include <stdint.h>
#include <sys/eventfd.h>

static inline int platform_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* The few Linux calls that Swift's Glibc module does not map. */
#pragma once
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static inline int platform_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* Names the calling thread; the kernel keeps 15 bytes. */
static inline void platform_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/* A descriptor that becomes readable when the process ends; -1 and errno on failure. Close-on-exec. */
int platform_pidfd(int pid);

/* `actions` is a posix_spawn_file_actions_t *: spawn.h stays out of here, or its types would become ours. */
int platform_spawn_chdir(void *actions, const char *directory);
int platform_spawn_closefrom(void *actions, int first);

/* pipe2(2), close-on-exec on both ends. */
int platform_pipe(int ends[2]);

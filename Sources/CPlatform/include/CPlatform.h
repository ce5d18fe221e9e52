/* The few Linux calls that Swift's Glibc module does not map. */
#pragma once
#include <malloc.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static inline int platform_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

/* malloc_trim(3): gives what was freed back to the system. */
static inline void platform_trim_memory(void) { malloc_trim(0); }

/* Names the calling thread; the kernel keeps 15 bytes. */
static inline void platform_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/* A descriptor that becomes readable when the process ends; -1 and errno on failure. Close-on-exec. */
int platform_pidfd(int pid);
/* pidfd_send_signal(2). */
int platform_pidfd_signal(int pidfd, int number);

/* `actions` is a posix_spawn_file_actions_t *: spawn.h stays out of here, or its types would become ours. */
int platform_spawn_chdir(void *actions, const char *directory);
int platform_spawn_closefrom(void *actions, int first);

/* From now on a crash writes one line on standard output, a sentence or JSON, in place of Swift's backtrace; see crash.c. */
void platform_report_crashes(int as_text);

/* pipe2(2), close-on-exec on both ends. */
int platform_pipe(int ends[2]);

/* ---- What a program may use: see fence.c, rooms.c and calls.c */

enum platform_use {
    /* Read and execute what is there. */
    PLATFORM_READ,
    /* Everything. */
    PLATFORM_CHANGE,
    /* A device that holds nothing, like /dev/null. */
    PLATFORM_DEVICE,
    /* A symbolic link with the text `source`; only where the program sees a view of its own. */
    PLATFORM_LINK,
};

/* One file or folder. */
struct platform_place {
    /* As it is found here, without links on the way. */
    const char *source;
    /* As the program names it. */
    const char *target;
    enum platform_use use;
};

/* What a program may use. */
struct platform_fence {
    /* Those above come before those below. The last one has no source. */
    const struct platform_place *places;
    /* The TCP ports that it may connect to, 0 at the end. */
    const uint16_t *ports;
    /* Whether Landlock is used as far as the kernel knows it. */
    int landlock;
    /* Whether it gets processes, shared memory and a view of files of its own. The kernel must know how. */
    int rooms;
    /* Of shared memory in rooms of its own. */
    long long shared_bytes;
};

/* The version of Landlock that the kernel offers, below 1 for none. */
int platform_landlock(void);

/* Whether this process may give a program rooms of its own: 0, or the number of the error. Forks. */
int platform_rooms(void);

/* From here on this thread, and those that it starts, uses these places alone, connects to nothing, opens no socket and
   gains no rights; as far as the kernel knows how. 0, or the number of the error. */
int platform_confine(const struct platform_fence *fence);

/* ---- A program to be started under a keeper; see keeper.c. A limit below zero leaves what is. */

struct platform_kept {
    /* With a slash in it; nothing is looked up. */
    const char *program;
    char *const *arguments;
    char *const *environment;
    /* NULL: ours. */
    const char *directory;
    /* NULL: it may use all that we may. */
    const struct platform_fence *fence;
    int output;
    /* Held by the keeper to the end, and by the program as descriptor 3 unless it has rooms of its own; -1 for none. */
    int kept;
    long long cpu_seconds, file_bytes, descriptors, memory_bytes;
    /* Of all its processes together; looked at four times a second. */
    long long processes, resident_bytes;
};

/* What `ps` calls a keeper. */
#define PLATFORM_KEEPER_NAME "motorpool-keep"
/* What a keeper says on its lifeline when nothing of the child is left, */
#define PLATFORM_KEEPER_DONE 68
/* and when it ended the child because there was too much of it. */
#define PLATFORM_KEEPER_CROWD 67
#define PLATFORM_KEEPER_MEMORY 77

/* Starts the program. 0, or the number of the error. The keeper is a child of ours, `pid`, which ends as the program
   did; a byte on the lifeline is a signal for the program's group, with the highest bit for the program alone, and 9
   ends all; closing it ends all, too. Blocks until the program runs. */
int platform_keep(const struct platform_kept *what, int *pid, int *lifeline);

/* Calls `each` with the path of every shared library that this process has loaded, as the loader found it. */
void platform_libraries(void (*each)(const char *path, void *with), void *with);

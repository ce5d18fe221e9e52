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

/* A program to be started under a keeper; see keeper.c. A limit below zero leaves what is. */
struct platform_kept {
    /* With a slash in it; nothing is looked up. */
    const char *program;
    char *const *arguments;
    char *const *environment;
    /* NULL: ours. */
    const char *directory;
    /* The only folders below which it may change anything, NULL at the end; NULL for all. */
    const char *const *writable;
    int output;
    /* Handed to the child as descriptor 3, and held by the keeper to the end; -1 for none. */
    int kept;
    long long cpu_seconds, file_bytes, descriptors, memory_bytes, processes;
};

/* What `ps` calls a keeper. */
#define PLATFORM_KEEPER_NAME "motorpool-keep"
/* What a keeper says on its lifeline when nothing of the child is left. */
#define PLATFORM_KEEPER_DONE 68

/* Starts the program. 0, or the number of the error. The keeper is a child of ours, `pid`, which ends as the program
   did; a byte on the lifeline is a signal for the program's group, with the highest bit for the program alone, and 9
   ends all; closing it ends all, too. Blocks until the program runs. */
int platform_keep(const struct platform_kept *what, int *pid, int *lifeline);

/* The version of Landlock that the kernel offers, below 1 for none. */
int platform_landlock(void);

/* From here on this thread, and those that it starts, can do anything with files below these folders, NULL at the end,
   and elsewhere reads what the system's libraries need and nothing else; reaches nobody; and gains no rights. As far as the kernel knows how. 0, or the number of the
   error. */
int platform_confine(const char *const *folders);

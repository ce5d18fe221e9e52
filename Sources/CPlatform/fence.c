/* Landlock: what a process, and all that it starts, may do with files, TCP, and processes outside.

   linux/landlock.h; the numbers are the same on all machines. Each version of the kernel's knows more than the one
   before; what it does not know stays allowed. */
#define _GNU_SOURCE
#include "parts.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXECUTE (1ULL << 0)
#define WRITE_FILE (1ULL << 1)
#define READ_FILE (1ULL << 2)
#define READ_FOLDER (1ULL << 3)
#define TRUNCATE (1ULL << 14)
#define CONTROL_DEVICE (1ULL << 15)
/* What can be said of a file that is no folder. */
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | CONTROL_DEVICE)

#define CONNECT_TCP (1ULL << 1)
#define ALL_TCP 3ULL
#define ALL_SCOPES 3ULL

struct ruleset { uint64_t files, net, scoped; };
struct __attribute__((packed)) beneath { uint64_t allowed; int32_t place; };
struct port { uint64_t allowed, number; };

int platform_landlock(void) { return (int)syscall(444, NULL, 0, 1); }

static uint64_t known_rights(int version) {
    return version >= 5 ? 0xffff : version >= 3 ? 0x7fff : version >= 2 ? 0x3fff : 0x1fff;
}

static uint64_t rights(enum platform_use use) {
    switch (use) {
    case PLATFORM_CHANGE: return ~0ULL;
    case PLATFORM_DEVICE: return OF_FILES & ~EXECUTE;
    default: return EXECUTE | READ_FILE | READ_FOLDER;
    }
}

static void allow(int rules, const char *path, uint64_t what) {
    struct beneath rule = {.allowed = what, .place = open(path, O_PATH | O_CLOEXEC)};
    if (rule.place < 0) return;
    /* A file takes no rights of folders. */
    if (syscall(445, rules, 1, &rule, 0) != 0) {
        rule.allowed &= OF_FILES;
        syscall(445, rules, 1, &rule, 0);
    }
    close(rule.place);
}

int fence_enter(const struct platform_fence *fence) {
    int version = platform_landlock();
    if (version < 1 || !fence->landlock) return 0;
    uint64_t files = known_rights(version);
    struct ruleset set = {
        .files = files, .net = version >= 4 ? ALL_TCP : 0, .scoped = version >= 6 ? ALL_SCOPES : 0};
    size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    int rules = (int)syscall(444, &set, size, 0);
    if (rules < 0) return errno;
    for (const struct platform_place *each = fence->places; each->source; each++)
        if (each->use != PLATFORM_LINK) allow(rules, each->target, rights(each->use) & files);
    /* What is kept inside can look into no process outside. */
    allow(rules, "/proc", rights(PLATFORM_READ) & files);
    if (fence->rooms) allow(rules, "/dev/shm", rights(PLATFORM_CHANGE) & files);
    for (const uint16_t *each = fence->ports; version >= 4 && *each; each++) {
        struct port rule = {.allowed = CONNECT_TCP, .number = *each};
        syscall(445, rules, 2, &rule, 0);
    }
    int code = syscall(446, rules, 0) == 0 ? 0 : errno;
    close(rules);
    return code;
}

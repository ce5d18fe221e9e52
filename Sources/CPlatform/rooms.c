/* Rooms of its own for a program: Linux namespaces, made without any rights.

   In them the program sees the processes that it started and no others, the shared memory that it made, and the files
   that its fence names. When the first process in them ends, the kernel ends all the others. The view of files is put
   together on an empty file system in memory, and the old one is taken away, so that sockets, configuration and state
   of others have no name there. Only system calls here: it runs between fork and exec. */
#define _GNU_SOURCE
#include "parts.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

unsigned long rooms_flags(void) { return CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC; }

static int put(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return errno;
    int code = write(file, text, strlen(text)) < 0 ? errno : 0;
    close(file);
    return code;
}

/* Writes a number in decimal, and returns where it ends. */
static char *digits(char *at, unsigned long long number) {
    char reversed[24];
    int count = 0;
    do reversed[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) *at++ = reversed[--count];
    *at = 0;
    return at;
}

/* Our own number stays ours, and there is no other. */
static int map_account(unsigned user, unsigned group) {
    char line[64];
    int code = put("/proc/self/setgroups", "deny");
    if (code != 0 && code != ENOENT) return code;
    for (int each = 0; each < 2; each++) {
        unsigned number = each == 0 ? user : group;
        char *at = digits(line, number);
        *at++ = ' ';
        at = digits(at, number);
        strcpy(at, " 1");
        code = put(each == 0 ? "/proc/self/uid_map" : "/proc/self/gid_map", line);
        if (code != 0) return code;
    }
    return 0;
}

static int join(char *path, const char *first, const char *second) {
    size_t head = strlen(first), tail = strlen(second);
    if (head + tail >= PATH_BYTES) return ENAMETOOLONG;
    memcpy(path, first, head);
    memcpy(path + head, second, tail + 1);
    return 0;
}

/* Makes the folders above a path; those that are there already may be read-only. */
static void make_folders_above(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0755);
        *slash = '/';
    }
}

static int make_read_only(const char *path) {
    struct { uint64_t set, cleared, propagation, users; } change = {.set = 1 /* MOUNT_ATTR_RDONLY */};
    if (syscall(442, AT_FDCWD, path, AT_RECURSIVE, &change, sizeof change) == 0) return 0;
    /* Before Linux 5.12. What was locked with the mount has to be said again. */
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
    return mount(NULL, path, NULL, flags | MS_NOSUID | MS_NODEV, NULL) == 0 || mount(NULL, path, NULL, flags, NULL) == 0
        ? 0 : errno;
}

/* Puts a place of the old view into the new one. What is not there is left out. */
static int furnish(const struct platform_place *place) {
    char from[PATH_BYTES], to[PATH_BYTES];
    int code = join(to, "/new", place->target);
    if (code != 0) return code;
    make_folders_above(to);
    if (place->use == PLATFORM_LINK) return symlink(place->source, to) == 0 || errno == EEXIST ? 0 : errno;
    if ((code = join(from, "/old", place->source)) != 0) return code;
    struct stat status;
    if (lstat(from, &status) != 0) return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : errno;
    if (S_ISDIR(status.st_mode)) {
        mkdir(to, 0755);
    } else {
        int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (file >= 0) close(file);
    }
    if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) != 0) return errno;
    return place->use == PLATFORM_READ ? make_read_only(to) : 0;
}

/* What the kernel tells of processes: ours alone where we may, and what can be seen from here otherwise. */
static int furnish_processes(void) {
    mkdir("/new/proc", 0755);
    if (mount("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0) return 0;
    return mount("/old/proc", "/new/proc", NULL, MS_BIND | MS_REC, NULL) == 0 ? 0 : errno;
}

static int furnish_shared_memory(long long bytes) {
    char options[64] = "mode=1777,size=";
    digits(options + strlen(options), (unsigned long long)bytes);
    mkdir("/new/dev", 0755);
    mkdir("/new/dev/shm", 01777);
    return mount("tmpfs", "/new/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0 ? 0 : errno;
}

/* System V's shared memory is bounded as well, where the kernel lets its owner say so. */
static void bound_shared_memory(long long bytes) {
    char text[24];
    digits(text, (unsigned long long)(bytes / 4096));
    put("/proc/sys/kernel/shmall", text);
}

/* An empty file system as the root, with the old view in /old and a place for the new one in /new. */
static int clear_the_floor(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return errno;
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m,nr_inodes=4096") != 0) return errno;
    if (mkdir("/tmp/old", 0755) != 0 || mkdir("/tmp/new", 0755) != 0) return errno;
    if (mount("/tmp/new", "/tmp/new", NULL, MS_BIND, NULL) != 0) return errno;
    if (syscall(SYS_pivot_root, "/tmp", "/tmp/old") != 0 || chdir("/") != 0) return errno;
    return 0;
}

/* The new view becomes the only one. */
static int move_in(void) {
    if (umount2("/old", MNT_DETACH) != 0) return errno;
    if (chdir("/new") != 0 || syscall(SYS_pivot_root, ".", ".") != 0) return errno;
    if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return errno;
    /* The folders that only lead somewhere are nobody's to fill. */
    return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0 ? 0 : errno;
}

int rooms_enter(const struct platform_fence *fence, unsigned user, unsigned group) {
    int code = map_account(user, group);
    if (code == 0) code = clear_the_floor();
    for (const struct platform_place *each = fence->places; code == 0 && each->source; each++) code = furnish(each);
    if (code == 0) code = furnish_processes();
    if (code == 0) code = furnish_shared_memory(fence->shared_bytes);
    if (code == 0) code = move_in();
    if (code == 0) bound_shared_memory(fence->shared_bytes);
    return code;
}

void rooms_drop(void) {
    for (int each = 0; each < 64; each++) prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}, {0}};
    syscall(SYS_capset, &header, none);
}

int platform_rooms(void) {
    static const struct platform_place places[] = {{"/usr", "/usr", PLATFORM_READ}, {NULL, NULL, PLATFORM_READ}};
    static const uint16_t no_ports[] = {0};
    struct platform_fence fence = {.places = places, .ports = no_ports, .shared_bytes = 1 << 20};
    unsigned user = geteuid(), group = getegid();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pid = (int)syscall(SYS_clone, rooms_flags() | SIGCHLD, 0, 0, 0, 0), code = errno;
    if (pid == 0) _exit(rooms_enter(&fence, user, group) & 0x7f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) return code;
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/* A process between us and a child, which sees to it that nothing of the child is left.

   The kernel hands it whatever the child's descendants leave behind, so that leaving the group or the session is no way
   out. It ends them all when the child has ended, when it is told to, and when the process that started it is gone.
   Both it and the child are made by fork in a process of many threads: only system calls here, no memory is asked for. */
#define _GNU_SOURCE
#include "CPlatform.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- What the child may write */

#define WRITE_FILE (1ULL << 1)
#define CHANGE_FOLDERS (0x1ff0ULL)
#define MOVE (1ULL << 13)
#define TRUNCATE (1ULL << 14)

struct ruleset { uint64_t files; };
struct __attribute__((packed)) beneath { uint64_t allowed; int32_t folder; };

static void allow(int rules, const char *path, uint64_t what) {
    struct beneath rule = {.allowed = what, .folder = open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0) return;
    syscall(445, rules, 1, &rule, 0);
    close(rule.folder);
}

int platform_landlock(void) { return (int)syscall(444, NULL, 0, 1); }

/* Landlock: linux/landlock.h; the numbers are the same on all machines. Without it in the kernel nothing is kept. */
static int keep_inside(const char *const *folders) {
    int version = platform_landlock();
    if (version < 1) return 0;
    struct ruleset set = {.files = WRITE_FILE | CHANGE_FOLDERS};
    if (version >= 2) set.files |= MOVE;
    if (version >= 3) set.files |= TRUNCATE;
    int rules = (int)syscall(444, &set, sizeof set, 0);
    if (rules < 0) return errno;
    for (; *folders; folders++) allow(rules, *folders, set.files);
    allow(rules, "/dev/null", set.files & (WRITE_FILE | TRUNCATE));
    int code = syscall(446, rules, 0) == 0 ? 0 : errno;
    close(rules);
    return code;
}

/* ---- The child */

static void bound(int what, long long most) {
    if (most < 0) return;
    struct rlimit limit;
    if (getrlimit(what, &limit) != 0) return;
    if (limit.rlim_max == RLIM_INFINITY || (rlim_t)most < limit.rlim_max) limit.rlim_max = (rlim_t)most;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(what, &limit);
}

static void become(const struct platform_kept *what, int output, int kept, int trouble) {
    setpgid(0, 0);
    for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Without the keeper nobody would look after it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bound(RLIMIT_CORE, 0);
    bound(RLIMIT_CPU, what->cpu_seconds);
    bound(RLIMIT_FSIZE, what->file_bytes);
    bound(RLIMIT_NOFILE, what->descriptors);
    bound(RLIMIT_AS, what->memory_bytes);
    bound(RLIMIT_NPROC, what->processes);
    int code = 0;
    if (what->directory && chdir(what->directory) != 0) code = errno;
    if (code == 0 && what->writable) code = keep_inside(what->writable);
    if (code == 0 && (dup2(output, 1) < 0 || dup2(output, 2) < 0)) code = errno;
    if (code == 0 && kept >= 0 && dup2(kept, 3) < 0) code = errno;
    if (code == 0) {
        execve(what->program, what->arguments, what->environment);
        code = errno;
    }
    while (write(trouble, &code, sizeof code) < 0 && errno == EINTR) {}
    _exit(127);
}

/* ---- The keeper */

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char kind;
    char name[];
};

/* The parent and the group of a process, by /proc/PID/stat; its name, in brackets, may hold anything. */
static int family(const char *pid, int *parent, int *group) {
    char path[32] = "/proc/", text[512];
    strcat(strcat(path, pid), "/stat");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    char *rest = strrchr(text, ')');
    if (!rest || strlen(rest) < 4) return 0;
    *parent = (int)strtol(rest + 4, &rest, 10);
    *group = (int)strtol(rest, NULL, 10);
    return 1;
}

/* Kills all children, and the groups that they stand in. A child's number is its own until it is waited for, and its
   group lies in a session that began with us, so no stranger is met. */
static void kill_children(int self) {
    char names[16384];
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    long count;
    while ((count = syscall(SYS_getdents64, folder, names, sizeof names)) > 0) {
        for (long at = 0; at < count;) {
            struct entry *entry = (struct entry *)(names + at);
            at += entry->length;
            int parent, group;
            if (entry->name[0] < '1' || entry->name[0] > '9' || strlen(entry->name) > 10) continue;
            if (!family(entry->name, &parent, &group) || parent != self) continue;
            if (group > 1 && group != self) kill(-group, SIGKILL);
            kill((int)strtol(entry->name, NULL, 10), SIGKILL);
        }
    }
    close(folder);
}

/* Waits for whoever has ended. Returns 0 when there is no child any more. */
static int reap(int leader, int *status, int *has_ended) {
    for (;;) {
        int raw, pid = waitpid(-1, &raw, WNOHANG);
        if (pid == leader) {
            *status = raw;
            *has_ended = 1;
        }
        if (pid == 0) return 1;
        if (pid < 0 && errno != EINTR) return 0;
    }
}

/* Does what it is told; returns 0 when all is to end. */
static int obey(int line, int leader) {
    unsigned char words[64];
    ssize_t count = recv(line, words, sizeof words, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    for (ssize_t at = 0; at < count; at++) {
        int number = words[at] & 0x7f;
        if (words[at] & 0x80)
            kill(leader, number);
        else if (number == SIGKILL)
            return 0;
        else
            kill(-leader, number);
    }
    return count > 0;
}

/* Ends as the child did. */
static void follow(int status) {
    if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
    int number = WTERMSIG(status);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(number, SIG_DFL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, number);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    kill(getpid(), number);
    _exit(128 + number);
}

static void quiet(int signals) {
    struct signalfd_siginfo seen;
    while (read(signals, &seen, sizeof seen) > 0) {}
}

static void close_all_but(int *kept, int count) {
    int from = 0;
    for (;;) {
        int next = -1;
        for (int each = 0; each < count; each++)
            if (kept[each] >= from && (next < 0 || kept[each] < next)) next = kept[each];
        if (next < 0) break;
        if (next > from) syscall(SYS_close_range, from, next - 1, 0);
        from = next + 1;
    }
    syscall(SYS_close_range, from, ~0U, 0);
}

static void keep(const struct platform_kept *what, int line, int trouble) {
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    platform_name_thread(PLATFORM_KEEPER_NAME);
    signal(SIGCHLD, SIG_DFL);
    /* Above the ones that have a meaning, and closed when the child becomes its program. */
    int ours[4] = {line, trouble, what->output, what->kept};
    for (int each = 0; each < 4; each++)
        if (ours[each] >= 0) ours[each] = fcntl(ours[each], F_DUPFD_CLOEXEC, 10);
    close_all_but(ours, 4);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, 1);
    dup2(nothing, 2);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int signals = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);

    int self = getpid(), leader = _Fork();
    if (leader == 0) become(what, ours[2], ours[3], ours[1]);
    if (leader < 0) {
        int code = errno;
        while (write(ours[1], &code, sizeof code) < 0 && errno == EINTR) {}
        _exit(127);
    }
    close(ours[1]);
    close(ours[2]);

    int status = 0, has_ended = 0, wanted = 1;
    struct pollfd watched[2] = {{.fd = ours[0], .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (wanted && !has_ended) {
        poll(watched, 2, -1);
        quiet(signals);
        if (watched[0].revents) wanted = obey(ours[0], leader);
        reap(leader, &status, &has_ended);
    }
    if (!has_ended) kill(-leader, SIGKILL);
    while (reap(leader, &status, &has_ended)) {
        kill_children(self);
        poll(watched + 1, 1, 10);
        quiet(signals);
    }
    char done = PLATFORM_KEEPER_DONE;
    send(ours[0], &done, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    follow(status);
}

int platform_keep(const struct platform_kept *what, int *pid, int *lifeline) {
    int line[2], trouble[2], code = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) != 0) return errno;
    if (pipe2(trouble, O_CLOEXEC) != 0) {
        code = errno;
        close(line[0]);
        close(line[1]);
        return code;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    *pid = _Fork();
    if (*pid == 0) keep(what, line[1], trouble[1]);
    if (*pid < 0) code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(line[1]);
    close(trouble[1]);
    if (code == 0) {
        ssize_t count;
        int reason = 0;
        while ((count = read(trouble[0], &reason, sizeof reason)) < 0 && errno == EINTR) {}
        if (count == sizeof reason) {
            code = reason;
            int raw;
            while (waitpid(*pid, &raw, 0) < 0 && errno == EINTR) {}
        }
    }
    close(trouble[0]);
    if (code != 0) {
        close(line[0]);
        return code;
    }
    *lifeline = line[0];
    return 0;
}

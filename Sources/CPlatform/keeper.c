/* Two processes between us and a program, which see to it that nothing of the program is left.

   The outer one, whose number we know, is given by the kernel whatever the program's descendants leave behind, so that
   leaving the group or the session is no way out. It counts them and their memory, and ends as the program did when none
   is left. The inner one starts the program and does what it is told on the lifeline. Where the kernel knows how it is the
   first process in rooms of its own (rooms.c): the program sees neither of the two nor anything else of ours, and all
   that is in the rooms ends with the inner one. Elsewhere Landlock keeps signals of the program's from both, and should
   one of them be ended the other one ends everything.

   All are made by fork in a process of many threads: only system calls here, and no memory but a page table of our own. */
#define _GNU_SOURCE
#include "parts.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The child */

static void bound(int what, long long most) {
    if (most < 0) return;
    struct rlimit limit;
    if (getrlimit(what, &limit) != 0) return;
    if (limit.rlim_max == RLIM_INFINITY || (rlim_t)most < limit.rlim_max) limit.rlim_max = (rlim_t)most;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(what, &limit);
}

/* The ends of what ties a keeper together. */
struct ties {
    int line, trouble, output, kept, report;
};

static void tell(int trouble, int code) {
    while (write(trouble, &code, sizeof code) < 0 && errno == EINTR) {}
    _exit(127);
}

static void become(const struct platform_kept *what, const struct ties *ties) {
    const struct platform_fence *fence = what->fence;
    int has_rooms = fence && fence->rooms;
    setpgid(0, 0);
    for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Without the inner keeper nobody would look after it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    bound(RLIMIT_CORE, 0);
    bound(RLIMIT_CPU, what->cpu_seconds);
    bound(RLIMIT_FSIZE, what->file_bytes);
    bound(RLIMIT_NOFILE, what->descriptors);
    bound(RLIMIT_AS, what->memory_bytes);
    /* Elsewhere the kernel would count the whole account. */
    if (has_rooms) bound(RLIMIT_NPROC, what->processes);
    int code = 0;
    if (what->directory && chdir(what->directory) != 0) code = errno;
    if (has_rooms) rooms_drop();
    if (code == 0 && fence) code = fence_enter(fence);
    if (code == 0 && fence) code = calls_of_program();
    if (code == 0 && (dup2(ties->output, 1) < 0 || dup2(ties->output, 2) < 0)) code = errno;
    /* Nothing of it outlives rooms of its own, so there it need not be known by what it holds. */
    if (code == 0 && ties->kept >= 0 && !has_rooms && dup2(ties->kept, 3) < 0) code = errno;
    if (code == 0) {
        execve(what->program, what->arguments, what->environment);
        code = errno;
    }
    tell(ties->trouble, code);
}

/* ---- The keeper */

struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char kind;
    char name[];
};

struct family {
    int pid, parent, group, is_ours;
    long pages;
};

/* What /proc/PID/stat says; the name of the process, in brackets, may hold anything. */
static int look(const char *pid, struct family *it) {
    char path[32] = "/proc/", text[1024];
    strcat(strcat(path, pid), "/stat");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    char *rest = strrchr(text, ')');
    if (!rest || strlen(rest) < 4) return 0;
    it->pid = (int)strtol(pid, NULL, 10);
    it->parent = (int)strtol(rest + 4, &rest, 10);
    it->group = (int)strtol(rest, &rest, 10);
    /* The 24th field; the group is the fifth. */
    for (int field = 6; field <= 24 && *rest; field++) it->pages = strtol(rest, &rest, 10);
    it->is_ours = 0;
    return 1;
}

/* Calls `each` with every process that can be seen, until it returns 0. */
static void walk(int (*each)(const struct family *, void *), void *with) {
    char names[16384];
    int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    long count;
    int goes_on = 1;
    while (goes_on && (count = syscall(SYS_getdents64, folder, names, sizeof names)) > 0) {
        for (long at = 0; goes_on && at < count;) {
            struct entry *entry = (struct entry *)(names + at);
            struct family it;
            at += entry->length;
            if (entry->name[0] < '1' || entry->name[0] > '9' || strlen(entry->name) > 10) continue;
            if (look(entry->name, &it)) goes_on = each(&it, with);
        }
    }
    close(folder);
}

/* Kills all children, and the groups that they stand in. A child's number is its own until it is waited for, and its
   group lies in a session that began with us, so no stranger is met. */
static int kill_child(const struct family *it, void *with) {
    int self = *(int *)with;
    if (it->parent != self) return 1;
    if (it->group > 1 && it->group != self) kill(-it->group, SIGKILL);
    kill(it->pid, SIGKILL);
    return 1;
}

static void kill_children(int self) { walk(kill_child, &self); }

/* ---- How many there are, and how much memory they hold */

struct census {
    struct family *all;
    int count, most;
};

static int note(const struct family *it, void *with) {
    struct census *census = with;
    if (census->count == census->most) return 0;
    census->all[census->count++] = *it;
    return 1;
}

/* A table for those that can be seen; NULL when there is no memory for it. */
static struct family *make_table(int most) {
    void *table = mmap(NULL, sizeof(struct family) * (size_t)most, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return table == MAP_FAILED ? NULL : table;
}

static struct family *find(const struct census *census, int pid) {
    int low = 0, high = census->count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        if (census->all[middle].pid == pid) return census->all + middle;
        if (census->all[middle].pid < pid) low = middle + 1; else high = middle - 1;
    }
    return NULL;
}

/* What is too much of the descendants of `self`: 0 when nothing is. The two keepers count as none. */
static char excess(const struct platform_kept *what, struct census *census, int self, int inner) {
    if (!census->all) return 0;
    census->count = 0;
    walk(note, census);
    /* The numbers of parents are mostly smaller, and /proc is in order of numbers: two rounds, as a rule. */
    for (int changed = 1; changed;) {
        changed = 0;
        for (int at = 0; at < census->count; at++) {
            struct family *it = census->all + at;
            if (it->is_ours) continue;
            struct family *parent = it->parent == self ? NULL : find(census, it->parent);
            if (it->parent != self && !(parent && parent->is_ours)) continue;
            it->is_ours = changed = 1;
        }
    }
    long long processes = 0, bytes = 0;
    for (int at = 0; at < census->count; at++) {
        struct family *it = census->all + at;
        if (!it->is_ours || it->pid == inner) continue;
        processes++;
        bytes += (long long)it->pages * sysconf(_SC_PAGESIZE);
    }
    if (what->processes >= 0 && processes > what->processes) return PLATFORM_KEEPER_CROWD;
    if (what->resident_bytes >= 0 && bytes > what->resident_bytes) return PLATFORM_KEEPER_MEMORY;
    return 0;
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

static int watch_children(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    return signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Starts the program, and looks after it until it ends or is to end. */
static void keep_inside(const struct platform_kept *what, const struct ties *ties, unsigned user, unsigned group) {
    const struct platform_fence *fence = what->fence;
    int has_rooms = fence && fence->rooms;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    if (has_rooms) {
        int code = rooms_enter(fence, user, group);
        if (code != 0) tell(ties->trouble, code);
        /* The program is none of those who may look into us. */
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    int signals = watch_children(), self = getpid(), leader = _Fork();
    if (leader == 0) become(what, ties);
    if (leader < 0) tell(ties->trouble, errno);
    close(ties->trouble);
    close(ties->output);

    int status = 0, has_ended = 0, wanted = 1;
    struct pollfd watched[2] = {{.fd = ties->line, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (wanted && !has_ended) {
        poll(watched, 2, -1);
        quiet(signals);
        if (watched[0].revents) wanted = obey(ties->line, leader);
        reap(leader, &status, &has_ended);
    }
    if (!has_ended) kill(-leader, SIGKILL);
    while (reap(leader, &status, &has_ended)) {
        if (has_rooms) kill(-1, SIGKILL); else kill_children(self);
        poll(watched + 1, 1, 10);
        quiet(signals);
    }
    while (write(ties->report, &status, sizeof status) < 0 && errno == EINTR) {}
    _exit(0);
}

static int start_inside(const struct platform_kept *what, const struct ties *ties) {
    unsigned user = geteuid(), group = getegid();
    int has_rooms = what->fence && what->fence->rooms;
    int inner = has_rooms ? (int)syscall(SYS_clone, rooms_flags() | SIGCHLD, 0, 0, 0, 0) : _Fork();
    if (inner == 0) keep_inside(what, ties, user, group);
    if (inner < 0) tell(ties->trouble, errno);
    return inner;
}

/* How the program ended, as the inner one says; it was killed when that one does not. */
static int reported(int report) {
    int status;
    ssize_t count;
    while ((count = read(report, &status, sizeof status)) < 0 && errno == EINTR) {}
    return count == sizeof status ? status : SIGKILL;
}

static void say(int line, char word) { send(line, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT); }

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
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) tell(ours[1], errno);
    struct ties ties = {ours[0], ours[1], ours[2], ours[3], report[1]};

    int signals = watch_children(), self = getpid(), inner = start_inside(what, &ties);
    close(ties.trouble);
    close(ties.output);
    close(ties.report);

    int is_bounded = what->processes >= 0 || what->resident_bytes >= 0;
    struct census census = {.all = is_bounded ? make_table(1 << 16) : NULL, .most = 1 << 16};
    int ignored = 0, has_ended = 0;
    char too_much = 0;
    /* Of the lifeline only its end: what is said on it is the inner one's. */
    struct pollfd watched[2] = {{.fd = signals, .events = POLLIN}, {.fd = ties.line, .events = 0}};
    while (!has_ended && !too_much) {
        poll(watched, watched[1].revents ? 1 : 2, census.all ? 250 : -1);
        quiet(signals);
        if (watched[1].revents) break;
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)inner, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == inner) kill(inner, SIGCONT);
        reap(inner, &ignored, &has_ended);
        if (!has_ended) too_much = excess(what, &census, self, inner);
    }
    if (too_much) say(ties.line, too_much);
    if (!has_ended) kill(inner, SIGKILL);
    while (reap(inner, &ignored, &has_ended)) {
        kill_children(self);
        poll(watched, 1, 10);
        quiet(signals);
    }
    say(ties.line, PLATFORM_KEEPER_DONE);
    follow(reported(report[0]));
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

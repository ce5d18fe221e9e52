#define _GNU_SOURCE
#include "CPlatform.h"
#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

int platform_pidfd(int pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int platform_spawn_chdir(void *actions, const char *directory) {
    return posix_spawn_file_actions_addchdir_np(actions, directory);
}

int platform_spawn_closefrom(void *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int platform_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int platform_pidfd_signal(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

struct listener {
    void (*each)(const char *path, void *with);
    void *with;
};

static int hand_on(struct dl_phdr_info *info, size_t size, void *with) {
    (void)size;
    struct listener *listener = with;
    if (info->dlpi_name && info->dlpi_name[0] == '/') listener->each(info->dlpi_name, listener->with);
    return 0;
}

void platform_libraries(void (*each)(const char *path, void *with), void *with) {
    struct listener listener = {each, with};
    dl_iterate_phdr(hand_on, &listener);
}

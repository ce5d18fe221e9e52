/* The Linux calls of the server that Swift's Glibc module does not map. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* accept4(2), non-blocking and close-on-exec. */
int http_accept(int listener, struct sockaddr *address, socklen_t *length);

/* The user that opened the other end of a connected unix socket (SO_PEERCRED); -1 when the kernel does not say. */
int64_t http_peer_user(int socket);

/* sendfile(2); moves `offset` on by what was sent. */
ssize_t http_sendfile(int socket, int file, int64_t *offset, size_t count);

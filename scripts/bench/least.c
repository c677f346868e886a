/*
 * The least that an epoll proxy with half-close needs: `least PORT TARGET_PORT`, both on 127.0.0.1. It makes the system calls
 * that Harmony's linux engine makes for a connection that carries little, and does nothing besides: no limits, no timeouts, no
 * choice of targets, no counters, no memory for what the other side does not take at once. A row of `make bench-instructions`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* One of the two sockets of a connection. `fd` is -1 once both are closed: later events of the same batch find it so. */
struct end {
  int fd, is_client, connected, ended;
  unsigned waiting; /* events of a client whose target is not connected yet */
  struct end *peer, *next_dead;
};

static int epoll;
static struct end *dead; /* to be freed after the batch */
static char buffer[65536];

static void watch(int fd, void *end, unsigned events) {
  struct epoll_event event = {.events = events, .data.ptr = end};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) perror("epoll_ctl"), exit(1);
}

static void close_both(struct end *end) {
  struct end *client = end->is_client ? end : end->peer; /* they are one allocation, the client first */
  close(client->fd), close(client->peer->fd);
  client->fd = client->peer->fd = -1;
  client->next_dead = dead, dead = client;
}

static void relay(struct end *from, unsigned events) {
  struct end *to = from->peer;
  ssize_t size;
  int last;
  do {
    size = recv(from->fd, buffer, sizeof buffer, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size < 0) return close_both(from);
    last = size == 0 || (size < (ssize_t)sizeof buffer && (events & EPOLLRDHUP));
    /* The FIN goes with the last bytes. */
    if (size > 0 && send(to->fd, buffer, size, MSG_NOSIGNAL | (last ? MSG_MORE : 0)) < size) return close_both(from);
  } while (size == sizeof buffer);
  if (!last) return;
  if (to->ended) return close_both(from);
  shutdown(to->fd, SHUT_WR);
  from->ended = 1;
}

static void accept_one(int listener, const struct sockaddr_in *target) {
  unsigned all = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  struct end *ends = calloc(2, sizeof *ends), *client = &ends[0], *server = &ends[1];
  client->peer = server, server->peer = client, client->is_client = client->connected = 1;
  client->fd = accept4(listener, (void *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (client->fd < 0) return free(ends);
  watch(client->fd, client, all);
  server->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (connect(server->fd, (void *)target, sizeof *target) < 0 && errno != EINPROGRESS) return close_both(client);
  watch(server->fd, server, all);
}

static void handle(struct end *end, unsigned events) {
  struct end *peer = end->peer;
  if (end->fd < 0) return;
  if (!end->connected) {
    if (events & EPOLLERR) return close_both(end);
    if (events & EPOLLOUT) {
      end->connected = 1;
      if (peer->waiting) relay(peer, peer->waiting);
    }
  } else if (!peer->connected) {
    end->waiting |= events;
    return;
  }
  if (end->fd >= 0 && (events & (EPOLLIN | EPOLLRDHUP)) && !end->ended) relay(end, events);
}

int main(int argc, char **argv) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, target = here;
  struct epoll_event events[256];
  if (argc != 3) return fprintf(stderr, "least PORT TARGET_PORT\n"), 2;
  here.sin_port = htons(atoi(argv[1])), target.sin_port = htons(atoi(argv[2]));
  int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (void *)&here, sizeof here) < 0 || listen(listener, 4096) < 0) return perror("listen"), 1;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(listener, NULL, EPOLLIN);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int at = 0; at < count; at++) {
      if (events[at].data.ptr == NULL) accept_one(listener, &target);
      else handle(events[at].data.ptr, events[at].events);
    }
    for (struct end *next; dead != NULL; dead = next) next = dead->next_dead, free(dead);
  }
}

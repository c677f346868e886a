/*
 * Connections that come and go, for `make bench-rolling`: `churn serve PORT` answers each of them with a line and ends it, and is gone at once
 * at SIGTERM, whoever waits. `churn load RATE PORT…` opens so many a second, to one port after the other, until SIGTERM; one that has not had a
 * line within PATIENCE has failed. Prints what became of them, as JSON. All on 127.0.0.1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
/* Open at a time: where balancers do not keep up, connections come less often. */
#define AT_ONCE 2000
#define PATIENCE 5.0

static volatile sig_atomic_t is_over;
static int epoll;
static char buffer[4096];

static void end(int signal) { is_over = signal; }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static struct sockaddr_in at(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static void watch(int fd, unsigned events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) perror("epoll_ctl"), exit(1);
}

static int serve(const char *port) {
  struct sockaddr_in address = at(port);
  struct epoll_event events[256];
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) return perror(port), 1;
  watch(listener, EPOLLIN);
  for (;;) {
    int count = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) watch(fd, EPOLLIN);
      } else {
        if (recv(fd, buffer, sizeof buffer, 0) > 0) send(fd, "served\n", 7, MSG_NOSIGNAL);
        close(fd);
      }
    }
  }
}

/* By descriptor: when it was opened; 0: it is not. */
static double opened[MOST];
static int highest, open_now;
static long answered, failed, reasons[256];
static double slowest;

static void done(int fd, int reason) {
  double took = now() - opened[fd];
  if (reason == 0) answered++;
  else failed++, reasons[reason < 256 ? reason : 255]++;
  if (took > slowest) slowest = took;
  opened[fd] = 0;
  open_now--;
  close(fd);
}

static void open_one(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || fd >= MOST) perror("socket"), exit(1);
  if (fd > highest) highest = fd;
  opened[fd] = now();
  open_now++;
  if (connect(fd, (void *)address, sizeof *address) < 0 && errno != EINPROGRESS) done(fd, errno);
  else watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void look_at(int fd, unsigned events) {
  int error = 0;
  socklen_t length = sizeof error;
  ssize_t size;
  if (opened[fd] == 0) return;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return done(fd, error);
  if (events & EPOLLIN) {
    size = recv(fd, buffer, sizeof buffer, 0);
    if (size >= 0) return done(fd, size == 7 && memcmp(buffer, "served\n", 7) == 0 ? 0 : EPROTO);
    if (errno != EAGAIN) return done(fd, errno);
  }
  if (events & EPOLLOUT) send(fd, "?", 1, MSG_NOSIGNAL);
}

static int load(double rate, int count, char **ports) {
  struct epoll_event events[256];
  double begun = now(), looked = begun, took = 0;
  long come = 0;
  while (!is_over || open_now > 0) {
    while (!is_over && open_now < AT_ONCE && come < (now() - begun) * rate) {
      struct sockaddr_in address = at(ports[come++ % count]);
      open_one(&address);
    }
    if (is_over && took == 0) took = now() - begun;
    int found = epoll_wait(epoll, events, 256, 1);
    for (int i = 0; i < found; i++) look_at(events[i].data.fd, events[i].events);
    if (now() - looked < 0.1) continue;
    looked = now();
    for (int fd = 0; fd <= highest; fd++)
      if (opened[fd] != 0 && looked - opened[fd] > PATIENCE) done(fd, ETIMEDOUT);
  }
  if (took == 0) took = now() - begun;
  printf("{\"seconds\":%.1f,\"answered\":%ld,\"failed\":%ld,\"slowest\":%.3f,\"reasons\":{", took, answered, failed, slowest);
  for (int i = 0, first = 1; i < 256; i++)
    if (reasons[i] > 0) printf("%s\"%s\":%ld", first ? "" : ",", strerror(i), reasons[i]), first = 0;
  printf("}}\n");
  return 0;
}

int main(int count, char **words) {
  struct rlimit most;
  getrlimit(RLIMIT_NOFILE, &most);
  most.rlim_cur = most.rlim_max < MOST ? most.rlim_max : MOST;
  setrlimit(RLIMIT_NOFILE, &most);
  epoll = epoll_create1(0);
  if (count == 3 && strcmp(words[1], "serve") == 0) return serve(words[2]);
  if (count < 4 || strcmp(words[1], "load") != 0) return fprintf(stderr, "serve PORT, or load RATE PORT…\n"), 2;
  signal(SIGTERM, end);
  return load(atof(words[2]), count - 3, words + 3);
}

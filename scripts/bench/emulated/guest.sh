#!/bin/busybox sh
# The first process of the emulated machine. /job, which scripts/bench/instructions.ts writes, is a list of calls of the functions
# below. What is said here is read by counts.ts.
/bin/busybox --install -s /bin
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
ip link set lo up
# Returns once the kernel's random numbers are seeded. Before, it works out every single one anew, several a connection: tens of
# thousands of instructions for a balancer that has asked for none itself (nginx).
head -c 1 /dev/random >/dev/null
ulimit -n 20000 # the machine's own limit is below what the configurations ask for

# balance COMMAND…: starts what is measured.
balance() {
  "$@" &
  balancer=$!
}

# serves PORT: returns once a request gets through to the backend.
serves() {
  for _ in $(seq 100); do
    printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 127.0.0.1 $1 2>/dev/null | grep -q ' 200 ' && return
    sleep 0.2
  done
  echo "failed: nothing serves on port $1"
  poweroff -f
}

# measure KIND COMMAND…: what every thread of the balancer has used before and after a load, and what the load says.
measure() {
  echo "batch $1"
  shift
  threads $balancer
  echo load
  "$@"
  sleep 0.5 # the last connections have ended
  echo after
  threads $balancer
}

# threads PID: of this process and its descendants, each with its processor time in ns, which are instructions.
threads() {
  for task in /proc/$1/task/*; do
    read -r ns _ <$task/schedstat && echo "thread ${task##*/} $ns $(cat $task/comm)"
  done
  for child in $(cat /proc/$1/task/*/children); do threads $child; done
}

. /job
echo finished
poweroff -f

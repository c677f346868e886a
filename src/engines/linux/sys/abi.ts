/**
 * Numbers and layouts of the Linux ABI that the engine uses, from the kernel's uapi headers. x86-64 and arm64 agree in all
 * of them but two: epoll_event is packed on x86-64 only, and system calls have other numbers. glibc and musl pass them through unchanged. Little-endian both.
 * A wrong one is caught at start by self-test.ts.
 */

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
/** Bytes from which on a socket counts as readable. */
export const SO_RCVLOWAT = 18;
/** 1: it listens. */
export const SO_ACCEPTCONN = 30;
export const SO_ATTACH_FILTER = 26;
/** What a socket's buffers hold: an array of 32-bit numbers, indexed by the SK_MEMINFO constants. */
export const SO_MEMINFO = 55;
/** Which of its buffers the kernel leaves at the size that they were given. */
export const SO_BUF_LOCK = 72;
/** Bytes that its driver or, of a Unix socket, its peer has not taken. */
export const SK_MEMINFO_WMEM_ALLOC = 2;
export const SK_MEMINFO_SNDBUF = 3;
/** Of a TCP socket: what is queued, unacknowledged bytes included. */
export const SK_MEMINFO_WMEM_QUEUED = 5;
export const SK_MEMINFO_VARS = 9;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
/**
 * struct tcp_info of linux/tcp.h, as far as it is needed. Bytes: how often the first segment was sent again, and unanswered probes. Then
 * ints: the retransmission time-out (us), segments under way (of a listener: connections that wait to be accepted), ms since data and
 * since an acknowledgement came, bytes not sent yet (since Linux 4.6).
 */
export const TCP_INFO = 11;
export const TCP_INFO_SIZE = 148;
export const TCP_INFO_RETRANSMITS = 2;
export const TCP_INFO_PROBES = 3;
export const TCP_INFO_RTO = 8;
export const TCP_INFO_UNACKED = 24;
export const TCP_INFO_LAST_DATA_RECV = 52;
export const TCP_INFO_LAST_ACK_RECV = 56;
export const TCP_INFO_NOTSENT_BYTES = 144;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_CONGESTION = 13;
export const TCP_FASTOPEN = 23;
export const TCP_FASTOPEN_CONNECT = 30;
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_TRANSPARENT = 19;
/** bind() takes no port yet: connect() picks one that need only be free towards its target. */
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IPPROTO_IPV6 = 41;
export const IPV6_TCLASS = 67;
export const IPV6_TRANSPARENT = 75;
export const IPV6_V6ONLY = 26;

export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const SHUT_WR = 1;

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x1;
export const EPOLLPRI = 0x2;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
/** Of those that wait for the same, one is told at least, and not all. */
export const EPOLLEXCLUSIVE = 0x1000_0000;
/** Bit 31, as the signed number that a 32-bit store takes. */
export const EPOLLET = -0x8000_0000;

export const EFD_NONBLOCK = 0o4000;
export const EFD_CLOEXEC = 0o2000000;

export const O_RDONLY = 0;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const F_SETFL = 4;
export const F_SETPIPE_SZ = 1031;
export const SPLICE_F_MOVE = 1;
export const SPLICE_F_NONBLOCK = 2;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_PRIVATE = 0x02;
export const MAP_ANONYMOUS = 0x20;
export const MADV_DONTNEED = 4;

export const MSG_PEEK = 0x2;
/** ioctl: bytes that the peer has not acknowledged; of a Unix socket, that it has not read. */
export const SIOCOUTQ = 0x5411;

export const RLIMIT_NOFILE = 7;
/** struct rlimit: soft and hard limit, 64 bits each. */
export const RLIMIT_SIZE = 16;

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOSPC = 28;
export const EPIPE = 32;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTDOWN = 112;
export const EHOSTUNREACH = 113;
export const EINPROGRESS = 115;

/** struct epoll_event: u32 events, u64 data. `size` is the array's stride, `data` the offset of the data word, both in bytes. */
export interface EpollLayout {
  readonly size: number;
  readonly data: number;
}

/** By `process.arch`; an architecture that is not here has not been tried, and the engine does not run there. */
export const EPOLL_EVENT: Readonly<Record<string, EpollLayout>> = {
  x64: { size: 12, data: 4 },
  arm64: { size: 16, data: 8 },
};

/** For syscall(), by `process.arch`. The C library has a function of its own for it only since glibc 2.30. */
export const SYS_GETTID: Readonly<Record<string, number>> = { x64: 186, arm64: 178 };

/** Classic BPF (linux/filter.h): struct sock_filter is u16 code, u8 jt, u8 jf, u32 k; struct sock_fprog is u16 count and a pointer. */
export const SOCK_FILTER_SIZE = 8;
export const SOCK_FPROG_SIZE = 16;
export const SOCK_FPROG_FILTER = 8;
/** Codes: load a byte of the packet, and it with k, skip jt or jf instructions as it equals k or not, return k. */
export const BPF_LD_B_ABS = 0x30;
export const BPF_AND_K = 0x54;
export const BPF_JEQ_K = 0x15;
export const BPF_RET_K = 0x06;

/** sockaddr_un, the longest of the three the engine uses: family and 108 bytes of path. */
export const SOCKADDR_MAX = 110;

/*
 * The handshake of version 2 among two reporters, two balancers and an attacker who is the network. README.md says what is
 * modelled, with what bounds, and what each -D breaks. Spin looks at every order in which all this can happen.
 *
 * A session is a record of what one side believes: its kind, the names of the keys, what the sealed payload says. A message that
 * was sent is its sender's record, which the attacker may hand to anybody, any number of times, in any order, or keep; or he
 * makes a message himself, for which he needs every secret that its key is made of. Nobody is handed what he would refuse: a
 * refusal ends a session and teaches nothing.
 */

#ifndef LINES
#define LINES 1 /* that each side sends sealed */
#endif

/* The kinds of hello, which are different Noise patterns. */
#define KEY 1      /* NNpsk0 */
#define REPORTER 2 /* IK */
#define JOIN 3     /* IKpsk1 */

/* Key pairs, by name. Every public key is known to everybody. */
#define NOBODY 0
#define ALICE 1
#define CAROL 2
#define MALLORY 3 /* the attacker's: entered as a reporter at the balancers, and the static key of a balancer of his own */
#define BOB1 4    /* a balancer */
#define BOB2 5
#define HIS 6     /* an ephemeral key of the attacker */
#define LOW 7     /* a point of low order: whatever is combined with it is zero */
#define EPH_R(r) (8 + (r))
#define EPH_B(b) (10 + (b))
#define NAMES 13

/* Secrets that are copied, and the ids that name them in clear. An operator has given WEB and DB the same secret. */
#define SHARED 1
#define HIS_SHARED 2
#define INVITATION 3
#define HIS_INVITATION 4
#define WEB 1
#define DB 2
#define HIS_KEY 3
#define INVITED 4
#define HIS_INVITED 5
#define PSK(id) ((id) == WEB || (id) == DB -> SHARED : ((id) == HIS_KEY -> HIS_SHARED : ((id) == INVITED -> INVITATION : ((id) == HIS_INVITED -> HIS_INVITATION : 0))))
/* Another id of the same kind of hello. */
#define OTHER(id) ((id) == WEB -> DB : ((id) == DB -> WEB : ((id) == INVITED -> HIS_INVITED : ((id) == HIS_INVITED -> INVITED : (id)))))

/* The time in the hello of a reporter whose clock is outside of every window. */
#define FAR 9
#define WINDOW 1   /* ticks of the clock; a window is either way */
#define TICKET 1

typedef Session {
  byte state;  /* of a reporter: 0, 1 hello sent, 2 welcomed; of a balancer: 0, 1 hello proved and answered, 2 authenticated */
  byte as, id;
  byte er, eb; /* ephemeral keys */
  byte sr, sb; /* static keys: the reporter's; the balancer's, as the reporter has pinned it */
  byte time, home, ticketOf, ticketTime, ticketHost; /* the payload of the hello; no ticket: ticketOf NOBODY */
  byte got;    /* sealed lines; each side sends all of its own as soon as it may */
  byte seen;   /* by a balancer: where the hello came from */
  bool ended;  /* with its balancer's process */
  bool secret; /* its keys must stay so */
}
Session r[2];
Session b[2];

byte now = 1;
bool known[NAMES];  /* private keys that the attacker has */
bool told[5];       /* and copied secrets */
/* Of each balancer: when its process started, and of which reporter's hello it remembers the ephemeral key, and until when. */
byte started[2];
byte keep[4];   /* [balancer * 2 + session]: the last tick, or 0 */
bool proved[4]; /* history: it has taken this hello */
bool ahead;     /* history: the first reporter's clock was */
#define AT(name) ((name) - BOB1)

/* What both sides make their keys of, in the order of the tokens. */
#define DH(x, y) ((x) == LOW || (y) == LOW -> 1 : ((x) < (y) -> (x) * 16 + (y) : (y) * 16 + (x)))
#define DH_KNOWN(x, y) (known[x] || known[y])
#define STATIC(s) (s.as != KEY)
#ifdef NO_SS
#define SS_SAME(x, y) true
#define SS_KNOWN(s) true
#else
#define SS_SAME(x, y) (DH(x.sr, x.sb) == DH(y.sr, y.sb))
#define SS_KNOWN(s) DH_KNOWN(s.sr, s.sb)
#endif
#ifdef NO_EE
#define EE_SAME(x, y) true
#define EE_KNOWN(s) true
#else
#define EE_SAME(x, y) (DH(x.er, x.eb) == DH(y.er, y.eb))
#define EE_KNOWN(s) DH_KNOWN(s.er, s.eb)
#endif
#ifdef NO_SE
#define SE_SAME(x, y) true
#define SE_KNOWN(s) true
#else
#define SE_SAME(x, y) (DH(x.sr, x.eb) == DH(y.sr, y.eb))
#define SE_KNOWN(s) DH_KNOWN(s.sr, s.eb)
#endif
#ifdef NO_PSK
#define PSK_SAME(x, y) true
#define PSK_KNOWN(s) true
#else
#define PSK_SAME(x, y) (PSK(x.id) == PSK(y.id))
#define PSK_KNOWN(s) (s.as == REPORTER || told[PSK(s.id)])
#endif

/* The key of the hello's payload, and its hash: all bytes that went before, and the prologue. */
#define KEY1_SAME(x, y) (x.as == y.as && PSK_SAME(x, y) && x.er == y.er && (!STATIC(x) || (DH(x.er, x.sb) == DH(y.er, y.sb) && SS_SAME(x, y))))
#define KEY1_KNOWN(s) (PSK_KNOWN(s) && (!STATIC(s) || (DH_KNOWN(s.er, s.sb) && SS_KNOWN(s))))
#ifdef NO_PROLOGUE
#define PROLOGUE_SAME(x, y) true
#else
#define PROLOGUE_SAME(x, y) (x.id == y.id)
#endif
#define PAYLOAD_SAME(x, y) (x.time == y.time && x.home == y.home && x.ticketOf == y.ticketOf && x.ticketTime == y.ticketTime && x.ticketHost == y.ticketHost)
#define HASH1_SAME(x, y) (PROLOGUE_SAME(x, y) && x.er == y.er && (!STATIC(x) || (x.sr == y.sr && x.sb == y.sb)) && PAYLOAD_SAME(x, y))

/* The key of the answer, of which those of the two directions are made as well. */
#define KEY2_SAME(x, y) (KEY1_SAME(x, y) && EE_SAME(x, y) && (!STATIC(x) || SE_SAME(x, y)))
#define KEY2_KNOWN(s) (KEY1_KNOWN(s) && EE_KNOWN(s) && (!STATIC(s) || SE_KNOWN(s)))
#define HASH2_SAME(x, y) (HASH1_SAME(x, y) && x.eb == y.eb)

/* Who is owed something: the other side is honest if one of the secrets that it proves is nobody else's. */
#define OWED_TO_BALANCER(s) ((s.as != REPORTER && !told[PSK(s.id)]) || (STATIC(s) && !known[s.sr]))
#define OWED_TO_REPORTER(s) ((s.as != REPORTER && !told[PSK(s.id)]) || (STATIC(s) && !known[s.sb]))
/* Of the hello alone, which the thief of a balancer's key can make up. */
#define OWED_AT_HELLO(s) ((s.as != REPORTER && !told[PSK(s.id)]) || (STATIC(s) && !known[s.sr] && !known[s.sb]))
/* Both sides mean the same session. What is not STATIC names no balancer: any that holds the shared key is meant. */
#define HELLO_MATCHES(x, y) (x.state > 0 && y.state > 0 && x.as == y.as && x.id == y.id && x.er == y.er && (!STATIC(x) || (x.sr == y.sr && x.sb == y.sb)) && PAYLOAD_SAME(x, y))
#define MATCHES(x, y) (HELLO_MATCHES(x, y) && x.eb == y.eb)

/* Sealed lines: a key for each direction, and a counter. */
#ifdef ONE_KEY
#define DIRECTION(opposite) true
#else
#define DIRECTION(opposite) (opposite)
#endif
#ifdef NO_COUNTER
#define LINE(own) 0
#else
#define LINE(own) own.got
#endif
#define HEARS(own, from, opposite) (own.got < LINES && DIRECTION(opposite) && from.state == 2 && KEY2_SAME(own, from))

/* The properties. Spin shows the expression that failed, and so the number of its property (cases.ts). */
#define CLAIM(number, holds) assert(0 == number || (holds))
#define HELLO_IS_A_REPORTERS 1
#define HELLO_IS_NEW 2
#define REPORTER_AGREES 3
#define BALANCER_AGREES 4
#define KEYS_ARE_SECRET 5
#define LINE_IS_IN_PLACE 6
#define TARGET_IS_THE_REPORTER 7
#define NOBODY_GETS_IN 8 /* is no property: its failure shows that there is something to prove */
inline helloIsAReporters(i) {
  CLAIM(HELLO_IS_A_REPORTERS, !OWED_AT_HELLO(b[i]) || HELLO_MATCHES(r[0], b[i]) || HELLO_MATCHES(r[1], b[i]))
}
/* Not twice by one process; nor by its next one, unless it came from a clock that is ahead. */
inline helloIsNew(i) {
  if
  :: OWED_AT_HELLO(b[i]) ->
    CLAIM(HELLO_IS_NEW, !proved[AT(b[i].sb) * 2 + b[i].er - EPH_R(0)]);
    proved[AT(b[i].sb) * 2 + b[i].er - EPH_R(0)] = true
  :: else
  fi
}
/* Injective: of one session of the other side. */
inline reporterAgrees(i) {
  if
  :: OWED_TO_REPORTER(r[i]) ->
    CLAIM(REPORTER_AGREES, (b[0].state > 0 && MATCHES(r[i], b[0])) || (b[1].state > 0 && MATCHES(r[i], b[1])));
    CLAIM(REPORTER_AGREES, r[1 - i].state < 2 || r[1 - i].eb != r[i].eb);
    r[i].secret = true
  :: else
  fi
}
inline balancerAgrees(i) {
  if
  :: OWED_TO_BALANCER(b[i]) ->
#ifdef EARLY
    CLAIM(BALANCER_AGREES, HELLO_MATCHES(r[0], b[i]) || HELLO_MATCHES(r[1], b[i]));
#else
    CLAIM(BALANCER_AGREES, (r[0].state == 2 && MATCHES(r[0], b[i])) || (r[1].state == 2 && MATCHES(r[1], b[i])));
#endif
    CLAIM(BALANCER_AGREES, b[1 - i].state < 2 || b[1 - i].er != b[i].er);
    b[i].secret = true
  :: else
  fi
}
inline keysAreSecret() {
  CLAIM(KEYS_ARE_SECRET, !r[0].secret || !KEY2_KNOWN(r[0]));
  CLAIM(KEYS_ARE_SECRET, !r[1].secret || !KEY2_KNOWN(r[1]));
  CLAIM(KEYS_ARE_SECRET, !b[0].secret || !KEY2_KNOWN(b[0]));
  CLAIM(KEYS_ARE_SECRET, !b[1].secret || !KEY2_KNOWN(b[1]))
}
/* The line is the one that the other side of this very session sent at this place. */
inline lineIsInPlace(own, from, opposite) {
  CLAIM(LINE_IS_IN_PLACE, !own.secret || (opposite && MATCHES(from, own) && LINE(own) == own.got))
}
/* Without `advertise` the target is where the balancer sees the reporter. */
inline targetIsTheReporter(i) {
  CLAIM(TARGET_IS_THE_REPORTER, !b[i].secret || b[i].seen == ALICE || b[i].seen == CAROL);
  CLAIM(TARGET_IS_THE_REPORTER, !b[i].secret || !STATIC(b[i]) || b[i].seen == b[i].sr)
}

inline drawKeyId(s) {
  if
  :: s.id = WEB
#ifndef TIME
  :: s.id = DB
  :: s.id = HIS_KEY
#endif
  fi
}

/* A reporter's session. The first is Alice's. Each `if` without conditions draws. */
proctype Reporter(byte i) {
  atomic {
    r[i].er = EPH_R(i);
    if
    :: r[i].home = ALICE
    :: i == 1 -> r[i].home = CAROL
    fi;
    if
#ifndef ONLY_STATIC
    :: r[i].as = KEY;
      drawKeyId(r[i])
#endif
#ifndef ONLY_SHARED
    :: r[i].as = REPORTER
#ifndef TIME
    :: r[i].as = JOIN;
      if
      :: r[i].id = INVITED
      :: r[i].id = HIS_INVITED
      fi
#endif
#endif
    fi;
    if
    :: STATIC(r[i]) ->
      r[i].sr = r[i].home;
      if
      :: r[i].sb = BOB1
      :: r[i].sb = BOB2
#ifndef TIME
      :: r[i].sb = MALLORY
#endif
      fi
    :: else
    fi;
    if
    :: r[i].time = now
#ifdef TIME
    :: i == 0 -> r[i].time = now + 1; ahead = true
    :: i == 0 -> /* It has been given a ticket, by either balancer, for whatever host the attacker had it asked from. */
      if
      :: r[i].time = FAR
      :: r[i].time = now + WINDOW + 1
      fi;
      if
      :: r[i].ticketOf = BOB1
      :: r[i].ticketOf = BOB2
      fi;
      r[i].ticketTime = now;
      if
      :: r[i].ticketHost = r[i].home
      :: r[i].ticketHost = MALLORY
      fi
#endif
    fi;
    r[i].state = 1
  }
answer:
  atomic {
    if
    :: b[0].state > 0 -> r[i].eb = b[0].eb
    :: b[1].state > 0 -> r[i].eb = b[1].eb
    :: r[i].eb = HIS
    :: r[i].eb = LOW
    fi;
    if
    :: KEY2_KNOWN(r[i]) || (b[0].state > 0 && KEY2_SAME(r[i], b[0]) && HASH2_SAME(r[i], b[0])) || (b[1].state > 0 && KEY2_SAME(r[i], b[1]) && HASH2_SAME(r[i], b[1]))
    :: else -> r[i].eb = NOBODY; goto answer
    fi;
    r[i].state = 2;
    reporterAgrees(i);
    keysAreSecret()
  }
end:
  do
  :: atomic { HEARS(r[i], b[0], true) -> lineIsInPlace(r[i], b[0], true); r[i].got++ }
  :: atomic { HEARS(r[i], b[1], true) -> lineIsInPlace(r[i], b[1], true); r[i].got++ }
  :: atomic { HEARS(r[i], r[0], false) -> lineIsInPlace(r[i], r[0], false); r[i].got++ }
  :: atomic { HEARS(r[i], r[1], false) -> lineIsInPlace(r[i], r[1], false); r[i].got++ }
  od
}

/* What a hello says to the balancer that hears it: as a reporter sent it, but for the id in clear; or as the attacker likes. */
inline repeated(i, j) {
  b[i].as = r[j].as;
  if
  :: b[i].id = r[j].id
  :: b[i].id = OTHER(r[j].id)
  fi;
  b[i].er = r[j].er;
  b[i].sr = r[j].sr;
  b[i].time = r[j].time;
  b[i].home = r[j].home;
  b[i].ticketOf = r[j].ticketOf;
  b[i].ticketTime = r[j].ticketTime;
  b[i].ticketHost = r[j].ticketHost
}
inline invented(i) {
  if
#ifndef ONLY_STATIC
  :: b[i].as = KEY;
    drawKeyId(b[i])
#endif
#ifndef ONLY_SHARED
  :: b[i].as = REPORTER
#ifndef TIME
  :: b[i].as = JOIN;
    if
    :: b[i].id = INVITED
    :: b[i].id = HIS_INVITED
    fi
#endif
#endif
  fi;
  if
  :: STATIC(b[i]) ->
    if
    :: b[i].sr = ALICE
    :: b[i].sr = CAROL
#ifndef TIME
    :: b[i].sr = MALLORY
#endif
    fi
  :: else
  fi;
  if
  :: b[i].er = HIS
  :: b[i].er = LOW
  :: r[0].state > 0 -> b[i].er = r[0].er
  :: r[1].state > 0 -> b[i].er = r[1].er
  fi;
  b[i].time = now;
  b[i].home = MALLORY
}
inline nothing(i) {
  b[i].as = 0; b[i].id = 0; b[i].er = 0; b[i].sr = 0; b[i].seen = 0;
  b[i].time = 0; b[i].home = 0; b[i].ticketOf = 0; b[i].ticketTime = 0; b[i].ticketHost = 0
}

#define OF_A_REPORTER(s) (s.er >= EPH_R(0))
#define TICKET_GOOD(s) (s.ticketOf == s.sb && s.ticketTime >= started[AT(s.sb)] && now <= s.ticketTime + TICKET && s.ticketHost == s.seen)
#ifdef NO_START
#define SINCE_START(s) true
#else
#define SINCE_START(s) (s.time >= started[AT(s.sb)])
#endif
#define TIMELY(s) (s.time + WINDOW >= now && s.time <= now + WINDOW && SINCE_START(s))
#ifdef TICKET_OR_TIME
#define FRESH(s) (TIMELY(s) || TICKET_GOOD(s))
#else
#define FRESH(s) ((s.ticketOf == NOBODY && TIMELY(s)) || TICKET_GOOD(s))
#endif
#define SLOT(s) keep[AT(s.sb) * 2 + s.er - EPH_R(0)]
#ifdef NO_MEMORY
#define REMEMBERED(s) false
#else
#define REMEMBERED(s) (OF_A_REPORTER(s) && SLOT(s) >= now)
#endif
inline remember(i) {
  if
  :: OF_A_REPORTER(b[i]) && b[i].ticketOf == NOBODY -> SLOT(b[i]) = b[i].time + WINDOW
#ifndef TICKETS_FORGOTTEN
  :: OF_A_REPORTER(b[i]) && b[i].ticketOf != NOBODY -> SLOT(b[i]) = b[i].ticketTime + TICKET
#endif
  :: else
  fi
}

/* The first sealed line proves the reporter. It is also a report, of the target at the address where the hello came from. */
inline heard(i) {
  if
  :: b[i].state == 1 -> b[i].state = 2; balancerAgrees(i); keysAreSecret()
  :: else
  fi;
#ifndef NO_VIEWS
  if
  :: b[i].got == 0 && b[i].seen == b[i].home -> targetIsTheReporter(i)
  :: else
  fi;
#else
  if
  :: b[i].got == 0 -> targetIsTheReporter(i)
  :: else
  fi;
#endif
#ifdef REACH
  CLAIM(NOBODY_GETS_IN, b[i].as != REACH || !b[i].secret || b[i].got + 1 < LINES || b[i].seen != b[i].home);
#endif
  b[i].seen = NOBODY
}

/* A balancer's session. */
proctype Balancer(byte i) {
  atomic {
    if
    :: b[i].sb = BOB1
    :: i == 1 -> b[i].sb = BOB2
    fi
  }
hello:
  atomic {
    if
    :: r[0].state > 0 -> repeated(i, 0)
    :: r[1].state > 0 -> repeated(i, 1)
    :: invented(i)
    fi;
    if
    :: b[i].seen = b[i].home
    :: b[i].seen = MALLORY
    fi;
    if
    :: (KEY1_KNOWN(b[i]) || (r[0].state > 0 && KEY1_SAME(r[0], b[i]) && HASH1_SAME(r[0], b[i])) || (r[1].state > 0 && KEY1_SAME(r[1], b[i]) && HASH1_SAME(r[1], b[i]))) && FRESH(b[i]) && !REMEMBERED(b[i])
    :: else -> nothing(i); goto hello
    fi;
    b[i].eb = EPH_B(i);
    b[i].state = 1;
    helloIsAReporters(i);
    helloIsNew(i);
    remember(i);
#ifdef EARLY
    b[i].state = 2;
    balancerAgrees(i);
    keysAreSecret()
#endif
  }
end:
  do
  :: atomic { !b[i].ended && HEARS(b[i], r[0], true) -> heard(i); lineIsInPlace(b[i], r[0], true); b[i].got++ }
  :: atomic { !b[i].ended && HEARS(b[i], r[1], true) -> heard(i); lineIsInPlace(b[i], r[1], true); b[i].got++ }
  :: atomic { !b[i].ended && HEARS(b[i], b[0], false) -> heard(i); lineIsInPlace(b[i], b[0], false); b[i].got++ }
  :: atomic { !b[i].ended && HEARS(b[i], b[1], false) -> heard(i); lineIsInPlace(b[i], b[1], false); b[i].got++ }
  :: atomic { !b[i].ended && b[i].got < LINES && KEY2_KNOWN(b[i]) -> heard(i); b[i].got++ }
  od
}
#ifdef TIME
inline forget(from, other) {
  if
  :: keep[from] < now -> keep[from] = 0
  :: else
  fi;
  if
  :: keep[other] < now -> keep[other] = 0
  :: else
  fi
}
inline restart(who) {
  started[AT(who)] = now;
  keep[AT(who) * 2] = 0;
  keep[AT(who) * 2 + 1] = 0;
  proved[AT(who) * 2] = proved[AT(who) * 2] && !ahead;
  b[0].ended = b[0].ended || (b[0].state > 0 && b[0].sb == who);
  b[1].ended = b[1].ended || (b[1].state > 0 && b[1].sb == who)
}
#endif

/* Time passes, balancers are started again, secrets are stolen. */
proctype World() {
end:
  do
#ifdef TIME
  :: atomic { now < 3 -> now++; forget(0, 1); forget(2, 3) }
  :: atomic { now < 3 && started[0] == 0 -> now++; forget(0, 1); forget(2, 3); restart(BOB1) }
#endif
#ifdef THEFT
#ifndef ONLY_STATIC
  :: atomic { !told[SHARED] -> told[SHARED] = true; keysAreSecret() }
#endif
#ifndef ONLY_SHARED
  :: atomic { !known[ALICE] -> known[ALICE] = true; keysAreSecret() }
  :: atomic { !known[BOB1] -> known[BOB1] = true; keysAreSecret() }
  :: atomic { !told[INVITATION] -> told[INVITATION] = true; keysAreSecret() }
#endif
#endif
  :: false
  od
}

init {
  atomic {
    known[MALLORY] = true; known[HIS] = true; known[LOW] = true;
    told[HIS_SHARED] = true; told[HIS_INVITATION] = true;
    run Reporter(0); run Reporter(1); run Balancer(0); run Balancer(1); run World()
  }
}

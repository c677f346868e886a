#!/usr/bin/env python3
"""A Harmony reporter in another language: Python 3, standard library alone, with a shared key. The protocol is in
src/control/protocol/README.md."""
import argparse, base64, hashlib, hmac, ipaddress, json, os, random, secrets, signal, socket, ssl, sys, time

# Python's standard library has neither X25519 nor AES, so here they are, as short as they can be. How long they take depends on the
# keys: who can measure that to the microsecond, on the same processor say, may learn something of them. Use a library where that matters.

P = 2**255 - 19

def x25519(private, public=(9).to_bytes(32, "little")):
    """RFC 7748: what a private key and another's public key agree on; by default the public key of the private one."""
    k = int.from_bytes(private, "little") & (2**254 - 8) | 2**254
    u = int.from_bytes(public, "little") & (2**255 - 1)
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(254, -1, -1):
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x2, z2, x3, z3 = aa * bb % P, e * (aa + 121665 * e) % P, (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        if k >> bit & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")

def double(byte):
    return byte << 1 ^ (0x11B if byte & 0x80 else 0)

def s_box():
    table, p, q = [0x63] * 256, 1, 1
    while True:  # p runs through all bytes but 0, q is its inverse
        p ^= double(p)
        q ^= q << 1
        q ^= q << 2
        q = (q ^ q << 4) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        rotated = q << 8 | q
        table[p] = (q ^ rotated >> 7 ^ rotated >> 6 ^ rotated >> 5 ^ rotated >> 4 ^ 0x63) & 0xFF
        if p == 1:
            return table

S = s_box()

class AesGcm:
    """AES-256-GCM as Noise uses it: the nonce is how often the key was used."""

    def __init__(self, key):
        words, constant = [list(key[i : i + 4]) for i in range(0, 32, 4)], 1
        for i in range(8, 60):
            word = words[-1]
            if i % 8 == 0:
                word = [S[byte] for byte in word[1:] + word[:1]]
                word[0] ^= constant
                constant = double(constant)
            elif i % 8 == 4:
                word = [S[byte] for byte in word]
            words.append([a ^ b for a, b in zip(words[-8], word)])
        self.round_keys = [sum(words[i : i + 4], []) for i in range(0, 60, 4)]
        self.h = int.from_bytes(self.block(bytes(16)), "big")
        self.uses = 0

    def block(self, block):
        state = [a ^ b for a, b in zip(block, self.round_keys[0])]
        for number, round_key in enumerate(self.round_keys[1:], 1):
            state = [S[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
            if number < 14:
                for i in range(0, 16, 4):
                    a = state[i : i + 4]
                    every = a[0] ^ a[1] ^ a[2] ^ a[3]
                    state[i : i + 4] = [a[j] ^ every ^ double(a[j] ^ a[(j + 1) % 4]) & 0xFF for j in range(4)]
            state = [a ^ b for a, b in zip(state, round_key)]
        return bytes(state)

    def crypt(self, text):
        counters = range(2, 2 + (len(text) + 15) // 16)
        stream = b"".join(self.block(self.uses.to_bytes(12, "big") + i.to_bytes(4, "big")) for i in counters)
        return bytes(a ^ b for a, b in zip(text, stream))

    def tag(self, sealed, associated):
        lengths = (len(associated) * 8).to_bytes(8, "big") + (len(sealed) * 8).to_bytes(8, "big")
        padded = b"".join(part + bytes(-len(part) % 16) for part in (associated, sealed, lengths))
        total = 0
        for i in range(0, len(padded), 16):
            x, y, total = total ^ int.from_bytes(padded[i : i + 16], "big"), self.h, 0
            for bit in range(127, -1, -1):
                total ^= y if x >> bit & 1 else 0
                y = y >> 1 ^ (0xE1 << 120 if y & 1 else 0)
        mask = self.block(self.uses.to_bytes(12, "big") + bytes((0, 0, 0, 1)))
        return bytes(a ^ b for a, b in zip(total.to_bytes(16, "big"), mask))

    def seal(self, text, associated=b""):
        sealed = self.crypt(text)
        sealed += self.tag(sealed, associated)
        self.uses += 1
        return sealed

    def open(self, sealed, associated=b""):
        text, tag = sealed[:-16], sealed[-16:]
        if not hmac.compare_digest(self.tag(text, associated), tag):
            raise Refused("the balancer did not prove that it holds the key")
        text = self.crypt(text)
        self.uses += 1
        return text

class Refused(Exception):
    ticket = None

def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()

class Handshake:
    """Noise_NNpsk0_25519_AESGCM_SHA256 on the side that begins."""

    def __init__(self, prologue, psk):
        self.chaining_key = self.hash = b"Noise_NNpsk0_25519_AESGCM_SHA256"
        self.mix_hash(prologue)
        self.chaining_key, mixed, key = self.hkdf(psk, 3)
        self.mix_hash(mixed)
        self.cipher = AesGcm(key)
        self.private = secrets.token_bytes(32)

    def hkdf(self, data, outputs):
        key, results = mac(self.chaining_key, data), [b""]
        for number in range(1, outputs + 1):
            results.append(mac(key, results[-1] + bytes((number,))))
        return results[1:]

    def mix_hash(self, data):
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, data):
        self.chaining_key, key = self.hkdf(data, 2)
        self.cipher = AesGcm(key)

    def write(self, payload):
        public = x25519(self.private)
        self.mix_hash(public)
        self.mix_key(public)
        sealed = self.cipher.seal(payload, self.hash)
        self.mix_hash(sealed)
        return public + sealed

    def read(self, message):
        public, sealed = message[:32], message[32:]
        self.mix_hash(public)
        self.mix_key(public)
        agreed = x25519(self.private, public)
        if not any(agreed):
            raise Refused("the balancer's key is one with which everybody would agree")
        self.mix_key(agreed)
        payload = self.cipher.open(sealed, self.hash)
        self.mix_hash(sealed)
        return payload

    def split(self):
        return [AesGcm(key) for key in self.hkdf(b"", 2)]

def view(address):
    """One end of a connection as both sides write it."""
    host = ipaddress.ip_address(address[0].partition("%")[0])
    host = getattr(host, "ipv4_mapped", None) or host
    return f"{host}:{address[1]}" if host.version == 4 else f"[{host}]:{address[1]}"

class Session:
    """One connection: the handshake proves the key both ways; afterwards every line is sealed."""

    def __init__(self, args, key_id, secret, ticket=None):
        self.socket = socket.create_connection((args.host, args.admin_port), timeout=5)
        if args.tls_ca:
            self.socket = ssl.create_default_context(cafile=args.tls_ca).wrap_socket(self.socket, server_hostname=args.host)
        self.file = self.socket.makefile("rb")
        handshake = Handshake(b"harmony/2\nkey\n" + key_id.encode(), mac(b"harmony/2 shared key", secret))
        hello = {"time": int(time.time() * 1000), "software": "reporter.py", "local": view(self.socket.getsockname()),
                 "remote": view(self.socket.getpeername()), **({"ticket": ticket} if ticket else {})}
        message = base64.b64encode(handshake.write(json.dumps(hello).encode())).decode()
        self.send(json.dumps({"t": "hello", "v": 2, "as": "key", "id": key_id, "m": message}).encode())
        answer = json.loads(self.line())
        if answer["t"] != "answer":
            refused = Refused(answer.get("reason", "no answer"))
            refused.ticket = answer.get("ticket")
            raise refused
        self.welcome = json.loads(handshake.read(base64.b64decode(answer["m"])))
        if self.welcome["t"] != "welcome":
            raise Refused(self.welcome["reason"])
        self.sealing, self.opening = handshake.split()
        self.asked, self.told_at, self.told = 0, time.monotonic(), 0

    def send(self, line):
        self.socket.sendall(line + b"\n")

    def line(self):
        line = self.file.readline(8192)
        if not line.endswith(b"\n"):
            raise ConnectionError("the balancer closed the connection")
        return line

    def ask(self, message):
        self.asked += 1
        made = self.told + int((time.monotonic() - self.told_at) * 1000)
        message = {**message, "n": self.asked, **({"made": made} if message["t"] == "report" else {})}
        self.send(base64.b64encode(self.sealing.seal(json.dumps(message).encode())))
        body = json.loads(self.opening.open(base64.b64decode(self.line())))
        if body["t"] in ("reject", "goodbye"):
            raise Refused(body["reason"])
        self.told, self.told_at = body["at"], time.monotonic()
        return body

def open_session(args, key_id, secret):
    try:
        return Session(args, key_id, secret)
    except Refused as refused:
        if not refused.ticket:
            raise
        return Session(args, key_id, secret, refused.ticket)  # this clock is wrong: the ticket stands in for it

def read_key(path):
    text = os.environ.get("HARMONY_KEY")
    if not text:
        with open(os.path.expanduser(path)) as file:
            state = os.fstat(file.fileno())
            shared = state.st_mode & 0o040
            if os.name != "nt" and (state.st_mode & 0o037 or state.st_uid not in (0, os.geteuid()) and not shared):
                raise Refused(f"other users may read or change {path}: run chmod 600 and chown {os.geteuid()} for {path}")
            text = next(line.split()[0] for line in file if line.strip() and not line.lstrip().startswith("#"))
    key_id, colon, secret = text.partition(":")
    return (key_id, secret.encode()) if colon else ("default", text.encode())

def say(text, file=sys.stdout):
    """What a peer has sent may not move the cursor, or fake a line."""
    print("".join(each if each.isprintable() else "?" for each in text), file=file, flush=True)

def main():
    options = argparse.ArgumentParser(description="Reports a target to a Harmony balancer.")
    for flag, default in [("host", "localhost"), ("admin-port", 1666), ("port", 80), ("balance", 500), ("pool", "default"),
                          ("id", ""), ("tls-ca", ""), ("key-file", "~/.config/harmony/key")]:
        options.add_argument("--" + flag, default=default, type=type(default), help="default: %(default)s")
    args = options.parse_args()
    report = {"t": "report", "pool": args.pool, "port": args.port, "weight": args.balance, "health": "up", "drain": False}
    report.update({"id": args.id} if args.id else {})
    signal.signal(signal.SIGTERM, lambda *_: report.update(drain=True))
    while not report["drain"]:
        try:
            session = open_session(args, *read_key(args.key_file))
            due = 0
            while not report["drain"] or session.ask(report)["active"] > 0:
                if not report["drain"] and time.monotonic() >= due:
                    say(f"registered as {session.ask(report)['target']}")
                    due = time.monotonic() + session.welcome["interval"] / 1000
                time.sleep(0.2)
            session.ask({"t": "leave"})
        except Exception as error:  # whatever a peer sends, it is asked again
            say(f"{args.host}:{args.admin_port}: {error}", sys.stderr)
            time.sleep(random.uniform(0.1, 5))

if __name__ == "__main__":
    main()

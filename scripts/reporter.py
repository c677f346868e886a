#!/usr/bin/env python3
"""A Harmony reporter in another language: Python 3, standard library alone. The protocol is in src/control/protocol/README.md."""
import argparse, hashlib, hmac, json, os, random, secrets, signal, socket, ssl, sys, time

class Refused(Exception): pass

def mac(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256)

class Session:
    """One connection: the handshake proves the key both ways; afterwards every line is sealed."""

    def __init__(self, args, key_id, secret):
        self.socket = socket.create_connection((args.host, args.admin_port), timeout=5)
        if args.tls_ca:
            self.socket = ssl.create_default_context(cafile=args.tls_ca).wrap_socket(self.socket, server_hostname=args.host)
        self.file = self.socket.makefile("rb")
        hello = self.send({"t": "hello", "v": 1, "key": key_id, "nonce": secrets.token_hex(32), "software": "reporter.py"})
        challenge = self.line()
        if json.loads(challenge)["t"] != "challenge":
            raise Refused(challenge.decode())
        transcript = b"\n" + hello + challenge
        self.send({"t": "proof", "proof": mac(secret, b"harmony/1 reporter", transcript).hexdigest()})
        sides = b"reporter", b"balancer"
        self.send_key, self.open_key = (mac(secret, b"harmony/1 seal " + side, transcript).digest() for side in sides)
        self.sent = self.opened = 0
        self.welcome = self.hear()

    def send(self, message):
        line = json.dumps(message).encode() + b"\n"
        self.socket.sendall(line)
        return line

    def line(self):
        line = self.file.readline(8192)
        if not line.endswith(b"\n"):
            raise ConnectionError("the balancer closed the connection")
        return line

    def ask(self, message):
        self.sent += 1
        body = json.dumps(message)
        self.send({"s": self.sent, "b": body, "m": mac(self.send_key, b"%d\n" % self.sent, body.encode()).hexdigest()})
        return self.hear()

    def hear(self):
        line = json.loads(self.line())
        if "b" not in line:
            raise Refused(line.get("reason", "an unsealed line"))
        self.opened += 1
        expected = mac(self.open_key, b"%d\n" % self.opened, line["b"].encode()).hexdigest()
        if line["s"] != self.opened or not hmac.compare_digest(expected, line["m"]):
            raise Refused("the balancer did not prove that it holds the key")
        body = json.loads(line["b"])
        if body["t"] in ("reject", "goodbye"):
            raise Refused(body["reason"])
        return body

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
            session = Session(args, *read_key(args.key_file))
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

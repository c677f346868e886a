# Everything that is done with this project; CI and people use the same targets. `make help` lists them.
SHELL := bash
.DEFAULT_GOAL := help

TS := node --import ./scripts/typescript/register.mjs
TEST := $(TS) scripts/test.ts
# FILE=test/pool/queue.test.ts (or the beginning of a path, or several) runs only these.
FILES := $(if $(FILE),-- $(FILE))

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

install: ## npm ci, if package-lock.json is not what is installed
	@node scripts/install.mjs

run: install ## a demonstration: a balancer on port 3000 (or PORT=…), three servers, three reporters
	@$(TS) scripts/run-demo.ts

test: install ## everything: checks, all runtimes, the compiled programs, the npm package
	@$(TEST)

test-node: install ## the tests on Node; FILE=… picks files
	@$(TEST) node $(FILES)

test-unit: install ## the tests that start no processes, on Node: pool, proxy, config, control, targets, admin, app; FILE=…
	@$(TEST) unit $(FILES)

test-bun: install ## the tests on Bun; FILE=…
	@$(TEST) bun $(FILES)

test-deno: install ## the tests on Deno; FILE=…
	@$(TEST) deno $(FILES)

test-nodes: install ## the tests on the oldest and the newest Node, and there the linux engine; FILE=…
	@$(TEST) node-oldest node-newest node-newest-ffi $(FILES)

test-compiled: build ## the black-box tests on the compiled programs; FILE=…
	@$(TEST) compiled-bun compiled-bun-portable compiled-deno compiled-deno-portable $(FILES)

chaos: build ## the compiled programs, whatever happens, for MINUTES=…; SEED=… FORM=… begins as a failure did
	@$(TS) scripts/chaos.ts

mutate: install ## would the tests notice? Changes the source in one place after the other; FILE=src/pool/queue.ts SAMPLE=50 SEED=1
	@FILE="$(FILE)" SAMPLE="$(SAMPLE)" SEED="$(SEED)" $(TS) scripts/mutate.ts

fuzz: install ## draws what strangers and people might write, and looks what it does; CORPUS=… SECONDS=… RUNS=… SEED=…
	@$(TS) scripts/fuzz.ts

simulate-group: install ## a large group in one process, with failures drawn at random: a minute; BALANCERS=… REPORTERS=… ROUNDS=… SEED=… STORE=redis
	@$(TS) scripts/simulate-group.ts

model: install ## Spin looks for attacks on the handshake of the control channel, and finds them in weaker ones; CASE=…
	@$(TS) scripts/model.ts

check: install ## types, lint, format, import directions, tables in docs, folder listing
	@$(TS) scripts/check.ts

docs: install ## the tables in docs/ that are made from the code
	@$(TS) scripts/reference.ts --write

format: install ## formats, and mends what lint can mend
	@npx biome check --write .

build: install ## the programs as single files: dist/ (Bun) and dist/deno/
	@$(TS) scripts/build.ts

release: install ## the programs for every system: dist/release/ with SHA256SUMS
	@$(TS) scripts/release.ts

deb: install ## Debian packages of both programs, for amd64 and arm64: dist/deb/
	@$(TS) scripts/deb.ts

pack: install ## the npm package: dist/node-harmony-VERSION.tgz
	@$(TS) scripts/pack.ts

bench: build pack ## against HAProxy and nginx stream, on a machine that does nothing else: CPU, memory, latency
	@$(TS) scripts/bench/bench.ts

bench-instructions: build ## instructions per connection and per request, beside HAProxy and nginx, in an emulator: 10 minutes
	@$(TS) scripts/bench/instructions.ts

faults: build ## servers that hang, lie or are gone, beside HAProxy: what fails, and until when; ONLY=silent,closes SUBJECT=harmony
	@$(TS) scripts/faults.ts

bench-latency: build ## ten servers of which one is ten times as slow, behind algorithm = "latency" and behind HAProxy's leastconn: two minutes
	@$(TS) scripts/bench/slow-one.ts

bench-ports: build ## 900 clients that close first, over 400 ports towards one target, beside HAProxy: as root on Linux, a minute
	@$(TS) scripts/bench/ports.ts

bench-failover: build ## two balancers behind keepalived, ECMP, the DNS and rules of Kubernetes, of which one goes: as root on Linux, eight minutes
	@$(TS) scripts/bench/failover.ts

bench-rolling: build ## 5,000 connections a second over three balancers of a group, while all targets restart: none fails; RATE=… TARGETS=…
	@$(TS) scripts/bench/rolling.ts

bench-tls: build ## TLS of clients ended by Harmony, HAProxy and nginx: handshakes per second, CPU per gigabyte: five minutes
	@$(TS) scripts/bench/tls.ts

bench-picks: install ## what a pick costs, by algorithm and number of targets
	@$(TS) scripts/bench/picks.ts

bench-lists: install ## what it costs to ask whether a client may come, by the length of the list, and what its limits cost
	@$(TS) scripts/bench/lists.ts

clean: ## removes what was built
	@rm -rf dist

.PHONY: help install run test test-node test-unit test-bun test-deno test-nodes test-compiled chaos mutate fuzz simulate-group model check docs format build release deb pack bench bench-instructions bench-latency bench-failover bench-ports bench-tls bench-picks bench-lists bench-rolling faults clean

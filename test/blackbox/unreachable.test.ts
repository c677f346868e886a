/** A balancer's host that cannot be reached: every form of the reporter says so, and does not say that it refused. */
import assert from "node:assert/strict";
import { after, it } from "node:test";
import { programCommand } from "../support/form.ts";
import { endPrograms, Program } from "../support/program.ts";
import { inUnreachableNetwork, skip, UNREACHABLE_HOST, UNREACHABLE_NETWORK } from "../support/unreachable.ts";

after(endPrograms);

it("a reporter tells a host and a network that cannot be reached from a port where nobody listens", {
  skip,
}, async () => {
  const balancers = [UNREACHABLE_HOST, UNREACHABLE_NETWORK, "127.0.0.1"];
  const options = ["--port", "8080", "--insecure", "--log-format", "json"];
  const reporter = [
    ...programCommand("harmony-reporter"),
    ...options,
    ...balancers.flatMap((host) => ["--host", host]),
  ];
  const program = new Program(inUnreachableNetwork(reporter));
  const lines = await Promise.all(
    balancers.map((host) => program.logged(`a line on ${host}`, ({ message }) => message.includes(`to ${host}:`))),
  );
  const expected = [/host unreachable/, /network unreachable/, /connection refused/];
  for (const [index, line] of lines.entries()) assert.match(line.message, expected[index]!);
});

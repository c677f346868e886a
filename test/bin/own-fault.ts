/** A program with a fault: what it throws, nobody catches. */
import { main } from "../../src/bin/program.ts";

const TEXT = { name: "faulty", usage: "", summary: "", footer: "" };
const command = {
  action: "run",
  settings: null,
  log: { logLevel: { least: "info", parts: {} }, logFormat: "text" },
  serverCommand: null,
  reread: () => null,
  parse: () => null,
} as const;

void main(
  TEXT,
  { all: [], readFile: () => new Map() },
  () => command,
  async () => {
    setTimeout(() => {
      throw new Error("out of order");
    });
    return new Promise(() => undefined);
  },
);

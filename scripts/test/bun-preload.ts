/** Loaded by `bun test` before every test file (bunfig.toml). */
import { mock, setDefaultTimeout } from "bun:test";
import * as nodeTest from "./node-test.ts";

// Bun ends a test after 5 s unless told otherwise. node-test.ts has a limit that says what was waited for, below this one.
setDefaultTimeout(120_000);

mock.module("node:test", () => ({ ...nodeTest }));

/** What the library does to the process that uses it. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { scriptCommand } from "../support/form.ts";
import { endPrograms, Program } from "../support/program.ts";

after(endPrograms);

async function run(script: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = new Program(scriptCommand(`test/library/scripts/${script}.ts`));
  const { code } = await program.ended();
  return { code, stdout: program.stdout, stderr: program.stderr };
}

describe("the library in a process", () => {
  test("prints nothing, and keeps nothing alive after close()", async () => {
    assert.deepEqual(await run("lifetime"), { code: 0, stdout: "", stderr: "" });
  });
  test("a start that fails with nobody listening ends the process with the reason", async () => {
    const { code, stderr } = await run("failed-start");
    assert.notEqual(code, 0);
    assert.match(stderr, /cannot listen on 127\.0\.0\.1:\d+: the address is already in use/);
  });
  test("what a listener throws is an uncaught error, and disturbs nothing", async () => {
    const { code, stdout } = await run("throwing-listener");
    assert.deepEqual({ code, stdout }, { code: 0, stdout: "uncaught: from a listener\nready\n" });
  });
});

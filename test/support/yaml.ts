/** YAML, as others read it: the project itself has no use for it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

/** Why no YAML can be read here, or false. */
export const noYaml: string | false =
  spawnSync("python3", ["-c", "import yaml"]).status !== 0 && "there is no python3 with yaml here";

/** The documents of a file. */
export function readYaml(path: string): unknown[] {
  const script = "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
  const { stdout, stderr } = spawnSync("python3", ["-c", script, path], { encoding: "utf8" });
  assert.equal(stderr, "");
  return JSON.parse(stdout) as unknown[];
}

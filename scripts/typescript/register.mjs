/**
 * Lets Node run the project's TypeScript: `node --import ./scripts/typescript/register.mjs FILE`. Plain JavaScript, since it is
 * what has to be there first. Where Node can (22.15 or newer) the files are loaded in the thread that asks for them; a loader
 * in a thread of its own, all that older ones have, costs about 1 ms a module.
 */
import module from "node:module";
import { loadTypeScript, requireTypeScript } from "./hooks.mjs";

if (module.registerHooks) module.registerHooks({ load: loadTypeScript });
else {
  module.register("./hooks.mjs", import.meta.url);
  module._extensions[".ts"] = requireTypeScript; // which such a loader is not asked for
}

// Stack traces name the lines of the source.
process.setSourceMapsEnabled(true);

/** For commands of the balancer that work on its files: where those lie, said as to the balancer itself. */
import { balancerOptions } from "./balancer-options.ts";
import { optional } from "./option.ts";

const FROM = { places: ["flag", "env", "file"] } as const;

export const trustOptions = {
  reporters: optional({ ...balancerOptions.reporters, ...FROM }),
  keyFile: optional({ ...balancerOptions.keyFile, ...FROM }),
  config: balancerOptions.config,
} as const;

/** What is asked of an engine in a simulation is done in its process's main thread. */
import type { Engine, EngineListener } from "../../../../src/engines/engine.ts";
import type { Scheduler } from "./scheduler.ts";

export function asMain(engine: Engine, scheduler: Scheduler): Engine {
  return {
    name: engine.name,
    start: () => scheduler.asMain(() => engine.start()),
    addPool: (served) => scheduler.asMain(() => engine.addPool(served)),
    changePool: (served) => scheduler.asMain(() => engine.changePool(served)),
    removePool: (pool, timeout) => scheduler.asMain(() => engine.removePool(pool, timeout)),
    bind: (where, options) =>
      scheduler.asMain(() => engine.bind(where, options)).then((listener) => listenerAsMain(listener, scheduler)),
    checkSockets: (wanted) => scheduler.asMain(() => engine.checkSockets(wanted)),
    now: () => engine.now(),
    poolChanged: (pool) => scheduler.asMain(() => engine.poolChanged(pool)),
    lookedUp: (pool) => scheduler.asMain(() => engine.lookedUp(pool)),
    connections: () => engine.connections(),
    end: (ids, cause) => scheduler.asMain(() => engine.end(ids, cause)),
    threads: () => engine.threads(),
    close: (timeout) => scheduler.asMain(() => engine.close(timeout)),
  };
}

function listenerAsMain(listener: EngineListener, scheduler: Scheduler): EngineListener {
  return {
    address: listener.address,
    serve: (pool) => scheduler.asMain(() => listener.serve(pool)),
    change: (where, options) => scheduler.asMain(() => listener.change(where, options)),
    close: () => scheduler.asMain(() => listener.close()),
  };
}

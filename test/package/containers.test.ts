/** examples/containers: the images' contents run and say how they are, and compose file and manifests fit the programs. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compileWithBun } from "../../scripts/build/bun.ts";
import { programs } from "../../scripts/build/programs.ts";
import { root } from "../../scripts/runtimes.ts";
import { balancerOptions } from "../../src/config/balancer-options.ts";
import { readDocument } from "../../src/config/document/read-document.ts";
import { spell } from "../../src/config/names.ts";
import { isIn, type OptionTable } from "../../src/config/option.ts";
import { reporterOptions } from "../../src/config/reporter-options.ts";
import { removeFolders, temporaryFolder } from "../support/folder.ts";
import { BALANCERS, Manifest, OUTSIDE } from "../support/kubernetes/manifest.ts";
import { PROPAGATION } from "../support/kubernetes/times.ts";
import { endPrograms, Program } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { noYaml, readYaml } from "../support/yaml.ts";

const example = join(root, "examples/containers");
const text = (file: string) => readFileSync(join(example, file), "utf8");

after(async () => {
  await endPrograms();
  removeFolders();
});

const noImage =
  process.platform !== "linux" || process.getuid?.() !== 0
    ? "only root on Linux can be in an image's place"
    : spawnSync("ldd", ["--version"]).status !== 0 && "there is no ldd here";

/** With what Docker adds to an image. $1: the image, then chroot's option, and the command. */
const IN_IMAGE =
  'cd "$1" && shift && /bin/mkdir -p proc dev && /bin/mount -t proc proc proc && /bin/mount --bind /dev dev && option=$1 && shift && exec /usr/sbin/chroot "$option" . "$@"';

/** What is made of the Dockerfile without Docker: the files by its own command, and a stage's last lines. */
describe("the images", { skip: noImage }, () => {
  const place = temporaryFolder("images");
  const dockerfile = text("Dockerfile").replaceAll("\\\n", "");

  before(async () => {
    mkdirSync(join(place, "dist"));
    for (const program of programs) await compileWithBun(program, join(place, "dist", program.name));
    const command = /^RUN (for program .*)$/m.exec(dockerfile)![1]!.replaceAll("/image", `${place}/image`);
    const { status, stderr } = spawnSync("sh", ["-c", command], { cwd: place, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  });

  const word = (stage: string, name: string) => {
    const lines = dockerfile.slice(dockerfile.indexOf(`FROM scratch AS ${stage}`)).split("\n");
    return lines.find((line) => line.startsWith(`${name} `))!.slice(name.length + 1);
  };

  /** The command line in that image, with nothing of this machine but its network. */
  function inImage(stage: string, command: readonly string[], env: readonly string[] = []): string[] {
    const user = word(stage, "USER");
    const variables = [...word(stage, "ENV").split(" "), ...env];
    const [program, ...args] = command;
    const path = `/usr/local/bin/${program}`;
    const image = join(place, "image", stage);
    const enter = [
      "/usr/bin/unshare",
      "--mount",
      "/bin/sh",
      "-c",
      IN_IMAGE,
      "sh",
      image,
      `--userspec=${user}`,
      path,
      ...args,
    ];
    return ["env", "-i", ...variables, ...enter];
  }

  it("hold a balancer that is healthy once it serves, as a user without rights", async () => {
    const health = JSON.parse(/CMD (\[.*\])/.exec(word("balancer", "HEALTHCHECK"))![1]!) as string[];
    const isHealthy = () =>
      spawnSync(inImage("balancer", health)[0]!, inImage("balancer", health).slice(1)).status === 0;
    assert.ok(!isHealthy());
    const entry = JSON.parse(word("balancer", "ENTRYPOINT")) as string[];
    const args = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--api", "auto"];
    const [command, ...rest] = inImage("balancer", [...entry, ...args]);
    const balancer = new Program([command!, ...rest]);
    await balancer.says(/^listening for clients/);
    await until("its health", isHealthy);
    assert.deepEqual(await balancer.stop(), { code: 0, signal: null });
  });

  it("hold a reporter", () => {
    const entry = JSON.parse(word("reporter", "ENTRYPOINT")) as string[];
    const [command, ...args] = inImage("reporter", [...entry, "--version"]);
    const { status, stdout, stderr } = spawnSync(command!, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^harmony-reporter /);
  });
});

const yaml = (file: string) => readYaml(join(example, file));

function variables(...tables: OptionTable[]): Set<string> {
  const named = tables.flatMap((table) => Object.entries(table).filter(([, spec]) => isIn(spec, "env")));
  return new Set(named.map(([name]) => spell(name, "env")));
}

describe("the compose file", { skip: noYaml }, () => {
  interface Service {
    readonly environment?: Record<string, string>;
    readonly stop_grace_period?: string;
  }
  const services = () => (yaml("compose.yaml")[0] as { services: Record<string, Service> }).services;

  it("sets what the programs know, and gives them more time than their drain takes", () => {
    const known = variables(balancerOptions, reporterOptions);
    for (const [name, { environment = {}, stop_grace_period: grace }] of Object.entries(services())) {
      const own = Object.keys(environment).filter((variable) => variable.startsWith("HARMONY_"));
      assert.deepEqual(
        own.filter((variable) => !known.has(variable)),
        [],
        name,
      );
      const drain = environment.HARMONY_DRAIN_TIMEOUT ?? "20s";
      if (own.length > 0) assert.ok(Number.parseInt(grace!, 10) > Number.parseInt(drain, 10), name);
    }
  });

  it("is as Docker expects it", {
    skip: spawnSync("docker-compose", ["version"]).status !== 0 && "no docker-compose",
  }, () => {
    const env = { ...process.env, HARMONY_KEY: "a-key-for-this-test-alone" };
    const done = spawnSync("docker-compose", ["--file", join(example, "compose.yaml"), "config", "--quiet"], {
      env,
      encoding: "utf8",
    });
    assert.equal(done.status, 0, done.stderr);
  });
});

describe("the files of the balancer", () => {
  const problemsOf = (content: string) => {
    const file = join(temporaryFolder("toml"), "balancer.toml");
    writeFileSync(file, content);
    const problems: string[] = [];
    readDocument(file, problems);
    return problems;
  };

  it("have no fault", { skip: noYaml }, () => {
    assert.deepEqual(problemsOf(text("balancer.toml")), []);
    for (const file of ["kubernetes/balancer.yaml", "kubernetes-two/balancers.yaml"]) {
      const [map] = yaml(file) as [{ data: Record<string, string> }];
      assert.deepEqual(problemsOf(map.data["balancer.toml"]!), []);
    }
  });
});

describe("the manifests for Kubernetes", { skip: noYaml }, () => {
  interface Container {
    readonly image: string;
    readonly env?: { readonly name: string; readonly value?: string }[];
    readonly ports?: { readonly name: string }[];
    readonly volumeMounts?: { readonly name: string }[];
    readonly [probe: string]: unknown;
  }
  interface Pod {
    readonly containers: Container[];
    readonly volumes: { readonly name: string }[];
    readonly terminationGracePeriodSeconds: number;
  }
  const pods = () =>
    ["kubernetes/balancer.yaml", "kubernetes/server.yaml", "kubernetes-two/balancers.yaml"]
      .flatMap((file) => yaml(file) as { kind: string; spec: { template: { spec: Pod } } }[])
      .filter(({ kind }) => kind === "Deployment" || kind === "StatefulSet")
      .map(({ spec }) => spec.template.spec);

  it("name options that there are, and ports and volumes of their own", () => {
    const known = variables(balancerOptions, reporterOptions);
    for (const { containers, volumes } of pods()) {
      for (const container of containers) {
        const isOurs = container.image.startsWith("harmony-");
        for (const { name } of container.env ?? []) assert.ok(!isOurs || known.has(name), name);
        for (const { name } of container.volumeMounts ?? [])
          assert.ok(
            volumes.some((volume) => volume.name === name),
            name,
          );
        for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
          const { httpGet, tcpSocket } = (container[probe] ?? {}) as Record<string, { port: string } | undefined>;
          const port = (httpGet ?? tcpSocket)?.port;
          if (port !== undefined)
            assert.ok(
              container.ports!.some(({ name }) => name === port),
              `${probe}: ${port}`,
            );
        }
      }
    }
  });

  it("give more time than a drain takes", () => {
    for (const { containers, terminationGracePeriodSeconds } of pods()) {
      const drains = containers.flatMap(({ env = [] }) => env.filter(({ name }) => name === "HARMONY_DRAIN_TIMEOUT"));
      for (const { value } of drains) assert.ok(terminationGracePeriodSeconds > Number.parseInt(value!, 10));
    }
  });

  describe("of two balancers", () => {
    const manifest = Manifest.read(BALANCERS);
    const option = (name: string) => new RegExp(`^${name} = "(.*?)"`, "m").exec(manifest.configuration)![1]!;
    const seconds = (name: string) => Number.parseInt(option(name), 10);

    it("give them more time than their delay and a drain take", () => {
      assert.equal(manifest.balancers.replicas, 2);
      const { terminationGracePeriodSeconds: most } = manifest.balancers.template.spec;
      assert.ok(most > seconds("stop-delay") + seconds("drain-timeout"));
    });

    it("have a delay that outlasts the probe and the second that nodes take to hear of it", () => {
      const { path, periodSeconds, timeoutSeconds, failureThreshold } = manifest.probe;
      assert.equal(path, "/readyz");
      const noticed = (failureThreshold + 1) * periodSeconds + timeoutSeconds;
      assert.ok(seconds("stop-delay") > noticed + PROPAGATION / 1000);
    });

    it("have clients and reporters reach any of them, and a Redis that has the password which they have", () => {
      const { ports, sessionAffinity, type = "ClusterIP" } = manifest.service("harmony-balancer");
      assert.deepEqual([sessionAffinity, type], ["None", "ClusterIP"]); // the world is not to reach the reporters' port
      assert.deepEqual(
        ports.map(({ targetPort }) => targetPort),
        ["web", "reporters"],
      );
      const { hostname, port } = new URL(option("group"));
      assert.ok(manifest.service(hostname).ports.some((offered) => offered.port === Number(port)));
      const secretsOf = ({ template }: Manifest["redis"]) =>
        template.spec.containers[0].env.map(({ valueFrom }) => JSON.stringify(valueFrom));
      const [password] = secretsOf(manifest.redis);
      assert.ok(secretsOf(manifest.balancers).includes(password!));
    });

    it("keep the addresses of clients outside, who do not reach the reporters' port", () => {
      const { type, externalTrafficPolicy, ports } = Manifest.read(OUTSIDE).service("harmony-balancer-outside");
      assert.deepEqual([type, externalTrafficPolicy], ["LoadBalancer", "Local"]);
      assert.deepEqual(
        ports.map(({ targetPort }) => targetPort),
        ["web"],
      );
    });
  });

  it("restart no reporter because its balancer is away", () => {
    const probed = pods().flatMap(({ containers }) => containers.map(({ livenessProbe }) => livenessProbe ?? {}));
    for (const probe of probed) assert.ok(!JSON.stringify(probe).includes("harmony-reporter"));
  });

  it("have the server wait for the very socket that the reporter takes away", () => {
    const manifest = text("kubernetes/server.yaml");
    const [, waited] = /while \[ -e (\S+) \]/.exec(manifest)!;
    assert.ok(manifest.includes(`value: unix:${waited}`));
  });
});

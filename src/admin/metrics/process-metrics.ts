/** Metrics of the balancer as a whole. Those that begin with `process_` are what collectors expect of any program. */
import { labelText } from "./label.ts";
import { byLabel, type HistogramMetric, type NumberMetric, single } from "./metric.ts";

const NONE: readonly string[] = [];

export const processMetrics: readonly (NumberMetric | HistogramMetric)[] = [
  {
    name: "harmony_build_info",
    type: "gauge",
    labels: ["version", "runtime", "runtime_version", "engine"],
    help: "Always 1: what runs.",
    series: ({ measured: { version, runtime, engine } }) => {
      const labels = [
        labelText("version", version),
        labelText("runtime", runtime.name),
        labelText("runtime_version", runtime.version),
        labelText("engine", engine),
      ];
      return [{ labels: [labels.join(",")], value: () => 1 }];
    },
  },
  {
    name: "harmony_ready",
    type: "gauge",
    labels: NONE,
    help: "1: it serves. 0: it starts, or stops.",
    series: ({ measured }) => single(measured.ready ? 1 : 0),
  },
  {
    name: "harmony_event_loop_delay_seconds",
    type: "histogram",
    labels: NONE,
    help: "By how much timers of the main thread came late, ten times a second.",
    histograms: ({ measured }) => [{ labels: "", histogram: measured.eventLoop }],
  },
  {
    name: "harmony_thread_busy_ratio",
    type: "gauge",
    labels: ["thread"],
    help: "The part of the last ten seconds that the thread was at work, 0 to 1. None where the system does not tell.",
    series: ({ measured }) =>
      byLabel(
        "thread",
        measured.threads.map(({ name, busy }) => [name, busy ?? Number.NaN]),
      ),
  },
  {
    name: "harmony_thread_cpu_seconds_total",
    type: "counter",
    labels: ["thread"],
    help: "Time of a processor that the thread has taken. None where the system does not tell.",
    series: ({ measured }) =>
      byLabel(
        "thread",
        measured.threads.map(({ name, seconds }) => [name, seconds ?? Number.NaN]),
      ),
  },
  {
    name: "harmony_control_sessions",
    type: "gauge",
    labels: NONE,
    help: "Reporters that are connected now.",
    series: ({ measured }) => single(measured.sessions),
  },
  {
    name: "harmony_control_silent_sessions",
    type: "gauge",
    labels: NONE,
    help: "Of them, those of which nothing is heard, not even a sign of life: their hosts hang, or are cut off.",
    series: ({ measured }) => single(measured.silentSessions),
  },
  {
    name: "harmony_rejections_total",
    type: "counter",
    labels: ["code"],
    help: "Reporters, and strangers at the registration port, that were turned away.",
    series: ({ measured }) => byLabel("code", measured.rejections),
  },
  {
    name: "harmony_orders",
    type: "gauge",
    labels: NONE,
    help: "Targets of which an operator has ordered something that holds until it is taken back.",
    series: ({ measured }) => single(measured.orders),
  },
  {
    name: "harmony_checks",
    type: "gauge",
    labels: NONE,
    help: "Checks of targets' health, and agents, that are asked again and again. Targets at one address that are checked alike share one.",
    series: ({ measured }) => single(measured.checked),
  },
  {
    name: "harmony_events_total",
    type: "counter",
    labels: ["kind"],
    help: "Events by kind, such as targetDown, panicStart and reloadFailed.",
    series: ({ measured }) => byLabel("kind", measured.events),
  },
  {
    name: "harmony_api_requests_total",
    type: "counter",
    labels: ["code"],
    help: "Requests to the API, the dashboard and the metrics that were answered, by status.",
    series: ({ measured }) => byLabel("code", measured.apiAnswers),
  },
  {
    name: "harmony_reloads_total",
    type: "counter",
    labels: ["result"],
    help: "Documents that were taken (done) and that were wrong (failed): then nothing has changed.",
    series: ({ measured: { reloads } }) =>
      byLabel("result", [
        ["done", reloads.done],
        ["failed", reloads.failed],
      ]),
  },
  {
    name: "harmony_last_reload_timestamp_seconds",
    type: "gauge",
    labels: NONE,
    help: "Unix time when the document in force was taken; none before the first reload.",
    series: ({ measured: { reloads } }) => single(reloads.lastDoneAt === null ? null : reloads.lastDoneAt / 1_000),
  },
  {
    name: "process_cpu_seconds_total",
    type: "counter",
    labels: NONE,
    help: "Time of processors that all threads together have taken.",
    series: ({ measured }) => single(measured.cpuSeconds),
  },
  {
    name: "process_resident_memory_bytes",
    type: "gauge",
    labels: NONE,
    help: "Memory of the process that is resident.",
    series: ({ measured }) => single(measured.memoryBytes),
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    labels: NONE,
    help: "Unix time of the start.",
    series: ({ measured }) => single(measured.startedAt / 1_000),
  },
  {
    name: "process_open_fds",
    type: "gauge",
    labels: NONE,
    help: "Descriptors that are open. None where the system does not tell.",
    series: ({ measured: { descriptors } }) => single(descriptors.open),
  },
  {
    name: "process_max_fds",
    type: "gauge",
    labels: NONE,
    help: "Descriptors that may be open at once. None where the system does not tell.",
    series: ({ measured: { descriptors } }) => single(descriptors.limit),
  },
];
